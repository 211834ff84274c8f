//! Migrations: each at most once, one runner at a time, and what failed stays known.
//!
//! diesel keeps the list of what is done (`__diesel_schema_migrations`); we keep beside it how far each
//! one came (`steadfast_migration`), because DDL commits statement by statement: a migration that fails
//! in its third statement leaves the first two behind, and running it again fails differently
//! (diesel 2.3: errno 1060 first, 1050 ever after).

mod apply;
mod journal;
mod lock;
mod plan;
mod recorder;
mod report;
mod resolve;
mod runner;
mod status;
mod tail;

pub use report::{
    AppliedMigration, MigrationFailure, MigrationInfo, MigrationReport, MigrationState,
    MigrationStatus, Resolution, Unresolved,
};

pub(crate) use lock::{MigrationLock, lock_name};
pub(crate) use plan::{Known, Plan, Source};
pub(crate) use resolve::resolve;
pub(crate) use runner::{Runner, run_locked};
pub(crate) use status::status;
