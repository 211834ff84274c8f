//! A database of one test's own.

use std::sync::Weak;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, process, thread};

use crate::endpoint::Endpoint;
use crate::private::Private;
use crate::series::expand;
use crate::{Error, Proxy, client};

/// The longest name a server takes.
const LONGEST_NAME: usize = 64;

/// `ER_DB_CREATE_EXISTS`.
const DATABASE_EXISTS: u32 = 1007;

/// A fresh, empty `utf8mb4` database, made by [`Server::database`](crate::Server::database).
///
/// It is dropped with this value, unless the test is failing: then it stays, and how to open a shell
/// on it is printed.
#[derive(Debug)]
pub struct TestDatabase {
    endpoint: Endpoint,
    name: String,
    /// `None` if the server is not private, dangling if it has been dropped.
    private: Option<Weak<Private>>,
}

impl TestDatabase {
    pub(crate) fn create(
        endpoint: Endpoint,
        private: Option<Weak<Private>>,
    ) -> Result<Self, Error> {
        loop {
            let name = fresh_name();
            let created = client::sql(
                &endpoint,
                "",
                &format!("CREATE DATABASE `{name}` CHARACTER SET utf8mb4"),
            );
            match created {
                Ok(_) => return Ok(Self { endpoint, name, private }),
                // Left by another machine's process of the same number: the next name.
                Err(error) if error.errno() == Some(DATABASE_EXISTS) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Its name: the test's path, the process id and a counter; letters, digits and underscores.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `mysql://root@127.0.0.1:PORT/NAME`.
    pub fn url(&self) -> String {
        self.endpoint.url(&self.name)
    }

    /// `mysql://root@localhost/NAME?unix_socket=…`; the same as [`url`](Self::url) if the server is
    /// not private.
    pub fn socket_url(&self) -> String {
        self.endpoint.socket_url(&self.name)
    }

    /// The URL through `proxy`.
    pub fn url_through(&self, proxy: &Proxy) -> String {
        self.endpoint.url_through(proxy.addr(), &self.name)
    }

    /// Runs statements in this database, as [`Server::sql`](crate::Server::sql) does.
    ///
    /// # Blocks
    /// Until they are done, for at most a minute.
    ///
    /// # Errors
    /// [`Error::Sql`] with the number of the first statement that failed, [`Error::ClientTimeout`].
    pub fn sql(&self, text: &str) -> Result<String, Error> {
        client::sql(&self.endpoint, &self.name, &expand(text))
    }

    fn tell_where_it_is(&self) {
        let mut text = format!(
            "database {} is kept while its server runs: {}",
            self.name,
            self.endpoint.shell_command(&self.name)
        );
        if let Some(private) = self.private.as_ref().and_then(Weak::upgrade) {
            if env::var_os("STEADFAST_KEEP").is_none_or(|value| value.is_empty()) {
                text.push_str("\nit ends with this process; STEADFAST_KEEP=1 keeps its data");
            } else if let Ok(command) = private.keep() {
                text.push_str("\nafter this process: ");
                text.push_str(&command);
            }
        }
        #[expect(clippy::print_stderr, reason = "beside the failed test's message is the place")]
        {
            eprintln!("{text}");
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if thread::panicking() {
            self.tell_where_it_is();
            return;
        }
        // A private server that is gone took the database along; a paused one would let us wait.
        let private = self.private.as_ref().map(|private| private.upgrade());
        if private.is_some_and(|private| private.is_none_or(|private| !private.is_running())) {
            return;
        }
        if let Err(error) = self.sql(&format!("DROP DATABASE IF EXISTS `{}`", self.name)) {
            #[expect(clippy::print_stderr, reason = "a panic in a drop could end the process")]
            {
                eprintln!("database {} stays: {error}", self.name);
            }
        }
    }
}

/// `bank_transfer_adds_up_4711_3`: what identifies it is at the end, so the front is cut.
fn fresh_name() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(1);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let end = format!("_{}_{number}", process::id());
    let thread = thread::current();
    // The main thread runs the test when there is one test thread; then the program's name tells more.
    let program = env::current_exe().ok();
    let program = program.as_ref().and_then(|path| path.file_stem()).and_then(|name| name.to_str());
    let path = thread.name().filter(|name| *name != "main").or(program).unwrap_or("test");
    let mut front: String = path
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .collect();
    front.truncate(LONGEST_NAME - end.len());
    front + &end
}
