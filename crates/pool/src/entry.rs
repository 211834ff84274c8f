//! One connection as the pool keeps it: the connection, and what the pool remembers of it.

use std::time::{Duration, Instant};

use steadfast_connection::Connection;

use crate::event::Reason;
use crate::registry::Member;
use crate::shelf::{Age, Item};

#[derive(Debug)]
pub(crate) struct Entry {
    member: Member,
    /// The number of the connection in this pool.
    pub(crate) id: u64,
    born: Instant,
    /// From here on its replacement is made.
    renew_at: Instant,
    retire_at: Instant,
    /// How long it may be idle until it is pinged.
    rest: Option<Duration>,
    /// When it was last lent, or born.
    pub(crate) used_at: Instant,
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

/// The times of one connection, drawn when it is born.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// The age at which it is closed.
    pub(crate) age: Duration,
    /// How long before that its replacement is made.
    pub(crate) lead: Duration,
    /// How long it may be idle until it is pinged.
    pub(crate) rest: Option<Duration>,
}

impl Item for Box<Entry> {
    fn age(&self, now: Instant) -> Age {
        if now >= self.retire_at {
            Age::Over
        } else if now >= self.renew_at {
            Age::Old
        } else {
            Age::Young
        }
    }
}

impl Entry {
    pub(crate) fn new(member: Member, id: u64, era: Era, times: Times) -> Self {
        let (now, Times { age, lead, rest }) = (Instant::now(), times);
        let (renew_at, retire_at) = (now + age.saturating_sub(lead), now + age);
        Self { member, id, born: now, renew_at, retire_at, rest, used_at: now, alive_at: now, era }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.member
    }

    pub(crate) fn connection_mut(&mut self) -> &mut Connection {
        &mut self.member
    }

    pub(crate) fn lived(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.born)
    }

    pub(crate) fn retire_at(&self) -> Instant {
        self.retire_at
    }

    /// When upkeep has to look at it next.
    pub(crate) fn look_at(&self) -> Instant {
        self.keep_alive_at().map_or(self.renew_at, |at| at.min(self.renew_at))
    }

    /// When it is to be pinged, so that neither the server nor anything on the way takes it for
    /// forgotten.
    pub(crate) fn keep_alive_at(&self) -> Option<Instant> {
        self.rest.map(|rest| self.alive_at + rest)
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
