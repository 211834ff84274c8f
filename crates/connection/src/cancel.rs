//! Ending what another thread waits for: a statement, the whole connection, or a hung read.
//!
//! `KILL QUERY` ends whatever the connection does when it arrives, which may be the next statement.
//! So a statement's end waits while a `KILL` is under way, and a `KILL` is sent only while the
//! statement runs that was running when it was asked for. The side connection may also reach
//! another server than the first did, where the number is somebody else's: so it looks before it
//! kills.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Config, Connection, Error, Interrupter};

/// What became of a request to end a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// The server was told. The statement fails with 1317, or ends well if it was about to, or had
    /// not reached the server yet: ask again if it goes on.
    Asked,
    /// Nothing was told: no statement was running, or it ended while the side connection was made.
    NothingRan,
}

/// Ends what a connection does, from any thread, as often as needed.
///
/// It holds until the connection is closed or [reset](Connection::reset), as a pool does when the
/// connection is given back; after that it does nothing. The account's own statements may be ended
/// without further privileges.
///
/// | | how | needs | the connection is then |
/// |---|---|---|---|
/// | [`cancel`](Self::cancel) | `KILL QUERY` | a side connection | usable |
/// | [`kill`](Self::kill) | `KILL` | a side connection | broken; its transaction is rolled back |
/// | [`cut`](Self::cut) | socket shutdown | nothing | broken; the server may notice only later |
///
/// A side connection cannot be made while the server has no connection left (1040, 1203), nor while
/// it cannot be reached: `cut` always works.
///
/// ```no_run
/// use std::thread;
/// use std::time::Duration;
/// use diesel::prelude::*;
/// use steadfast_connection::{Config, Connection};
///
/// let mut conn = Connection::open(&Config::from_url("mysql://root@127.0.0.1/shop")?)?;
/// let handle = conn.cancel_handle()?;
/// thread::spawn(move || {
///     thread::sleep(Duration::from_secs(5));
///     if let Err(error) = handle.cancel() {
///         eprintln!("the report goes on: {error}");
///     }
/// });
/// diesel::sql_query("CALL yearly_report()").execute(&mut conn)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct CancelHandle {
    shared: Arc<Shared>,
}

impl CancelHandle {
    /// Ends the statement that runs now, and no other: `KILL QUERY` from a side connection.
    ///
    /// A COMMIT is a statement too: ended, its outcome is
    /// [`Uncertain`](crate::Fault::Uncertain).
    ///
    /// # Blocks
    /// For the making of a connection and two round trips, each step at most
    /// [`Config::connect_timeout`]. While `KILL` is on its way, the statement's end waits for it.
    ///
    /// # Errors
    /// Those of [`Connection::open`]; [`Error::Misuse`] if the side connection reached another
    /// server, account or connection.
    pub fn cancel(&self) -> Result<Cancelled, Error> {
        let running = self.shared.now().running();
        running.map_or(Ok(Cancelled::NothingRan), |statement| self.end(statement))
    }

    fn end(&self, statement: u64) -> Result<Cancelled, Error> {
        let mut side = self.shared.side()?;
        let now = self.shared.now();
        if now.running() != Some(statement) {
            return Ok(Cancelled::NothingRan);
        }
        side.control(&format!("KILL QUERY {}", self.shared.thread_id))?;
        drop(now);
        Ok(Cancelled::Asked)
    }

    /// Ends the connection: `KILL` from a side connection. The server rolls its transaction back.
    ///
    /// # Blocks
    /// As [`cancel`](Self::cancel) does.
    ///
    /// # Errors
    /// Those of [`cancel`](Self::cancel), and [`Error::Server`] 1094 if it is gone already.
    pub fn kill(&self) -> Result<Cancelled, Error> {
        if self.shared.now().detached {
            return Ok(Cancelled::NothingRan);
        }
        let mut side = self.shared.side()?;
        let now = self.shared.now();
        if now.detached {
            return Ok(Cancelled::NothingRan);
        }
        side.control(&format!("KILL {}", self.shared.thread_id))?;
        drop(now);
        Ok(Cancelled::Asked)
    }

    /// Shuts the socket down, as an [`Interrupter`] does: for a server that does not answer.
    ///
    /// The server goes on with the statement until it notices, which may be only when it answers.
    pub fn cut(&self) {
        if let Some(socket) = &*locked(&self.shared.socket) {
            socket.shutdown();
        }
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelHandle")
            .field("thread_id", &self.shared.thread_id)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// A handle by which other threads can end what this connection does.
    ///
    /// The session counts as [touched](Self::state_touched) from then on, so that a pool resets it
    /// and no handle outlives the loan.
    ///
    /// # Blocks
    /// The first time for one round trip, at most the read timeout.
    ///
    /// # Errors
    /// [`Error::Server`]; [`Error::Misuse`] if the connection is closed, no file descriptor is left,
    /// or the server does not list its connections by the numbers it gives them, as a proxy in
    /// between may do.
    pub fn cancel_handle(&mut self) -> Result<CancelHandle, Error> {
        if let Some(shared) = self.state.shared() {
            return Ok(CancelHandle { shared });
        }
        let thread_id = self.thread_id();
        let identity = self.identity_of(thread_id)?.ok_or(Error::Misuse(
            "cancel_handle: the server does not list this connection by its number",
        ))?;
        let limit = self.config.connect_timeout;
        let mut config = Config::clone(&self.config).read_timeout(limit).write_timeout(limit);
        config.database = None;
        let shared = Arc::new(Shared {
            thread_id,
            identity,
            config,
            now: Mutex::default(),
            socket: Mutex::new(Some(self.interrupter()?)),
        });
        self.state.attach(Attached(Arc::clone(&shared)));
        Ok(CancelHandle { shared })
    }

    /// What tells a connection from every other, on this server and on others: of a TCP connection
    /// the list shows the client's port. Every account sees its own connections.
    fn identity_of(&mut self, thread_id: u64) -> Result<Option<String>, Error> {
        let mut rows = self.query(&format!(
            "SELECT CONCAT_WS(' ', @@hostname, @@port, @@server_id, @@datadir, USER, HOST) \
             FROM information_schema.PROCESSLIST WHERE ID = {thread_id}"
        ))?;
        let mut identity = None;
        while let Some(row) = rows.next()? {
            identity = row.get(0).map(|text| String::from_utf8_lossy(text).into_owned());
        }
        Ok(identity)
    }
}

/// What a connection and its handles have in common.
pub(crate) struct Shared {
    thread_id: u64,
    identity: String,
    /// For the side connection.
    config: Config,
    /// Held while a `KILL` is under way: it ends with the statement that it is meant for.
    now: Mutex<Now>,
    /// `None` once the connection is closed or reset.
    socket: Mutex<Option<Interrupter>>,
}

#[derive(Default)]
struct Now {
    statement: u64,
    is_running: bool,
    detached: bool,
}

impl Now {
    fn running(&self) -> Option<u64> {
        (self.is_running && !self.detached).then_some(self.statement)
    }
}

impl Shared {
    fn now(&self) -> MutexGuard<'_, Now> {
        locked(&self.now)
    }

    /// A connection to the same server, account and database server process; it has seen ours.
    fn side(&self) -> Result<Connection, Error> {
        let mut side = Connection::open(&self.config)?;
        match side.identity_of(self.thread_id)? {
            Some(identity) if identity == self.identity => Ok(side),
            _ => Err(Error::Misuse("cancel: the side connection does not see the connection")),
        }
    }
}

/// A connection's end of it. Dropped, it disables the handles.
pub(crate) struct Attached(Arc<Shared>);

impl Attached {
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.0)
    }

    /// A statement begins, unless it has begun already.
    pub(crate) fn begins(&self) {
        let mut now = self.0.now();
        if !now.is_running {
            now.is_running = true;
            now.statement += 1;
        }
    }

    /// The statement is over. Waits for a `KILL` that is under way, so that it cannot hit the next.
    pub(crate) fn ends(&self) {
        self.0.now().is_running = false;
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.0.now().detached = true;
        *locked(&self.0.socket) = None;
    }
}

impl fmt::Debug for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attached").field("thread_id", &self.0.thread_id).finish_non_exhaustive()
    }
}

/// A panic elsewhere leaves nothing half done in what these locks guard.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop")]

    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use steadfast_testkit::server;

    use super::*;

    /// The same statement is asked to be ended at every moment: while it runs, as it ends, after it
    /// has ended. Whatever comes of it, the one behind it is never hit.
    #[test]
    fn a_kill_never_hits_the_next_statement() {
        let database = server().database();
        let mut conn = Connection::open(&Config::from_url(&database.url()).unwrap()).unwrap();
        conn.batch("CREATE TABLE t (id INT); INSERT INTO t VALUES (1)").unwrap();
        let handle = conn.cancel_handle().unwrap();
        // MySQL lets a statement end well if it does nothing but sleep.
        let sleep = |seconds: f64| format!("SELECT 1 FROM t WHERE SLEEP({seconds})");
        let (mut hit, mut missed) = (0, 0);
        // Comes to about what a side connection takes, on any machine.
        let mut seconds = 0.001_f64;
        thread::scope(|scope| {
            let (ask, asked) = mpsc::channel();
            let (told, outcome) = mpsc::channel();
            let handle = &handle;
            scope.spawn(move || {
                for statement in asked {
                    told.send(handle.end(statement).unwrap()).unwrap();
                }
            });
            for _ in 0..400 {
                ask.send(handle.shared.now().statement + 1).unwrap();
                let victim = conn.batch(&sleep(seconds));
                for _ in 0..3 {
                    conn.batch(&sleep(0.0003)).unwrap();
                }
                match victim {
                    Ok(_) => {
                        seconds = (seconds * 1.25).min(1.0);
                        missed += 1;
                    }
                    Err(error) => {
                        assert_eq!(error.source_error().errno(), 1317);
                        seconds /= 1.25;
                        hit += 1;
                    }
                }
                outcome.recv_timeout(Duration::from_secs(60)).unwrap();
                conn.ping().unwrap();
            }
        });
        assert!(hit > 0 && missed > 0, "{hit} hit, {missed} missed");
    }
}
