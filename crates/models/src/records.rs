//! The rows of our own tables.
//!
//! Every optional column is NULL for `None`, and every time is in the time zone of the session.

use chrono::NaiveDateTime;
use diesel::{Identifiable, Insertable, Queryable, Selectable};

use crate::schema::{steadfast_maintenance, steadfast_migration, steadfast_outcome};
use crate::{OutcomeState, RunState};

/// What became of one attempt at a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Identifiable, Insertable)]
#[diesel(table_name = steadfast_outcome, primary_key(attempt), check_for_backend(diesel::mysql::Mysql))]
pub struct OutcomeRecord {
    /// The attempt: 16 bytes of a `UUIDv7`, new each time.
    pub attempt: Vec<u8>,
    /// Committed or aborted.
    pub state: OutcomeState,
    /// A key of the caller, at most 128 bytes; no two committed attempts share one.
    pub idem_key: Option<Vec<u8>>,
    /// The answer to give again when `idem_key` comes again.
    pub result: Option<Vec<u8>>,
    /// How often the outcome had to be looked up because the answer was lost.
    pub resolves: u16,
    /// When the row was written.
    pub at: NaiveDateTime,
}

/// How far one migration came.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Identifiable, Insertable)]
#[diesel(table_name = steadfast_migration, primary_key(version), check_for_backend(diesel::mysql::Mysql))]
pub struct MigrationRecord {
    /// The version, as in diesel's `__diesel_schema_migrations`.
    pub version: String,
    /// The name of the migration's folder.
    pub name: String,
    /// Running, done or failed.
    pub state: RunState,
    /// SHA-256 of `up.sql`, 64 lower case hexadecimal digits.
    pub checksum: String,
    /// The statement that failed; the first is 1.
    pub statement: Option<u32>,
    /// The server's error number.
    pub errno: Option<u32>,
    /// The server's SQLSTATE, five characters.
    pub sqlstate: Option<String>,
    /// The server's message.
    pub error: Option<String>,
    /// When it began.
    pub started: NaiveDateTime,
    /// How long it took, in microseconds; `None` while it runs.
    pub took_us: Option<u64>,
    /// The account it ran as.
    pub by_user: String,
    /// The machine it was run from.
    pub by_host: String,
}

/// One run of a maintenance task.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Identifiable, Insertable)]
#[diesel(table_name = steadfast_maintenance, check_for_backend(diesel::mysql::Mysql))]
pub struct MaintenanceRecord {
    /// Given by the server.
    pub id: u64,
    /// The task, such as `analyze`.
    pub task: String,
    /// A table, or `None` for the whole database.
    pub target: Option<String>,
    /// Running, done or failed.
    pub state: RunState,
    /// Rows or tables that were handled.
    pub items: u64,
    /// When it began.
    pub started: NaiveDateTime,
    /// How long it took, in microseconds; `None` while it runs.
    pub took_us: Option<u64>,
    /// The server's error number.
    pub errno: Option<u32>,
    /// The server's message.
    pub error: Option<String>,
    /// The machine it was run from.
    pub by_host: String,
}

crate::model! { OutcomeRecord => steadfast_outcome, key = attempt: Vec<u8> }
crate::model! { MigrationRecord => steadfast_migration, key = version: String }
crate::model! { MaintenanceRecord => steadfast_maintenance, auto_key = id: u64 }
