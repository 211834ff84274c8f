//! The kernel's coarse clock: for a reader to whom a few milliseconds do not matter.
//!
//! `CLOCK_MONOTONIC_COARSE` is the time of the last tick, which the kernel has written down anyway, so
//! that no processor's counter is read: 5 ns instead of 24, where a whole checkout takes 60.
//! (`rustix` has it without `unsafe` here, but ends the process under valgrind.)

use std::time::Instant;

/// The present moment as of the kernel's last tick: behind by up to one tick (1 to 10 ms, 4 as a rule),
/// never ahead of [`Instant::now`], for a fifth of its price. Only Linux has such a clock; elsewhere it
/// is [`Instant::now`].
///
/// ```
/// use std::time::Instant;
///
/// assert!(steadfast_connection::recent() <= Instant::now());
/// ```
#[inline]
pub fn recent() -> Instant {
    #[cfg(target_os = "linux")]
    if let Some(moment) = coarse::now() {
        return moment;
    }
    Instant::now()
}

#[cfg(target_os = "linux")]
mod coarse {
    use std::sync::LazyLock;
    use std::time::{Duration, Instant};

    /// One moment on both clocks. The second was read later: what is derived from it is never ahead.
    static ANCHOR: LazyLock<(Instant, Option<Duration>)> =
        LazyLock::new(|| (Instant::now(), read(libc::CLOCK_MONOTONIC)));

    /// `None` if the kernel has no such clock.
    pub(super) fn now() -> Option<Instant> {
        let (instant, then) = *ANCHOR;
        let since = read(libc::CLOCK_MONOTONIC_COARSE)?.saturating_sub(then?);
        Some(instant + since)
    }

    /// Since the start of the machine.
    fn read(clock: libc::clockid_t) -> Option<Duration> {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is valid for the one write, and nothing is kept.
        let told = unsafe { libc::clock_gettime(clock, &raw mut time) };
        let whole = u64::try_from(time.tv_sec).ok()?;
        let part = u32::try_from(time.tv_nsec).ok()?;
        (told == 0).then(|| Duration::new(whole, part))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
