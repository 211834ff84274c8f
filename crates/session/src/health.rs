//! How the sessions are: counters that cost an atomic addition, and the last failure.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use steadfast_connection::Fault;

use crate::{Error, Outcome};

/// The sessions in numbers; the counters run from the beginning.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SessionHealth {
    /// Sessions that are open, transactions under way included.
    pub open: u32,
    /// How many may be.
    pub limit: u32,
    /// How long the oldest of them has been open.
    pub oldest: Option<Duration>,
    /// Transactions committed, resolved ones included.
    pub committed: u64,
    /// Attempts that were rolled back or lost.
    pub rollbacks: u64,
    /// Attempts made again, by what was wrong before.
    pub retries: Retries,
    /// Commits whose answer was lost and whose outcome was found out: committed.
    pub resolved_committed: u64,
    /// Commits whose answer was lost and whose outcome was found out: not committed.
    pub resolved_aborted: u64,
    /// Commits whose outcome was not found out before the deadline.
    pub unresolved: u64,
    /// The last failure, whatever became of it.
    pub last_error: Option<LastError>,
}

/// Attempts made again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retries {
    /// After a deadlock or a lock timeout.
    pub transient: u64,
    /// After a lost connection.
    pub disconnected: u64,
    /// Because the server or the pool had no room.
    pub busy: u64,
}

impl Retries {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.transient + self.disconnected + self.busy
    }
}

/// A failure and its time.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LastError {
    /// When.
    pub at: SystemTime,
    /// What could be done about it.
    pub fault: Fault,
    /// The number, if there was one.
    pub errno: Option<u32>,
    /// The text, for people.
    pub message: String,
}

/// The numbers as they are kept.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) committed: AtomicU64,
    pub(crate) rollbacks: AtomicU64,
    transient: AtomicU64,
    disconnected: AtomicU64,
    busy: AtomicU64,
    resolved_committed: AtomicU64,
    resolved_aborted: AtomicU64,
    pub(crate) unresolved: AtomicU64,
    /// Written at failures only.
    last_error: Mutex<Option<LastError>>,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    pub(crate) fn retried(&self, fault: Fault) {
        Self::add(match fault {
            Fault::Disconnected => &self.disconnected,
            Fault::Busy => &self.busy,
            _ => &self.transient,
        });
    }

    pub(crate) fn resolved(&self, outcome: Outcome) {
        Self::add(match outcome {
            Outcome::Committed => &self.resolved_committed,
            Outcome::Aborted => &self.resolved_aborted,
        });
    }

    pub(crate) fn failed(&self, error: &Error) {
        let last = LastError {
            at: SystemTime::now(),
            fault: error.fault(),
            errno: error.errno(),
            message: error.to_string(),
        };
        *self.last_error.lock() = Some(last);
    }

    pub(crate) fn read(&self, open: u32, limit: u32, oldest: Option<Duration>) -> SessionHealth {
        let get = |counter: &AtomicU64| counter.load(Relaxed);
        SessionHealth {
            open,
            limit,
            oldest,
            committed: get(&self.committed),
            rollbacks: get(&self.rollbacks),
            retries: Retries {
                transient: get(&self.transient),
                disconnected: get(&self.disconnected),
                busy: get(&self.busy),
            },
            resolved_committed: get(&self.resolved_committed),
            resolved_aborted: get(&self.resolved_aborted),
            unresolved: get(&self.unresolved),
            last_error: self.last_error.lock().clone(),
        }
    }
}
