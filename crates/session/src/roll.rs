//! The roll of open sessions: who they are, until when they may go on, and how to cut them off.
//!
//! Whoever opens a session gets a [`Slot`]; the slot knows the socket of the connection that is lent for
//! it. One thread, [`Roll::watch`], cuts off what passes its deadline: a call that hangs in a read on a
//! silent server cannot look at a clock.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use steadfast_pool::Clock;

use crate::Error;
use crate::hand::Hand;

/// How long the watch sleeps if nothing has a deadline.
const HOUR: Duration = Duration::from_secs(3600);

/// Somebody who has a session open, as seen at one moment.
#[derive(Clone, Debug)]
pub struct SessionInfo {
    entry: Arc<Entry>,
    age: Duration,
    committing: bool,
}

impl SessionInfo {
    /// The name it was given.
    pub fn name(&self) -> Option<&str> {
        self.entry.name.as_deref()
    }

    /// Where in the program it was opened.
    pub fn place(&self) -> &'static Location<'static> {
        self.entry.place
    }

    /// The name of the thread that opened it, if it has one.
    pub fn thread(&self) -> Option<&str> {
        self.entry.thread.name()
    }

    /// Since when it is open.
    pub fn since(&self) -> Instant {
        self.entry.since
    }

    /// How long it had been open when this was written down.
    pub fn age(&self) -> Duration {
        self.age
    }

    /// Whether its COMMIT was under way, or being resolved.
    pub fn is_committing(&self) -> bool {
        self.committing
    }
}

impl fmt::Display for SessionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place();
        write!(f, "{} ", self.name().unwrap_or("session"))?;
        write!(f, "for {:.1}s by {}:{}", self.age.as_secs_f64(), place.file(), place.line())?;
        self.thread().map_or(Ok(()), |name| write!(f, " in thread {name:?}"))
    }
}

/// The open sessions.
#[derive(Debug)]
pub(crate) struct Roll {
    limit: u32,
    clock: Arc<dyn Clock>,
    /// Guards who is open; held for a few lines, and before an entry's `hand`.
    pub(crate) lines: Mutex<Lines>,
    /// Somebody left, while the roll is closed.
    pub(crate) left: Condvar,
    /// The watch has to look earlier than it meant to, or to end.
    sooner: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct Lines {
    slots: Vec<Option<Arc<Entry>>>,
    free: Vec<usize>,
    pub(crate) closed: bool,
    ended: bool,
    /// When the watch looks next.
    wake: Option<Instant>,
}

#[derive(Debug)]
pub(crate) struct Entry {
    name: Option<Cow<'static, str>>,
    place: &'static Location<'static>,
    thread: Thread,
    since: Instant,
    /// Guards the socket of the connection that is lent. It is shut down under this lock, so that a
    /// connection that has been given back is never hit. `shutdown(2)` does not wait.
    pub(crate) hand: Mutex<Hand>,
}

impl Roll {
    pub(crate) fn new(limit: u32, clock: Arc<dyn Clock>) -> Self {
        Self { limit, clock, lines: Mutex::default(), left: Condvar::new(), sooner: Condvar::new() }
    }

    pub(crate) fn enter(
        self: &Arc<Self>,
        name: Option<Cow<'static, str>>,
        place: &'static Location<'static>,
        deadline: Option<Instant>,
    ) -> Result<Slot, Error> {
        let hand = Mutex::new(Hand::new(deadline));
        let since = self.clock.now();
        let entry = Arc::new(Entry { name, place, thread: thread::current(), since, hand });
        let mut lines = self.lines.lock();
        if lines.closed {
            return Err(Error::Closed);
        }
        if lines.open() >= self.limit as usize {
            return Err(Error::SessionLimit { limit: self.limit });
        }
        let number = lines.add(Arc::clone(&entry));
        self.look_by(&lines, deadline);
        Ok(Slot { roll: Arc::clone(self), entry, number })
    }

    /// Wakes the watch if it meant to sleep beyond `moment`.
    fn look_by(&self, lines: &Lines, moment: Option<Instant>) {
        if moment.is_some_and(|moment| lines.wake.is_some_and(|wake| moment < wake)) {
            self.sooner.notify_one();
        }
    }

    pub(crate) fn list(&self) -> Vec<SessionInfo> {
        self.lines.lock().told(self.clock.now())
    }

    /// How many are open, and the age of the oldest.
    pub(crate) fn measure(&self) -> (u32, Option<Duration>) {
        let lines = self.lines.lock();
        let now = self.clock.now();
        let oldest = lines.entries().map(|entry| now.saturating_duration_since(entry.since)).max();
        (u32::try_from(lines.open()).unwrap_or(u32::MAX), oldest)
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// What the one thread does: cuts off what passes its deadline, until [`end`](Self::end).
    pub(crate) fn watch(&self) {
        let mut lines = self.lines.lock();
        while !lines.ended {
            let now = self.clock.now();
            let next = lines.entries().filter_map(|entry| entry.hand.lock().due(now)).min();
            let wake = next.map_or(now + HOUR, |next| next.min(now + HOUR));
            lines.wake = Some(wake);
            self.sooner.wait_until(&mut lines, wake);
        }
    }

    pub(crate) fn end(&self) {
        self.lines.lock().ended = true;
        self.sooner.notify_one();
    }
}

impl Lines {
    pub(crate) fn open(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.slots.iter().flatten()
    }

    /// All of them, the oldest first.
    pub(crate) fn told(&self, now: Instant) -> Vec<SessionInfo> {
        let mut told: Vec<_> = self.entries().map(|entry| entry.told(now)).collect();
        told.sort_by_key(SessionInfo::since);
        told
    }

    fn add(&mut self, entry: Arc<Entry>) -> usize {
        if let Some(number) = self.free.pop()
            && let Some(slot) = self.slots.get_mut(number)
        {
            *slot = Some(entry);
            return number;
        }
        self.slots.push(Some(entry));
        self.slots.len() - 1
    }
}

impl Entry {
    pub(crate) fn told(self: &Arc<Self>, now: Instant) -> SessionInfo {
        SessionInfo {
            age: now.saturating_duration_since(self.since),
            committing: self.hand.lock().is_committing(),
            entry: Arc::clone(self),
        }
    }
}

/// A place on the roll, held as long as the session is open.
#[derive(Debug)]
pub(crate) struct Slot {
    roll: Arc<Roll>,
    entry: Arc<Entry>,
    number: usize,
}

impl Slot {
    /// Sets a deadline for what follows, or takes it back.
    pub(crate) fn arm(&self, deadline: Option<Instant>) {
        let lines = self.roll.lines.lock();
        self.hand().arm(deadline);
        self.roll.look_by(&lines, deadline);
    }

    /// To be asked before COMMIT is sent; false if the session has been cut off. The answer is waited for
    /// until `patience`.
    pub(crate) fn enter_commit(&self, patience: Option<Instant>) -> bool {
        let lines = self.roll.lines.lock();
        let may_commit = self.hand().enter_commit(patience);
        self.roll.look_by(&lines, patience);
        may_commit
    }

    pub(crate) fn hand(&self) -> MutexGuard<'_, Hand> {
        self.entry.hand.lock()
    }

    pub(crate) fn name(&self) -> &str {
        self.entry.name.as_deref().unwrap_or("")
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut lines = self.roll.lines.lock();
        if let Some(line) = lines.slots.get_mut(self.number) {
            *line = None;
            lines.free.push(self.number);
        }
        if lines.closed {
            self.roll.left.notify_all();
        }
    }
}
