//! Generations: how everything that is open now gets replaced, all at once or a few at a time.
//!
//! Whoever finds out that what is open is no longer wanted (a new password, a server that takes no
//! writes any more) begins a new generation. What belongs to an older one is closed at its next stop:
//! on the shelf, at checkout, on return. With a *spread* each has a moment of its own for that, so
//! that a large pool does not fall upon the server.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::event::Reason;

/// So few may be replaced at once.
const FEW: u32 = 5;
/// The spread for each of more.
const EACH: Duration = Duration::from_millis(50);
/// The moments within a spread; the numbers of connections are dealt out to them in turn.
const MOMENTS: u32 = 16;

#[derive(Debug)]
pub(crate) struct Generations {
    current: AtomicU64,
    /// How the current one came about.
    change: Mutex<Change>,
}

#[derive(Clone, Copy, Debug)]
struct Change {
    reason: Reason,
    begun: Instant,
    spread: Duration,
}

impl Generations {
    pub(crate) fn new() -> Self {
        let change =
            Change { reason: Reason::Requested, begun: Instant::now(), spread: Duration::ZERO };
        Self { current: AtomicU64::new(0), change: Mutex::new(change) }
    }

    pub(crate) fn current(&self) -> u64 {
        self.current.load(Relaxed)
    }

    /// Begins a new one.
    pub(crate) fn begin(&self, reason: Reason, spread: Duration) {
        let mut change = self.change.lock();
        *change = Change { reason, begun: Instant::now(), spread };
        self.current.fetch_add(1, Relaxed);
    }

    /// Begins a new one unless that was done already since `of`, or for the same reason less than
    /// `pause` ago. True if it was begun.
    pub(crate) fn begin_after(
        &self,
        of: u64,
        reason: Reason,
        spread: Duration,
        pause: Duration,
    ) -> bool {
        let mut change = self.change.lock();
        let again = change.reason == reason && change.begun.elapsed() < pause;
        if again || self.current() != of {
            return false;
        }
        *change = Change { reason, begun: Instant::now(), spread };
        self.current.fetch_add(1, Relaxed);
        true
    }

    /// Why and when the connection with this number, of generation `of`, is closed; `None` if it is
    /// of the current one.
    pub(crate) fn end_of(&self, of: u64, number: u64) -> Option<(Reason, Instant)> {
        if self.current() == of {
            return None;
        }
        let Change { reason, begun, spread } = *self.change.lock();
        let moment = u32::try_from(number % u64::from(MOMENTS)).unwrap_or_default();
        Some((reason, begun + spread / MOMENTS * moment))
    }

    /// When the next moment of a spread comes, as long as one lasts: what is returned meanwhile is
    /// closed then.
    pub(crate) fn next_moment(&self, now: Instant) -> Option<Instant> {
        let Change { begun, spread, .. } = *self.change.lock();
        (now <= begun + spread).then(|| now + spread / MOMENTS)
    }
}

/// How long it may take to replace `open` connections.
pub(crate) fn spread(open: u32) -> Duration {
    if open <= FEW { Duration::ZERO } else { EACH * open }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn each_of_an_older_generation_has_a_moment_of_its_own() {
        let generations = Generations::new();
        assert_eq!(generations.end_of(0, 7), None);
        generations.begin(Reason::Requested, MOMENTS * EACH);
        let begun = generations.change.lock().begun;
        let ends = [16, 17, 31].map(|number| generations.end_of(0, number).unwrap().1 - begun);
        assert_eq!(ends, [Duration::ZERO, EACH, 15 * EACH]);
        assert_eq!(generations.end_of(1, 17), None);
        assert_eq!(generations.next_moment(begun + EACH), Some(begun + 2 * EACH));
        assert_eq!(generations.next_moment(begun + 17 * EACH), None);
        assert_eq!((spread(5), spread(30)), (Duration::ZERO, 30 * EACH));
    }

    #[test]
    fn one_incident_counts_once_and_so_does_one_that_goes_on() {
        let generations = Generations::new();
        let begin =
            |of, pause| generations.begin_after(of, Reason::ReadOnly, Duration::ZERO, pause);
        assert!(begin(0, LONG));
        assert!(!begin(0, Duration::ZERO), "others of that generation show the same");
        assert!(!begin(1, LONG), "the next one shows it again at once");
        assert!(begin(1, Duration::ZERO));
        assert_eq!(generations.current(), 2);
    }
}
