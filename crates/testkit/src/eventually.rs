//! Waiting for what only polling can see.

use std::thread;
use std::time::{Duration, Instant};

const FIRST_PAUSE: Duration = Duration::from_micros(200);
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

/// Asks `condition` again and again until it is true.
///
/// The first pauses are short, so that a limit may be generous and costs nothing when all is well.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use std::time::Duration;
/// use steadfast_testkit::eventually;
///
/// let done = AtomicBool::new(false);
/// std::thread::scope(|scope| {
///     scope.spawn(|| done.store(true, Ordering::Release));
///     eventually(Duration::from_secs(10), || done.load(Ordering::Acquire));
/// });
/// ```
///
/// # Blocks
/// For at most about `within`, and as long as one call of `condition` takes.
///
/// # Panics
/// At the caller's place, if `condition` was not true in that time.
#[track_caller]
pub fn eventually(within: Duration, condition: impl FnMut() -> bool) {
    assert!(becomes_true(within, condition), "still not true after {within:?}");
}

/// The same without the panic: whether `condition` became true.
pub(crate) fn becomes_true(within: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + within;
    let mut pause = FIRST_PAUSE;
    loop {
        // The clock is read first: the last look happens after the deadline, not before it.
        let over = Instant::now() >= deadline;
        if condition() {
            return true;
        }
        if over {
            return false;
        }
        #[expect(clippy::disallowed_methods, reason = "this is the one place where a test polls")]
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
