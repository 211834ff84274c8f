//! The settings that the session is set up with, once it is connected.

use std::time::Duration;

use super::Config;
use crate::TransactionTracking;

/// The session's `tx_isolation` (MariaDB) or `transaction_isolation` (MySQL).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionIsolation {
    /// Sees what others have not committed.
    ReadUncommitted,
    /// Each statement sees what was committed before it.
    ReadCommitted,
    /// Each transaction sees what was committed before its first read.
    RepeatableRead,
    /// As before, and every read locks.
    Serializable,
}

impl SessionIsolation {
    pub(crate) const ALL: [Self; 4] =
        [Self::ReadUncommitted, Self::ReadCommitted, Self::RepeatableRead, Self::Serializable];

    /// As the variable writes it, such as `READ-COMMITTED`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadUncommitted => "READ-UNCOMMITTED",
            Self::ReadCommitted => "READ-COMMITTED",
            Self::RepeatableRead => "REPEATABLE-READ",
            Self::Serializable => "SERIALIZABLE",
        }
    }
}

impl Config {
    /// The session's `collation_connection`, one of utf8mb4 (diesel's texts are UTF-8, so the
    /// character set is no setting). Default: the server's for utf8mb4.
    #[must_use]
    pub fn collation(mut self, name: impl Into<String>) -> Self {
        self.collation = Some(name.into());
        self
    }

    /// The session's `time_zone`. Default `+00:00`, so that TIMESTAMP columns are read and written
    /// in UTC.
    #[must_use]
    pub fn time_zone(mut self, zone: impl Into<String>) -> Self {
        self.time_zone = zone.into();
        self
    }

    /// The session's `sql_mode`. Default: the server's.
    #[must_use]
    pub fn sql_mode(mut self, mode: impl Into<String>) -> Self {
        self.sql_mode = Some(mode.into());
        self
    }

    /// The isolation of the session's transactions. Default: the server's.
    #[must_use]
    pub fn isolation(mut self, level: SessionIsolation) -> Self {
        self.isolation = Some(level);
        self
    }

    /// The language of the server's messages, such as `de_DE`. Default: the server's. Errors are
    /// told apart by their numbers in any language.
    #[must_use]
    pub fn lc_messages(mut self, locale: impl Into<String>) -> Self {
        self.lc_messages = Some(locale.into());
        self
    }

    /// The session's `innodb_lock_wait_timeout`; 1 s to 1 h in whole seconds. Default: the
    /// server's.
    #[must_use]
    pub fn lock_wait_timeout(mut self, limit: Duration) -> Self {
        self.lock_wait_timeout = Some(limit);
        self
    }

    /// After how long the server ends a statement; 1 ms to 24 h in whole milliseconds. Default: the
    /// server's.
    ///
    /// MariaDB ends every statement (`max_statement_time`, 1969), MySQL a SELECT alone
    /// (`max_execution_time`, 3024).
    #[must_use]
    pub fn statement_limit(mut self, limit: Duration) -> Self {
        self.statement_limit = Some(limit);
        self
    }

    /// After how long without a command the server closes the connection; 1 s to 24 h in whole
    /// seconds. Default: the server's, which is 8 h unless it was set.
    #[must_use]
    pub fn wait_timeout(mut self, limit: Duration) -> Self {
        self.wait_timeout = Some(limit);
        self
    }

    /// Has the server tell the GTID of each transaction that it commits
    /// ([`Connection::last_gtid`](crate::Connection::last_gtid)): MySQL's `session_track_gtids`, or
    /// `last_gtid` in MariaDB's `session_track_system_variables`. Default off.
    ///
    /// Nothing is told where the server gives none: on MySQL unless `gtid_mode` is on, on MariaDB
    /// without a binary log.
    #[must_use]
    pub fn track_gtids(mut self, wanted: bool) -> Self {
        self.track_gtids = wanted;
        self
    }

    /// Has the server tell what becomes of transactions
    /// ([`Connection::session_changes`](crate::Connection::session_changes)): the session's
    /// `session_track_transaction_info`. Default: not set.
    #[must_use]
    pub fn track_transactions(mut self, what: TransactionTracking) -> Self {
        self.track_transactions = Some(what);
        self
    }
}
