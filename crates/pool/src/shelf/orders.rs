//! When something new is made: the half of the shelf that the connectors see.
//!
//! - *Elision*: an order is open only while more wait (or idle below the spare) than are being made,
//!   and it is looked at again before each attempt: a burst that was served by returns makes nothing.
//! - After a failure the [breaker](super::breaker) says when and how many may try. A failure that stays
//!   until somebody changes something is told to every waiter at once, unless items are alive that
//!   may still come back; so is an outage, to those who do not want to wait for its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::breaker::{Room, Setback, Trouble};
use super::{Given, Item, Shelf, State};
use crate::stats::Gauges;
use crate::sync::MutexGuard;
use crate::waiter::{Outage, Refusal, Waiter};

/// While something is alive that may come back, a second item is begun only when the oldest has waited
/// so long: a burst that returns serve in a few milliseconds makes one new item, not one per maker.
const PATIENT: Duration = Duration::from_millis(50);
/// How long a maker rests at most before it looks again, so that no wait is unbounded.
const REST: Duration = Duration::from_secs(60);

/// One item to be made. Dropped unfulfilled (a panic), it gives its place back.
#[derive(Debug)]
pub(crate) struct Order<'a, T: Item, C: Clone> {
    pub(super) shelf: &'a Shelf<T, C>,
    pub(super) open: bool,
}

impl<T: Item, C: Clone> Shelf<T, C> {
    /// The next item to make, or `None` when the shelf is closed. The flag says that more is wanted
    /// and nobody rests who could make it.
    ///
    /// # Blocks
    /// Until there is one: the life of a maker. [`close`](Self::close) ends it.
    pub(crate) fn next_order(&self) -> Option<(Order<'_, T, C>, bool)> {
        let mut state = self.state.lock();
        while !state.closed {
            let now = Instant::now();
            let climbs_at = state.climb(now);
            let held = if state.wanted() {
                let holds = state.breaker.holds_until(now, state.creating);
                holds.or_else(|| state.patient_until(now))
            } else {
                Some(climbs_at.unwrap_or(now + REST))
            };
            if let Some(until) = held {
                self.rest(&mut state, until.min(now + REST));
                continue;
            }
            state.creating += 1;
            state.breaker.begun(now);
            let more = state.breaker.trouble().is_none() && state.wanted();
            let hire = more && state.resting == 0;
            self.show(&state);
            drop(state);
            if more {
                self.orders.notify_one();
            }
            return Some((Order { shelf: self, open: true }, hire));
        }
        None
    }

    /// The last failure to make something, if nothing has succeeded since.
    pub(crate) fn trouble(&self) -> Option<Trouble<C>> {
        self.state.lock().breaker.trouble().cloned()
    }

    /// Lets the next attempt begin at once: what was wrong may have been changed.
    pub(crate) fn forgive(&self) {
        self.state.lock().breaker.forgive(Instant::now());
        self.orders.notify_all();
    }

    /// Whether an order is open and nobody rests who could take it.
    pub(crate) fn wants_hands(&self) -> bool {
        let state = self.state.lock();
        !state.closed && state.wanted() && state.resting == 0
    }

    fn rest(&self, state: &mut MutexGuard<'_, State<T, C>>, until: Instant) {
        state.resting += 1;
        self.orders.wait_until(state, until);
        state.resting -= 1;
    }
}

impl<T: Item, C: Clone> Order<'_, T, C> {
    /// Brings the item: to the oldest waiter, else to the shelf. Also tells what trouble is over now.
    pub(crate) fn fulfil(mut self, item: T, now: Instant) -> (Given<T>, Option<Trouble<C>>) {
        self.open = false;
        let shelf = self.shelf;
        Gauges::count(&shelf.gauges.connects);
        let mut state = shelf.state.lock();
        state.creating -= 1;
        let over = state.breaker.succeeded(now);
        shelf.made.notify_all();
        let replaced = if state.waiters.is_empty() { state.replaced(now) } else { None };
        state.renewal.owed = state.renewal.owed.saturating_sub(1);
        if !state.waiters.is_empty() && !state.closed && !state.paused {
            // Nobody may overtake here: the item was made for those who wait.
            let ring = shelf.hand_off(&mut state, item, now);
            shelf.show(&state);
            drop(state);
            ring.inspect(|waiter| waiter.ring());
            if over.is_some() {
                shelf.orders.notify_all();
            }
            return (Given::Kept, over);
        }
        let window = state.limits.barging;
        let given = shelf.place(state, item, now, window);
        if over.is_some() {
            shelf.orders.notify_all();
        }
        // Room was made before it was placed, so it was kept.
        (replaced.map_or(given, Given::Replaced), over)
    }

    /// Reports that it could not be made; `pause` says how long to wait after that many failures in
    /// a row. Returns what is known now, and whether the breaker was open before.
    pub(crate) fn fail(
        mut self,
        cause: C,
        setback: Setback,
        pause: impl FnOnce(u32) -> Duration,
    ) -> (Trouble<C>, bool) {
        self.open = false;
        let shelf = self.shelf;
        Gauges::count(&shelf.gauges.connect_failures);
        let mut state = shelf.state.lock();
        state.creating -= 1;
        let before = state.breaker.trouble();
        let failures = before.map_or(0, |trouble| trouble.failures) + 1;
        let was_open = before.is_some_and(|trouble| trouble.open);
        let (now, room) = (Instant::now(), Room { live: state.alive(), most: state.limits.most });
        let pause = pause(failures);
        if state.waiters.is_empty() {
            state.renewal.give_up();
        }
        let trouble = state.breaker.failed(now, (cause, setback), room, pause).clone();
        let refused = state.refuse_hopeless(now);
        shelf.made.notify_all();
        shelf.show(&state);
        drop(state);
        for waiter in refused {
            waiter.ring();
        }
        shelf.orders.notify_one();
        (trouble, was_open)
    }
}

impl<T: Item, C: Clone> Drop for Order<'_, T, C> {
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

impl<T: Item, C: Clone> State<T, C> {
    pub(super) fn wanted(&self) -> bool {
        let spare = self.limits.spare.saturating_sub(self.idle.len()).max(self.renewal.owed);
        // Spares are made within the size only; the overflow is for those who wait.
        let spare = spare.min(self.limits.keep.saturating_sub(self.live()));
        // Those for whom something lies on the shelf need nothing new.
        let needy = self.waiters.len().saturating_sub(self.idle.len());
        // While the breaker is open, one probes though nobody waits.
        let probe = usize::from(self.breaker.is_open());
        let wanted = needy.max(spare).max(probe) + self.renewal.ordered;
        wanted > self.creating && !self.is_full() && !self.paused
    }

    /// Until when one item under way is enough for those who wait; `None` if more may begin now.
    fn patient_until(&self, now: Instant) -> Option<Instant> {
        let oldest = self.waiters.front().filter(|_| self.creating > 0 && self.alive() > 0)?;
        Some(oldest.borrower.since + PATIENT).filter(|until| *until > now)
    }

    fn climb(&mut self, now: Instant) -> Option<Instant> {
        self.breaker.climb(now, self.limits.most)
    }

    /// Why waiting has no prospect for somebody who `waits` for the end of an outage, or does not.
    pub(super) fn hopeless(&self, now: Instant, waits: bool) -> Option<Refusal<C>> {
        let trouble = self.breaker.trouble()?;
        if self.alive() > 0 {
            return None;
        }
        let permanent = trouble.setback == Setback::Permanent && trouble.retry_at > now;
        if permanent {
            return Some(Refusal::Failed(trouble.cause.clone()));
        }
        (trouble.open && !waits).then(|| {
            Refusal::Unavailable(Outage {
                since: trouble.since,
                retry_in: trouble.retry_at.saturating_duration_since(now),
                failures: trouble.failures,
                cause: trouble.cause.clone(),
            })
        })
    }

    /// Answers those for whom waiting has no prospect.
    fn refuse_hopeless(&mut self, now: Instant) -> Vec<Arc<Waiter<T, C>>> {
        let verdicts = [false, true].map(|waits| self.hopeless(now, waits));
        let [impatient, patient] = &verdicts;
        let verdict = |waiter: &Waiter<T, C>| {
            let verdict = if waiter.borrower.waits { patient } else { impatient };
            verdict.clone()
        };
        let refused: Vec<_> = self
            .waiters
            .iter()
            .filter_map(|waiter| Some((Arc::clone(waiter), verdict(waiter)?)))
            .collect();
        self.waiters.retain(|waiter| verdict(waiter).is_none());
        refused
            .into_iter()
            .map(|(waiter, refusal)| {
                waiter.answer(Err(refusal));
                waiter
            })
            .collect()
    }

    /// Items that may still come back or be taken.
    pub(super) fn alive(&self) -> usize {
        self.idle.len() + self.lent.len() + self.away
    }
}
