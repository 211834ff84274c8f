//! What can go wrong with a database as a whole.

use std::time::Duration;

use steadfast_connection::{Error as ConnectError, Fault, Invalid, ServerError};
use steadfast_session::Error as SessionError;

use crate::backup::BackupError;
use crate::maintain::TaskRefusal;
use crate::migrate::{MigrationFailure, Unresolved};
use crate::reset::ResetRefusal;

/// Something about the database as a whole failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Settings are out of range; every one is named.
    #[error("{}", list(.0))]
    Config(Vec<Invalid>),
    /// The server could not be reached within the limit for the start.
    #[error("no server within {limit:?}, {attempts} attempts: {source}")]
    Unreachable {
        /// How long it was waited for.
        limit: Duration,
        /// How often it was tried.
        attempts: u32,
        /// Why the last attempt failed.
        source: Box<ConnectError>,
    },
    /// The server is older than what we work with.
    #[error("{vendor} {version} is too old: at least {}.{} is needed", .floor.0, .floor.1)]
    TooOld {
        /// `mariadb` or `mysql`.
        vendor: &'static str,
        /// As the server writes it.
        version: String,
        /// Major and minor number of the oldest that will do.
        floor: (u32, u32),
    },
    /// The server refused or the connection broke.
    #[error("{0}")]
    Connection(#[source] Box<ConnectError>),
    /// diesel could not build a query or read its rows.
    #[error("{0}")]
    Diesel(#[source] Box<diesel::result::Error>),
    /// The pool refused.
    #[error("{0}")]
    Pool(#[from] steadfast_pool::Error),
    /// The sessions refused.
    #[error("{0}")]
    Session(#[source] SessionError),
    /// The application's migrations cannot be read.
    #[error("the migrations cannot be read: {0}")]
    Source(String),
    /// A statement of a migration failed. It is recorded, and not run again unasked.
    #[error("{0}")]
    MigrationFailed(Box<MigrationFailure>),
    /// A migration failed or was interrupted earlier: nothing was run. See
    /// [`Database::resolve_migration`](crate::Database::resolve_migration).
    #[error("{0}")]
    NeedsResolve(Box<Unresolved>),
    /// Another runner was waited for in vain.
    #[error("migrations are locked by connection {}, waited {waited:?}", told(*.holder))]
    MigrationsLocked {
        /// How long it was waited for.
        waited: Duration,
        /// The server's id of the connection that holds the lock, if it is known.
        holder: Option<u64>,
    },
    /// A migration let go of the lock under which it ran, so that another runner may have begun.
    #[error("a migration let go of the lock under which migrations run; the rest was not run")]
    MigrationLockLost,
    /// The migration neither failed nor was interrupted.
    #[error("migration {version} neither failed nor was interrupted")]
    NothingToResolve {
        /// The version that was named.
        version: String,
    },
    /// The reset was refused; nothing was done.
    #[error("reset refused: {0}")]
    ResetRefused(#[from] ResetRefusal),
    /// The task was refused; nothing was done.
    #[error("task refused: {0}")]
    TaskRefused(#[from] TaskRefusal),
    /// A backup, restore, verification or comparison did not succeed.
    #[error("{0}")]
    Backup(#[source] Box<BackupError>),
    /// The database is closed or being closed.
    #[error("the database is closed")]
    Closed,
    /// The operating system gave no thread.
    #[error("no thread for {purpose}: {source}")]
    Thread {
        /// What it was for.
        purpose: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// What the caller can do about it.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Unreachable { source, .. } | Self::Connection(source) => source.fault(),
            Self::Pool(error) => error.fault(),
            Self::Session(error) => error.fault(),
            Self::Backup(error) => error.fault(),
            Self::MigrationsLocked { .. } | Self::Thread { .. } => Fault::Busy,
            Self::Config(_)
            | Self::TooOld { .. }
            | Self::Diesel(_)
            | Self::Source(_)
            | Self::MigrationFailed(_)
            | Self::NeedsResolve(_)
            | Self::MigrationLockLost
            | Self::NothingToResolve { .. }
            | Self::ResetRefused(_)
            | Self::TaskRefused(_)
            | Self::Closed => Fault::Permanent,
        }
    }

    /// The error number behind it, if the server or the client library gave one.
    pub fn errno(&self) -> Option<u32> {
        match self {
            Self::Unreachable { source, .. } | Self::Connection(source) => source.errno(),
            Self::Pool(error) => error.errno(),
            Self::Session(error) => error.errno(),
            Self::Backup(error) => error.errno(),
            Self::MigrationFailed(failure) => failure.errno,
            Self::NeedsResolve(stuck) => stuck.errno,
            _ => None,
        }
    }

    /// The SQLSTATE behind it, if the server or the client library gave one.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Unreachable { source, .. } | Self::Connection(source) => source.sqlstate(),
            Self::Pool(error) => error.sqlstate(),
            Self::Session(error) => error.sqlstate(),
            Self::Backup(error) => error.sqlstate(),
            Self::MigrationFailed(failure) => failure.sqlstate.as_deref(),
            Self::NeedsResolve(stuck) => stuck.sqlstate.as_deref(),
            _ => None,
        }
    }
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Config(invalid) => Self::Config(invalid),
            other => Self::Connection(Box::new(other)),
        }
    }
}

impl From<ServerError> for Error {
    fn from(error: ServerError) -> Self {
        Self::Connection(Box::new(error.into()))
    }
}

impl From<SessionError> for Error {
    /// What carries a number becomes [`Error::Connection`], whichever way it came.
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Connection(error) => error.into(),
            SessionError::Pool(error) => Self::Pool(error),
            SessionError::Diesel(error) => Self::Diesel(Box::new(error)),
            other => Self::Session(other),
        }
    }
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        SessionError::from(error).into()
    }
}

impl From<BackupError> for Error {
    fn from(error: BackupError) -> Self {
        Self::Backup(Box::new(error))
    }
}

fn list(invalid: &[Invalid]) -> String {
    let lines: Vec<String> = invalid.iter().map(Invalid::to_string).collect();
    lines.join("; ")
}

fn told(id: Option<u64>) -> String {
    id.map_or_else(|| "(unknown)".to_owned(), |id| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sessions_refuse_survives_the_way_through_diesel() {
        let diesel: diesel::result::Error = SessionError::SessionLimit { limit: 3 }.into();
        let error = Error::from(diesel);
        assert!(matches!(error, Error::Session(SessionError::SessionLimit { limit: 3 })));
        assert_eq!(error.fault(), Fault::Busy);
        let none = Error::from(diesel::result::Error::NotFound);
        assert!(matches!(none, Error::Diesel(_)), "{none:?}");
    }
}
