//! The settings for bad days: what to do while the server is down, full, or too slow.

use std::error::Error;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use steadfast_connection::{Config, Invalid};

use super::{HOUR, MONTH, PoolConfig, TICK};
use crate::shelf::Setback;
use crate::target::Provider;

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
    pub(crate) max_waiters: u32,
    pub(crate) shedding: Option<Shedding>,
    pub(crate) abandon: Option<Abandon>,
    pub(crate) provider: Option<Provider>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Shedding {
    pub(crate) target: Duration,
    pub(crate) interval: Duration,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Abandon {
    pub(crate) after: Duration,
    pub(crate) budget: u32,
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

    /// How many callers may wait, 0 (no limit) to 1,000,000; the next one gets
    /// [`Error::QueueFull`](crate::Error::QueueFull) at once. Default 0.
    #[must_use]
    pub fn max_waiters(mut self, callers: u32) -> Self {
        self.bad_days.max_waiters = callers;
        self
    }

    /// Load shedding: if within `interval` nobody was served in less than `target`, whoever has
    /// waited for twice the target gets [`Error::Overloaded`](crate::Error::Overloaded), until
    /// somebody is served in less. `target` 1 ms to a minute, `interval` from `target` to an hour;
    /// 50 ms and 2 s suit a web service. Default off.
    #[must_use]
    pub fn load_shedding(mut self, target: Duration, interval: Duration) -> Self {
        self.bad_days.shedding = Some(Shedding { target, interval });
        self
    }

    /// Gives up the place of a connection that is held for longer than `after`, 100 ms to 30 days:
    /// whoever holds it hangs, or has forgotten it. Another is opened when somebody asks; the old one
    /// is closed when it comes back. `budget`, 1 to 10,000, is how many may be given up at a time:
    /// so many connections may be open above [`size`](Self::size) and
    /// [`overflow`](Self::overflow). Default off.
    #[must_use]
    pub fn abandon(mut self, after: Duration, budget: u32) -> Self {
        self.bad_days.abandon = Some(Abandon { after, budget });
        self
    }

    /// Who is asked before each connect where to connect and as whom, as for a password that is
    /// rotated. It gets the settings that the pool is built with, and gives those to use. It runs on a
    /// thread of the pool; its error, or its panic, counts as a failed connect that may pass. When its
    /// answer changes, what is open is replaced, more than five connections bit by bit. Default none.
    ///
    /// ```no_run
    /// # fn fetch() -> std::io::Result<String> { std::fs::read_to_string("/run/secrets/db") }
    /// use steadfast_pool::PoolConfig;
    ///
    /// let config = PoolConfig::new().provider(|base| Ok(base.clone().password(fetch()?)));
    /// ```
    #[must_use]
    pub fn provider<F>(mut self, provider: F) -> Self
    where
        F: Fn(&Config) -> Result<Config, Box<dyn Error + Send + Sync>> + Send + Sync + 'static,
    {
        self.bad_days.provider = Some(Provider(Arc::new(provider)));
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
        if let Some(Shedding { target, interval }) = self.shedding {
            let fits = (TICK..=60_000 * TICK).contains(&target);
            time("pool.load_shedding.target", target, fits, "1 ms to a minute");
            let fits = (target..=HOUR).contains(&interval);
            time("pool.load_shedding.interval", interval, fits, "the target to an hour");
        }
        if let Some(Abandon { after, .. }) = self.abandon {
            let fits = (100 * TICK..=MONTH).contains(&after);
            time("pool.abandon.after", after, fits, "100 ms to 30 days");
        }
        let mut number = |setting, value: u32, range: RangeInclusive<u32>, allowed: &str| {
            if !range.contains(&value) {
                invalid.push(Invalid::new(setting, value, allowed));
            }
        };
        let budget = self.abandon.map_or(1, |abandon| abandon.budget);
        number("pool.abandon.budget", budget, 1..=10_000, "1 to 10,000 connections");
        number("pool.max_waiters", self.max_waiters, 0..=1_000_000, "0 to 1,000,000 callers");
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
            max_waiters: 0,
            shedding: None,
            abandon: None,
            provider: None,
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
