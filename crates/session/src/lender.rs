//! Where an attempt gets its connection.

use std::time::Duration;

use steadfast_pool::{Lease, Pool};

use crate::Error;
use crate::roll::Slot;

/// Lends the connection of an attempt, and takes it back.
pub(crate) trait Lender {
    /// A connection that is alive as far as is known, and whose socket the slot knows.
    ///
    /// # Blocks
    /// For at most `limit`.
    #[track_caller]
    fn lend(&mut self, limit: Duration) -> Result<&mut Lease, Error>;

    /// Whether work may begin on what will be lent.
    ///
    /// # Errors
    /// [`Error::SessionStateLost`] if it would run in another session state than before.
    fn admit(&self) -> Result<(), Error> {
        Ok(())
    }

    /// The attempt needs its connection no longer.
    fn settle(&mut self);

    /// The settings of the resolver are no longer needed.
    fn restore(&mut self) {}
}

/// A fresh one from the pool each time, given back in between: nothing is held during a pause.
pub(crate) struct Fresh<'a> {
    pool: &'a Pool,
    slot: &'a Slot,
    lease: Option<Lease>,
}

impl<'a> Fresh<'a> {
    pub(crate) fn new(pool: &'a Pool, slot: &'a Slot) -> Self {
        Self { pool, slot, lease: None }
    }
}

impl Lender for Fresh<'_> {
    #[track_caller]
    fn lend(&mut self, limit: Duration) -> Result<&mut Lease, Error> {
        self.settle();
        // An outage is waited out here: it costs no attempt, and its end is heard of first.
        let lease = self.pool.get_patiently(limit)?;
        attach(self.slot, &lease);
        Ok(self.lease.insert(lease))
    }

    fn settle(&mut self) {
        if let Some(mut lease) = self.lease.take() {
            detach(self.slot, &mut lease);
        }
    }
}

impl Drop for Fresh<'_> {
    fn drop(&mut self) {
        self.settle();
    }
}

/// The one of a session, replaced when it is lost.
pub(crate) struct Kept<'a> {
    pool: &'a Pool,
    slot: &'a Slot,
    lease: &'a mut Lease,
}

impl<'a> Kept<'a> {
    pub(crate) fn new(pool: &'a Pool, slot: &'a Slot, lease: &'a mut Lease) -> Self {
        Self { pool, slot, lease }
    }
}

impl Lender for Kept<'_> {
    #[track_caller]
    fn lend(&mut self, limit: Duration) -> Result<&mut Lease, Error> {
        if self.lease.is_broken() || self.slot.hand().is_spent() {
            // The lost one is held until another is there: a session is never without.
            let fresh = self.pool.get_patiently(limit)?;
            detach(self.slot, self.lease);
            *self.lease = fresh;
            attach(self.slot, self.lease);
        }
        Ok(self.lease)
    }

    fn admit(&self) -> Result<(), Error> {
        let lost = self.lease.is_broken() && self.lease.state_touched();
        if lost { Err(Error::SessionStateLost) } else { Ok(()) }
    }

    fn settle(&mut self) {}

    fn restore(&mut self) {
        if self.lease.is_broken() {
            return;
        }
        if let Err(error) = self.lease.reset() {
            log::debug!(target: "steadfast::session", error:% = error; "the session could not be reset");
        }
    }
}

/// Lets the slot know the socket, so that a deadline can end a call that hangs.
pub(crate) fn attach(slot: &Slot, lease: &Lease) {
    let interrupter = lease.interrupter().inspect_err(|error| {
        log::warn!(target: "steadfast::session", error:% = error; "this connection keeps no deadline");
    });
    slot.hand().attach(interrupter.ok());
}

/// Takes the socket from the slot. What was shut down must not be lent again.
pub(crate) fn detach(slot: &Slot, lease: &mut Lease) {
    if slot.hand().detach() {
        lease.invalidate();
    }
}
