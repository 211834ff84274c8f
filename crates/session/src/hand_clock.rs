//! A clock that a test turns by hand: a sleep is over at once, and the clock shows it.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use steadfast_pool::Clock;

#[derive(Debug)]
pub(crate) struct HandClock {
    now: Mutex<Instant>,
}

impl HandClock {
    pub(crate) fn new() -> Self {
        Self { now: Mutex::new(Instant::now()) }
    }
}

impl Clock for HandClock {
    fn now(&self) -> Instant {
        *self.now.lock()
    }

    fn sleep(&self, pause: Duration) {
        *self.now.lock() += pause;
    }
}
