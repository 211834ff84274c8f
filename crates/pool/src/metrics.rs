//! The pool as a monitoring system takes it: `OpenTelemetry`'s names and units over our numbers.
//!
//! An exporter reads [`Metrics::instruments`] at its own pace; nothing is pushed, and no exporter is a
//! dependency. Names and units are those of the semantic conventions for database client metrics
//! (`db.client.connection.*`, status *development* in August 2026).

use std::sync::Arc;
use std::time::Duration;

use crate::histogram::{Histogram, Tally};
use crate::stats::Stats;

/// How long things took, as it is kept.
#[derive(Debug, Default)]
pub(crate) struct Timing {
    /// What was waited by those who did not get a connection at once; the others are counted only.
    pub(crate) wait: Tally,
    /// Written under the shelf's lock only.
    pub(crate) used: Tally,
    pub(crate) create: Tally,
}

/// A pool's numbers and times at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Metrics {
    /// The pool's name.
    pub pool: Arc<str>,
    /// Gauges and counters.
    pub stats: Stats,
    /// Idle connections that are opened before anybody asks, as configured.
    pub min_idle: u32,
    /// How long things took; `None` if [`PoolConfig::metrics`](crate::PoolConfig::metrics) is off.
    pub times: Option<Times>,
}

/// How long things took since the pool's birth.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Times {
    /// What callers waited that got a connection, a ping included; one that lay ready counts as no
    /// time.
    pub wait: Histogram,
    /// How long connections were held.
    pub used: Histogram,
    /// How long it took to open those that could be opened.
    pub create: Histogram,
}

impl Times {
    /// `ready` are the checkouts that waited for nothing.
    pub(crate) fn read(timing: &Timing, checkouts: u64) -> Self {
        let slow = timing.wait.read(0).count();
        Self {
            wait: timing.wait.read(checkouts.saturating_sub(slow)),
            used: timing.used.read(0),
            create: timing.create.read(0),
        }
    }
}

/// One of `OpenTelemetry`'s instruments. Each of its points carries the attribute
/// `db.client.connection.pool.name`, which is [`Metrics::pool`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Instrument<'a> {
    /// Such as `db.client.connection.count`.
    pub name: &'static str,
    /// In UCUM, such as `s` or `{connection}`.
    pub unit: &'static str,
    /// The attribute `db.client.connection.state`, where there is one: `idle` or `used`.
    pub state: Option<&'static str>,
    /// What it shows.
    pub value: Value<'a>,
}

/// What an [`Instrument`] shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// An `UpDownCounter`: how many there are now.
    Level(u32),
    /// A `Counter`: how many there were since the pool's birth.
    Total(u64),
    /// A `Histogram`, in seconds, since the pool's birth.
    Times(&'a Histogram),
}

/// Bounds in seconds for the three histograms, for an exporter that has no better: the conventions
/// give none for them; these are the ones of `db.client.operation.duration`, and two below.
pub const BOUNDS: [Duration; 11] = [
    Duration::from_micros(10),
    Duration::from_micros(100),
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

impl Metrics {
    /// All that there is to export: seven levels and totals, and the three histograms if they are
    /// kept.
    pub fn instruments(&self) -> impl Iterator<Item = Instrument<'_>> {
        let Stats { idle, lent, waiting, size, overflow, timeouts, .. } = self.stats;
        let level =
            |name, unit, state, value| Instrument { name, unit, state, value: Value::Level(value) };
        let levels = [
            level("db.client.connection.count", "{connection}", Some("idle"), idle),
            level("db.client.connection.count", "{connection}", Some("used"), lent),
            level("db.client.connection.idle.max", "{connection}", None, size),
            level("db.client.connection.idle.min", "{connection}", None, self.min_idle),
            level("db.client.connection.max", "{connection}", None, size + overflow),
            level("db.client.connection.pending_requests", "{request}", None, waiting),
        ];
        let timeouts = Instrument {
            name: "db.client.connection.timeouts",
            unit: "{timeout}",
            state: None,
            value: Value::Total(timeouts),
        };
        let times = self.times.as_ref().map(|times| {
            [
                ("db.client.connection.create_time", &times.create),
                ("db.client.connection.wait_time", &times.wait),
                ("db.client.connection.use_time", &times.used),
            ]
        });
        let times = times.into_iter().flatten().map(|(name, histogram)| Instrument {
            name,
            unit: "s",
            state: None,
            value: Value::Times(histogram),
        });
        levels.into_iter().chain([timeouts]).chain(times)
    }
}
