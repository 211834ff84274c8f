//! The settings for seeing: what is measured, and who is suspected of a leak.

use std::time::Duration;

use steadfast_connection::Invalid;

use super::{MONTH, PoolConfig, TICK};

#[derive(Clone, Debug)]
pub(crate) struct Seeing {
    pub(crate) metrics: bool,
    pub(crate) leak_threshold: Option<Duration>,
    pub(crate) leak_stack: bool,
}

impl Default for Seeing {
    fn default() -> Self {
        Self { metrics: true, leak_threshold: None, leak_stack: false }
    }
}

impl PoolConfig {
    /// Whether it is measured how long callers wait, connections are held, and opening one takes
    /// ([`Pool::metrics`](crate::Pool::metrics)). Default true. Without it, and without a listener, a
    /// checkout costs half as much: times are then read from a clock that moves in steps of some
    /// 4 ms, and so do [`bypass`](Self::bypass) and the age of a holder. What is counted is counted
    /// anyway.
    #[must_use]
    pub fn metrics(mut self, measured: bool) -> Self {
        self.seeing.metrics = measured;
        self
    }

    /// How long a connection may be held, 1 ms to 30 days, before its holder is suspected of having
    /// lost it: once for each loan, place and thread are told to the log and to
    /// [`leak_suspected`](crate::PoolListener::leak_suspected). Nothing is taken away. `None` suspects
    /// nobody. Default `None`; a minute is right for most services that only answer requests.
    #[must_use]
    pub fn leak_threshold(mut self, held: Option<Duration>) -> Self {
        self.seeing.leak_threshold = held;
        self
    }

    /// Whether the stack is written down at each checkout, for
    /// [`Holder::stack`](crate::Holder::stack). It costs microseconds each time, and a hundred where
    /// there is no debug information to leave out: for the hunt, not for every day. Default false.
    #[must_use]
    pub fn leak_stack(mut self, captured: bool) -> Self {
        self.seeing.leak_stack = captured;
        self
    }
}

impl Seeing {
    pub(super) fn check(&self, invalid: &mut Vec<Invalid>) {
        if let Some(held) = self.leak_threshold
            && !(TICK..=MONTH).contains(&held)
        {
            invalid.push(Invalid::new("pool.leak_threshold", held, "1 ms to 30 days, or none"));
        }
    }
}
