//! What can go wrong when a connection is asked for.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use steadfast_connection::{Error as ConnectError, Fault, Invalid};

use crate::holder::Holder;
use crate::stats::Stats;

/// The pool lent no connection.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Settings are out of range; every one is named.
    #[error("{}", list(.0))]
    Config(Vec<Invalid>),
    /// None was free and none could be opened in time.
    #[error("{}", Told { pool, limit, stats, holders, cause: cause.as_deref() })]
    Timeout {
        /// The pool's name.
        pool: Arc<str>,
        /// How long the caller waited.
        waited: Duration,
        /// How long it was willing to wait.
        limit: Duration,
        /// The pool at the end of the wait, the caller included in [`Stats::waiting`].
        stats: Box<Stats>,
        /// Who holds connections, the longest first, five at most.
        holders: Vec<Holder>,
        /// Why no connection could be opened or lent, if one was tried.
        #[source]
        cause: Option<Arc<ConnectError>>,
    },
    /// None can be opened until somebody changes something: password, database, TLS.
    #[error("{0}")]
    Connect(#[source] Arc<ConnectError>),
    /// The pool is paused ([`Pool::pause`](crate::Pool::pause)).
    #[error("pool {pool:?} is paused; waited for {waited:?}")]
    Paused {
        /// The pool's name.
        pool: Arc<str>,
        /// How long the caller waited for it to go on.
        waited: Duration,
    },
    /// The server is down: no connection is alive, and none could be opened several times in a row.
    /// With [`OnUnavailable::Wait`](crate::OnUnavailable::Wait) callers wait instead.
    #[error(
        "pool {pool:?}: the server has been unavailable for {:.1?} ({failures} attempts failed, the \
         next in {retry_in:.0?}): {cause}",
        since.elapsed()
    )]
    Unavailable {
        /// The pool's name.
        pool: Arc<str>,
        /// When the first attempt failed.
        since: Instant,
        /// When the next attempt is made.
        retry_in: Duration,
        /// Failures in a row.
        failures: u32,
        /// Why the last attempt failed.
        #[source]
        cause: Arc<ConnectError>,
    },
    /// The thread holds a connection of this pool already
    /// ([`MultipleCheckouts::Deny`](crate::MultipleCheckouts::Deny)).
    #[error("pool {pool:?}: this thread holds a connection already, for {holder}")]
    AlreadyHolds {
        /// The pool's name.
        pool: Arc<str>,
        /// What it holds.
        holder: Holder,
    },
    /// Every connection is held by a thread that waits for another
    /// ([`OnDeadlock::Fail`](crate::OnDeadlock::Fail)): give back what you hold.
    #[error(
        "pool {pool:?}: all {} connections are held by threads that wait for another; longest held {}",
        holders.len(), longest(holders)
    )]
    Deadlock {
        /// The pool's name.
        pool: Arc<str>,
        /// All of them, the longest first.
        holders: Vec<Holder>,
    },
    /// The pool is drained or closed.
    #[error("pool {0:?} is closed")]
    Closed(Arc<str>),
}

impl Error {
    /// What the caller can do about it.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Config(_) | Self::Closed(_) | Self::AlreadyHolds { .. } => Fault::Permanent,
            Self::Timeout { .. } | Self::Paused { .. } | Self::Deadlock { .. } => Fault::Busy,
            Self::Unavailable { .. } => Fault::Disconnected,
            Self::Connect(error) => error.fault(),
        }
    }

    /// The error number behind it, if the server or the client library gave one.
    pub fn errno(&self) -> Option<u32> {
        self.cause().and_then(ConnectError::errno)
    }

    /// The SQLSTATE behind it, if the server or the client library gave one.
    pub fn sqlstate(&self) -> Option<&str> {
        self.cause().and_then(ConnectError::sqlstate)
    }

    fn cause(&self) -> Option<&ConnectError> {
        match self {
            Self::Timeout { cause, .. } => cause.as_deref(),
            Self::Connect(cause) | Self::Unavailable { cause, .. } => Some(cause),
            Self::Config(_)
            | Self::Closed(_)
            | Self::Paused { .. }
            | Self::AlreadyHolds { .. }
            | Self::Deadlock { .. } => None,
        }
    }
}

fn longest(holders: &[Holder]) -> String {
    holders.first().map_or_else(String::new, Holder::to_string)
}

fn list(invalid: &[Invalid]) -> String {
    let lines: Vec<String> = invalid.iter().map(Invalid::to_string).collect();
    lines.join("; ")
}

/// The one sentence of a time-out.
struct Told<'a> {
    pool: &'a str,
    limit: &'a Duration,
    stats: &'a Stats,
    holders: &'a [Holder],
    cause: Option<&'a ConnectError>,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pool, limit, stats, holders, cause } = self;
        let Stats { lent, idle, creating, waiting, .. } = stats;
        write!(f, "pool {pool:?}: no connection within {limit:?} ({lent} lent, {idle} idle")?;
        if *creating > 0 {
            write!(f, ", {creating} being opened")?;
        }
        write!(f, ", {waiting} waiting")?;
        if let Some(longest) = holders.first() {
            write!(f, "; longest held {longest}")?;
        }
        match cause {
            Some(cause) => write!(f, "): {cause}"),
            None => write!(f, ")"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::Location;

    use super::*;
    use crate::holder::{Borrower, Ledger};

    #[test]
    fn a_timeout_tells_numbers_and_the_longest_holder_in_one_sentence() {
        let now = Instant::now();
        let mut ledger = Ledger::default();
        let place = Location::caller();
        ledger.enter(Borrower::here(place, now));
        let stats = Stats { lent: 10, waiting: 14, ..Stats::default() };

        let error = Error::Timeout {
            pool: "main".into(),
            waited: Duration::from_secs(30),
            limit: Duration::from_secs(30),
            stats: Box::new(stats),
            holders: ledger.holders(now + Duration::from_millis(28_400)),
            cause: None,
        };

        let told = error.to_string();
        let line = place.line();
        let start = "pool \"main\": no connection within 30s (10 lent, 0 idle, 14 waiting; longest \
                     held 28.4s by ";
        assert!(told.starts_with(start), "{told}");
        assert!(told.contains(&format!("src/error.rs:{line}")), "{told}");
        assert_eq!(error.fault(), Fault::Busy);
        assert_eq!(error.errno(), None);
    }
}
