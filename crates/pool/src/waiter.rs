//! One caller that waits, and the slot through which it is answered.
//!
//! A waiter has its own lock and bell, so that a hand-off wakes exactly one thread, and that thread
//! does not have to fight for the shelf's lock. Answers are put into the slot while the shelf is
//! locked: a waiter that is no longer in the queue has its answer, which is what makes the race
//! between a time-out and a hand-off decidable.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::holder::{Borrower, Ticket};
use crate::sync::{Condvar, Mutex};

/// Something lent, with its line in the ledger.
#[derive(Debug)]
pub(crate) struct Grant<T> {
    pub(crate) item: T,
    pub(crate) ticket: Ticket,
}

/// Why a caller goes without. `C` is the cause of a failed creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal<C> {
    /// The shelf lends nothing any more.
    Closed,
    /// Nothing can be created until somebody changes something.
    Failed(C),
    /// The shelf lends nothing for a while.
    Paused,
    /// Nothing can be created until an outage is over.
    Unavailable(Outage<C>),
    /// The line is as long as it may be.
    QueueFull,
    /// The line never gets short, and this caller has waited for too long.
    Shed,
    /// The deadline came first.
    TimedOut,
}

/// What is known of an outage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outage<C> {
    pub(crate) since: Instant,
    pub(crate) retry_in: Duration,
    /// Failures in a row.
    pub(crate) failures: u32,
    pub(crate) cause: C,
}

pub(crate) type Answer<T, C> = Result<Grant<T>, Refusal<C>>;

#[derive(Debug)]
pub(crate) struct Waiter<T, C> {
    /// The order of arrival.
    pub(crate) seat: u64,
    pub(crate) borrower: Borrower,
    slot: Mutex<Slot<T, C>>,
    bell: Condvar,
}

#[derive(Debug)]
struct Slot<T, C> {
    answer: Option<Answer<T, C>>,
    nudged: bool,
}

/// What a waiter hears.
#[derive(Debug)]
pub(crate) enum Heard<T, C> {
    Answer(Answer<T, C>),
    /// Something lies on the shelf: go and look.
    Nudge,
    /// The deadline passed.
    Silence,
}

impl<T, C> Waiter<T, C> {
    pub(crate) fn new(seat: u64, borrower: Borrower) -> Arc<Self> {
        let slot = Mutex::new(Slot { answer: None, nudged: false });
        Arc::new(Self { seat, borrower, slot, bell: Condvar::new() })
    }

    /// Waits for an answer or a nudge.
    ///
    /// # Blocks
    /// Until `deadline` at most.
    pub(crate) fn listen(&self, deadline: Instant) -> Heard<T, C> {
        let mut slot = self.slot.lock();
        loop {
            if let Some(answer) = slot.answer.take() {
                return Heard::Answer(answer);
            }
            if std::mem::take(&mut slot.nudged) {
                return Heard::Nudge;
            }
            if self.bell.wait_until(&mut slot, deadline).timed_out() {
                let last = slot.answer.take();
                return last.map_or(Heard::Silence, Heard::Answer);
            }
        }
    }

    /// The answer, if there is one already.
    pub(crate) fn answered(&self) -> Option<Answer<T, C>> {
        self.slot.lock().answer.take()
    }

    /// Puts the answer into the slot; called under the shelf's lock, once. The bell is rung after it.
    pub(crate) fn answer(&self, answer: Answer<T, C>) {
        self.slot.lock().answer = Some(answer);
    }

    /// Marks that something lies on the shelf; false if the waiter was told already and has not
    /// looked yet, so that a burst of returns costs one wake-up and not one each.
    pub(crate) fn nudge(&self) -> bool {
        !std::mem::replace(&mut self.slot.lock().nudged, true)
    }

    /// Wakes the waiter; called outside the shelf's lock.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }
}
