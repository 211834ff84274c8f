//! Time as a thing that is handed in, so that a test can turn it by hand.
//!
//! Whoever pauses (a retry, a backoff) takes a [`Clock`]; nothing else in the house sleeps.

use std::fmt::Debug;
use std::thread;
use std::time::{Duration, Instant};

/// Time, so that a test can turn it by hand.
pub trait Clock: Debug + Send + Sync {
    /// The present moment; it never goes back.
    fn now(&self) -> Instant;

    /// Lets `pause` pass.
    ///
    /// # Blocks
    /// For `pause`.
    fn sleep(&self, pause: Duration);
}

/// The clock on the wall: [`Instant::now`] and a sleeping thread.
///
/// ```
/// use std::time::Duration;
/// use steadfast_pool::{Clock, SystemClock};
///
/// let before = SystemClock.now();
/// SystemClock.sleep(Duration::from_millis(1));
/// assert!(SystemClock.now() >= before + Duration::from_millis(1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that sleeps")]
    fn sleep(&self, pause: Duration) {
        thread::sleep(pause);
    }
}

/// The present moment as of the kernel's last tick: behind by up to one tick (1 to 10 ms, 4 as a rule),
/// never ahead, for a fifth of what [`Instant::now`] costs.
#[cfg(target_os = "linux")]
pub(crate) fn recent() -> Instant {
    use std::sync::LazyLock;

    use rustix::time::{ClockId, clock_gettime};

    /// One moment on both clocks. The second was read later: what is derived from it is not ahead.
    static ANCHOR: LazyLock<(Instant, Duration)> =
        LazyLock::new(|| (Instant::now(), time_of(ClockId::Monotonic)));

    /// Since the start of the machine, which no clock is ahead of.
    fn time_of(clock: ClockId) -> Duration {
        Duration::try_from(clock_gettime(clock)).unwrap_or_default()
    }

    let (instant, then) = *ANCHOR;
    instant + time_of(ClockId::MonotonicCoarse).saturating_sub(then)
}

/// The present moment; only Linux knows a cheaper one.
#[cfg(not(target_os = "linux"))]
pub(crate) fn recent() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recent_moment_is_never_ahead_and_moves_with_the_other() {
        let begun = recent();
        let mut last = begun;
        let mut nearest = Duration::MAX;
        let end = Instant::now() + Duration::from_secs(20);
        while last < begun + Duration::from_millis(50) {
            let before = Instant::now();
            assert!(before < end, "it does not move");
            let it = recent();
            assert!(it >= last && it <= Instant::now());
            nearest = nearest.min(before.saturating_duration_since(it));
            last = it;
        }
        assert!(nearest <= Duration::from_millis(10), "behind by {nearest:?}");
    }
}
