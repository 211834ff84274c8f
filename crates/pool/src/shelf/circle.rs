//! Who holds one and asks for another: one thread alone, or all of them in a circle.

use std::sync::Arc;
use std::thread::ThreadId;
use std::time::Instant;

use super::{Answer, Item, Shelf, State};
use crate::holder::Holder;
use crate::waiter::Waiter;

/// What a thread has got itself into.
#[derive(Debug)]
pub(crate) enum Entangled {
    /// It holds something already.
    Holds(Holder),
    /// All that may be made is held by threads that wait, this one among them.
    Circle(Vec<Holder>),
}

impl<T: Item, C: Clone> Shelf<T, C> {
    /// What `thread` holds, the longest first.
    pub(crate) fn held_by(&self, thread: ThreadId) -> Option<Holder> {
        let holders = self.holders();
        holders.into_iter().find(|holder| holder.thread_id() == thread)
    }

    /// To be asked by somebody who stands in line: two who ask at the same time must see each other.
    pub(crate) fn entangled(&self, waiter: &Waiter<T, C>) -> Option<Entangled> {
        let state = self.state.lock();
        let me = waiter.borrower.who.id;
        if !state.lent.borrowers().any(|holder| holder.who.id == me) {
            return None;
        }
        let holders = state.lent.holders(Instant::now());
        if state.is_stuck() {
            return Some(Entangled::Circle(holders));
        }
        let mine = holders.into_iter().find(|holder| holder.thread_id() == me);
        mine.map(Entangled::Holds)
    }

    /// Leaves the line; an answer that came before counts.
    pub(crate) fn leave(&self, waiter: &Arc<Waiter<T, C>>) -> Option<Answer<T, C>> {
        self.look(waiter, true)
    }
}

impl<T: Item, C: Clone> State<T, C> {
    /// Nothing is under way or may be made, and whoever holds something waits.
    fn is_stuck(&self) -> bool {
        let all_lent = self.live() == self.lent.len() && self.creating == 0 && self.is_full();
        let waits = |id| self.waiters.iter().any(|waiter| waiter.borrower.who.id == id);
        all_lent && !self.paused && self.lent.borrowers().all(|holder| waits(holder.who.id))
    }
}
