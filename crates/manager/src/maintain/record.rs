//! The record of runs, `steadfast_maintenance`.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Unsigned};
use steadfast_connection::{Connection, ServerError};

use crate::Error;
use crate::maintain::{MaintenanceReport, Task};
use crate::origin::machine;

/// `ER_NO_SUCH_TABLE`.
const NO_SUCH_TABLE: u32 = 1146;

/// The row of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordId(u64);

/// Records that a task begins. `None`, and a warning, if the table is not there: the task matters more
/// than its record.
pub(crate) fn begin(conn: &mut Connection, task: &Task) -> Result<Option<RecordId>, Error> {
    let target: Option<String> = task.target().map(|target| target.chars().take(200).collect());
    let inserted = diesel::sql_query(
        "INSERT INTO steadfast_maintenance (task, target, state, by_host) \
         VALUES (?, ?, 'running', ?)",
    )
    .bind::<Text, _>(task.name())
    .bind::<Nullable<Text>, _>(target)
    .bind::<Text, _>(machine())
    .execute(conn);
    match inserted {
        Ok(_) => Ok(Some(RecordId(conn.last_insert_id()))),
        Err(error) if ServerError::find(&error).is_some_and(|it| it.errno() == NO_SUCH_TABLE) => {
            log::warn!(target: "steadfast::manager::maintain", task = task.name(); "the run is not recorded: steadfast_maintenance is missing");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Records how it ended. If that fails, the run is what it was all the same.
pub(crate) fn end(
    conn: &mut Connection,
    record: Option<RecordId>,
    report: &MaintenanceReport,
    error: Option<&Error>,
) {
    let took_us = u64::try_from(report.took.as_micros()).unwrap_or(u64::MAX);
    match error {
        None => {
            log::info!(target: "steadfast::manager::maintain", task = report.task, items = report.items, took_us, finished = report.finished; "task done");
        }
        Some(error) => {
            log::error!(target: "steadfast::manager::maintain", task = report.task, items = report.items, took_us, errno = error.errno(), error:% = error; "task failed");
        }
    }
    let Some(RecordId(id)) = record else { return };
    let text: Option<String> = error.map(|error| error.to_string().chars().take(1000).collect());
    let updated = diesel::sql_query(
        "UPDATE steadfast_maintenance SET state = ?, items = ?, took_us = ?, errno = ?, error = ? \
         WHERE id = ?",
    )
    .bind::<Text, _>(if error.is_some() { "failed" } else { "done" })
    .bind::<Unsigned<BigInt>, _>(report.items)
    .bind::<Unsigned<BigInt>, _>(took_us)
    .bind::<Nullable<Unsigned<BigInt>>, _>(error.and_then(Error::errno).map(u64::from))
    .bind::<Nullable<Text>, _>(text)
    .bind::<Unsigned<BigInt>, _>(id)
    .execute(conn);
    if let Err(error) = updated {
        log::warn!(target: "steadfast::manager::maintain", task = report.task, error:% = error; "the end of the run is not recorded");
    }
}
