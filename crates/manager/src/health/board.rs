//! Where the health thread writes what it found, and where everybody reads it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::health::probe::Findings;

/// What is known, and how current it is.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) findings: Option<Arc<Findings>>,
    /// Since when the thread waits for an answer, if that is longer than it should.
    pub(crate) overdue: Option<Duration>,
}

/// The board.
#[derive(Debug)]
pub(crate) struct Board {
    limit: Duration,
    // Guards the notice and the numbers of the rounds; held for a few lines, never while asking.
    inside: Mutex<Inside>,
    /// Somebody wants a round, or the end.
    wanted: Condvar,
    /// A round is done, or the thread has ended.
    posted: Condvar,
}

#[derive(Debug, Default)]
struct Inside {
    /// Rounds begun, rounds done, and the round somebody waits for.
    begun: u64,
    done: u64,
    asked: u64,
    begun_at: Option<Instant>,
    findings: Option<Arc<Findings>>,
    stopping: bool,
    ended: bool,
}

/// What the thread is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Ask for everything: somebody waits.
    Full,
    /// Ask for what is quick.
    Quick,
    /// End.
    Stop,
}

impl Board {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, inside: Mutex::default(), wanted: Condvar::new(), posted: Condvar::new() }
    }

    /// Waits until there is something to do.
    ///
    /// # Blocks
    /// At most `interval`.
    pub(crate) fn next(&self, interval: Duration) -> Next {
        let deadline = Instant::now() + interval;
        let mut inside = self.inside.lock();
        while !inside.stopping && inside.asked <= inside.begun {
            if self.wanted.wait_until(&mut inside, deadline).timed_out() {
                break;
            }
        }
        if inside.stopping {
            return Next::Stop;
        }
        let full = inside.asked > inside.begun;
        inside.begun += 1;
        inside.begun_at = Some(Instant::now());
        if full { Next::Full } else { Next::Quick }
    }

    /// Writes down what a round found.
    pub(crate) fn post(&self, findings: Findings) {
        let mut inside = self.inside.lock();
        inside.done = inside.begun;
        inside.begun_at = None;
        inside.findings = Some(Arc::new(findings));
        self.posted.notify_all();
    }

    /// What is known, without waiting.
    pub(crate) fn read(&self) -> Notice {
        self.inside.lock().notice(self.limit)
    }

    /// What a round finds that begins now. All who ask meanwhile share it.
    ///
    /// # Blocks
    /// At most the limit; then it is what was known before, and overdue.
    pub(crate) fn ask(&self) -> Notice {
        let begun = Instant::now();
        let deadline = begun + self.limit;
        let mut inside = self.inside.lock();
        let round = inside.begun + 1;
        inside.asked = inside.asked.max(round);
        self.wanted.notify_one();
        while inside.done < round && !inside.ended {
            if self.posted.wait_until(&mut inside, deadline).timed_out() {
                let notice = inside.notice(self.limit);
                let answered = inside.done >= round;
                let waited = begun.elapsed();
                return if answered { notice } else { Notice { overdue: Some(waited), ..notice } };
            }
        }
        inside.notice(self.limit)
    }

    /// Has the thread end after the round under way.
    pub(crate) fn stop(&self) {
        self.inside.lock().stopping = true;
        self.wanted.notify_all();
    }

    /// To be called by the thread, last.
    pub(crate) fn ended(&self) {
        self.inside.lock().ended = true;
        self.posted.notify_all();
    }

    /// Waits until the thread has ended.
    ///
    /// # Blocks
    /// At most until `deadline`.
    pub(crate) fn await_end(&self, deadline: Instant) -> bool {
        let mut inside = self.inside.lock();
        while !inside.ended {
            if self.posted.wait_until(&mut inside, deadline).timed_out() {
                break;
            }
        }
        inside.ended
    }
}

impl Inside {
    fn notice(&self, limit: Duration) -> Notice {
        let waits = self.begun_at.map(|at| at.elapsed());
        Notice { findings: self.findings.clone(), overdue: waits.filter(|waits| *waits > limit) }
    }
}
