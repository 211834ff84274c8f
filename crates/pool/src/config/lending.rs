//! The settings for lending: what becomes of those who hold one and ask for another, and of what a
//! burst leaves behind.

use std::time::Duration;

use steadfast_connection::Invalid;

use super::{HOUR, PoolConfig};

/// What becomes of a thread that holds a connection of a pool and asks it for another. Enough of them
/// at a time wait for each other for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MultipleCheckouts {
    /// Nothing.
    Allow,
    /// A warning in the log and an event, once for each place in the program, if it has to wait.
    #[default]
    Warn,
    /// [`Error::AlreadyHolds`](crate::Error::AlreadyHolds) at once, whether it would have to wait or
    /// not.
    Deny,
}

/// What becomes of a caller that completes a circle: every connection is held by a thread that waits
/// for another, and no more may be opened. A lease may be given to another thread, so it is only very
/// likely that nothing ever comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnDeadlock {
    /// A warning in the log and an event; it waits until its time is over.
    #[default]
    Warn,
    /// [`Error::Deadlock`](crate::Error::Deadlock) at once, so that what it holds comes back.
    Fail,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Lending {
    pub(crate) multiple_checkouts: MultipleCheckouts,
    pub(crate) on_deadlock: OnDeadlock,
    pub(crate) overflow_linger: Duration,
}

impl PoolConfig {
    /// What becomes of a thread that holds a connection and asks for another. Default
    /// [`MultipleCheckouts::Warn`].
    #[must_use]
    pub fn multiple_checkouts(mut self, policy: MultipleCheckouts) -> Self {
        self.lending.multiple_checkouts = policy;
        self
    }

    /// What becomes of a caller when all who hold connections wait for another. Default
    /// [`OnDeadlock::Warn`].
    #[must_use]
    pub fn on_deadlock(mut self, policy: OnDeadlock) -> Self {
        self.lending.on_deadlock = policy;
        self
    }

    /// How long a connection above [`size`](Self::size) stays idle before it is closed, zero to an
    /// hour. Default zero: a burst leaves nothing behind. A few seconds spare bursts that come one
    /// after the other their connects.
    #[must_use]
    pub fn overflow_linger(mut self, limit: Duration) -> Self {
        self.lending.overflow_linger = limit;
        self
    }
}

impl Lending {
    pub(super) fn check(&self, invalid: &mut Vec<Invalid>) {
        if self.overflow_linger > HOUR {
            let allowed = "zero to an hour";
            invalid.push(Invalid::new("pool.overflow_linger", self.overflow_linger, allowed));
        }
    }
}
