//! How old items are replaced before anybody misses them, and how idle ones are looked after.
//!
//! - *Make before break*: for an old item a new one is ordered; only when it is there does the old one
//!   go, so that nobody waits for the change. The old one that goes is one that lies on the shelf, or
//!   else the next that comes back.
//! - *A tenth at a time*, at least one: a generation that was born together does not go together.
//! - Where nothing can be made first, since every place is taken, one whose time is over goes first;
//!   its replacement is *owed*, and made without anybody waiting for it.

use std::time::{Duration, Instant};

use super::{Given, Shelf, State};
use crate::holder::Ticket;

/// How old an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    Young,
    /// Its replacement should be made; it may be lent until that is there.
    Old,
    /// It is not to be lent any more.
    Over,
}

/// What lies on a shelf.
pub(crate) trait Item {
    fn age(&self, now: Instant) -> Age;
}

#[derive(Debug, Default)]
pub(super) struct Renewal {
    /// Items to be made for old ones that are still there.
    pub(super) ordered: usize,
    /// Items that were made while every old one was lent: as many old ones go when they come back.
    ahead: usize,
    /// Items to be made for old ones that have gone already.
    pub(super) owed: usize,
}

impl Renewal {
    /// Orders for `old` items, up to `most` at a time.
    fn order(&mut self, old: usize, most: usize) {
        self.ordered = self.ordered.max(old.min(most.saturating_sub(self.ahead)));
    }

    fn owe(&mut self, most: usize) {
        self.owed = (self.owed + 1).min(most);
    }

    /// Nothing can be made now, and nobody waits for it: it is ordered again at the next look.
    pub(super) fn give_up(&mut self) {
        (self.ordered, self.owed) = (0, 0);
    }
}

impl<T: Item, C: Clone> Shelf<T, C> {
    /// Has the old items that lie here replaced. Returns those that go now: destroy them, then call
    /// [`forget`](Self::forget) for each. The second answer says that something old is left.
    pub(crate) fn renew(&self, now: Instant) -> (Vec<T>, bool) {
        let mut state = self.state.lock();
        let most = state.tenth();
        let State { idle, renewal, .. } = &mut *state;
        let mut gone: Vec<T> = idle
            .extract_if(.., |item| {
                let goes = renewal.ahead > 0 && item.age(now) != Age::Young;
                renewal.ahead -= usize::from(goes);
                goes
            })
            .collect();
        let old = state.idle.iter().filter(|item| item.age(now) != Age::Young).count();
        state.renewal.order(old, most);
        state.leaving += gone.len();
        if state.is_full() && state.breaker.trouble().is_none() && !state.paused {
            gone.append(&mut state.break_first(now, most));
        }
        let left = old > 0;
        let wanted = state.wanted();
        self.show(&state);
        drop(state);
        if wanted {
            self.orders.notify_one();
        }
        (gone, left)
    }

    /// As [`give`](Self::give), for an item that is old: it goes if its replacement is there already,
    /// else one is ordered.
    pub(crate) fn give_old(
        &self,
        ticket: Ticket,
        item: T,
        since: Instant,
        now: Instant,
    ) -> Given<T> {
        let mut state = self.state.lock();
        state.lent.strike(ticket);
        self.gauges.used(since, now);
        if state.renewal.ahead > 0 && !state.closed {
            state.renewal.ahead -= 1;
            state.leaving += 1;
            self.show(&state);
            return Given::Replaced(item);
        }
        let most = state.tenth();
        state.renewal.order(1, most);
        let window = state.limits.barging;
        let given = self.place(state, item, now, window);
        self.orders.notify_one();
        given
    }

    /// As [`withdraw`](Self::withdraw), for an item whose time is over: another is made for it.
    pub(crate) fn withdraw_old(&self, ticket: Ticket) {
        let mut state = self.state.lock();
        let most = state.tenth();
        state.renewal.owe(most);
        drop(state);
        self.withdraw(ticket);
    }

    /// Takes the coldest idle item that `which` names off for a while, unless somebody waits for it;
    /// bring it [`back`](Self::bring_back), or say that it is [`lost`](Self::lose).
    pub(crate) fn borrow_cold(&self, which: impl FnMut(&T) -> bool) -> Option<T> {
        let mut state = self.state.lock();
        if !state.waiters.is_empty() || state.paused {
            return None;
        }
        let place = state.idle.iter().position(which)?;
        let item = state.idle.remove(place);
        state.away += 1;
        self.show(&state);
        Some(item)
    }

    /// Puts what was borrowed back, below all others.
    pub(crate) fn bring_back(&self, item: T, now: Instant) -> Given<T> {
        let mut state = self.state.lock();
        state.away -= 1;
        let room = state.idle.len() < state.limits.keep;
        if state.closed || !room || !state.waiters.is_empty() {
            return self.place(state, item, now, Duration::ZERO);
        }
        state.idle.insert(0, item);
        self.show(&state);
        Given::Kept
    }

    /// What was borrowed turned out to be dead: destroy it, then call [`forget`](Self::forget).
    pub(crate) fn lose(&self) {
        let mut state = self.state.lock();
        let most = state.tenth();
        state.away -= 1;
        state.leaving += 1;
        state.renewal.owe(most);
    }
}

impl<T: Item, C: Clone> State<T, C> {
    /// As many as may be replaced at a time.
    fn tenth(&self) -> usize {
        self.limits.keep.div_ceil(10)
    }

    /// Takes off items whose time is over, though nothing was made for them yet.
    fn break_first(&mut self, now: Instant, most: usize) -> Vec<T> {
        let mut quota = most.saturating_sub(self.renewal.owed);
        let broken: Vec<T> = self
            .idle
            .extract_if(.., |item| {
                let goes = quota > 0 && item.age(now) == Age::Over;
                quota -= usize::from(goes);
                goes
            })
            .collect();
        self.renewal.owed += broken.len();
        self.renewal.ordered = self.renewal.ordered.saturating_sub(broken.len());
        self.leaving += broken.len();
        broken
    }

    /// A new item has come and nobody waits for it: the old one that it replaces, if that lies here.
    pub(super) fn replaced(&mut self, now: Instant) -> Option<T> {
        if self.renewal.owed > 0 || self.renewal.ordered == 0 || self.closed {
            return None;
        }
        self.renewal.ordered -= 1;
        let Some(place) = self.idle.iter().position(|item| item.age(now) != Age::Young) else {
            self.renewal.ahead += usize::from(self.idle.len() < self.limits.keep);
            return None;
        };
        self.leaving += 1;
        Some(self.idle.remove(place))
    }
}
