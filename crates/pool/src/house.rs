//! The lending house: what all handles, leases and threads of one pool share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use steadfast_connection::{Config, Connection, Error as ConnectError, Interrupter, recent};

use crate::config::PoolConfig;
use crate::controls::packed;
use crate::crew::{Crew, Duty};
use crate::entry::{Entry, Era};
use crate::event::{Invalidated, Lost, Pinged, Reason, Retired};
use crate::guard::Warned;
use crate::holder::Ticket;
use crate::listener::{PoolListener, tell};
use crate::metrics::{Metrics, Times};
use crate::registry::Registry;
use crate::shelf::{Given, Shelf};
use crate::stats::{Gauges, Stats};
use crate::upkeep::Bin;
use crate::watch::Watch;

/// Why no connection could be opened; every waiter gets it.
pub(crate) type Cause = Arc<ConnectError>;

#[derive(Debug)]
pub(crate) struct House {
    pub(crate) name: Arc<str>,
    pub(crate) config: PoolConfig,
    pub(crate) server: Config,
    pub(crate) shelf: Shelf<Box<Entry>, Cause>,
    pub(crate) registry: Registry,
    pub(crate) bin: Arc<Bin>,
    pub(crate) watch: Watch<Interrupter>,
    pub(crate) crew: Crew,
    /// Size and overflow now, in one word.
    pub(crate) sizes: AtomicU64,
    /// The server's limits were read once.
    pub(crate) compared: AtomicBool,
    pub(crate) warned: Warned,
    losses: AtomicU64,
    generation: AtomicU64,
    ids: AtomicU64,
    pub(crate) ended: AtomicBool,
}

impl House {
    pub(crate) fn new(config: PoolConfig, server: Config) -> Self {
        let limits = config.limits();
        let bin = Arc::new(Bin::default());
        let mut shelf = Shelf::new(limits);
        shelf.gauges.timing = config.seeing.metrics.then(Box::default);
        Self {
            name: config.name.as_str().into(),
            shelf,
            registry: Registry::new(config.roll(), Arc::clone(&bin)),
            bin,
            watch: Watch::new(),
            crew: Crew::default(),
            sizes: AtomicU64::new(packed(config.size, config.overflow)),
            compared: AtomicBool::new(false),
            warned: Warned::default(),
            losses: AtomicU64::new(0),
            generation: AtomicU64::new(0),
            ids: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            config,
            server,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn stats(&self) -> Stats {
        let (size, overflow) = self.sizes();
        self.shelf.gauges.read(size, overflow)
    }

    /// The present moment, as exactly as somebody needs it: to a few milliseconds if nothing is
    /// measured and nobody waits.
    pub(crate) fn now(&self) -> Instant {
        let exactly = self.config.seeing.metrics
            || self.config.listener.is_some()
            || self.shelf.gauges.somebody_waits();
        if exactly { Instant::now() } else { recent() }
    }

    pub(crate) fn metrics(&self) -> Metrics {
        let stats = self.stats();
        let timing = self.shelf.gauges.timing.as_deref();
        let times = timing.map(|timing| Times::read(timing, stats.checkouts));
        Metrics { pool: Arc::clone(&self.name), stats, min_idle: self.config.min_idle, times }
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Relaxed) + 1
    }

    pub(crate) fn era(&self) -> Era {
        let (losses, generation) = (self.losses.load(Relaxed), self.generation.load(Relaxed));
        Era { losses, generation }
    }

    /// A connection of `era` was lost: those that are as old are suspect. One incident counts once,
    /// however many connections show it.
    pub(crate) fn note_loss(&self, era: Era) {
        // A failure of the exchange means that somebody else has counted this incident.
        if self.losses.compare_exchange(era.losses, era.losses + 1, Relaxed, Relaxed).is_ok() {
            log::warn!(target: "steadfast::pool", pool = self.name(); "a connection was lost: older ones are pinged before they are lent");
            let losses = era.losses + 1;
            self.tell(|pool, listener| listener.lost(&Lost { pool, losses }));
        }
    }

    /// Has every connection that is open now replaced.
    pub(crate) fn invalidate(&self) {
        self.generation.fetch_add(1, Relaxed);
        // Perhaps what was wrong is right now.
        self.shelf.forgive();
        let open = self.stats().open();
        log::info!(target: "steadfast::pool", pool = self.name(), open; "every connection is to be replaced");
        self.tell(|pool, listener| listener.invalidated(&Invalidated { pool, open }));
        self.retire_idle(Reason::Requested, |entry, era| entry.era.generation != era.generation);
    }

    /// Retires idle connections that are as old as one that was lost.
    pub(crate) fn retire_suspects(&self) {
        self.retire_idle(Reason::Epoch, |entry, era| entry.era.losses != era.losses);
    }

    pub(crate) fn retire_idle(&self, reason: Reason, which: impl Fn(&Entry, Era) -> bool) {
        let era = self.era();
        for entry in self.shelf.sweep(|entry, _| which(entry, era)) {
            self.retire(entry, reason);
        }
    }

    /// Closes a connection that the shelf has taken off already, and frees its place.
    pub(crate) fn retire(&self, entry: Box<Entry>, reason: Reason) {
        let (id, age) = (entry.id, entry.lived(Instant::now()));
        // First off r2d2's roll, then off ours: the roll never holds more than we count.
        drop(entry);
        self.shelf.forget();
        Gauges::count(&self.shelf.gauges.retired);
        log::debug!(target: "steadfast::pool", pool = self.name(), id, reason = reason.as_str(), age:? = age; "connection retired");
        self.tell(|pool, listener| listener.retired(&Retired { pool, id, reason, age }));
    }

    /// Retires what the shelf did not keep.
    pub(crate) fn settle(&self, given: Given<Box<Entry>>) {
        match given {
            Given::Kept => {}
            Given::Surplus(entry) => self.retire(entry, Reason::Overflow),
            Given::Closed(entry) => self.retire(entry, Reason::Closed),
            Given::Replaced(entry) => self.retire(entry, Reason::Lifetime),
        }
    }

    /// Starts a connector if one is needed.
    pub(crate) fn staff(self: &Arc<Self>) {
        if self.shelf.wants_hands() {
            self.crew.hire(self, Duty::Upkeep);
            self.crew.hire(self, Duty::Connect);
        }
    }

    /// Why an entry must not be lent any more, whatever its state. While connecting fails, age alone
    /// is no reason: an old connection is better than none.
    pub(crate) fn outlived(&self, entry: &Entry, now: Instant) -> Option<Reason> {
        let reason = entry.outlived(now, self.era().generation)?;
        let spared = reason == Reason::Lifetime && self.shelf.trouble().is_some();
        (!spared).then_some(reason)
    }

    /// Closes a lent connection that was not taken back.
    pub(crate) fn withdraw(self: &Arc<Self>, entry: Box<Entry>, ticket: Ticket, reason: Reason) {
        if reason == Reason::Lifetime {
            self.shelf.withdraw_old(ticket);
        } else {
            self.shelf.withdraw(ticket);
        }
        self.retire(entry, reason);
        if reason == Reason::Lifetime {
            self.staff();
        }
    }

    /// Tells the listener, if there is one.
    pub(crate) fn tell(&self, event: impl FnOnce(&str, &dyn PoolListener)) {
        if let Some(listener) = &self.config.listener {
            tell(self.name(), &**listener, |listener| event(self.name(), listener));
        }
    }

    /// Asks whether the connection is alive, within `limit`.
    ///
    /// # Blocks
    /// For `limit` at most.
    pub(crate) fn ping(
        self: &Arc<Self>,
        entry: &mut Entry,
        limit: Duration,
    ) -> Result<(), ConnectError> {
        let begun = Instant::now();
        let outcome = self.bounded(entry.connection_mut(), limit, |connection| connection.ping());
        let (id, took, alive) = (entry.id, begun.elapsed(), outcome.is_ok());
        log::debug!(target: "steadfast::pool", pool = self.name(), id, took:? = took, alive; "pinged");
        self.tell(|pool, listener| listener.pinged(&Pinged { pool, id, took, alive }));
        outcome
    }

    /// Does `work` on the connection; when `limit` is over, the socket is shut down, so that `work`
    /// fails at once.
    ///
    /// # Blocks
    /// For `limit` at most.
    pub(crate) fn bounded(
        self: &Arc<Self>,
        connection: &mut Connection,
        limit: Duration,
        work: impl FnOnce(&mut Connection) -> Result<(), ConnectError>,
    ) -> Result<(), ConnectError> {
        self.crew.hire(self, Duty::Watch);
        let armed = self.watch.arm(Instant::now() + limit, connection.interrupter()?);
        let alarm = match armed {
            Ok(alarm) => alarm,
            Err(interrupter) => {
                // The pool is closed, and nobody would end a call that hangs.
                interrupter.shutdown();
                return work(connection);
            }
        };
        let outcome = work(connection);
        if self.watch.disarm(alarm) || outcome.is_err() {
            return outcome;
        }
        // The work was done when the alarm went off: the socket is shut down, as this ping finds.
        connection.ping()
    }
}
