//! The server a test talks to: a private one, or one of the user's own.

use std::env;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::endpoint::Endpoint;
use crate::private::Private;
use crate::series::expand;
use crate::{Error, Proxy, TestDatabase, Version, client};

/// The server of this test binary: started at the first call, ended with the process.
///
/// With `STEADFAST_TEST_URL` it is the server of that URL. All tests of the binary share it, so a
/// test that stops or kills a server starts its own, [`Server::start`].
///
/// # Blocks
/// At the first call, until the server answers: about half a second, at most half a minute.
///
/// # Panics
/// If there is no server; the message says what to install.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Result<Server, Error>> = OnceLock::new();
    let server = SERVER.get_or_init(|| match env::var("STEADFAST_TEST_URL") {
        Ok(url) if !url.is_empty() => Server::external(&url),
        _ => Server::start(),
    });
    match server {
        Ok(server) => server,
        Err(error) => panic!("no server for the tests: {error}"),
    }
}

/// A MariaDB or MySQL server. A private one ends when this is dropped, and in any case with the process.
#[derive(Debug)]
pub struct Server {
    endpoint: Endpoint,
    private: Option<Arc<Private>>,
    version: OnceLock<Version>,
}

impl Server {
    /// Starts a private server of the kind that `STEADFAST_TEST_SERVER` names: empty, root without a
    /// password, binary log on.
    ///
    /// # Blocks
    /// Until it answers: about half a second, MySQL a second; at most half a minute.
    ///
    /// # Errors
    /// [`Error::Missing`] if the server is not installed, [`Error::NotUnpacked`] or
    /// [`Error::UnknownServer`] if it is not the installed one that is asked for; [`Error::Ended`] or [`Error::NotReady`] with
    /// the server's log if it did not start.
    pub fn start() -> Result<Self, Error> {
        Self::with(&[])
    }

    /// Starts a private server with further flags, such as `--ssl-cert=…`; they win over ours. It offers
    /// no encryption unless one of them begins with `--ssl`.
    ///
    /// # Blocks
    /// As [`start`](Self::start) does.
    ///
    /// # Errors
    /// Those of [`start`](Self::start); an unknown flag is [`Error::Ended`].
    pub fn with(flags: &[&str]) -> Result<Self, Error> {
        let private = Private::start(flags)?;
        let endpoint = private.endpoint();
        Ok(Self { endpoint, private: Some(Arc::new(private)), version: OnceLock::new() })
    }

    /// A server that somebody else runs. Nothing is asked of it yet.
    ///
    /// # Errors
    /// [`Error::Url`] if the URL is not of the form `mysql://user:password@host:port/`.
    pub fn external(url: &str) -> Result<Self, Error> {
        let endpoint = Endpoint::external(url)?;
        Ok(Self { endpoint, private: None, version: OnceLock::new() })
    }

    /// What the server is. It is asked once.
    ///
    /// # Blocks
    /// At the first call, for one run of the client.
    ///
    /// # Panics
    /// If it does not answer.
    #[track_caller]
    pub fn version(&self) -> &Version {
        self.version.get_or_init(|| {
            let text = self.sql("", "SELECT VERSION()");
            let text = text.unwrap_or_else(|error| panic!("no version of the server: {error}"));
            Version::parse(&text).unwrap_or_else(|| panic!("no version of a server: {text}"))
        })
    }

    /// Whether it is MariaDB; else it is MySQL. Blocks and panics as [`version`](Self::version) does.
    #[track_caller]
    pub fn is_mariadb(&self) -> bool {
        self.version().is_mariadb()
    }

    /// Creates a fresh database for the calling test, named after it.
    ///
    /// # Blocks
    /// For one run of the client, about 15 ms.
    ///
    /// # Panics
    /// If the server refuses it or does not answer.
    #[track_caller]
    pub fn database(&self) -> TestDatabase {
        let private = self.private.as_ref().map(Arc::downgrade);
        match TestDatabase::create(self.endpoint.clone(), private) {
            Ok(database) => database,
            Err(error) => panic!("no database for the test: {error}"),
        }
    }

    /// A proxy in front of this server, for faults of the network.
    ///
    /// # Panics
    /// If the server's host is unknown or there is no free port.
    #[track_caller]
    pub fn proxy(&self) -> Proxy {
        match Proxy::to((self.host(), self.port())) {
            Ok(proxy) => proxy,
            Err(error) => panic!("no proxy for the test: {error}"),
        }
    }

    /// The unix socket.
    ///
    /// # Panics
    /// If the server is not private and its URL names no socket.
    #[track_caller]
    pub fn socket(&self) -> &Path {
        self.endpoint.socket().expect("a server of STEADFAST_TEST_URL is reached over TCP")
    }

    /// The host, `127.0.0.1` of a private server.
    pub fn host(&self) -> &str {
        self.endpoint.host()
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.endpoint.port()
    }

    /// `mysql://root@127.0.0.1:PORT/database`; `""` for no database.
    pub fn url(&self, database: &str) -> String {
        self.endpoint.url(database)
    }

    /// `mysql://root@localhost/database?unix_socket=…`; the same as [`url`](Self::url) if the server
    /// is not private.
    pub fn socket_url(&self, database: &str) -> String {
        self.endpoint.socket_url(database)
    }

    /// The URL of a database through `proxy`, with this server's account.
    pub fn url_through(&self, proxy: &Proxy, database: &str) -> String {
        self.endpoint.url_through(proxy.addr(), database)
    }

    /// Runs statements through the client, in `database` or in none (`""`). Returns rows as lines and
    /// columns separated by tabs, without headings and without a line break at the end.
    ///
    /// `seq_1_to_1000`, a table of MariaDB alone, is understood on MySQL too: see [`series`](crate::series()).
    ///
    /// # Blocks
    /// Until they are done, for at most a minute.
    ///
    /// # Errors
    /// [`Error::Sql`] with the number of the first statement that failed, [`Error::ClientTimeout`].
    pub fn sql(&self, database: &str, text: &str) -> Result<String, Error> {
        client::sql(&self.endpoint, database, &expand(text))
    }

    /// Ends a connection by the id the server gave it, as an administrator would.
    ///
    /// # Blocks
    /// For one run of the client.
    ///
    /// # Errors
    /// [`Error::Sql`] with number 1094 if there is no such connection.
    pub fn kill_connection(&self, id: u64) -> Result<(), Error> {
        self.sql("", &format!("KILL {id}")).map(|_nothing| ())
    }

    /// Whether the server belongs to this process and may be stopped and killed.
    pub fn is_private(&self) -> bool {
        self.private.is_some()
    }

    /// The process id of a private server that runs or is paused.
    pub fn pid(&self) -> Option<u32> {
        self.private.as_ref().and_then(|private| private.pid())
    }

    /// Freezes the server (SIGSTOP): it keeps its connections and answers nothing. On return every
    /// thread of it stands still.
    ///
    /// # Blocks
    /// For a moment.
    ///
    /// # Errors
    /// [`Error::NotPrivate`]; [`Error::NotRunning`] if it was killed before.
    pub fn pause(&self) -> Result<(), Error> {
        self.private()?.pause()
    }

    /// Lets a paused server go on (SIGCONT).
    ///
    /// # Errors
    /// [`Error::NotPrivate`]; [`Error::NotRunning`] if it was killed before.
    pub fn resume(&self) -> Result<(), Error> {
        self.private()?.resume()
    }

    /// Kills the server (SIGKILL), running or paused. On return its process is gone.
    ///
    /// # Errors
    /// [`Error::NotPrivate`].
    pub fn kill(&self) -> Result<(), Error> {
        self.private()?.kill()
    }

    /// Stops the server in the orderly way (SIGTERM). On return its process is gone.
    ///
    /// # Blocks
    /// Until it has shut down, for at most a minute.
    ///
    /// # Errors
    /// [`Error::NotPrivate`]; [`Error::Supervisor`] if it did not end.
    pub fn stop(&self) -> Result<(), Error> {
        self.private()?.stop()
    }

    /// Starts the server again with the same data, port and socket; kills it first if it runs.
    ///
    /// # Blocks
    /// Until it answers, for at most half a minute.
    ///
    /// # Errors
    /// [`Error::NotPrivate`]; those of [`start`](Self::start).
    pub fn restart(&self) -> Result<(), Error> {
        self.private()?.restart()
    }

    fn private(&self) -> Result<&Private, Error> {
        self.private.as_deref().ok_or(Error::NotPrivate)
    }
}
