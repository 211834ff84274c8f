//! Takes the lock, looks what is to do, does it.

use std::time::{Duration, Instant};

use steadfast_connection::{Connection, Vendor};

use crate::Error;
use crate::migrate::apply::{apply, keep_settings};
use crate::migrate::journal::{self, Journal};
use crate::migrate::lock::MigrationLock;
use crate::migrate::plan::Plan;
use crate::migrate::report::{MigrationReport, MigrationState};
use crate::migrate::status::compare;

/// The limits of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Runner {
    /// How long another runner is waited for.
    pub(crate) wait: Duration,
    /// How long one statement may take.
    pub(crate) statement: Duration,
}

impl Runner {
    /// Settles the session for long alterations: the server gives up waiting for a table before our
    /// read limit cuts the connection, and does not drop it while it waits for the lock.
    pub(crate) fn prepare(&self, conn: &mut Connection) -> Result<(), Error> {
        let patience = self.statement.as_secs().saturating_sub(1).clamp(1, 31_536_000);
        // A limit for the statements of requests is none for alterations; MySQL's is for SELECT alone.
        let unlimited = match conn.vendor() {
            Vendor::MariaDb => ", max_statement_time = 0",
            Vendor::MySql => "",
        };
        let sql = format!("SET lock_wait_timeout = {patience}, wait_timeout = 28800{unlimited}");
        journal::control(conn, &sql)
    }

    /// Runs what is pending, under the lock.
    pub(crate) fn run(
        &self,
        conn: &mut Connection,
        plan: &Plan,
        database: &str,
    ) -> Result<MigrationReport, Error> {
        self.prepare(conn)?;
        let lock = MigrationLock::take(conn, database, self.wait)?;
        run_locked(conn, &lock, plan, database)
    }
}

/// Runs what is pending. The lock goes with the connection, which the caller closes.
pub(crate) fn run_locked(
    conn: &mut Connection,
    lock: &MigrationLock,
    plan: &Plan,
    database: &str,
) -> Result<MigrationReport, Error> {
    let begun = Instant::now();
    // Read again under the lock: whoever was waited for has usually done everything.
    let status = compare(&plan.known(), &Journal::read(conn)?, false);
    if let Some(stuck) = status.unresolved() {
        return Err(Error::NeedsResolve(Box::new(stuck)));
    }
    let mut report = MigrationReport {
        already: status.count(MigrationState::Done),
        changed: status.changed().map(|info| info.version.clone()).collect(),
        unknown: status.unknown.clone(),
        waited: lock.waited,
        ..MigrationReport::default()
    };
    let pending: Vec<&str> =
        status.in_state(MigrationState::Pending).map(|info| info.version.as_str()).collect();
    if !pending.is_empty() {
        journal::make(conn, plan)?;
        keep_settings(conn)?;
    }
    for step in plan.steps.iter().filter(|step| pending.contains(&step.known.version.as_str())) {
        lock.check(conn)?;
        report.applied.push(apply(conn, step, database)?);
    }
    report.took = begun.elapsed();
    Ok(report)
}
