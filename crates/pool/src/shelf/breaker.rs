//! The breaker: whether, when and how many at a time may be made, after what went wrong lately.
//!
//! - *Closed*: as many at a time as are wanted. A failure lets one maker at a time try, after a pause.
//! - *Open*, after [`OPENS_AFTER`] passing failures in a row with nothing alive: whoever asks is
//!   refused at once with the cause, and one maker goes on probing though nobody waits.
//! - The first success closes it. From there the number of new items doubles each [`RAMP_STEP`], so
//!   that a server that has just come back is not stormed.
//! - *Overload* (the server has no room for more) keeps what there is and halves the room above it;
//!   the ceiling climbs back step by step.

use std::time::{Duration, Instant};

/// Failures in a row that may be chance.
pub(super) const OPENS_AFTER: u32 = 3;
const RAMP_STEP: Duration = Duration::from_millis(50);
/// The seventh step would allow 127 items, which is no storm any more.
const RAMP_STEPS: u32 = 6;
/// How often the ceiling climbs after an overload.
const CLIMB: Duration = Duration::from_secs(1);
/// The part of the limit that it climbs by.
const CLIMB_PART: usize = 10;

/// What may be done about a failure to make something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setback {
    /// It may pass: the server is down, or on its way up.
    Transient,
    /// The server has no room for more.
    Overload,
    /// It stays wrong until somebody changes something.
    Permanent,
}

/// Why the last attempt failed, and when the next may begin.
#[derive(Clone, Debug)]
pub(crate) struct Trouble<C> {
    pub(crate) cause: C,
    pub(crate) setback: Setback,
    /// Failures in a row.
    pub(crate) failures: u32,
    /// The first of them.
    pub(crate) since: Instant,
    pub(crate) retry_at: Instant,
    /// The breaker is open.
    pub(crate) open: bool,
}

#[derive(Debug)]
pub(super) struct Breaker<C> {
    trouble: Option<Trouble<C>>,
    ramp: Option<Ramp>,
    ceiling: Option<Ceiling>,
}

/// How many items are there, and may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) live: usize,
    pub(super) most: usize,
}

/// The way up after an outage.
#[derive(Debug)]
struct Ramp {
    since: Instant,
    begun: u32,
}

/// The way up after an overload.
#[derive(Debug)]
struct Ceiling {
    most: usize,
    climbs_at: Instant,
}

impl<C> Default for Breaker<C> {
    fn default() -> Self {
        Self { trouble: None, ramp: None, ceiling: None }
    }
}

impl<C: Clone> Breaker<C> {
    pub(super) fn trouble(&self) -> Option<&Trouble<C>> {
        self.trouble.as_ref()
    }

    pub(super) fn is_open(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.open)
    }

    /// Until when nothing may begin; `None` if something may begin now. `creating` are under way.
    pub(super) fn holds_until(&self, now: Instant, creating: usize) -> Option<Instant> {
        match &self.trouble {
            Some(trouble) if trouble.retry_at > now => Some(trouble.retry_at),
            // One at a time; its end wakes whoever rests.
            Some(_) if creating > 0 => Some(now + CLIMB),
            Some(_) => None,
            None => self.ramp.as_ref().and_then(|ramp| ramp.holds_until(now)),
        }
    }

    /// Something is begun.
    pub(super) fn begun(&mut self, now: Instant) {
        self.ramp = self.ramp.take().filter(|ramp| ramp.steps(now) < RAMP_STEPS);
        if let Some(ramp) = &mut self.ramp {
            ramp.begun += 1;
        }
    }

    /// Something was made. Returns what is over now.
    pub(super) fn succeeded(&mut self, now: Instant) -> Option<Trouble<C>> {
        let trouble = self.trouble.take();
        if trouble.as_ref().is_some_and(|trouble| trouble.open) {
            self.ramp = Some(Ramp { since: now, begun: 0 });
        }
        trouble
    }

    /// Something could not be made; the next attempt is made after `pause`.
    pub(super) fn failed(
        &mut self,
        now: Instant,
        (cause, setback): (C, Setback),
        Room { live, most }: Room,
        pause: Duration,
    ) -> &Trouble<C> {
        let before = self.trouble.take();
        let failures = before.as_ref().map_or(0, |trouble| trouble.failures) + 1;
        let since = before.as_ref().map_or(now, |trouble| trouble.since);
        let was_open = before.is_some_and(|trouble| trouble.open);
        let opens = failures >= OPENS_AFTER && live == 0;
        let open = setback == Setback::Transient && (was_open || opens);
        if setback == Setback::Overload {
            let room = self.most(most).saturating_sub(live);
            // One more may always be tried.
            let halved = live + (room / 2).max(1);
            self.ceiling = Some(Ceiling { most: halved, climbs_at: now + pause + CLIMB });
        }
        let retry_at = now + pause;
        self.trouble.insert(Trouble { cause, setback, failures, since, retry_at, open })
    }

    /// The next attempt may be made at once: what was wrong may have been changed.
    pub(super) fn forgive(&mut self, now: Instant) {
        if let Some(trouble) = &mut self.trouble {
            trouble.retry_at = now;
        }
    }

    /// How many there may be now, of `most`.
    pub(super) fn most(&self, most: usize) -> usize {
        self.ceiling.as_ref().map_or(most, |ceiling| ceiling.most.min(most))
    }

    /// Lets the ceiling climb; tells when it climbs next.
    pub(super) fn climb(&mut self, now: Instant, most: usize) -> Option<Instant> {
        let ceiling = self.ceiling.as_mut()?;
        while ceiling.climbs_at <= now && ceiling.most < most {
            ceiling.most += (most / CLIMB_PART).max(1);
            ceiling.climbs_at += CLIMB;
        }
        if ceiling.most >= most {
            self.ceiling = None;
        }
        self.ceiling.as_ref().map(|ceiling| ceiling.climbs_at)
    }
}

impl Ramp {
    /// Whole steps since the first success.
    fn steps(&self, now: Instant) -> u32 {
        let passed = now.saturating_duration_since(self.since).as_millis() / RAMP_STEP.as_millis();
        u32::try_from(passed).unwrap_or(u32::MAX)
    }

    /// The end of this step, if all that it allows is begun.
    fn holds_until(&self, now: Instant) -> Option<Instant> {
        let steps = self.steps(now);
        // 1 in the first step, 2 more in the second, 4 more in the third …
        let full = steps < RAMP_STEPS && self.begun >= (2 << steps) - 1;
        full.then(|| self.since + RAMP_STEP * (steps + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const DOWN: (&str, Setback) = ("down", Setback::Transient);

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn it_opens_after_three_passing_failures_with_nothing_alive_and_the_first_success_closes_it() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for (live, open) in [(0, false), (0, false), (1, false), (0, true), (1, true)] {
            assert_eq!(breaker.failed(now, DOWN, Room { live, most: 9 }, SECOND).open, open);
        }
        assert_eq!(breaker.holds_until(now, 0), Some(now + SECOND));
        assert_eq!(breaker.holds_until(now + SECOND, 0), None);
        assert!(breaker.holds_until(now + SECOND, 1).is_some(), "one probes at a time");

        let over = breaker.succeeded(now + SECOND).unwrap();
        assert_eq!((over.failures, over.since, over.open), (5, now, true));
        assert!(!breaker.is_open());
    }

    #[test]
    fn what_does_not_pass_by_itself_does_not_open_it_and_ends_an_outage() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for setback in [Setback::Permanent, Setback::Overload].into_iter().cycle().take(8) {
            assert!(!breaker.failed(now, ("no", setback), Room { live: 0, most: 9 }, SECOND).open);
        }
        assert!(breaker.failed(now, DOWN, Room { live: 0, most: 9 }, SECOND).open);
        assert!(
            !breaker
                .failed(now, ("no", Setback::Permanent), Room { live: 0, most: 9 }, SECOND)
                .open
        );
    }

    #[test]
    fn after_an_outage_the_number_begun_doubles_with_each_step() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            breaker.failed(now, DOWN, Room { live: 0, most: 99 }, SECOND);
        }
        breaker.succeeded(now);
        let mut begun = 0;
        for (step, allowed) in (0..).zip([1, 3, 7, 15, 31, 63]) {
            let at = now + RAMP_STEP * step;
            while breaker.holds_until(at, 0).is_none() {
                breaker.begun(at);
                begun += 1;
            }
            assert_eq!(begun, allowed);
            assert_eq!(breaker.holds_until(at + ms(1), 0), Some(at + RAMP_STEP));
        }
        breaker.begun(now + ms(300));
        assert_eq!(breaker.holds_until(now + ms(300), 0), None, "the way up is over");
    }

    #[test]
    fn a_failure_that_was_no_outage_needs_no_way_up() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        breaker.failed(now, DOWN, Room { live: 0, most: 9 }, SECOND);
        breaker.succeeded(now);
        (0..9).for_each(|_| breaker.begun(now));
        assert_eq!(breaker.holds_until(now, 9), None);
    }

    #[test]
    fn an_overload_halves_the_room_above_what_there_is_and_the_ceiling_climbs_back() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        let full = ("full", Setback::Overload);
        for ceiling in [17, 10, 7, 5, 5] {
            breaker.failed(now, full, Room { live: 4, most: 30 }, SECOND);
            assert_eq!(breaker.most(30), ceiling);
        }
        assert_eq!(breaker.climb(now + SECOND, 30), Some(now + 2 * SECOND));
        assert_eq!(breaker.most(30), 5);
        for (seconds, ceiling) in [(2, 8), (3, 11), (9, 29), (10, 30)] {
            breaker.climb(now + seconds * SECOND, 30);
            assert_eq!(breaker.most(30), ceiling);
        }
        assert_eq!(breaker.climb(now + 11 * SECOND, 30), None);
    }

    #[test]
    fn a_change_lets_the_next_attempt_begin_at_once() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        breaker.failed(
            now,
            ("password", Setback::Permanent),
            Room { live: 0, most: 9 },
            5 * SECOND,
        );
        assert!(breaker.holds_until(now, 0).is_some());
        breaker.forgive(now);
        assert_eq!(breaker.holds_until(now, 0), None);
        assert_eq!(breaker.trouble().map(|trouble| trouble.failures), Some(1));
    }
}
