//! What must be true whatever happens, and the count of what happened.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{HARD_LIMIT, PEOPLE, ms};
use crate::clock::{Clock, SystemClock};
use crate::pool::Pool;

/// How late a caller may be told that its time is over.
const LATE: Duration = Duration::from_millis(100);
/// How soon after the end of a fault somebody is served.
pub(super) const BACK: Duration = Duration::from_secs(1);
/// How long somebody may wait while something is idle and nothing moves.
const STUCK: Duration = Duration::from_millis(500);
/// How long nobody may go without a connection while there is no fault.
pub(super) const STARVED: Duration = Duration::from_secs(10);
const BEAT: Duration = Duration::from_millis(2);

#[derive(Debug, Default)]
pub(super) struct Promises {
    counts: Mutex<BTreeMap<String, u64>>,
    broken: Mutex<Vec<String>>,
    /// The last fault that began.
    fault: Mutex<&'static str>,
    overshoot: Longest,
    recovery: Longest,
    /// How late the machine itself was, at the worst, in all and since the last look.
    machine: Longest,
}

impl Promises {
    pub(super) fn count(&self, what: &str) {
        *self.counts.lock().entry(what.to_owned()).or_default() += 1;
    }

    pub(super) fn fault(&self, name: &'static str) {
        *self.fault.lock() = name;
        self.count(&format!("fault: {name}"));
    }

    pub(super) fn check(&self, kept: bool, told: impl FnOnce() -> String) {
        if !kept {
            let told = format!("{} (last fault: {})", told(), *self.fault.lock());
            self.broken.lock().push(told);
        }
    }

    pub(super) fn broken(&self) -> Vec<String> {
        self.broken.lock().clone()
    }

    /// A caller that was willing to wait for `limit` came back after `took`.
    pub(super) fn returned(&self, limit: Duration, took: Duration) {
        let late = took.saturating_sub(limit);
        self.overshoot.note(late);
        let machine = self.machine.longest();
        self.check(late <= LATE + machine, || {
            format!("a caller was {late:?} late after {limit:?}; the machine at most {machine:?}")
        });
    }

    /// The first was served so long after the end of `fault`.
    pub(super) fn recovered(&self, fault: &str, took: Duration) {
        self.recovery.note(took);
        let machine = self.machine.longest();
        self.check(took <= BACK + machine, || {
            format!(
                "{took:?} until somebody was served after {fault}; the machine {machine:?} late"
            )
        });
    }

    /// Looks at the numbers all the time.
    pub(super) fn watch(&self, pool: &Pool, over: &AtomicBool) {
        let mut moved = (0, Instant::now());
        while !over.load(Relaxed) {
            let stats = pool.stats();
            let enrolled = pool.house().registry.enrolled();
            let counted = stats.idle + stats.lent + stats.creating;
            self.check(counted <= HARD_LIMIT && enrolled <= HARD_LIMIT, || {
                format!("above the hard limit: {enrolled} enrolled, {stats:?}")
            });
            // One more, who looks whether the pool is back.
            self.check(stats.waiting as usize <= PEOPLE + 1, || {
                format!("too many wait: {stats:?}")
            });
            let idle_and_wanted = stats.idle > 0 && stats.waiting > 0 && !pool.is_paused();
            if !idle_and_wanted || stats.checkouts != moved.0 {
                moved = (stats.checkouts, Instant::now());
            }
            let stuck = moved.1.elapsed();
            self.check(stuck <= STUCK + self.machine.longest(), || {
                moved.1 = Instant::now();
                format!("for {stuck:?} somebody waited while something was idle: {stats:?}")
            });
            self.count("looks");
            SystemClock.sleep(BEAT);
        }
    }

    /// Finds out how late a thread is woken here at the worst, whatever the pool does.
    pub(super) fn watch_the_machine(&self, over: &AtomicBool) {
        while !over.load(Relaxed) {
            let begun = Instant::now();
            SystemClock.sleep(BEAT);
            self.machine.note(begun.elapsed().saturating_sub(BEAT));
        }
    }
}

impl fmt::Display for Promises {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in &*self.counts.lock() {
            writeln!(f, "{count:>10} {what}")?;
        }
        writeln!(f, "{:>10?} longest overshoot of a deadline", self.overshoot.longest())?;
        writeln!(f, "{:>10?} longest way back after a fault", self.recovery.longest())?;
        writeln!(f, "{:>10?} longest delay of the machine itself", self.machine.longest())?;
        write!(f, "{:>10} broken promises", self.broken.lock().len())
    }
}

/// The longest of many times, in microseconds.
#[derive(Debug, Default)]
struct Longest(AtomicU64);

impl Longest {
    fn note(&self, time: Duration) {
        self.0.fetch_max(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    fn longest(&self) -> Duration {
        Duration::from_micros(self.0.load(Relaxed))
    }
}

/// A pause between two looks that only polling can see.
pub(super) fn breathe() {
    SystemClock.sleep(ms(5));
}
