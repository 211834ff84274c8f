//! One connection, lent for a while.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;

use steadfast_connection::{Connection, connection_by_deref};
use steadfast_pool::Lease;

use crate::attempt::Work;
use crate::lender::{self, Kept};
use crate::retry::{self, Again, Once};
use crate::roll::Slot;
use crate::{Error, Raw, Sessions, Tx, TxOptions};

/// A connection for a while, with transactions. Made by [`Sessions::open`].
///
/// It is a connection for diesel. Variables, temporary tables and locks of the server's session live as
/// long as it does, unless the connection is lost: then the next transaction brings a new one. Dropped,
/// it goes back to the pool, which resets what was changed and closes what has a transaction open.
pub struct Session {
    slot: Slot,
    lease: Lease,
    sessions: Sessions,
}

impl Session {
    #[track_caller]
    pub(crate) fn open(
        sessions: &Sessions,
        name: Option<Cow<'static, str>>,
        place: &'static Location<'static>,
    ) -> Result<Self, Error> {
        let slot = sessions.roll().enter(name, place, None)?;
        let lease = sessions.pool().get()?;
        lender::attach(&slot, &lease);
        Ok(Self { slot, lease, sessions: sessions.clone() })
    }

    /// Runs `work` in a transaction, as [`Sessions::transaction`] does, on this session's connection. It is
    /// kept for all attempts, and replaced by a new one of the pool if it is lost, unless settings, locks
    /// or temporary tables went with it ([`Error::SessionStateLost`]). Until that one is there
    /// the lost one keeps its place in the pool: in a pool that is full of sessions,
    /// [`Sessions::transaction`], which holds nothing while it waits, recovers better.
    ///
    /// # Blocks
    /// As [`Sessions::transaction`] does.
    ///
    /// # Errors
    /// Those of [`Sessions::transaction`], and [`Error::NestedTransaction`] if one is open already.
    #[track_caller]
    pub fn transaction<T, E>(
        &mut self,
        work: impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.transaction_with(&TxOptions::default(), work)
    }

    /// The same as [`transaction`](Self::transaction), with options.
    ///
    /// # Blocks
    /// As [`Sessions::transaction`] does.
    ///
    /// # Errors
    /// Those of [`transaction`](Self::transaction), and [`Error::Config`] if an option is out of range.
    #[track_caller]
    pub fn transaction_with<T, E>(
        &mut self,
        options: &TxOptions,
        work: impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.run(options, &mut Again(work))
    }

    /// Runs `work` in a transaction, once, as [`Sessions::transaction_once`] does, on this session's
    /// connection.
    ///
    /// # Blocks
    /// As [`Sessions::transaction`] does.
    ///
    /// # Errors
    /// Those of [`Sessions::transaction_once`], and [`Error::NestedTransaction`].
    #[track_caller]
    pub fn transaction_once<T, E>(
        &mut self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.run(&TxOptions::default(), &mut Once(Some(work)))
    }

    /// Statements as text, with bound parameters.
    pub fn raw(&mut self) -> Raw<'_> {
        Raw::new(self)
    }

    #[track_caller]
    fn run<T, E, W>(&mut self, options: &TxOptions, work: &mut W) -> Result<T, E>
    where
        E: From<Error>,
        W: Work<T, E>,
    {
        if self.slot.hand().is_closed() {
            return Err(E::from(Error::Closed));
        }
        if self.lease.in_transaction() && !self.lease.is_broken() {
            return Err(E::from(Error::NestedTransaction));
        }
        let Self { slot, lease, sessions } = self;
        let house = sessions.house();
        let deadline = house.deadline(options)?;
        let armed = Deadline::arm(slot, deadline);
        let course = house.course(slot, options, deadline);
        let result = retry::run(&course, &mut Kept::new(&house.pool, slot, lease), work);
        drop(armed);
        result
    }
}

/// The deadline of a transaction in a session, taken back at its end, also by a panic.
struct Deadline<'a>(&'a Slot);

impl<'a> Deadline<'a> {
    fn arm(slot: &'a Slot, deadline: std::time::Instant) -> Self {
        slot.arm(Some(deadline));
        Self(slot)
    }
}

impl Drop for Deadline<'_> {
    fn drop(&mut self) {
        self.0.arm(None);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        lender::detach(&self.slot, &mut self.lease);
    }
}

impl Deref for Session {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.lease
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.lease
    }
}

connection_by_deref!(Session);

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("name", &self.slot.name())
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}
