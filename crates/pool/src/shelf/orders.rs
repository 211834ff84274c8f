//! When something new is made: the half of the shelf that the connectors see.
//!
//! - *Elision*: an order is open only while more wait (or idle below the spare) than are being made,
//!   and it is looked at again before each attempt: a burst that was served by returns makes nothing.
//! - After a failure one maker at a time probes, after a pause; the first success opens the gates. A
//!   failure that stays until somebody changes something is told to every waiter at once, unless
//!   items are alive that may still come back.

use std::time::{Duration, Instant};

use super::{Given, Limits, Shelf, State};
use crate::stats::Gauges;
use crate::sync::MutexGuard;
use crate::waiter::Refusal;

/// How long a maker rests at most before it looks again, so that no wait is unbounded.
const REST: Duration = Duration::from_secs(60);

/// Why the last attempt failed, and when the next may begin.
#[derive(Clone, Debug)]
pub(crate) struct Trouble<C> {
    pub(crate) cause: C,
    /// Failures in a row.
    pub(crate) failures: u32,
    pub(crate) retry_at: Instant,
    /// It stays wrong until somebody changes something.
    pub(crate) permanent: bool,
}

/// One item to be made. Dropped unfulfilled (a panic), it gives its place back.
#[derive(Debug)]
pub(crate) struct Order<'a, T, C: Clone> {
    pub(super) shelf: &'a Shelf<T, C>,
    pub(super) open: bool,
}

impl<T, C: Clone> Shelf<T, C> {
    /// The next item to make, or `None` when the shelf is closed. The flag says that more is wanted
    /// and nobody rests who could make it.
    ///
    /// # Blocks
    /// Until there is one: the life of a maker. [`close`](Self::close) ends it.
    pub(crate) fn next_order(&self) -> Option<(Order<'_, T, C>, bool)> {
        let mut state = self.state.lock();
        while !state.closed {
            let now = Instant::now();
            let pause = state.trouble.as_ref().map(|trouble| trouble.retry_at);
            match pause {
                _ if !state.wanted(&self.limits) => self.rest(&mut state, now + REST),
                Some(retry_at) if retry_at > now => self.rest(&mut state, retry_at),
                Some(_) if state.creating > 0 => self.rest(&mut state, now + REST),
                _ => {
                    state.creating += 1;
                    let more = pause.is_none() && state.wanted(&self.limits);
                    let hire = more && state.resting == 0;
                    self.show(&state);
                    drop(state);
                    if more {
                        self.orders.notify_one();
                    }
                    return Some((Order { shelf: self, open: true }, hire));
                }
            }
        }
        None
    }

    /// The last failure to make something, if nothing has succeeded since.
    pub(crate) fn trouble(&self) -> Option<Trouble<C>> {
        self.state.lock().trouble.clone()
    }

    /// Whether an order is open and nobody rests who could take it.
    pub(crate) fn wants_hands(&self) -> bool {
        let state = self.state.lock();
        !state.closed && state.wanted(&self.limits) && state.resting == 0
    }

    fn rest(&self, state: &mut MutexGuard<'_, State<T, C>>, until: Instant) {
        state.resting += 1;
        self.orders.wait_until(state, until);
        state.resting -= 1;
    }
}

impl<T, C: Clone> Order<'_, T, C> {
    /// Brings the item: to the oldest waiter, else to the shelf.
    pub(crate) fn fulfil(mut self, item: T, now: Instant) -> Given<T> {
        self.open = false;
        let shelf = self.shelf;
        Gauges::count(&shelf.gauges.connects);
        let mut state = shelf.state.lock();
        state.creating -= 1;
        let recovered = state.trouble.take().is_some();
        if !state.waiters.is_empty() && !state.closed {
            // Nobody may overtake here: the item was made for those who wait.
            let ring = shelf.hand_off(&mut state, item, now);
            shelf.show(&state);
            drop(state);
            ring.inspect(|waiter| waiter.ring());
            if recovered {
                shelf.orders.notify_all();
            }
            return Given::Kept;
        }
        let given = shelf.place(state, item, now, shelf.limits.barging);
        if recovered {
            shelf.orders.notify_all();
        }
        given
    }

    /// Reports that it could not be made; `pause` says how long to wait after that many failures in
    /// a row. Returns that number and the pause.
    pub(crate) fn fail(
        mut self,
        cause: C,
        permanent: bool,
        pause: impl FnOnce(u32) -> Duration,
    ) -> (u32, Duration) {
        self.open = false;
        let shelf = self.shelf;
        Gauges::count(&shelf.gauges.connect_failures);
        let mut state = shelf.state.lock();
        state.creating -= 1;
        let failures = state.trouble.as_ref().map_or(0, |trouble| trouble.failures) + 1;
        let pause = pause(failures);
        let retry_at = Instant::now() + pause;
        state.trouble = Some(Trouble { cause: cause.clone(), failures, retry_at, permanent });
        let hopeless = permanent && state.nothing_lives();
        let refused = hopeless.then(|| state.refuse_all(&Refusal::Failed(cause)));
        shelf.show(&state);
        drop(state);
        for waiter in refused.into_iter().flatten() {
            waiter.ring();
        }
        shelf.orders.notify_one();
        (failures, pause)
    }
}

impl<T, C: Clone> Drop for Order<'_, T, C> {
    fn drop(&mut self) {
        if self.open {
            let mut state = self.shelf.state.lock();
            state.creating -= 1;
            self.shelf.show(&state);
            drop(state);
            self.shelf.orders.notify_one();
        }
    }
}

impl<T, C: Clone> State<T, C> {
    pub(super) fn wanted(&self, limits: &Limits) -> bool {
        let live = self.idle.len() + self.lent.len() + self.leaving;
        let spare = limits.spare.saturating_sub(self.idle.len());
        // Spares are made within the size only; the overflow is for those who wait.
        let spare = spare.min(limits.keep.saturating_sub(live));
        // Those for whom something lies on the shelf need nothing new.
        let needy = self.waiters.len().saturating_sub(self.idle.len());
        needy.max(spare) > self.creating && live + self.creating < limits.most
    }

    /// The cause, if waiting has no prospect: the failure is permanent, its pause is not over, and
    /// nothing is alive that could come back.
    pub(super) fn hopeless(&self, now: Instant) -> Option<C> {
        let trouble = self.trouble.as_ref().filter(|it| it.permanent && it.retry_at > now)?;
        self.nothing_lives().then(|| trouble.cause.clone())
    }

    fn nothing_lives(&self) -> bool {
        self.idle.is_empty() && self.lent.len() == 0
    }
}
