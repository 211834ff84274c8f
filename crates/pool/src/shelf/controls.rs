//! What somebody decides about the whole shelf: pause and resume, other limits, the end.

use std::time::Instant;

use super::{Item, Shelf, State};
use crate::holder::Holder;
use crate::waiter::Refusal;

impl<T: Item, C: Clone> Shelf<T, C> {
    /// Lends and makes nothing until [`resume`](Self::resume); what comes back stays here. Whoever
    /// waits goes on waiting, or is refused if the limits say so. False if it was paused before.
    pub(crate) fn pause(&self) -> bool {
        let mut state = self.state.lock();
        let first = !std::mem::replace(&mut state.paused, true);
        let queue = state.limits.queue_while_paused;
        let refused = (!queue).then(|| state.refuse_all(&Refusal::Paused));
        self.show(&state);
        drop(state);
        for waiter in refused.into_iter().flatten() {
            waiter.ring();
        }
        first
    }

    /// Serves those who wait, in the order of their arrival. False if it was not paused.
    pub(crate) fn resume(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        let paused = std::mem::take(&mut state.paused);
        let mut served = Vec::new();
        while !state.waiters.is_empty()
            && let Some(item) = state.idle.pop()
        {
            served.extend(self.hand_off(&mut state, item, now));
        }
        self.show(&state);
        drop(state);
        self.orders.notify_all();
        for waiter in served {
            waiter.ring();
        }
        paused
    }

    /// Waits until the idle items that are made without anybody waiting are there; false if they
    /// are not in time.
    ///
    /// # Blocks
    /// Until `deadline` at most.
    pub(crate) fn warmed(&self, deadline: Instant, waits: bool) -> Result<bool, Refusal<C>> {
        let mut state = self.state.lock();
        loop {
            if state.closed {
                return Err(Refusal::Closed);
            }
            if state.is_warm() {
                return Ok(true);
            }
            if let Some(refusal) = state.hopeless(Instant::now(), waits) {
                return Err(refusal);
            }
            if self.made.wait_until(&mut state, deadline).timed_out() {
                return Ok(state.is_warm());
            }
        }
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.state.lock().paused
    }

    /// Keeps `keep` idle items and allows `most` in all from now on. Returns those that are now too
    /// many: destroy them, then call [`forget`](Self::forget) for each. What is lent goes when it
    /// comes back.
    pub(crate) fn resize(&self, keep: usize, most: usize, spare: usize) -> Vec<T> {
        let mut state = self.state.lock();
        (state.limits.keep, state.limits.most, state.limits.spare) = (keep, most, spare);
        let above = state.idle.len().saturating_sub(keep).max(state.live().saturating_sub(most));
        let above = above.min(state.idle.len());
        // The coldest go.
        let surplus: Vec<T> = state.idle.drain(..above).collect();
        state.leaving += surplus.len();
        self.show(&state);
        drop(state);
        self.orders.notify_all();
        surplus
    }

    /// Lends nothing any more: every waiter is refused, every idle item handed out to be destroyed
    /// (call [`forget`](Self::forget) for each).
    pub(crate) fn close(&self) -> Vec<T> {
        let mut state = self.state.lock();
        state.closed = true;
        let refused = state.refuse_all(&Refusal::Closed);
        let idle = std::mem::take(&mut state.idle);
        state.leaving += idle.len();
        self.show(&state);
        drop(state);
        self.orders.notify_all();
        self.made.notify_all();
        for waiter in refused {
            waiter.ring();
        }
        idle
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Waits until a closed shelf has got everything back and seen it destroyed; tells whether it
    /// has, and the holders that are left.
    ///
    /// # Blocks
    /// Until `deadline` at most.
    pub(crate) fn settle(&self, deadline: Instant) -> (bool, Vec<Holder>) {
        let mut state = self.state.lock();
        while !state.settled() && !self.settled.wait_until(&mut state, deadline).timed_out() {}
        (state.settled(), state.lent.holders(Instant::now()))
    }

    /// Why a wait ended with nothing when its deadline came.
    pub(super) fn silence(&self) -> Refusal<C> {
        if self.is_paused() { Refusal::Paused } else { Refusal::TimedOut }
    }
}

impl<T: Item, C: Clone> State<T, C> {
    /// Those who took some meanwhile have had them made.
    fn is_warm(&self) -> bool {
        let live = self.idle.len() + self.lent.len() + self.away;
        self.idle.len() >= self.limits.spare || live >= self.limits.keep
    }

    pub(super) fn settled(&self) -> bool {
        self.closed && self.lent.len() + self.leaving + self.away == 0
    }
}
