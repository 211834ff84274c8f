//! Connections that are held for suspiciously long: told once, and told again when they come back.

use std::time::{Duration, Instant};

use crate::entry::Entry;
use crate::event::{LeakSuspected, Unleaked};
use crate::holder::Ticket;
use crate::house::House;
use crate::lease::Lease;

/// How often holders are looked at, at least and at most.
const LOOKS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

impl House {
    /// Tells of everybody who has just become suspect; and when to look again.
    pub(crate) fn look_for_leaks(&self, now: Instant) -> Option<Instant> {
        let threshold = self.config.seeing.leak_threshold?;
        for holder in self.shelf.suspects(now, threshold) {
            let stack = holder.stack().map(ToString::to_string).unwrap_or_default();
            log::warn!(target: "steadfast::pool", pool = self.name(), holder:% = holder, stack = stack.as_str(); "a connection is held for long: is it lost?");
            let holder = &holder;
            self.tell(|pool, listener| listener.leak_suspected(&LeakSuspected { pool, holder }));
        }
        Some(now + (threshold / 2).clamp(LOOKS.0, LOOKS.1))
    }

    /// Tells of a lease that comes back with its entry, if it had been told of.
    pub(crate) fn note_return(
        &self,
        ticket: &Ticket,
        entry: &Entry,
        lease: &Lease,
        threshold: Duration,
    ) {
        let (id, place, held) = (entry.id, lease.place(), lease.since().elapsed());
        if held >= threshold && self.shelf.is_suspected(ticket) {
            log::info!(target: "steadfast::pool", pool = self.name(), id, held:? = held, place:% = place; "a connection that seemed lost came back");
            self.tell(|pool, listener| listener.unleaked(&Unleaked { pool, id, held, place }));
        }
    }
}
