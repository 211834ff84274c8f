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
