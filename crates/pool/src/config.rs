//! The settings of a pool: builder, checks and manual in one.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use steadfast_connection::{Config, Error as ConnectError, Invalid};

use crate::entry::Times;
use crate::listener::PoolListener;
use crate::shelf::Limits;
use crate::{Error, Pool};

mod bad_days;
mod birth;
mod lending;
mod seeing;

use bad_days::BadDays;
pub use bad_days::OnUnavailable;
use birth::Birth;
pub use birth::Prepared;
use lending::Lending;
pub use lending::{MultipleCheckouts, OnDeadlock};
use seeing::Seeing;

const HOUR: Duration = Duration::from_secs(3600);
const TICK: Duration = Duration::from_millis(1);
const KEEPALIVE_JITTER: f64 = 0.1;
/// How long before its end a connection is replaced at most.
pub(crate) const LEAD: Duration = Duration::from_secs(60);
/// Long enough for a server to have been forgotten, short enough to add to any clock.
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

/// What becomes of callers while a pool is paused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnPause {
    /// They wait; [`Error::Paused`] if the pool does not go on before their time is over.
    #[default]
    Wait,
    /// They get [`Error::Paused`] at once.
    Fail,
}

/// How a pool keeps and lends connections.
///
/// ```no_run
/// use std::time::Duration;
/// use steadfast_pool::PoolConfig;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = steadfast_connection::Config::from_url("mysql://app:secret@db.example/shop")?;
/// let pool = PoolConfig::new().size(16).timeout(Duration::from_secs(5)).build(server)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PoolConfig {
    pub(crate) name: String,
    pub(crate) size: u32,
    pub(crate) overflow: u32,
    pub(crate) hard_limit: Option<u32>,
    pub(crate) on_pause: OnPause,
    pub(crate) min_idle: u32,
    pub(crate) birth: Birth,
    pub(crate) lending: Lending,
    pub(crate) timeout: Duration,
    pub(crate) recycle: Duration,
    pub(crate) recycle_jitter: f64,
    pub(crate) max_idle_time: Option<Duration>,
    pub(crate) keepalive: Option<Duration>,
    pub(crate) pre_ping: bool,
    pub(crate) bypass: Duration,
    pub(crate) validation_timeout: Duration,
    pub(crate) barging: Duration,
    pub(crate) bad_days: BadDays,
    pub(crate) seeing: Seeing,
    pub(crate) listener: Option<Arc<dyn PoolListener>>,
}

impl PoolConfig {
    /// The documented defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The pool's name in errors, logs and events, 1 to 64 characters. Default `main`.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Connections kept open, 1 to 10,000. Default 10.
    #[must_use]
    pub fn size(mut self, connections: u32) -> Self {
        self.size = connections;
        self
    }

    /// Connections above [`size`](Self::size) that a burst may open, 0 to 10,000. They are closed
    /// when they come back and nobody waits, or a while later
    /// ([`overflow_linger`](Self::overflow_linger)). Default 20.
    #[must_use]
    pub fn overflow(mut self, connections: u32) -> Self {
        self.overflow = connections;
        self
    }

    /// Connections that [`Pool::resize`] may allow at most, size and overflow together, up to 20,000;
    /// never below those configured. Default `None`: as many as configured.
    #[must_use]
    pub fn hard_limit(mut self, connections: Option<u32>) -> Self {
        self.hard_limit = connections;
        self
    }

    /// What becomes of callers while the pool is [paused](Pool::pause). Default [`OnPause::Wait`].
    #[must_use]
    pub fn on_pause(mut self, policy: OnPause) -> Self {
        self.on_pause = policy;
        self
    }

    /// Idle connections that are opened before anybody asks, 0 to [`size`](Self::size). Default 0:
    /// the first is opened when the first caller asks.
    #[must_use]
    pub fn min_idle(mut self, connections: u32) -> Self {
        self.min_idle = connections;
        self
    }

    /// How long [`Pool::get`] waits at most, 1 ms to an hour. Default 30 s.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

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

    /// Whether a connection that was not used within [`bypass`](Self::bypass) is pinged before it
    /// is lent. Default true.
    #[must_use]
    pub fn pre_ping(mut self, ping: bool) -> Self {
        self.pre_ping = ping;
        self
    }

    /// How long after its last use a connection is taken for alive, zero (always ping) to an hour.
    /// Default 500 ms.
    #[must_use]
    pub fn bypass(mut self, window: Duration) -> Self {
        self.bypass = window;
        self
    }

    /// How long a ping or a reset may take, 1 ms to an hour; a caller's deadline comes first.
    /// Default 5 s.
    #[must_use]
    pub fn validation_timeout(mut self, limit: Duration) -> Self {
        self.validation_timeout = limit;
        self
    }

    /// How long the oldest waiter may be overtaken by callers who find something on the shelf, zero
    /// (strictly in order) to 100 ms; 32 times as long while connections are held for less than any
    /// round trip takes. Default 300 µs.
    #[must_use]
    pub fn barging(mut self, window: Duration) -> Self {
        self.barging = window;
        self
    }

    /// Who hears what happens. Default nobody, which costs nothing.
    #[must_use]
    pub fn listener(mut self, listener: Arc<dyn PoolListener>) -> Self {
        self.listener = Some(listener);
        self
    }

    /// Makes the pool. It connects when somebody asks, or in the background if
    /// [`min_idle`](Self::min_idle) says so.
    ///
    /// # Errors
    /// [`Error::Config`] names every setting that is out of range, those of `server` included.
    pub fn build(self, server: Config) -> Result<Pool, Error> {
        let mut invalid = self.check();
        match server.validate() {
            Ok(()) => {}
            Err(ConnectError::Config(more)) => invalid.extend(more),
            Err(other) => return Err(Error::Connect(Arc::new(other))),
        }
        if invalid.is_empty() { Ok(Pool::open(self, server)) } else { Err(Error::Config(invalid)) }
    }

    fn check(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        if !(1..=64).contains(&self.name.chars().count()) {
            invalid.push(Invalid::new("pool.name", &self.name, "1 to 64 characters"));
        }
        if !(1..=10_000).contains(&self.size) {
            invalid.push(Invalid::new("pool.size", self.size, "1 to 10,000 connections"));
        }
        if self.overflow > 10_000 {
            invalid.push(Invalid::new("pool.overflow", self.overflow, "0 to 10,000 connections"));
        }
        let most = self.size.saturating_add(self.overflow);
        if self.hard_limit.is_some_and(|limit| limit < most || limit > 20_000) {
            let allowed = "pool.size + pool.overflow to 20,000 connections, or none";
            invalid.push(Invalid::new("pool.hard_limit", self.hard_limit, allowed));
        }
        if self.min_idle > self.size {
            invalid.push(Invalid::new("pool.min_idle", self.min_idle, "0 to pool.size"));
        }
        if !(0.0..=1.0).contains(&self.recycle_jitter) {
            invalid.push(Invalid::new("pool.recycle_jitter", self.recycle_jitter, "0 to 1"));
        }
        let mut time =
            |setting, value: Duration, range: RangeInclusive<Duration>, allowed: &str| {
                if !range.contains(&value) {
                    invalid.push(Invalid::new(setting, value, allowed));
                }
            };
        time("pool.timeout", self.timeout, TICK..=HOUR, "1 ms to an hour");
        time("pool.recycle", self.recycle, TICK..=MONTH, "1 ms to 30 days");
        if let Some(limit) = self.max_idle_time {
            time("pool.max_idle_time", limit, TICK..=MONTH, "1 ms to 30 days, or none");
        }
        if let Some(limit) = self.keepalive {
            time("pool.keepalive", limit, TICK..=MONTH, "1 ms to 30 days, or none");
        }
        time("pool.bypass", self.bypass, Duration::ZERO..=HOUR, "zero to an hour");
        time("pool.validation_timeout", self.validation_timeout, TICK..=HOUR, "1 ms to an hour");
        time("pool.barging", self.barging, Duration::ZERO..=100 * TICK, "zero to 100 ms");
        self.bad_days.check(&mut invalid);
        self.birth.check(&mut invalid);
        self.lending.check(&mut invalid);
        self.seeing.check(&mut invalid);
        invalid
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            keep: self.size as usize,
            most: (self.size + self.overflow) as usize,
            spare: self.min_idle as usize,
            barging: self.barging,
            queue_while_paused: self.on_pause == OnPause::Wait,
            linger: !self.lending.overflow_linger.is_zero(),
        }
    }

    /// What r2d2 enrols at most.
    pub(crate) fn roll(&self) -> u32 {
        self.hard_limit.unwrap_or(self.size + self.overflow)
    }

    /// The times of a connection born now. `chance` is drawn evenly from zero to one.
    pub(crate) fn times(&self, chance: f64) -> Times {
        let chance = chance.clamp(0.0, 1.0);
        let age = self.recycle.mul_f64(1.0 - self.recycle_jitter * chance);
        let rest = self.keepalive.map(|limit| limit.mul_f64(1.0 - KEEPALIVE_JITTER * chance));
        Times { age, lead: (age / 10).min(LEAD), rest }
    }
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            name: "main".to_owned(),
            size: 10,
            overflow: 20,
            hard_limit: None,
            on_pause: OnPause::Wait,
            min_idle: 0,
            birth: Birth::default(),
            lending: Lending::default(),
            timeout: Duration::from_secs(30),
            recycle: HOUR,
            recycle_jitter: 0.2,
            max_idle_time: None,
            keepalive: Some(Duration::from_secs(120)),
            pre_ping: true,
            bypass: Duration::from_millis(500),
            validation_timeout: Duration::from_secs(5),
            barging: Duration::from_micros(300),
            bad_days: BadDays::default(),
            seeing: Seeing::default(),
            listener: None,
        }
    }
}

impl fmt::Debug for PoolConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolConfig")
            .field("name", &self.name)
            .field("size", &self.size)
            .field("overflow", &self.overflow)
            .field("hard_limit", &self.hard_limit)
            .field("on_pause", &self.on_pause)
            .field("min_idle", &self.min_idle)
            .field("birth", &self.birth)
            .field("lending", &self.lending)
            .field("timeout", &self.timeout)
            .field("recycle", &self.recycle)
            .field("max_idle_time", &self.max_idle_time)
            .field("keepalive", &self.keepalive)
            .field("pre_ping", &self.pre_ping)
            .field("bad_days", &self.bad_days)
            .field("seeing", &self.seeing)
            .field("listener", &self.listener.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_told_at_once_with_value_and_range() {
        let config = PoolConfig::new()
            .name("")
            .size(0)
            .overflow(10_001)
            .hard_limit(Some(1))
            .min_idle(1)
            .timeout(Duration::ZERO)
            .recycle(Duration::ZERO)
            .recycle_jitter(f64::NAN)
            .max_idle_time(Some(Duration::MAX))
            .keepalive(Some(Duration::ZERO))
            .bypass(2 * HOUR)
            .validation_timeout(Duration::ZERO)
            .barging(HOUR)
            .connect_retry(HOUR, Duration::from_millis(1))
            .refused_retry(Duration::ZERO);

        let told: Vec<_> = config.check().iter().map(|it| it.setting()).collect();

        assert_eq!(
            told,
            [
                "pool.name",
                "pool.size",
                "pool.overflow",
                "pool.hard_limit",
                "pool.min_idle",
                "pool.recycle_jitter",
                "pool.timeout",
                "pool.recycle",
                "pool.max_idle_time",
                "pool.keepalive",
                "pool.bypass",
                "pool.validation_timeout",
                "pool.barging",
                "pool.connect_retry.first",
                "pool.refused_retry",
            ]
        );
        let size = config.check().into_iter().nth(1).map(|it| it.to_string());
        assert!(size.is_some_and(|it| it.contains("pool.size = 0") && it.contains("1 to 10,000")));
    }

    #[test]
    fn the_edges_of_every_range_are_allowed() {
        let low = PoolConfig::new().size(1).overflow(0).timeout(TICK).bypass(Duration::ZERO);
        let high = PoolConfig::new().size(10_000).overflow(10_000).min_idle(10_000).timeout(HOUR);
        assert_eq!(low.check(), []);
        assert_eq!(high.check(), []);
    }

    #[test]
    fn ages_differ_downward_only() {
        let config = PoolConfig::new();
        let seconds = |chance| {
            let Times { age, lead, rest } = config.times(chance);
            [age, lead, rest.unwrap_or_default()].map(|time| time.as_secs())
        };
        assert_eq!(seconds(0.0), [3600, 60, 120]);
        assert_eq!(seconds(1.0), [2880, 60, 108]);
        assert_eq!(config.clone().recycle(10 * TICK).times(0.0).lead, TICK);
    }
}
