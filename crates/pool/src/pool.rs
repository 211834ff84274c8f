//! The handle: ask for a connection, look, end it.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use steadfast_connection::Config;

use crate::config::{OnUnavailable, PoolConfig};
use crate::error::Error;
use crate::event::{Closed, Draining, Reason};
use crate::holder::Holder;
use crate::house::House;
use crate::lease::Lease;
use crate::metrics::Metrics;
use crate::stats::Stats;

/// Threads that only have to wake up and go get this long beyond the deadline of a close.
const GRACE: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
/// Short enough to add to any clock.
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

/// A pool of connections to one server. Cloning it gives a second handle to the same pool; when the
/// last handle is dropped, the pool is closed.
///
/// Made by [`PoolConfig::build`].
#[derive(Clone)]
pub struct Pool {
    owner: Arc<Owner>,
}

/// Closes the pool when the last handle goes. Leases and threads share the house without it.
struct Owner(Arc<House>);

impl Drop for Owner {
    fn drop(&mut self) {
        drop(self.0.close(Duration::ZERO));
    }
}

/// How a drain or a close ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Drained {
    /// How long it took.
    pub waited: Duration,
    /// True if everything came back and was taken off the roll, and, for a close, every thread of the pool has ended.
    pub finished: bool,
    /// Who still holds a connection, the longest first.
    pub holders: Vec<Holder>,
}

impl Pool {
    pub(crate) fn open(config: PoolConfig, server: Config) -> Self {
        let house = Arc::new(House::new(config, server));
        let (size, overflow) = (house.config.size, house.config.overflow);
        log::info!(target: "steadfast::pool", pool = house.name(), size, overflow; "pool opened");
        house.staff();
        Self { owner: Arc::new(Owner(house)) }
    }

    /// Lends a connection. One that was not used a moment ago is pinged first.
    ///
    /// # Blocks
    /// Until one is free, at most [`PoolConfig::timeout`], whatever the server does.
    ///
    /// # Errors
    /// [`Error::Timeout`] tells who holds the connections, and why none could be opened;
    /// [`Error::Unavailable`] at once if the server is down, unless
    /// [`PoolConfig::on_unavailable`] says to wait; [`Error::Connect`] at once if none can be opened
    /// before somebody changes something; [`Error::Closed`].
    #[track_caller]
    pub fn get(&self) -> Result<Lease, Error> {
        self.get_within(self.timeout())
    }

    /// Lends a connection within `limit`; zero takes one that is ready, or none. A limit above an
    /// hour counts as an hour.
    ///
    /// # Blocks
    /// Until one is free, at most `limit`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    #[track_caller]
    pub fn get_within(&self, limit: Duration) -> Result<Lease, Error> {
        let stance = self.house().config.bad_days.on_unavailable;
        self.house().checkout(Location::caller(), limit.min(HOUR), stance)
    }

    /// Lends a connection within `limit`, and waits also while the server is down, whatever
    /// [`PoolConfig::on_unavailable`] says: for a caller that has a deadline and no better idea. The
    /// connection comes as soon as the server is back. A limit above an hour counts as an hour.
    ///
    /// # Blocks
    /// Until one is free, at most `limit`.
    ///
    /// # Errors
    /// As [`get`](Self::get), but never [`Error::Unavailable`].
    #[track_caller]
    pub fn get_patiently(&self, limit: Duration) -> Result<Lease, Error> {
        self.house().checkout(Location::caller(), limit.min(HOUR), OnUnavailable::Wait)
    }

    /// Waits until [`PoolConfig::min_idle`] connections are open: before a service says that it is
    /// ready. A limit above an hour counts as an hour.
    ///
    /// # Blocks
    /// At most `limit`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    #[track_caller]
    pub fn warm_up(&self, limit: Duration) -> Result<(), Error> {
        self.house().warm_up(Location::caller(), limit.min(HOUR))
    }

    /// The pool in numbers. Takes no lock, so it may be asked as often as one likes.
    pub fn stats(&self) -> Stats {
        self.house().stats()
    }

    /// Numbers and times under the names that monitoring systems know.
    pub fn metrics(&self) -> Metrics {
        self.house().metrics()
    }

    /// Who holds a connection now, the longest first.
    pub fn holders(&self) -> Vec<Holder> {
        self.house().shelf.holders()
    }

    /// The pool's name.
    pub fn name(&self) -> &str {
        self.house().name()
    }

    /// How long [`get`](Self::get) waits at most, as configured.
    pub fn timeout(&self) -> Duration {
        self.house().config.timeout
    }

    /// The age at which a connection is closed, as configured; to be compared with the server's
    /// `wait_timeout`.
    pub fn recycle(&self) -> Duration {
        self.house().config.recycle
    }

    /// Connections there may be at most now: size and overflow.
    pub fn limit(&self) -> u32 {
        let (size, overflow) = self.house().sizes();
        size + overflow
    }

    /// What it connects to.
    pub fn server(&self) -> &Config {
        &self.house().server
    }

    /// Has every connection that is open now replaced: idle ones at once, lent ones when they come
    /// back. For a new password, a failover, or a changed server setting.
    pub fn invalidate(&self) {
        self.house().invalidate();
    }

    /// Lends nothing any more, and waits for what is lent: callers that wait and callers that come
    /// get [`Error::Closed`] at once, returned connections are closed.
    ///
    /// # Blocks
    /// Until the last connection is back, at most `limit`.
    pub fn drain(&self, limit: Duration) -> Drained {
        self.house().drain(limit)
    }

    /// Drains the pool and ends its threads. A lease that is still out stays usable; its connection
    /// is closed when it comes back.
    ///
    /// # Blocks
    /// Until the last connection is back, at most `limit`; then for the threads, up to a second
    /// more. One that is opening a connection to a silent server is left to end at its
    /// `connect_timeout`.
    pub fn close(&self, limit: Duration) -> Drained {
        self.house().close(limit)
    }

    /// True as soon as [`drain`](Self::drain) or [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.house().shelf.is_closed()
    }

    pub(crate) fn house(&self) -> &Arc<House> {
        &self.owner.0
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("name", &self.name()).field("stats", &self.stats()).finish()
    }
}

impl House {
    fn drain(&self, limit: Duration) -> Drained {
        let begun = Instant::now();
        if !self.shelf.is_closed() {
            let lent = self.stats().lent;
            log::info!(target: "steadfast::pool", pool = self.name(), lent; "the pool lends nothing any more");
            self.tell(|pool, listener| listener.draining(&Draining { pool, lent }));
        }
        for entry in self.shelf.close() {
            self.retire(entry, Reason::Closed);
        }
        let (finished, holders) = self.shelf.settle(begun + limit.min(MONTH));
        Drained { waited: begun.elapsed(), finished, holders }
    }

    fn close(&self, limit: Duration) -> Drained {
        let begun = Instant::now();
        let Drained { finished, holders, .. } = self.drain(limit);
        self.registry.close();
        self.bin.stop();
        self.watch.stop();
        let deadline = Instant::now().max(begun + limit.min(MONTH)) + GRACE;
        // r2d2's worker ends with the last lease: no use in waiting for it before.
        let joined = self.crew.dismiss(deadline) && (!finished || self.registry.is_over(deadline));
        if !joined {
            log::warn!(target: "steadfast::pool", pool = self.name(); "a thread is still connecting and ends by itself");
        }
        let lent = holders.len();
        if !self.ended.swap(true, Relaxed) {
            log::info!(target: "steadfast::pool", pool = self.name(), lent; "pool closed");
            self.tell(|pool, listener| listener.closed(&Closed { pool, lent }));
        }
        Drained { waited: begun.elapsed(), finished: finished && joined, holders }
    }
}
