//! The settings for connections that grow old or rest.

use std::time::Duration;

use super::PoolConfig;
use crate::entry::Times;

const KEEPALIVE_JITTER: f64 = 0.1;
/// How long before its end a connection is replaced at most.
pub(crate) const LEAD: Duration = Duration::from_secs(60);

impl PoolConfig {
    /// The age at which a connection is closed, 1 ms to 30 days; keep it below the server's
    /// `wait_timeout`. Default an hour. Its replacement is opened before, in the last tenth of its
    /// life, a minute at most; a tenth of [`size`](Self::size) is replaced at a time. While connecting
    /// fails, age is no reason to close one.
    #[must_use]
    pub fn recycle(mut self, age: Duration) -> Self {
        self.recycle = age;
        self
    }

    /// The part of [`recycle`](Self::recycle), 0 to 1, by which ages differ downward, so that
    /// connections born together do not die together. Default 0.2.
    #[must_use]
    pub fn recycle_jitter(mut self, part: f64) -> Self {
        self.recycle_jitter = part;
        self
    }

    /// How long a connection above [`min_idle`](Self::min_idle) may be idle, 1 ms to 30 days, or
    /// `None` for ever. Default `None`.
    #[must_use]
    pub fn max_idle_time(mut self, limit: Option<Duration>) -> Self {
        self.max_idle_time = limit;
        self
    }

    /// How long a connection may be idle until the pool pings it, 1 ms to 30 days, or `None` for
    /// never; each time up to a tenth less, so that they are not pinged together. Keep it below the server's
    /// `wait_timeout` and whatever cuts idle connections on the way. Default two minutes.
    #[must_use]
    pub fn keepalive(mut self, limit: Option<Duration>) -> Self {
        self.keepalive = limit;
        self
    }

    /// The times of a connection born now. `chance` is drawn evenly from zero to one.
    pub(crate) fn times(&self, chance: f64) -> Times {
        let chance = chance.clamp(0.0, 1.0);
        let age = self.recycle.mul_f64(1.0 - self.recycle_jitter * chance);
        let rest = self.keepalive.map(|limit| limit.mul_f64(1.0 - KEEPALIVE_JITTER * chance));
        Times { age, lead: (age / 10).min(LEAD), rest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_differ_downward_only() {
        let config = PoolConfig::new();
        let seconds = |chance| {
            let Times { age, lead, rest } = config.times(chance);
            [age, lead, rest.unwrap_or_default()].map(|time| time.as_secs())
        };
        assert_eq!(seconds(0.0), [3600, 60, 120]);
        assert_eq!(seconds(1.0), [2880, 60, 108]);
        assert_eq!(
            config.clone().recycle(Duration::from_millis(10)).times(0.0).lead,
            Duration::from_millis(1)
        );
    }
}
