//! Taking a connection back: whether it goes on the shelf, or why not.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use steadfast_connection::ServerError;

use crate::entry::Entry;
use crate::event::{Checkin, Reason, Reset};
use crate::holder::Ticket;
use crate::house::House;
use crate::shelf::{Age, Item as _};

impl House {
    /// # Blocks
    /// For a reset, if session state was touched: at most the validation timeout.
    pub(crate) fn checkin(
        self: &Arc<Self>,
        mut entry: Box<Entry>,
        ticket: Ticket,
        since: Instant,
        condemned: bool,
    ) {
        let now = self.now();
        if self.config.listener.is_some() {
            let (id, held) = (entry.id, now.saturating_duration_since(since));
            self.tell(|pool, listener| listener.checkin(&Checkin { pool, id, held }));
        }
        let reason =
            if condemned { Some(Reason::Requested) } else { self.fault_of(&mut entry, now) };
        match reason {
            None => {
                (entry.alive_at, entry.used_at) = (now, now);
                let old = entry.age(now) != Age::Young;
                let given = if old {
                    self.shelf.give_old(ticket, entry, since, now)
                } else {
                    self.shelf.give(ticket, entry, since, now)
                };
                self.settle(given);
                if old {
                    self.staff();
                }
            }
            Some(reason) => {
                self.shelf.note_use(since, now);
                self.withdraw(entry, ticket, reason);
            }
        }
    }

    /// Why it must not be lent again.
    fn fault_of(self: &Arc<Self>, entry: &mut Entry, now: Instant) -> Option<Reason> {
        let connection = entry.connection();
        if connection.is_broken() {
            self.note_loss(entry.era);
            return Some(Reason::Broken);
        }
        if thread::panicking() {
            return Some(Reason::Panicked);
        }
        // diesel's `begin_test_transaction` is to stay open from one checkout to the next, and with it
        // all that a reset would undo.
        if connection.in_test_transaction() {
            return None;
        }
        if connection.in_transaction() {
            return Some(Reason::OpenTransaction);
        }
        if connection.last_error().is_some_and(ServerError::refuses_writes) {
            return Some(Reason::ReadOnly);
        }
        if let Some(reason) = self.outlived(entry, now) {
            return Some(reason);
        }
        if !connection.state_touched() {
            return None;
        }
        if self.shelf.is_closed() {
            return Some(Reason::Closed);
        }
        let limit = self.config.validation_timeout;
        let begun = Instant::now();
        let connection = entry.connection_mut();
        let reset = self.bounded(connection, limit, |connection| connection.reset());
        let reset = reset.and_then(|()| self.prepare(connection));
        let (id, took, clean) = (entry.id, begun.elapsed(), reset.is_ok());
        log::debug!(target: "steadfast::pool", pool = self.name(), id, took:? = took, clean; "reset");
        self.tell(|pool, listener| listener.reset(&Reset { pool, id, took, clean }));
        if let Err(error) = reset {
            log::warn!(target: "steadfast::pool", pool = self.name(), id = entry.id, error:% = error; "the session could not be reset");
            return Some(Reason::StateTouched);
        }
        None
    }
}
