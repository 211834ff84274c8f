//! A database's life: open, migrate, watch, maintain, back up, restore, close.
//!
//! [`Database`] is the handle that an application keeps. [`Database::open`] waits for the server,
//! refuses at once what waiting does not heal, migrates if asked, and from then on one thread watches
//! over the server, so that health probes cost no query and a frozen server hangs nobody. What happens
//! at 3 a.m. decided what it looks like: a migration that failed is recorded and not run again unasked,
//! a purge takes small steps, a reset asks thrice, and [`Database::close`] never cuts a COMMIT.
//!
//! ```no_run
//! use std::time::Duration;
//! use diesel::prelude::*;
//! use steadfast_manager::{Database, DatabaseConfig, Migrate, Task};
//! use steadfast_session::Error as SessionError;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let db = Database::open(
//!     DatabaseConfig::from_url("mysql://shop:secret@db1/shop")?
//!         .wait(Duration::from_secs(60))
//!         .migrate(Migrate::Run),
//! )?;
//!
//! db.transaction(|tx| {
//!     diesel::sql_query("UPDATE stock SET pieces = pieces - 1 WHERE id = 7").execute(tx)?;
//!     Ok::<_, SessionError>(())
//! })?;
//!
//! let ready = db.http_answer("/health/ready");
//! println!("{} {}", ready.status, db.health().to_json());
//!
//! let ninety_days = Duration::from_secs(90 * 24 * 3600);
//! db.maintain(Task::purge("events").column("created").older_than(ninety_days))?;
//!
//! let report = db.close(Duration::from_secs(20));
//! println!("{} sessions were cut off", report.cut.len());
//! # Ok(())
//! # }
//! ```
//!
//! Life is told in the log under `steadfast::manager`, a line an event, with keys and values.

#![forbid(unsafe_code)]

mod answer_rows;
mod backup;
mod close;
mod config;
mod database;
mod error;
mod health;
mod house;
mod http;
mod jobs;
mod maintain;
mod migrate;
mod name;
mod origin;
mod reset;
mod server_info;
mod start;
mod state;
mod warning;

pub use backup::{
    BackupError, BackupOptions, BackupReport, Binlog, Comparison, Consistency, Damage, Definers,
    RestoreOptions, RestoreReport, TableDifference, VerifyReport, backup, backup_schema, compare,
    restore, verify,
};
pub use close::DrainReport;
pub use config::{DatabaseConfig, Environment, Migrate};
pub use database::Database;
pub use error::Error;
pub use health::{
    Checks, ConnectionCheck, Health, LastFailure, MigrationsCheck, PoolCheck, Reason,
    SessionsCheck, SettingsCheck, Status, WritableCheck,
};
pub use http::Answer;
pub use maintain::{KilledTransaction, MaintenanceReport, Purge, TableNote, Task, TaskRefusal};
pub use migrate::{
    AppliedMigration, MigrationFailure, MigrationInfo, MigrationReport, MigrationState,
    MigrationStatus, Resolution, Unresolved,
};
pub use reset::{Confirm, ResetRefusal, ResetReport};
pub use server_info::ServerInfo;
pub use state::State;
pub use warning::Warning;

/// The example of the README is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
