//! The end: in an order in which nothing is cut that could still finish.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use serde::Serialize;

use crate::house::House;
use crate::state::Stage;

/// Who waits for another call of `close` waits this long beyond its own deadline.
const GRACE: Duration = Duration::from_secs(2);

/// Any longer limit is for ever, and would overflow the clock.
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

/// How [`Database::close`](crate::Database::close) went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DrainReport {
    /// How long it took.
    pub waited: Duration,
    /// True if everything ended by itself in time.
    pub finished: bool,
    /// Sessions that were cut off: who, for how long, where in the program. What they had not
    /// committed is undone.
    pub cut: Vec<String>,
    /// Sessions that are still open: their COMMIT is under way, or their owner has not noticed.
    pub left: Vec<String>,
    /// Connections that were not given back: by whom, for how long.
    pub held: Vec<String>,
    /// Maintenance, migrations and the like that were cut off.
    pub jobs_cut: usize,
    /// Work that goes on in its caller's thread because it cannot be cut: backups and restores.
    pub jobs_left: usize,
    /// Threads that have not ended yet, because they are opening a connection to a silent server; they
    /// end by themselves when that fails.
    pub threads_left: usize,
}

impl fmt::Display for DrainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end =
            if self.finished { "everything ended by itself" } else { "not all ended by itself" };
        write!(f, "closed in {:.1?}: {end}", self.waited)?;
        for (what, who) in
            [("cut off", &self.cut), ("still open", &self.left), ("held", &self.held)]
        {
            if !who.is_empty() {
                write!(f, "; {what}: {}", who.join(", "))?;
            }
        }
        for (what, number) in [
            ("jobs cut off", self.jobs_cut),
            ("jobs under way", self.jobs_left),
            ("threads left", self.threads_left),
        ] {
            if number > 0 {
                write!(f, "; {number} {what}")?;
            }
        }
        Ok(())
    }
}

/// The report, once there is one.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    // Guards who closes; held for a few lines.
    inside: Mutex<Inside>,
    done: Condvar,
}

#[derive(Debug, Default)]
struct Inside {
    begun: bool,
    report: Option<Arc<DrainReport>>,
}

impl House {
    /// Closes, or waits for whoever does and returns the same report.
    pub(crate) fn close(&self, deadline: Duration) -> Arc<DrainReport> {
        let deadline = deadline.min(MONTH);
        let until = Instant::now() + deadline;
        let mut inside = self.closing.inside.lock();
        if inside.begun {
            while inside.report.is_none() {
                if self.closing.done.wait_until(&mut inside, until + GRACE).timed_out() {
                    break;
                }
            }
            return inside.report.clone().unwrap_or_default();
        }
        inside.begun = true;
        drop(inside);
        let report = Arc::new(self.drain(deadline));
        self.closing.inside.lock().report = Some(Arc::clone(&report));
        self.closing.done.notify_all();
        report
    }

    fn drain(&self, limit: Duration) -> DrainReport {
        let begun = Instant::now();
        let deadline = begun + limit;
        let left = || deadline.saturating_duration_since(Instant::now());
        self.life.enter(Stage::Draining);
        self.jobs.stop();
        // What is cut off still has to notice, and the pool to say goodbye: within the limit too.
        let reserve = (limit / 4).min(Duration::from_secs(1));
        let sessions = self.sessions.close_all(limit.saturating_sub(reserve));
        let late = self.jobs.settle(begun + limit.saturating_sub(reserve / 2));
        let jobs_cut = if late > 0 { self.jobs.cut() } else { 0 };
        let pool = self.pool.close(left());
        // A thread that only has to wake up is not worth a report because the time was short.
        let last = deadline.max(Instant::now() + Duration::from_millis(500));
        let jobs_left = self.jobs.settle(last);
        let threads_left = usize::from(!self.watch.stop(last));
        self.life.enter(Stage::Closed);
        let report = DrainReport {
            waited: begun.elapsed(),
            finished: sessions.is_clean()
                && pool.finished
                && jobs_cut + jobs_left + threads_left == 0,
            cut: sessions.cut.iter().map(ToString::to_string).collect(),
            left: sessions.left.iter().map(ToString::to_string).collect(),
            held: pool.holders.iter().map(ToString::to_string).collect(),
            jobs_cut,
            jobs_left,
            threads_left,
        };
        let (cut, held) = (report.cut.len(), report.held.len());
        log::info!(target: "steadfast::manager", finished = report.finished, cut, held, jobs_cut, threads_left; "the database is closed");
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_one_line_for_people() {
        let clean = DrainReport { finished: true, ..DrainReport::default() };
        assert_eq!(clean.to_string(), "closed in 0.0ns: everything ended by itself");
        let cut = DrainReport { cut: vec!["a".to_owned()], jobs_cut: 2, ..DrainReport::default() };
        let expected = "closed in 0.0ns: not all ended by itself; cut off: a; 2 jobs cut off";
        assert_eq!(cut.to_string(), expected);
    }
}
