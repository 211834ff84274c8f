//! Asking for a connection.
//!
//! The hot path is [`House::checkout`]: pop, look at the clock, go. Everything that can take time is
//! in [`House::search`], and every wait in it ends at the caller's deadline.

use std::backtrace::Backtrace;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::OnUnavailable;
use crate::crew::Duty;
use crate::entry::Entry;
use crate::error::Error;
use crate::event::{Checkout, Reason, TimedOut, Waiting};
use crate::holder::Borrower;
use crate::house::{Cause, House};
use crate::lease::Lease;
use crate::shelf::Joined;
use crate::stats::Gauges;
use crate::waiter::{Grant, Outage, Refusal};

type Found = Grant<Box<Entry>>;

/// Dead ones that a caller pings before it gives up on all of their age.
const PINGS: u32 = 2;
/// The shortest time in which a ping can be answered at all.
const BLINK: Duration = Duration::from_millis(1);
const LONGEST_HOLDERS: usize = 5;

impl House {
    pub(crate) fn checkout(
        self: &Arc<Self>,
        place: &'static Location<'static>,
        limit: Duration,
        stance: OnUnavailable,
    ) -> Result<Lease, Error> {
        self.admit()?;
        let now = self.now();
        let (found, since) = match self.shelf.take(Borrower::here(place, now)) {
            Some(found) if self.is_fresh(&found.item, now) => (found, now),
            other => {
                let waits = stance == OnUnavailable::Wait;
                let borrower = Borrower { waits, ..Borrower::here(place, Instant::now()) };
                self.search(&borrower, other, limit)?
            }
        };
        if self.config.seeing.leak_stack {
            self.shelf.note_stack(&found.ticket, Arc::new(Backtrace::force_capture()));
        }
        if self.config.listener.is_some() {
            let (id, waited) = (found.item.id, since.saturating_duration_since(now));
            self.tell(|pool, listener| listener.checkout(&Checkout { pool, id, waited }));
        }
        Ok(Lease::new(Arc::clone(self), found, place, since))
    }

    /// Whether it may be lent without a round trip.
    fn is_fresh(&self, entry: &Entry, now: Instant) -> bool {
        let rested = now.saturating_duration_since(entry.alive_at);
        let alive = !self.config.pre_ping || rested < self.config.bypass;
        alive && entry.era == self.era() && now < entry.retire_at()
    }

    /// Finds a connection that is alive, among the idle, the returned and the new; and tells when.
    #[cold]
    fn search(
        self: &Arc<Self>,
        borrower: &Borrower,
        mut found: Option<Found>,
        limit: Duration,
    ) -> Result<(Found, Instant), Error> {
        let deadline = borrower.since + limit;
        let mut line = Line { seat: None, deadline, limit, dead: 0, cause: None };
        loop {
            let candidate = match found.take().or_else(|| self.shelf.take(borrower.clone())) {
                Some(candidate) => candidate,
                None => self.stand_in_line(borrower, &mut line)?,
            };
            let Some(candidate) = self.examine(candidate, &mut line) else {
                if Instant::now() >= deadline {
                    return Err(self.timed_out(borrower, line));
                }
                continue;
            };
            let since = Instant::now();
            if let Some(timing) = &self.shelf.gauges.timing {
                timing.wait.add(since.saturating_duration_since(borrower.since));
            }
            return Ok((candidate, since));
        }
    }

    /// Lets through what may be lent; retires the others.
    fn examine(self: &Arc<Self>, mut found: Found, line: &mut Line) -> Option<Found> {
        let now = Instant::now();
        if self.is_fresh(&found.item, now) {
            return Some(found);
        }
        let era = self.era();
        if let Some(reason) = self.outlived(&found.item, now) {
            self.reject(found, reason);
            return None;
        }
        if !self.config.pre_ping {
            return Some(found);
        }
        let left = line.deadline.saturating_duration_since(now).max(BLINK);
        let limit = left.min(self.config.validation_timeout);
        let entry = &mut found.item;
        match self.ping(entry, limit) {
            Ok(()) => {
                entry.alive_at = Instant::now();
                entry.era = era;
                Some(found)
            }
            Err(error) => {
                log::debug!(target: "steadfast::pool", pool = self.name(), id = entry.id, error:% = error; "an idle connection was dead");
                self.note_loss(entry.era);
                self.reject(found, Reason::ValidationFailed);
                line.cause = Some(Arc::new(error));
                line.dead += 1;
                if line.dead == PINGS {
                    // The server went away: no use in pinging one after the other.
                    self.retire_suspects();
                }
                None
            }
        }
    }

    /// Retires what was taken and is not lent after all.
    fn reject(self: &Arc<Self>, Grant { item, ticket }: Found, reason: Reason) {
        Gauges::count(&self.shelf.gauges.taken_back);
        self.withdraw(item, ticket, reason);
    }

    fn stand_in_line(
        self: &Arc<Self>,
        borrower: &Borrower,
        line: &mut Line,
    ) -> Result<Found, Error> {
        let refusal = match self.shelf.join(borrower, &mut line.seat) {
            Joined::Granted(found) => return Ok(found),
            Joined::Refused(refusal) => refusal,
            Joined::Waiting { waiter, hire } => {
                if hire {
                    self.crew.hire(self, Duty::Upkeep);
                    self.crew.hire(self, Duty::Connect);
                }
                if self.config.listener.is_some() {
                    let waiting = self.stats().waiting;
                    self.tell(|pool, listener| listener.waiting(&Waiting { pool, waiting }));
                }
                let hire = || self.crew.hire(self, Duty::Connect);
                if let Some(error) = self.beware(&waiter) {
                    // What came in the meantime is better than the error.
                    let Some(Ok(found)) = self.shelf.leave(&waiter) else { return Err(error) };
                    return Ok(found);
                }
                match self.shelf.wait(&waiter, line.deadline, hire) {
                    Ok(found) => return Ok(found),
                    Err(refusal) => refusal,
                }
            }
        };
        Err(self.told(refusal, borrower, line))
    }

    fn told(&self, refusal: Refusal<Cause>, borrower: &Borrower, line: &mut Line) -> Error {
        let pool = Arc::clone(&self.name);
        match refusal {
            Refusal::Closed => Error::Closed(pool),
            Refusal::Paused => Error::Paused { pool, waited: borrower.since.elapsed() },
            Refusal::Failed(cause) => Error::Connect(cause),
            Refusal::Unavailable(Outage { since, retry_in, failures, cause }) => {
                Error::Unavailable { pool, since, retry_in, failures, cause }
            }
            Refusal::TimedOut => {
                let seatless = Line { seat: None, cause: line.cause.take(), ..*line };
                self.timed_out(borrower, seatless)
            }
        }
    }

    /// Waits until the pool is warm.
    pub(crate) fn warm_up(
        self: &Arc<Self>,
        place: &'static Location<'static>,
        limit: Duration,
    ) -> Result<(), Error> {
        self.staff();
        let borrower = Borrower::here(place, Instant::now());
        let deadline = borrower.since + limit;
        let mut line = Line { seat: None, deadline, limit, dead: 0, cause: None };
        let waits = self.config.bad_days.on_unavailable == OnUnavailable::Wait;
        match self.shelf.warmed(deadline, waits) {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.told(Refusal::TimedOut, &borrower, &mut line)),
            Err(refusal) => Err(self.told(refusal, &borrower, &mut line)),
        }
    }

    fn timed_out(&self, borrower: &Borrower, line: Line) -> Error {
        let waited = borrower.since.elapsed();
        Gauges::count(&self.shelf.gauges.timeouts);
        let mut stats = self.stats();
        // This caller has just left the line; it belongs into the picture.
        stats.waiting += 1;
        let mut holders = self.shelf.holders();
        holders.truncate(LONGEST_HOLDERS);
        let trouble = self.shelf.trouble().map(|trouble| trouble.cause);
        self.tell(|pool, listener| listener.timeout(&TimedOut { pool, waited }));
        let error = Error::Timeout {
            pool: Arc::clone(&self.name),
            waited,
            limit: line.limit,
            stats: Box::new(stats),
            holders,
            cause: trouble.or(line.cause),
        };
        log::debug!(target: "steadfast::pool", pool = self.name(), error:% = error; "a caller waited in vain");
        error
    }
}

/// What a caller that searches keeps in mind.
struct Line {
    /// Its place in line, kept if what it was given was dead.
    seat: Option<u64>,
    deadline: Instant,
    limit: Duration,
    /// Dead connections seen.
    dead: u32,
    /// What the last of them said.
    cause: Option<Cause>,
}
