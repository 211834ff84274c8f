//! A connection in somebody's hands.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use steadfast_connection::Connection;

use crate::entry::Entry;
use crate::holder::Ticket;
use crate::house::House;
use crate::waiter::Grant;

/// A connection that is lent, until this is dropped.
///
/// It is a connection for diesel, and derefs to [`Connection`]. Dropped, the connection goes to the
/// oldest waiter or back on the shelf; or it is closed, if it is broken, has a transaction open, is
/// old, surplus, or its thread panics. Session state that was touched is reset first.
///
/// # Blocks
/// Dropping it waits for a reset if session state was touched, at most
/// [`PoolConfig::validation_timeout`](crate::PoolConfig::validation_timeout).
#[must_use = "a lease that is dropped has given its connection back"]
pub struct Lease {
    house: Arc<House>,
    /// `None` only while it is dropped.
    entry: Option<Box<Entry>>,
    ticket: Ticket,
    place: &'static Location<'static>,
    since: Instant,
    condemned: bool,
}

impl Lease {
    pub(crate) fn new(
        house: Arc<House>,
        grant: Grant<Box<Entry>>,
        place: &'static Location<'static>,
        since: Instant,
    ) -> Self {
        let Grant { item, ticket } = grant;
        Self { house, entry: Some(item), ticket, place, since, condemned: false }
    }

    /// The number of the connection in this pool, as in events and logs.
    pub fn id(&self) -> u64 {
        self.entry().id
    }

    /// Where in the program it was asked for.
    pub fn place(&self) -> &'static Location<'static> {
        self.place
    }

    /// Since when it is lent.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Has the connection closed when the lease is dropped.
    pub fn invalidate(&mut self) {
        self.condemned = true;
    }

    #[expect(clippy::expect_used, reason = "only drop takes the entry out")]
    fn entry(&self) -> &Entry {
        self.entry.as_ref().expect("a lease has its entry until it is dropped")
    }

    #[expect(clippy::expect_used, reason = "only drop takes the entry out")]
    fn entry_mut(&mut self) -> &mut Entry {
        self.entry.as_mut().expect("a lease has its entry until it is dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            let ticket = self.ticket.take();
            if let Some(threshold) = self.house.config.seeing.leak_threshold {
                self.house.note_return(&ticket, &entry, self, threshold);
            }
            self.house.checkin(entry, ticket, self.since, self.condemned);
        }
    }
}

impl Deref for Lease {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.entry().connection()
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Connection {
        self.entry_mut().connection_mut()
    }
}

steadfast_connection::connection_by_deref!(Lease);

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("id", &self.id())
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
