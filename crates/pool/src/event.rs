//! What happens in a pool, told to a [`PoolListener`](crate::PoolListener).
//!
//! Each event is a struct with private fields and getters (as in r2d2), so that a field can be added
//! without a break.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use steadfast_connection::Error as ConnectError;

use crate::holder::Holder;

/// Why a connection was closed for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// It reached its age ([`PoolConfig::recycle`](crate::PoolConfig::recycle)).
    Lifetime,
    /// It was idle for too long ([`PoolConfig::max_idle_time`](crate::PoolConfig::max_idle_time)).
    Idle,
    /// A burst is over: more are idle than [`PoolConfig::size`](crate::PoolConfig::size).
    Overflow,
    /// It was lost while it was lent.
    Broken,
    /// It came back with a transaction open.
    OpenTransaction,
    /// It came back with changed session state, and the reset failed.
    StateTouched,
    /// It came back because its thread panicked.
    Panicked,
    /// Others of its age turned out to be dead.
    Epoch,
    /// The server takes no writes any more.
    ReadOnly,
    /// It did not answer the ping before it was lent.
    ValidationFailed,
    /// [`Pool::invalidate`](crate::Pool::invalidate) or [`Lease::invalidate`](crate::Lease::invalidate).
    Requested,
    /// The pool is closed.
    Closed,
}

impl Reason {
    /// The word for it in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lifetime => "lifetime",
            Self::Idle => "idle",
            Self::Overflow => "overflow",
            Self::Broken => "broken",
            Self::OpenTransaction => "open_transaction",
            Self::StateTouched => "state_touched",
            Self::Panicked => "panicked",
            Self::Epoch => "epoch",
            Self::ReadOnly => "read_only",
            Self::ValidationFailed => "validation_failed",
            Self::Requested => "requested",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! event {
    ($(#[$about:meta])* $name:ident { $($(#[$field_about:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name<'a> {
            pub(crate) pool: &'a str,
            $(pub(crate) $field: $kind,)*
        }

        impl<'a> $name<'a> {
            /// The pool's name.
            pub fn pool(&self) -> &'a str {
                self.pool
            }

            $($(#[$field_about])*
            pub fn $field(&self) -> $kind {
                self.$field
            })*
        }
    };
}

event! {
    /// A connection is being opened.
    Connecting {
        /// How many are, this one included.
        creating: u32,
    }
}

event! {
    /// A connection was opened.
    Connected {
        /// The number of the connection in this pool.
        id: u64,
        /// How long it took.
        took: Duration,
    }
}

event! {
    /// A connection could not be opened.
    ConnectFailed {
        /// What the server or the way to it said.
        error: &'a ConnectError,
        /// Failures in a row, this one included.
        failures: u32,
        /// The next attempt is made after this pause, if somebody still waits.
        pause: Duration,
    }
}

event! {
    /// The server is down: callers are refused at once, or wait, until it is back.
    BreakerOpened {
        /// What the last attempt said.
        error: &'a ConnectError,
        /// Failures in a row.
        failures: u32,
    }
}

event! {
    /// The server is back, or at least answers.
    BreakerClosed {
        /// How long it was down: since the first failure.
        down: Duration,
        /// Failures in a row.
        failures: u32,
    }
}

event! {
    /// A connection was lent.
    Checkout {
        /// The number of the connection in this pool.
        id: u64,
        /// How long the caller waited, a ping included.
        waited: Duration,
    }
}

event! {
    /// A connection came back.
    Checkin {
        /// The number of the connection in this pool.
        id: u64,
        /// How long it was held.
        held: Duration,
    }
}

event! {
    /// A caller begins to wait.
    Waiting {
        /// How many wait now, this one included.
        waiting: u32,
    }
}

event! {
    /// A caller waited in vain.
    TimedOut {
        /// How long it waited.
        waited: Duration,
    }
}

event! {
    /// A connection was closed for good.
    Retired {
        /// The number of the connection in this pool.
        id: u64,
        /// Why.
        reason: Reason,
        /// How old it was.
        age: Duration,
    }
}

event! {
    /// The pool was closed.
    Closed {
        /// Connections that were still lent when waiting for them ended.
        lent: usize,
    }
}

event! {
    /// A connection that had rested was asked whether it is alive.
    Pinged {
        /// The number of the connection in this pool.
        id: u64,
        /// How long it took.
        took: Duration,
        /// Whether it is.
        alive: bool,
    }
}

event! {
    /// A connection came back with changed session state, which was to be undone.
    Reset {
        /// The number of the connection in this pool.
        id: u64,
        /// How long it took.
        took: Duration,
        /// Whether it was; if not, the connection is closed.
        clean: bool,
    }
}

event! {
    /// A connection was lost: those of its age are pinged before they are lent again. Told once for
    /// each incident, however many connections show it.
    Lost {
        /// Incidents so far, this one included.
        losses: u64,
    }
}

event! {
    /// Every connection that is open now is to be replaced: [`Pool::invalidate`](crate::Pool::invalidate).
    Invalidated {
        /// Connections that were open.
        open: u32,
    }
}

event! {
    /// The pool lends nothing any more.
    Draining {
        /// Connections that are still lent.
        lent: u32,
    }
}

event! {
    /// Somebody holds a connection for longer than
    /// [`PoolConfig::leak_threshold`](crate::PoolConfig::leak_threshold). Told once for each loan.
    LeakSuspected {
        /// Who, and from where.
        holder: &'a Holder,
    }
}

event! {
    /// A connection that seemed lost came back.
    Unleaked {
        /// The number of the connection in this pool.
        id: u64,
        /// How long it was held.
        held: Duration,
        /// Where in the program it was asked for.
        place: &'static Location<'static>,
    }
}

event! {
    /// A setting does not fit the server's.
    Warned {
        /// The setting: `recycle` or `size`.
        about: &'static str,
        /// What was found and what to do about it.
        message: &'a str,
    }
}

event! {
    /// A thread that holds a connection waits for another.
    SecondCheckout {
        /// Where in the program it asks.
        place: &'static Location<'static>,
        /// What it holds.
        holder: &'a Holder,
    }
}

event! {
    /// Every connection is held by a thread that waits for another.
    Deadlocked {
        /// All of them, the longest first.
        holders: &'a [Holder],
    }
}

event! {
    /// The pool lends nothing for a while.
    Paused {}
}

event! {
    /// The pool lends again.
    Resumed {}
}

event! {
    /// The pool has another size.
    Resized {
        /// Connections that are kept open.
        size: u32,
        /// Connections above it that a burst may open.
        overflow: u32,
    }
}
