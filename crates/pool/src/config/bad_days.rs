//! The settings for bad days: what to do while the server is down, full, or too slow.

use std::time::Duration;

use steadfast_connection::Invalid;

use super::{HOUR, PoolConfig, TICK};
use crate::shelf::Setback;

/// The first pause after the server said that it is full.
const OVERLOAD_PAUSE: Duration = Duration::from_secs(1);

/// What a caller gets while the server is down: no connection is alive, and three attempts in a row
/// to open one have failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnUnavailable {
    /// [`Error::Unavailable`](crate::Error::Unavailable) at once, with the cause.
    #[default]
    FailFast,
    /// The first connection when the server is back, or
    /// [`Error::Timeout`](crate::Error::Timeout) with the cause.
    Wait,
}

#[derive(Clone, Debug)]
pub(crate) struct BadDays {
    pub(crate) on_unavailable: OnUnavailable,
    retry_first: Duration,
    retry_cap: Duration,
    refused_retry: Duration,
}

impl PoolConfig {
    /// Whether a caller waits while the server is down. Default [`OnUnavailable::FailFast`].
    #[must_use]
    pub fn on_unavailable(mut self, stance: OnUnavailable) -> Self {
        self.bad_days.on_unavailable = stance;
        self
    }

    /// The pause after the first failed connect, doubling to `cap`; above zero, and `cap` at most an
    /// hour. Each is multiplied by a number drawn from a half to one and a half. Default 50 ms and
    /// 100 ms: only one thread tries at a time, so a server that is back is found soon and not
    /// flooded.
    #[must_use]
    pub fn connect_retry(mut self, first: Duration, cap: Duration) -> Self {
        (self.bad_days.retry_first, self.bad_days.retry_cap) = (first, cap);
        self
    }

    /// The pause after a failure that stays until somebody changes something (a wrong password, an
    /// unknown database), 1 ms to an hour. Until it is over, all who ask get that failure at once;
    /// [`Pool::invalidate`](crate::Pool::invalidate) ends it. Default 5 s.
    #[must_use]
    pub fn refused_retry(mut self, pause: Duration) -> Self {
        self.bad_days.refused_retry = pause;
        self
    }
}

impl BadDays {
    pub(super) fn check(&self, invalid: &mut Vec<Invalid>) {
        let mut time = |setting, value: Duration, fits: bool, allowed: &str| {
            if !fits {
                invalid.push(Invalid::new(setting, value, allowed));
            }
        };
        let Self { retry_first: first, retry_cap: cap, refused_retry: refused, .. } = *self;
        let fits = !first.is_zero() && first <= cap.max(Duration::from_nanos(1));
        time("pool.connect_retry.first", first, fits, "above zero, at most the cap");
        let fits = !cap.is_zero() && cap <= HOUR;
        time("pool.connect_retry.cap", cap, fits, "above zero, at most an hour");
        let fits = (TICK..=HOUR).contains(&refused);
        time("pool.refused_retry", refused, fits, "1 ms to an hour");
    }

    /// The pause after `failures` failed connects in a row. `chance` is drawn evenly from zero to
    /// one.
    pub(crate) fn pause(&self, setback: Setback, failures: u32, chance: f64) -> Duration {
        let pause = match setback {
            Setback::Permanent => return self.refused_retry,
            Setback::Overload => OVERLOAD_PAUSE,
            // 2^20 times any sensible pause is beyond any cap, and the shift cannot overflow.
            Setback::Transient => self
                .retry_first
                .saturating_mul(1 << failures.saturating_sub(1).min(20))
                .min(self.retry_cap),
        };
        pause.mul_f64(0.5 + chance.clamp(0.0, 1.0))
    }
}

impl Default for BadDays {
    fn default() -> Self {
        Self {
            on_unavailable: OnUnavailable::default(),
            retry_first: Duration::from_millis(50),
            retry_cap: Duration::from_millis(100),
            refused_retry: Duration::from_secs(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_the_cap_and_spread_to_both_sides() {
        let cap = Duration::from_millis(500);
        let days = BadDays { retry_cap: cap, ..BadDays::default() };
        let pause = |n, chance| days.pause(Setback::Transient, n, chance).as_millis();
        assert_eq!([1, 2, 4, 5, 99].map(|n| pause(n, 0.5)), [50, 100, 400, 500, 500]);
        assert_eq!((pause(2, 0.0), pause(2, 1.0)), (50, 150));
        assert_eq!(days.pause(Setback::Overload, 9, 0.5), OVERLOAD_PAUSE);
        assert_eq!(days.pause(Setback::Permanent, 9, 1.0), Duration::from_secs(5));
    }
}
