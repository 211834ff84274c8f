//! Maintenance: what keeps a database small, quick and unlocked. Each run is recorded in
//! `steadfast_maintenance`.
//!
//! It works on a connection of its own, outside the pool's size, so that it takes none from the
//! application; and in steps, so that `close` can stop it after the one under way.

mod idle;
mod purge;
mod record;
mod report;
mod tables;
mod target;
mod task;

use std::time::Instant;

use steadfast_connection::Connection;

use crate::Error;
use crate::jobs::Jobs;

pub use report::{KilledTransaction, MaintenanceReport, TableNote};
pub use task::{Purge, Task, TaskRefusal};

use task::Kind;

/// Runs one task and records it.
pub(crate) fn run(
    conn: &mut Connection,
    task: &Task,
    database: &str,
    jobs: &Jobs,
) -> Result<MaintenanceReport, Error> {
    task.check_settings()?;
    // Refused before anything is recorded: nothing has begun.
    let target = match &task.kind {
        Kind::Purge(purge) => Some(target::Target::read(conn, purge)?),
        _ => None,
    };
    let begun = Instant::now();
    let record = record::begin(conn, task)?;
    log::info!(target: "steadfast::manager::maintain", task = task.name(), on = task.target(); "task begins");
    let mut report = MaintenanceReport::of(task);
    report.recorded = record.is_some();
    let outcome = match (&task.kind, target) {
        (Kind::Purge(purge), Some(target)) => purge::purge(conn, purge, &target, jobs, &mut report),
        (Kind::KillIdle(age), _) => idle::kill(conn, *age, database, jobs, &mut report),
        (Kind::Tables(verb, tables), _) => {
            tables::run(conn, *verb, tables.as_deref(), jobs, &mut report)
        }
        (Kind::Purge(_), None) => Ok(()),
    };
    report.took = begun.elapsed();
    record::end(conn, record, &report, outcome.as_ref().err());
    outcome.map(|()| report)
}
