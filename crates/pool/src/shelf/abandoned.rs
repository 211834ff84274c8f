//! Items that are not returned: their places are given up, so that others can be made.
//!
//! Whoever holds one hangs in a call, or has forgotten it; nobody can tell. It stays in the ledger, it
//! no longer counts, and it is destroyed when it comes back. The budget bounds how many there are
//! beyond the limit.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::{Item, Shelf, State};
use crate::holder::{Holder, Ticket};

impl<T: Item, C: Clone> Shelf<T, C> {
    /// Gives up the places of items that are held for longer than `after`, so that others can be made
    /// in their place, up to `budget` at a time. Tells who holds them.
    pub(crate) fn abandon(&self, now: Instant, after: Duration, budget: usize) -> Vec<Holder> {
        let mut state = self.state.lock();
        let abandoned = state.lent.abandon(now, after, budget);
        self.gauges.abandoned.store(state.lent.abandoned() as u64, Relaxed);
        self.show(&state);
        drop(state);
        for _ in &abandoned {
            self.orders.notify_one();
        }
        abandoned
    }

    /// Strikes a line out; true if its place was given up before.
    pub(super) fn strike(&self, state: &mut State<T, C>, ticket: Ticket) -> bool {
        let was_abandoned = state.lent.strike(ticket);
        if was_abandoned {
            self.gauges.abandoned.store(state.lent.abandoned() as u64, Relaxed);
        }
        was_abandoned
    }
}
