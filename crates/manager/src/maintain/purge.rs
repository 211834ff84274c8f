//! Deletes old rows in steps that nobody feels.
//!
//! One DELETE of 300,000 rows is one transaction: all its locks, and all of it as lag of the replicas.
//! Steps bound both. The key of a step's last row is read first, then everything up to it is deleted:
//! nothing is read twice, and a step that is run again finds nothing to do.

use std::time::{Duration, Instant};

use steadfast_connection::{Connection, Fault};
use steadfast_pool::{Clock, SystemClock};

use crate::Error;
use crate::answer_rows::row;
use crate::jobs::Jobs;
use crate::maintain::report::MaintenanceReport;
use crate::maintain::target::{CUTOFF, Target};
use crate::maintain::task::Purge;

/// What a step should take: above it locks are felt, below it round trips cost more than rows.
const AIM: Duration = Duration::from_millis(200);
/// Between two steps, as a part of the last one: so long others have the table to themselves.
const PAUSE: f64 = 0.25;
const LEAST_ROWS: u32 = 50;
const FIRST_ROWS: u32 = 1000;
/// Deadlocks and lock waits in a row that are met with smaller steps.
const PATIENCE: u32 = 10;

/// Deletes what is older than asked for, by the server's clock at the beginning.
pub(crate) fn purge(
    conn: &mut Connection,
    purge: &Purge,
    target: &Target,
    jobs: &Jobs,
    report: &mut MaintenanceReport,
) -> Result<(), Error> {
    let deadline = Instant::now() + purge.within;
    prepare(conn, purge.older_than.unwrap_or_default())?;
    let most = purge.step_rows;
    let mut rows = FIRST_ROWS.min(most);
    let mut failures = 0;
    loop {
        if jobs.is_stopping() || Instant::now() >= deadline {
            report.finished = false;
            return Ok(());
        }
        let begun = Instant::now();
        match step(conn, target, rows) {
            Ok(Step { deleted, is_last }) => {
                failures = 0;
                let took = begun.elapsed();
                report.step(deleted, took);
                if is_last {
                    return Ok(());
                }
                rows = next_size(rows, took, most);
                SystemClock.sleep(took.mul_f64(PAUSE).min(AIM));
            }
            Err(error) if error.fault() == Fault::Transient && failures < PATIENCE => {
                failures += 1;
                rows = (rows / 4).max(LEAST_ROWS).min(most);
                log::debug!(target: "steadfast::manager::maintain", errno = error.errno(), rows; "a smaller step after a conflict");
                SystemClock.sleep(AIM.mul_f64(fastrand::f64()));
            }
            Err(error) => return Err(error),
        }
    }
}

fn prepare(conn: &mut Connection, age: Duration) -> Result<(), Error> {
    // SHOW, because a server that has outgrown `binlog_format` refuses to SELECT it.
    let format = row(conn, "SHOW SESSION VARIABLES LIKE 'binlog_format'")?;
    let by_statement = format.text(1) == "STATEMENT";
    // Without gap locks others may insert beside the step. A log of statements needs them (1665).
    let level = if by_statement { "REPEATABLE READ" } else { "READ COMMITTED" };
    let (seconds, micros) = (age.as_secs(), age.subsec_micros());
    run(
        conn,
        &format!(
            "SET SESSION TRANSACTION ISOLATION LEVEL {level}; \
             SET innodb_lock_wait_timeout = 10, \
             {CUTOFF} = NOW(6) - INTERVAL {seconds} SECOND - INTERVAL {micros} MICROSECOND"
        ),
    )?;
    Ok(())
}

/// What one step did.
struct Step {
    deleted: u64,
    is_last: bool,
}

fn step(conn: &mut Connection, target: &Target, rows: u32) -> Result<Step, Error> {
    if run(conn, &target.find_bound(rows))? == 0 {
        return Ok(Step { deleted: run(conn, &target.delete_rest())?, is_last: true });
    }
    let deleted = match run(conn, &target.delete_to_bound())? {
        // A key column that does not compare as it sorts, such as an ENUM, or somebody else was
        // quicker: the age alone always leads on.
        0 => run(conn, &target.delete_to_age())?,
        deleted => deleted,
    };
    Ok(Step { deleted, is_last: false })
}

fn run(conn: &mut Connection, sql: &str) -> Result<u64, Error> {
    let outcomes = conn.batch(sql).map_err(|error| Error::from(error.into_source_error()))?;
    Ok(outcomes.last().map_or(0, |outcome| outcome.affected_rows))
}

/// Towards the aim, at most doubled or halved.
fn next_size(rows: u32, took: Duration, most: u32) -> u32 {
    let factor = (AIM.as_secs_f64() / took.as_secs_f64().max(0.001)).clamp(0.5, 2.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between half of a u32 and twice 100,000"
    )]
    let wanted = (f64::from(rows) * factor) as u32;
    wanted.max(LEAST_ROWS).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_follow_the_aim_within_bounds() {
        let ms = Duration::from_millis;
        assert_eq!(next_size(1000, ms(10), 20_000), 2000, "at most doubled");
        assert_eq!(next_size(1000, ms(4000), 20_000), 500, "at most halved");
        assert_eq!(next_size(1000, ms(200), 20_000), 1000);
        assert_eq!(next_size(15_000, ms(1), 20_000), 20_000);
        assert_eq!(next_size(60, ms(9000), 20_000), LEAST_ROWS);
        assert_eq!(next_size(7, ms(1), 10), 10, "what was asked for is never exceeded");
    }
}
