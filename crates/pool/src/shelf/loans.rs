//! Who holds what, for how long, and who has held it for suspiciously long.

use std::backtrace::Backtrace;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Item, Shelf};
use crate::holder::{Holder, Ticket};

impl<T: Item, C: Clone> Shelf<T, C> {
    pub(crate) fn holders(&self) -> Vec<Holder> {
        self.state.lock().lent.holders(Instant::now())
    }

    /// Holders for `threshold` or longer that were not told of before.
    pub(crate) fn suspects(&self, now: Instant, threshold: Duration) -> Vec<Holder> {
        self.state.lock().lent.suspects(now, threshold)
    }

    pub(crate) fn note_stack(&self, ticket: &Ticket, stack: Arc<Backtrace>) {
        self.state.lock().lent.note_stack(ticket, stack);
    }

    pub(crate) fn is_suspected(&self, ticket: &Ticket) -> bool {
        self.state.lock().lent.is_suspected(ticket)
    }

    /// Writes down how long an item was held that does not come back.
    pub(crate) fn note_use(&self, since: Instant, now: Instant) {
        let _state = self.state.lock();
        self.gauges.used(since, now);
    }
}
