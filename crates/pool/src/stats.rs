//! The pool in numbers, read without a lock.
//!
//! The four gauges are one `AtomicU64` of four 16-bit fields, written under the shelf's lock: a reader
//! sees the numbers of one moment, and never makes a checkout wait. (A `state()` that takes the hot
//! lock was the cause of an incident at a large r2d2 user, see docs/decisions.md.)

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use crate::metrics::Timing;

/// The pool in numbers.
///
/// The first four belong to one moment; the counters run from the pool's birth and may be a few
/// steps ahead of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections on the shelf, ready to be lent.
    pub idle: u32,
    /// Connections that somebody holds.
    pub lent: u32,
    /// Connections that are being opened.
    pub creating: u32,
    /// Callers that wait for a connection (65,535 stands for that many or more).
    pub waiting: u32,
    /// Connections that are kept open, as configured.
    pub size: u32,
    /// Connections above `size` that a burst may open, as configured.
    pub overflow: u32,
    /// Connections lent so far.
    pub checkouts: u64,
    /// Callers that had to wait.
    pub waits: u64,
    /// Callers that waited in vain.
    pub timeouts: u64,
    /// Connections opened.
    pub connects: u64,
    /// Attempts to open one that failed.
    pub connect_failures: u64,
    /// Connections closed for good.
    pub retired: u64,
}

impl Stats {
    /// Connections that are open: idle or lent.
    pub fn open(&self) -> u32 {
        self.idle + self.lent
    }
}

/// The numbers as they are kept.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    packed: AtomicU64,
    checkouts: AtomicU64,
    pub(crate) waits: AtomicU64,
    pub(crate) timeouts: AtomicU64,
    pub(crate) connects: AtomicU64,
    pub(crate) connect_failures: AtomicU64,
    pub(crate) retired: AtomicU64,
    /// Lent, but found dead before the caller had it.
    pub(crate) taken_back: AtomicU64,
    /// How long things take, if that is wanted.
    pub(crate) timing: Option<Box<Timing>>,
}

impl Gauges {
    /// Called under the shelf's lock only.
    pub(crate) fn used(&self, since: Instant, until: Instant) {
        if let Some(timing) = &self.timing {
            timing.used.add_alone(until.saturating_duration_since(since));
        }
    }

    /// Whether somebody waits, perhaps since this very moment.
    pub(crate) fn somebody_waits(&self) -> bool {
        self.packed.load(Relaxed) & u64::from(u16::MAX) != 0
    }

    /// Called under the shelf's lock only, so a plain store is enough.
    pub(crate) fn show(&self, idle: usize, lent: usize, creating: usize, waiting: usize) {
        let packed = [idle, lent, creating, waiting]
            .into_iter()
            .fold(0, |packed, number| packed << 16 | u64::from(sixteen_bits(number)));
        self.packed.store(packed, Relaxed);
    }

    /// Called under the shelf's lock only: there is no second writer that could be lost.
    pub(crate) fn lent_one_more(&self) {
        self.checkouts.store(self.checkouts.load(Relaxed) + 1, Relaxed);
    }

    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    pub(crate) fn read(&self, size: u32, overflow: u32) -> Stats {
        let [i0, i1, l0, l1, c0, c1, w0, w1] = self.packed.load(Relaxed).to_be_bytes();
        let field = |high, low| u32::from(u16::from_be_bytes([high, low]));
        Stats {
            idle: field(i0, i1),
            lent: field(l0, l1),
            creating: field(c0, c1),
            waiting: field(w0, w1),
            size,
            overflow,
            checkouts: self.checkouts.load(Relaxed).saturating_sub(self.taken_back.load(Relaxed)),
            waits: self.waits.load(Relaxed),
            timeouts: self.timeouts.load(Relaxed),
            connects: self.connects.load(Relaxed),
            connect_failures: self.connect_failures.load(Relaxed),
            retired: self.retired.load(Relaxed),
        }
    }
}

fn sixteen_bits(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_gauges_keep_apart_and_too_many_waiters_do_not_spill() {
        let gauges = Gauges::default();

        assert!(!gauges.somebody_waits());
        gauges.show(1, 20_000, 3, 1_000_000);
        assert!(gauges.somebody_waits());
        let stats = gauges.read(10, 20);

        assert_eq!(
            (stats.idle, stats.lent, stats.creating, stats.waiting),
            (1, 20_000, 3, u32::from(u16::MAX))
        );
    }
}
