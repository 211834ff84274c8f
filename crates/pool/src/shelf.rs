//! The shelf: what is idle, who waits, who holds, and how many may be made.
//!
//! Everything that decides fairness stands here, and nothing that does I/O: the shelf is generic over
//! what lies on it, takes the time as an argument, and is tested with plain numbers.
//!
//! - Idle items are a stack: the one used last is the surest to be alive and the warmest.
//! - Waiters are a queue: an item that comes back goes to the oldest, directly, never past it.
//! - *Barging window*: strict order makes very short holds convoy, since each return then waits for a
//!   thread to wake. As long as the oldest has waited less than the window, an item is put on the
//!   shelf and the oldest is nudged to compete for it (`parking_lot`'s eventual fairness). An item
//!   that was held for less than any round trip takes goes there for [`PATIENCE`] times as long.
//! - Creation is ordered only while more wait than are being made; see `shelf/orders.rs`.
//! - Old items are replaced before they go; see `shelf/renewal.rs`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::holder::{Borrower, Ledger, Ticket};
use crate::stats::Gauges;
use crate::sync::{Condvar, Mutex, MutexGuard};
use crate::waiter::{Answer, Grant, Heard, Refusal, Waiter};

mod abandoned;
mod breaker;
mod circle;
mod controls;
mod loans;
mod orders;
mod renewal;
mod shedding;
#[cfg(test)]
mod tests;

use breaker::Breaker;
pub(crate) use breaker::Setback;
pub(crate) use circle::Entangled;
pub(crate) use controls::Limits;
pub(crate) use orders::Order;
use renewal::Renewal;
pub(crate) use renewal::{Age, Item};
use shedding::Shedding;

/// Nobody has asked a server anything in less: even on a local socket it takes 30 µs.
const BRIEF: Duration = Duration::from_micros(20);
/// How many barging windows the oldest waits at most while items are held briefly.
const PATIENCE: u32 = 32;

/// See the file's head.
#[derive(Debug)]
pub(crate) struct Shelf<T, C> {
    /// Guards everything that the gauges show; held for a few lines, never across I/O or a callback.
    state: Mutex<State<T, C>>,
    /// Rung when there may be something to make.
    orders: Condvar,
    /// Rung when a closed shelf has got everything back.
    settled: Condvar,
    /// Rung when something was made, or could not be.
    made: Condvar,
    pub(crate) gauges: Gauges,
}

#[derive(Debug)]
struct State<T, C> {
    limits: Limits,
    idle: Vec<T>,
    waiters: VecDeque<Arc<Waiter<T, C>>>,
    lent: Ledger,
    creating: usize,
    /// Taken off for good, but still counted until it is destroyed.
    leaving: usize,
    /// Taken off for a while, by whoever looks after idle ones.
    away: usize,
    renewal: Renewal,
    closed: bool,
    /// Lends nothing for a while, and makes nothing.
    paused: bool,
    breaker: Breaker<C>,
    shedding: Option<Shedding>,
    /// Makers that wait for an order.
    resting: usize,
    next_seat: u64,
}

/// What became of somebody who stood in line.
#[derive(Debug)]
pub(crate) enum Joined<T, C> {
    /// Something came in between.
    Granted(Grant<T>),
    /// Wait with this. `hire` says that an order is open and nobody rests who could take it.
    Waiting {
        waiter: Arc<Waiter<T, C>>,
        hire: bool,
    },
    Refused(Refusal<C>),
}

/// What became of an item that was handed in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Given<T> {
    /// It is on the shelf or with the oldest waiter.
    Kept,
    /// Nobody needs it: destroy it, then call [`Shelf::forget`].
    Surplus(T),
    /// The shelf is closed: destroy it, then call [`Shelf::forget`].
    Closed(T),
    /// Its place was given up long ago: destroy it, then call [`Shelf::forget`].
    Abandoned(T),
    /// It, or an old one in its stead, has been replaced: destroy it, then call [`Shelf::forget`].
    Replaced(T),
}

impl<T: Item, C: Clone> Shelf<T, C> {
    pub(crate) fn new(limits: Limits) -> Self {
        let state = State {
            limits,
            idle: Vec::with_capacity(limits.keep),
            waiters: VecDeque::new(),
            lent: Ledger::default(),
            creating: 0,
            leaving: 0,
            away: 0,
            renewal: Renewal::default(),
            closed: false,
            paused: false,
            breaker: Breaker::default(),
            shedding: limits.shedding.map(|goals| Shedding::new(goals, Instant::now())),
            resting: 0,
            next_seat: 0,
        };
        Self {
            state: Mutex::new(state),
            orders: Condvar::new(),
            settled: Condvar::new(),
            made: Condvar::new(),
            gauges: Gauges::default(),
        }
    }

    /// The hot path: an idle item, unless somebody older must be served first.
    pub(crate) fn take(&self, borrower: Borrower) -> Option<Grant<T>> {
        let mut state = self.state.lock();
        let waited_for = !state.waiters.is_empty();
        if waited_for && state.oldest_is_due(borrower.since, state.limits.barging * PATIENCE) {
            return None;
        }
        let now = borrower.since;
        let grant = self.pop(&mut state, borrower);
        if grant.is_some() {
            state.served(now, now);
        }
        grant
    }

    /// Stands in line. `seat` keeps the place of somebody whose item turned out to be dead.
    pub(crate) fn join(&self, borrower: &Borrower, seat: &mut Option<u64>) -> Joined<T, C> {
        let mut state = self.state.lock();
        if state.closed {
            return Joined::Refused(Refusal::Closed);
        }
        if state.paused && !state.limits.queue_while_paused {
            return Joined::Refused(Refusal::Paused);
        }
        if !state.oldest_is_due(borrower.since, state.limits.barging * PATIENCE)
            && let Some(grant) = self.pop(&mut state, borrower.clone())
        {
            return Joined::Granted(grant);
        }
        let now = Instant::now();
        if let Some(refusal) = state.hopeless(now, borrower.waits) {
            return Joined::Refused(refusal);
        }
        state.shed(now);
        let full = state.limits.waiters > 0 && state.waiters.len() >= state.limits.waiters;
        if full && seat.is_none() {
            return Joined::Refused(Refusal::QueueFull);
        }
        let seat = *seat.get_or_insert(state.next_seat);
        state.next_seat = state.next_seat.max(seat + 1);
        let waiter = Waiter::new(seat, borrower.clone());
        let place = state.waiters.partition_point(|other| other.seat < seat);
        state.waiters.insert(place, Arc::clone(&waiter));
        Gauges::count(&self.gauges.waits);
        let wanted = state.wanted();
        let hire = wanted && state.resting == 0;
        self.show(&state);
        drop(state);
        if wanted && !hire {
            self.orders.notify_one();
        }
        Joined::Waiting { waiter, hire }
    }

    /// Waits until somebody answers. `hire` is called when it turns out meanwhile that an order is
    /// open and nobody rests who could take it.
    ///
    /// # Blocks
    /// Until `deadline` at most.
    pub(crate) fn wait(
        &self,
        waiter: &Arc<Waiter<T, C>>,
        deadline: Instant,
        hire: impl Fn(),
    ) -> Answer<T, C> {
        loop {
            match waiter.listen(deadline) {
                Heard::Answer(answer) => return answer,
                Heard::Nudge => {
                    if let Some(answer) = self.look(waiter, false) {
                        return answer;
                    }
                    // Somebody was faster: what lay there no longer covers this waiter.
                    if self.wants_hands() {
                        hire();
                    }
                    self.orders.notify_one();
                }
                Heard::Silence => {
                    let last = self.look(waiter, true);
                    return last.unwrap_or_else(|| Err(self.silence()));
                }
            }
        }
    }

    /// Takes an item back from its holder, who had it since `since`.
    pub(crate) fn give(&self, ticket: Ticket, item: T, since: Instant, now: Instant) -> Given<T> {
        let mut state = self.state.lock();
        if self.strike(&mut state, ticket) {
            state.leaving += 1;
            return Given::Abandoned(item);
        }
        self.gauges.used(since, now);
        let has_room = state.idle.len() < state.limits.keep && state.live() < state.limits.most;
        if has_room && state.waiters.is_empty() && !state.closed {
            // The hot path: nobody waits.
            state.idle.push(item);
            self.show(&state);
            return Given::Kept;
        }
        let patient = now.saturating_duration_since(since) < BRIEF;
        let window = state.limits.barging * if patient { PATIENCE } else { 1 };
        self.place(state, item, now, window)
    }

    /// Takes a lent item off for good; it counts until [`forget`](Self::forget).
    pub(crate) fn withdraw(&self, ticket: Ticket) {
        let mut state = self.state.lock();
        self.strike(&mut state, ticket);
        state.leaving += 1;
        self.show(&state);
    }

    /// Takes every idle item off that `retire` names; each counts until [`forget`](Self::forget).
    /// `retire` also hears how many idle items are left.
    pub(crate) fn sweep(&self, mut retire: impl FnMut(&T, usize) -> bool) -> Vec<T> {
        let mut state = self.state.lock();
        let mut left = state.idle.len();
        let swept: Vec<T> = state
            .idle
            .extract_if(.., |item| {
                let goes = retire(item, left);
                left -= usize::from(goes);
                goes
            })
            .collect();
        state.leaving += swept.len();
        self.show(&state);
        swept
    }

    /// An item that was taken off is destroyed: its place is free.
    pub(crate) fn forget(&self) {
        let mut state = self.state.lock();
        state.leaving = state.leaving.saturating_sub(1);
        let wanted = state.wanted();
        let settled = state.settled();
        self.show(&state);
        drop(state);
        if wanted {
            self.orders.notify_one();
        }
        if settled {
            self.settled.notify_all();
        }
    }

    /// Gives `item` to the oldest waiter or puts it on the shelf. The caller has taken it off where
    /// it was counted before.
    fn place(
        &self,
        mut state: MutexGuard<'_, State<T, C>>,
        item: T,
        now: Instant,
        window: Duration,
    ) -> Given<T> {
        state.shed(now);
        // While paused nobody is served, so that what comes back lies here for those who wait.
        let unneeded = state.waiters.is_empty()
            && !state.limits.linger
            && state.idle.len() >= state.limits.keep;
        if state.closed || unneeded || state.live() >= state.limits.most {
            state.leaving += 1;
            self.show(&state);
            return if state.closed { Given::Closed(item) } else { Given::Surplus(item) };
        }
        let due = state.oldest_is_due(now, window);
        let ring = if state.paused {
            state.idle.push(item);
            None
        } else if due || state.idle.len() >= state.limits.keep {
            self.hand_off(&mut state, item, now)
        } else {
            state.idle.push(item);
            state.nudge_oldest()
        };
        self.show(&state);
        drop(state);
        if let Some(waiter) = ring {
            waiter.ring();
        }
        Given::Kept
    }

    /// Direct hand-off: the oldest waiter finds the item in its slot.
    fn hand_off(
        &self,
        state: &mut State<T, C>,
        item: T,
        now: Instant,
    ) -> Option<Arc<Waiter<T, C>>> {
        let Some(waiter) = state.waiters.pop_front() else {
            state.idle.push(item);
            return None;
        };
        state.served(now, waiter.borrower.since);
        let ticket = state.lent.enter(Borrower { since: now, ..waiter.borrower.clone() });
        self.gauges.lent_one_more();
        waiter.answer(Ok(Grant { item, ticket }));
        // One that was nudged and then answered does not look any more: whoever is next does.
        if !state.idle.is_empty()
            && let Some(next) = state.nudge_oldest()
        {
            next.ring();
        }
        Some(waiter)
    }

    /// A nudged or timed-out waiter looks for itself: `None` means that it has to go on waiting, or,
    /// if it is `leaving`, that it has left the line with nothing.
    fn look(&self, waiter: &Arc<Waiter<T, C>>, leaving: bool) -> Option<Answer<T, C>> {
        let mut state = self.state.lock();
        let place = state.waiters.partition_point(|other| other.seat < waiter.seat);
        if !state.waiters.get(place).is_some_and(|other| Arc::ptr_eq(other, waiter)) {
            // It was answered between its last look and the lock.
            return waiter.answered();
        }
        let now = Instant::now();
        let grant_to = Borrower { since: now, ..waiter.borrower.clone() };
        let grant = self.pop(&mut state, grant_to);
        if grant.is_some() || leaving {
            state.waiters.remove(place);
        }
        if grant.is_some() {
            state.served(now, waiter.borrower.since);
        }
        // The next in line was perhaps not told, because this one was told already.
        // While the shelf is paused that might be this one, which would look for ever.
        let none = state.idle.is_empty() || state.paused;
        let next = if none { None } else { state.nudge_oldest() };
        self.show(&state);
        drop(state);
        if let Some(next) = next {
            next.ring();
        }
        grant.map(Ok)
    }

    fn pop(&self, state: &mut State<T, C>, borrower: Borrower) -> Option<Grant<T>> {
        if state.paused {
            return None;
        }
        let item = state.idle.pop()?;
        let ticket = state.lent.enter(borrower);
        self.gauges.lent_one_more();
        self.show(state);
        if state.idle.len() < state.limits.spare && state.resting > 0 {
            self.orders.notify_one();
        }
        Some(Grant { item, ticket })
    }

    fn show(&self, state: &State<T, C>) {
        let State { idle, waiters, lent, creating, .. } = state;
        self.gauges.show(idle.len(), lent.len(), *creating, waiters.len());
    }
}

impl<T: Item, C: Clone> State<T, C> {
    fn oldest_is_due(&self, now: Instant, window: Duration) -> bool {
        self.waiters
            .front()
            .is_some_and(|oldest| now.saturating_duration_since(oldest.borrower.since) >= window)
    }

    fn nudge_oldest(&self) -> Option<Arc<Waiter<T, C>>> {
        self.waiters.front().filter(|oldest| oldest.nudge()).map(Arc::clone)
    }

    fn refuse_all(&mut self, refusal: &Refusal<C>) -> VecDeque<Arc<Waiter<T, C>>> {
        let refused = std::mem::take(&mut self.waiters);
        for waiter in &refused {
            waiter.answer(Err(refusal.clone()));
        }
        refused
    }

    /// Items that there are.
    fn live(&self) -> usize {
        self.idle.len() + self.lent.len() + self.leaving + self.away
    }

    fn is_full(&self) -> bool {
        self.live() + self.creating >= self.breaker.most(self.limits.most)
    }
}
