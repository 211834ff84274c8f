//! What can go wrong with a session or a transaction, and what its caller can do about it.

use std::time::Duration;

use steadfast_connection::{Error as ConnectionError, Fault, Invalid, ServerError};

use crate::Attempt;

/// A session or a transaction failed.
///
/// A failure that carries a number is [`Error::Connection`], however it came here: ask
/// [`fault`](Self::fault) or [`errno`](Self::errno), not the variant.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Settings are out of range; every one is named.
    #[error("{}", list(.0))]
    Config(Vec<Invalid>),
    /// The pool lent no connection.
    #[error("no connection for the session: {0}")]
    Pool(#[from] steadfast_pool::Error),
    /// The server refused a statement, or the connection to it broke.
    #[error("{0}")]
    Connection(#[from] ConnectionError),
    /// diesel could not build the query or read its rows, or found none.
    #[error("{0}")]
    Diesel(#[source] diesel::result::Error),
    /// The answer to COMMIT was lost, and its outcome was not found out before the deadline.
    #[error("the transaction may be committed or not{}: {source}", told(*.attempt))]
    CommitUnknown {
        /// What to ask [`Sessions::resolve`](crate::Sessions::resolve) for later. `None` if the commit was
        /// not recorded, because exactly-once is off: then nobody can know.
        attempt: Option<Attempt>,
        /// What was answered instead, or what kept it from being found out.
        #[source]
        source: Box<Error>,
    },
    /// The answer to COMMIT was lost; it was found out that the transaction was not committed and never
    /// will be.
    #[error("the transaction was not committed: {source}")]
    CommitAborted {
        /// What was answered instead.
        #[source]
        source: Box<Error>,
    },
    /// The next attempt would have begun after the deadline.
    #[error(
        "no further attempt after {attempts}: {left:?} left, the next pause takes {pause:?}: {source}"
    )]
    OutOfTime {
        /// How many attempts were made.
        attempts: u32,
        /// Until the deadline.
        left: Duration,
        /// What would have been waited.
        pause: Duration,
        /// Why the last attempt failed.
        #[source]
        source: Box<Error>,
    },
    /// Every attempt failed.
    #[error("no further attempt after {attempts}: {source}")]
    OutOfAttempts {
        /// How many attempts were made.
        attempts: u32,
        /// Why the last one failed.
        #[source]
        source: Box<Error>,
    },
    /// As many sessions are open as are allowed.
    #[error("{limit} sessions are open, and no more are allowed")]
    SessionLimit {
        /// The setting [`SessionConfig::limit`](crate::SessionConfig::limit).
        limit: u32,
    },
    /// [`Sessions::close_all`](crate::Sessions::close_all) was called.
    #[error("the sessions are closed")]
    Closed,
    /// A transaction was asked for in a session that has one open already.
    #[error("a transaction is open already in this session: nest with Tx::savepoint")]
    NestedTransaction,
    /// The transaction was ended by a statement in it, such as DDL (which commits) or COMMIT. What was
    /// done before that statement is committed, unless the statement was ROLLBACK.
    #[error("a statement in the transaction ended it, as DDL and COMMIT do")]
    EndedInside,
    /// The connection was cut in the transaction: at its deadline, or because a stream was dropped long
    /// before its end. Nothing was committed.
    #[error(
        "the connection was cut in the transaction: at its deadline, or by a stream dropped early"
    )]
    ConnectionCut,
    /// The session's connection was lost with settings, locks or temporary tables that the work may
    /// count on; nothing was run again. Open another session and set it up.
    #[error("the session's connection was lost, and with it what had been set on it")]
    SessionStateLost,
    /// `steadfast_outcome` is not there, so the commit could not be recorded; nothing was committed.
    #[error(
        "table steadfast_outcome is missing: create it with Database::migrate, or switch recording \
         off with SessionConfig::exactly_once(false)"
    )]
    OutcomeTableMissing {
        /// What the server said.
        #[source]
        source: Box<Error>,
    },
    /// The system has no thread for the one that keeps deadlines.
    #[error("no thread for the deadlines of sessions: {0}")]
    Watch(#[source] std::io::Error),
    /// A row has no such column.
    #[error("there is no column {0:?}")]
    NoColumn(String),
    /// A column does not hold what was asked for.
    #[error("column {column:?} holds {found}, which is no {wanted}")]
    Decode {
        /// The column's name or number.
        column: String,
        /// The type asked for.
        wanted: &'static str,
        /// The kind of value that is there.
        found: &'static str,
    },
}

impl Error {
    /// What the caller can do about it.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Pool(error) => error.fault(),
            Self::Connection(error) => error.fault(),
            Self::CommitUnknown { .. } => Fault::Uncertain,
            // It is known by now that nothing happened.
            Self::CommitAborted { .. } => Fault::Disconnected,
            Self::OutOfTime { source, .. } | Self::OutOfAttempts { source, .. } => source.fault(),
            Self::SessionLimit { .. } => Fault::Busy,
            Self::Config(_)
            | Self::Diesel(_)
            | Self::Closed
            | Self::NestedTransaction
            | Self::EndedInside
            | Self::ConnectionCut
            | Self::SessionStateLost
            | Self::OutcomeTableMissing { .. }
            | Self::Watch(_)
            | Self::NoColumn(_)
            | Self::Decode { .. } => Fault::Permanent,
        }
    }

    /// The error number behind it, if the server or the client library gave one.
    pub fn errno(&self) -> Option<u32> {
        match self.origin() {
            Self::Pool(error) => error.errno(),
            Self::Connection(error) => error.errno(),
            _ => None,
        }
    }

    /// The SQLSTATE behind it, if the server or the client library gave one.
    pub fn sqlstate(&self) -> Option<&str> {
        match self.origin() {
            Self::Pool(error) => error.sqlstate(),
            Self::Connection(error) => error.sqlstate(),
            _ => None,
        }
    }

    /// The failure that this one tells of.
    fn origin(&self) -> &Self {
        match self {
            Self::CommitUnknown { source, .. }
            | Self::CommitAborted { source }
            | Self::OutOfTime { source, .. }
            | Self::OutOfAttempts { source, .. }
            | Self::OutcomeTableMissing { source } => source.origin(),
            other => other,
        }
    }
}

impl From<ServerError> for Error {
    fn from(error: ServerError) -> Self {
        Self::Connection(error.into())
    }
}

impl From<diesel::result::Error> for Error {
    /// What carries a number becomes [`Error::Connection`], and what came from here is given back.
    fn from(error: diesel::result::Error) -> Self {
        if let Some(numbered) = ServerError::find(&error) {
            return numbered.into();
        }
        match error {
            diesel::result::Error::QueryBuilderError(inner) => match inner.downcast::<Self>() {
                Ok(ours) => *ours,
                Err(inner) => Self::Diesel(diesel::result::Error::QueryBuilderError(inner)),
            },
            other => Self::Diesel(other),
        }
    }
}

impl From<Error> for diesel::result::Error {
    /// So that work may return diesel's own `QueryResult`.
    fn from(error: Error) -> Self {
        match error {
            Error::Connection(error) => error.into(),
            Error::Diesel(error) => error,
            other => Self::QueryBuilderError(Box::new(other)),
        }
    }
}

fn list(invalid: &[Invalid]) -> String {
    let lines: Vec<String> = invalid.iter().map(Invalid::to_string).collect();
    lines.join("; ")
}

fn told(attempt: Option<Attempt>) -> String {
    attempt.map(|attempt| format!(" (attempt {attempt})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_errors_survive_the_way_through_diesel() {
        let diesel: diesel::result::Error = Error::SessionLimit { limit: 3 }.into();
        assert!(matches!(Error::from(diesel), Error::SessionLimit { limit: 3 }));
        let none = Error::from(diesel::result::Error::NotFound);
        assert!(matches!(none, Error::Diesel(diesel::result::Error::NotFound)), "{none:?}");
    }

    #[test]
    fn the_fault_of_a_wrapped_failure_is_that_of_its_cause() {
        let busy = Box::new(Error::SessionLimit { limit: 1 });
        assert_eq!(Error::OutOfAttempts { attempts: 2, source: busy }.fault(), Fault::Busy);
        let aborted = Error::CommitAborted { source: Box::new(Error::Closed) };
        assert_eq!(aborted.fault(), Fault::Disconnected);
    }
}
