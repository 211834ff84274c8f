//! A fair pool of connections to MySQL or MariaDB, for diesel.
//!
//! Made for the bad day: a caller never waits longer than it said, whatever the server does; when it
//! waited in vain, the error tells who holds the connections and why none could be opened.
//!
//! ```no_run
//! use diesel::prelude::*;
//! use steadfast_pool::PoolConfig;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = steadfast_connection::Config::from_url("mysql://app:secret@db.example/shop")?;
//! let pool = PoolConfig::new().size(16).build(server)?;
//!
//! let mut lease = pool.get()?;
//! diesel::sql_query("UPDATE stock SET pieces = pieces - 1 WHERE id = 7").execute(&mut lease)?;
//! drop(lease); // to the oldest waiter, or back on the shelf
//!
//! println!("{:?}", pool.stats());
//! # Ok(())
//! # }
//! ```
//!
//! # How it works
//! The pool is a *shelf*. What lies on it is idle, the one used last on top, since that is the surest
//! to be alive. Who asks takes the top one; if it was used within half a second
//! ([`bypass`](PoolConfig::bypass)) it is lent as it is, in a fraction of a microsecond, else it is
//! pinged first.
//!
//! If the shelf is empty, the caller stands in line. Whoever brings a connection back hands it to the
//! *oldest* in line, so nobody starves. (Someone who comes within the first
//! [300 µs](PoolConfig::barging) of the oldest's wait may overtake: otherwise very short holds would
//! convoy.) Meanwhile connector threads open new connections, but only as many as still have somebody
//! waiting, up to `size + overflow`.
//!
//! What comes back is looked at: lost, left in a transaction, too old, surplus, or its thread panics:
//! then it is closed, and [`Reason`] says why. Changed session state is reset. A lost connection makes
//! those of its age suspect: each is pinged before it is lent again.
//!
//! r2d2 is the roll and the hard limit: each connection is enrolled with it when it is born and struck
//! off when it is retired. Its own policy (who gets what, when to connect) is not used.
//!
//! # What happens on a bad day
//! | | |
//! |---|---|
//! | all are lent | [`Error::Timeout`] with the numbers and the five longest holders |
//! | the server is down | after three failures in a row [`Error::Unavailable`] at once, with the cause, to everybody; one connector probes each 100 ms, and the first success ends it |
//! | the server comes back | one new connection, then two, four … per 50 ms: it is not stormed |
//! | the server is full (1040, 1203, 1226) | what is open stays; the room for more is halved and comes back step by step |
//! | wrong password, unknown database, no TLS | [`Error::Connect`] at once, to everybody who waits |
//! | the password is rotated, the writer moves | a [`provider`](PoolConfig::provider) is asked before each connect; when its answer changes, what is open is replaced bit by bit |
//! | the server takes no writes any more (1290, 1836, 1874) | its connections are replaced, for it is probably not the writer any more |
//! | the server hangs | the ping is cut off at the caller's deadline; connecting is done by others anyway |
//! | the server was restarted | two dead connections are found, the rest goes unasked, new ones are opened |
//! | the line never gets short | with [`load_shedding`](PoolConfig::load_shedding) whoever waits for too long gets [`Error::Overloaded`]; with [`max_waiters`](PoolConfig::max_waiters) whoever comes too late [`Error::QueueFull`] |
//! | a holder hangs or forgets its connection | with [`abandon`](PoolConfig::abandon) another is opened in its place, and the old one is closed when it comes back |
//! | a holder panics | its connection is closed, its place is free |
//!
//! [`PoolListener`] hears of all of it.

#![forbid(unsafe_code)]

mod birth;
mod checkin;
mod checkout;
mod clock;
mod config;
mod connector;
mod controls;
mod crew;
mod entry;
mod error;
mod event;
mod generation;
mod guard;
mod histogram;
mod holder;
mod house;
#[cfg(test)]
mod invariants;
mod leak;
mod lease;
mod listener;
mod metrics;
mod pool;
mod pools;
mod registry;
mod shelf;
#[cfg(test)]
mod soak;
mod stagger;
mod stats;
mod sync;
mod target;
mod upkeep;
mod waiter;
mod watch;
mod who;
mod worker;

pub use clock::{Clock, SystemClock};
pub use config::{MultipleCheckouts, OnDeadlock, OnPause, OnUnavailable, PoolConfig, Prepared};
pub use error::Error;
pub use event::{
    Abandoned, BreakerClosed, BreakerOpened, Checkin, Checkout, Closed, ConnectFailed, Connected,
    Connecting, Deadlocked, Draining, Invalidated, LeakSuspected, Lost, Paused, Pinged, Reason,
    Reset, Resized, Resumed, Retired, SecondCheckout, Shed, TimedOut, Unleaked, Waiting, Warned,
};
pub use histogram::Histogram;
pub use holder::Holder;
pub use lease::Lease;
pub use listener::PoolListener;
pub use metrics::{BOUNDS, Instrument, Metrics, Times, Value};
pub use pool::{Drained, Pool};
pub use pools::Pools;
pub use stats::Stats;
