//! One connection as the pool keeps it: the connection, and what the pool remembers of it.

use std::time::{Duration, Instant};

use steadfast_connection::Connection;

use crate::event::Reason;
use crate::registry::Member;

#[derive(Debug)]
pub(crate) struct Entry {
    member: Member,
    /// The number of the connection in this pool.
    pub(crate) id: u64,
    born: Instant,
    retire_at: Instant,
    /// When it was last known to be alive: born, pinged, or returned.
    pub(crate) alive_at: Instant,
    pub(crate) era: Era,
}

/// What the pool had seen when a connection was last known to be good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Era {
    /// Counts lost server connections: older ones are pinged before they are lent.
    pub(crate) losses: u64,
    /// Counts requests to replace every connection: older ones are retired.
    pub(crate) generation: u64,
}

impl Entry {
    pub(crate) fn new(member: Member, id: u64, era: Era, age: Duration) -> Self {
        let now = Instant::now();
        Self { member, id, born: now, retire_at: now + age, alive_at: now, era }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.member
    }

    pub(crate) fn connection_mut(&mut self) -> &mut Connection {
        &mut self.member
    }

    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.born)
    }

    pub(crate) fn retire_at(&self) -> Instant {
        self.retire_at
    }

    /// Why it must not be lent any more, whatever its state.
    pub(crate) fn outlived(&self, now: Instant, generation: u64) -> Option<Reason> {
        if self.era.generation != generation {
            Some(Reason::Requested)
        } else {
            (now >= self.retire_at).then_some(Reason::Lifetime)
        }
    }
}
