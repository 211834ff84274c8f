//! Pauses between attempts: exponential backoff with full jitter.
//!
//! Each pause is drawn from zero to a ceiling that doubles, so that callers who failed together do
//! not come back together (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015).

use std::time::{Duration, Instant};

use steadfast_connection::Invalid;
use steadfast_pool::Clock;

const HOUR: Duration = Duration::from_secs(3600);

/// How long to pause before each further attempt.
///
/// ```
/// use std::time::Duration;
/// use steadfast_session::Backoff;
///
/// let backoff = Backoff::default().first(Duration::from_millis(5)).cap(Duration::from_millis(30));
/// assert_eq!(backoff.ceiling(2), Duration::from_millis(10));
/// assert_eq!(backoff.ceiling(9), Duration::from_millis(30));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
}

/// The pause would not end before the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoTime {
    pub(crate) left: Duration,
    pub(crate) pause: Duration,
}

impl Backoff {
    /// The ceiling of the first pause; above zero, at most [`cap`](Self::cap). Default 5 ms.
    #[must_use]
    pub fn first(mut self, first: Duration) -> Self {
        self.first = first;
        self
    }

    /// The ceiling of every pause; at most an hour. Default 250 ms.
    #[must_use]
    pub fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// The longest pause possible before attempt `n`; the first retry is 1.
    pub fn ceiling(&self, n: u32) -> Duration {
        // 2^20 times any sensible pause is beyond any cap, and the shift cannot overflow.
        self.first.saturating_mul(1 << n.saturating_sub(1).min(20)).min(self.cap)
    }

    /// Adds what is wrong to `invalid`, so that the caller's `build` reports all of it at once.
    pub(crate) fn check(&self, names: [&'static str; 2], invalid: &mut Vec<Invalid>) {
        let [first, cap] = names;
        if self.first.is_zero() || self.first > self.cap {
            invalid.push(Invalid::new(first, self.first, "above zero, at most the cap"));
        }
        if self.cap > HOUR {
            invalid.push(Invalid::new(cap, self.cap, "at most an hour"));
        }
    }

    /// Pauses before attempt `n`, and tells for how long. `chance` is drawn evenly from zero to one.
    ///
    /// # Blocks
    /// For at most [`ceiling(n)`](Self::ceiling), and never until `deadline`.
    ///
    /// # Errors
    /// [`NoTime`], at once, if the pause would not end before `deadline`.
    pub(crate) fn pause(
        &self,
        n: u32,
        chance: f64,
        deadline: Instant,
        clock: &dyn Clock,
    ) -> Result<Duration, NoTime> {
        let pause = self.ceiling(n).mul_f64(chance.clamp(0.0, 1.0));
        let left = deadline.saturating_duration_since(clock.now());
        if pause >= left {
            return Err(NoTime { left, pause });
        }
        clock.sleep(pause);
        Ok(pause)
    }
}

impl Default for Backoff {
    /// 5 ms doubling to 250 ms, which suits row locks.
    fn default() -> Self {
        Self { first: Duration::from_millis(5), cap: Duration::from_millis(250) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand_clock::HandClock;

    #[test]
    fn ceilings_double_until_the_cap() {
        let backoff = Backoff::default().first(ms(5)).cap(ms(30));
        assert_eq!([1, 2, 3, 4, 99].map(|n| backoff.ceiling(n)), [5, 10, 20, 30, 30].map(ms));
    }

    #[test]
    fn a_pause_is_drawn_between_zero_and_its_ceiling() {
        let clock = HandClock::new();
        let start = clock.now();
        let drawn = [0.0, 0.5, 1.0]
            .map(|chance| Backoff::default().pause(2, chance, start + ms(60_000), &clock));
        assert_eq!(drawn, [Ok(ms(0)), Ok(ms(5)), Ok(ms(10))]);
        assert_eq!(clock.now(), start + ms(15));
    }

    #[test]
    fn a_pause_that_would_pass_the_deadline_is_refused_without_waiting() {
        let clock = HandClock::new();
        let start = clock.now();

        let refused = Backoff::default().pause(1, 1.0, start + ms(4), &clock);

        assert_eq!(refused, Err(NoTime { left: ms(4), pause: ms(5) }));
        assert_eq!(clock.now(), start);
    }

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }
}
