//! The report: a tree of checks, and what they amount to.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::migrate::{MigrationFailure, Unresolved};
use crate::server_info::ServerInfo;
use crate::state::State;
use crate::warning::Warning;

/// What the checks amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Everything works.
    Up,
    /// Something does not; the rest goes on.
    Degraded,
    /// Nothing works.
    Down,
}

impl Status {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }
}

/// How the database is, made by [`Database::health`](crate::Database::health).
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// What the checks amount to.
    pub status: Status,
    /// Where the database is in its life.
    pub state: State,
    /// Whether work should be sent here.
    pub ready: bool,
    /// Why the status is not up, or the database not ready.
    pub reasons: Vec<Reason>,
    /// How long ago the server was asked, in milliseconds; `None` if it never answered nor refused.
    pub age_ms: Option<u64>,
    /// What was looked at.
    pub checks: Checks,
}

impl Health {
    /// The report as JSON, in one line.
    pub fn to_json(&self) -> String {
        // Every key is a string and every number finite, so it cannot fail.
        serde_json::to_string(self).unwrap_or_else(|_| r#"{"status":"down"}"#.to_owned())
    }

    /// True if `name` is among the reasons.
    pub fn has_reason(&self, name: &str) -> bool {
        self.reasons.iter().any(|reason| reason.name == name)
    }
}

/// Why the status is not up, or the database not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Reason {
    /// Stable, for alerts: `unreachable`, `read_only`, `pool_full`, `migrations_pending`,
    /// `migrations_running`, `migration_failed`, `migrations_unknown`, `starting`, `draining`, `closed`.
    pub name: &'static str,
    /// In words.
    pub message: String,
}

/// What was looked at.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Checks {
    /// Whether the server answers, and what it says of itself.
    pub connection: ConnectionCheck,
    /// Whether it takes writes.
    pub writable: WritableCheck,
    /// The sessions.
    pub sessions: SessionsCheck,
    /// The pool.
    pub pool: PoolCheck,
    /// The migrations.
    pub migrations: MigrationsCheck,
    /// Settings of the server that should be looked at; they do not change the status.
    pub settings: SettingsCheck,
}

/// Whether the server answers, and what it says of itself.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ConnectionCheck {
    /// Up or down.
    pub status: Status,
    /// How long the answer took, in microseconds.
    pub latency_us: Option<u64>,
    /// What went wrong.
    pub error: Option<String>,
    /// The error number.
    pub errno: Option<u32>,
    /// For how long it has been down, in milliseconds.
    pub down_ms: Option<u64>,
    /// The server's uptime in seconds.
    pub uptime_s: Option<u64>,
    /// How many connections it has, all clients counted.
    pub threads_connected: Option<u64>,
    /// What it says of itself; while it is down, what it said last.
    pub database: Option<ServerInfo>,
}

/// Whether the server takes writes.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct WritableCheck {
    /// Degraded if it does not: reads go on.
    pub status: Status,
    /// `read_only`, `super_read_only` or `innodb_read_only`; `None` if it is not known.
    pub read_only: Option<bool>,
}

/// The sessions.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SessionsCheck {
    /// Always up: their failures are the caller's to see.
    pub status: Status,
    /// How many are open.
    pub open: u32,
    /// How many may be.
    pub limit: u32,
    /// How long the oldest has been open, in milliseconds.
    pub oldest_ms: Option<u64>,
    /// Transactions committed.
    pub committed: u64,
    /// Attempts that were rolled back or lost.
    pub rollbacks: u64,
    /// Attempts made again, by the fault before.
    pub retries: BTreeMap<&'static str, u64>,
    /// Commits whose answer was lost and whose outcome was found out, by outcome.
    pub resolved: BTreeMap<&'static str, u64>,
    /// Commits whose outcome was not found out.
    pub unresolved: u64,
    /// The last failure, whatever became of it.
    pub last_error: Option<LastFailure>,
}

/// A failure of a session.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct LastFailure {
    /// How long ago, in milliseconds.
    pub age_ms: u64,
    /// Its fault.
    pub fault: &'static str,
    /// Its number.
    pub errno: Option<u32>,
    /// Its text.
    pub message: String,
}

/// The pool.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PoolCheck {
    /// Degraded if all connections are lent and somebody waits.
    pub status: Status,
    /// Its name.
    pub name: String,
    /// Connections ready to be lent.
    pub idle: u32,
    /// Connections that are lent.
    pub lent: u32,
    /// Connections that are being opened.
    pub creating: u32,
    /// Callers that wait.
    pub waiting: u32,
    /// Connections kept open, as configured.
    pub size: u32,
    /// Connections above that, as configured.
    pub overflow: u32,
    /// Connections lent so far.
    pub checkouts: u64,
    /// Callers that had to wait.
    pub waits: u64,
    /// Callers that waited in vain.
    pub timeouts: u64,
    /// Connections opened.
    pub connects: u64,
    /// Attempts to open one that failed.
    pub connect_failures: u64,
    /// Connections closed for good.
    pub retired: u64,
    /// Who holds a connection, the longest first, ten at most.
    pub holders: Vec<String>,
}

/// The migrations.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct MigrationsCheck {
    /// Degraded if one is pending, running or failed.
    pub status: Status,
    /// How many are done; `None` if it is not known.
    pub done: Option<usize>,
    /// Versions that are pending.
    pub pending: Vec<String>,
    /// Versions that somebody runs now.
    pub running: Vec<String>,
    /// The first that has failed or was interrupted, and needs somebody to look at it.
    pub unresolved: Option<Unresolved>,
    /// What went wrong with those that failed.
    pub failed: Vec<MigrationFailure>,
    /// Versions whose text is no longer what was run.
    pub changed: Vec<String>,
    /// Versions that are applied and that this program does not know.
    pub unknown: Vec<String>,
    /// Why the status is not known.
    pub error: Option<String>,
}

/// Settings of the server that should be looked at.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SettingsCheck {
    /// Always up.
    pub status: Status,
    /// What was found.
    pub warnings: Vec<Warning>,
}
