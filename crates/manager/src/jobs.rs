//! Work outside the pool that is under way, so that `close` can end it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use steadfast_connection::{Connection, Interrupter};

use crate::Error;

/// What is under way.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    // Guards the list; held for a few lines, never across I/O.
    list: Mutex<List>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct List {
    stopping: bool,
    next: u64,
    jobs: BTreeMap<u64, Job>,
}

#[derive(Debug)]
struct Job {
    connection: Option<u64>,
    interrupter: Option<Interrupter>,
}

/// One piece of work; off the list when dropped.
#[derive(Debug)]
pub(crate) struct JobGuard {
    jobs: Arc<Jobs>,
    id: u64,
}

impl Jobs {
    /// Puts the work of `conn` on the list.
    ///
    /// # Errors
    /// [`Error::Closed`] once `stop` was called.
    pub(crate) fn begin(self: &Arc<Self>, conn: &Connection) -> Result<JobGuard, Error> {
        self.add(Job { connection: Some(conn.thread_id()), interrupter: conn.interrupter().ok() })
    }

    /// Puts work on the list that has connections of its own, and cannot be cut.
    ///
    /// # Errors
    /// [`Error::Closed`] once `stop` was called.
    pub(crate) fn enter(self: &Arc<Self>) -> Result<JobGuard, Error> {
        self.add(Job { connection: None, interrupter: None })
    }

    fn add(self: &Arc<Self>, job: Job) -> Result<JobGuard, Error> {
        let mut list = self.list.lock();
        if list.stopping {
            return Err(Error::Closed);
        }
        let id = list.next;
        list.next += 1;
        list.jobs.insert(id, job);
        Ok(JobGuard { jobs: Arc::clone(self), id })
    }

    /// Lets no further work begin; what goes in steps stops after the step under way.
    pub(crate) fn stop(&self) {
        self.list.lock().stopping = true;
    }

    /// Whether work that goes in steps is to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.list.lock().stopping
    }

    /// The server's ids of the connections that work now.
    pub(crate) fn connections(&self) -> Vec<u64> {
        self.list.lock().jobs.values().filter_map(|job| job.connection).collect()
    }

    /// Waits until nothing is under way. Returns how much still is.
    ///
    /// # Blocks
    /// At most until `deadline`.
    pub(crate) fn settle(&self, deadline: Instant) -> usize {
        let mut list = self.list.lock();
        while !list.jobs.is_empty() {
            if self.changed.wait_until(&mut list, deadline).timed_out() {
                break;
            }
        }
        list.jobs.len()
    }

    /// Cuts the connections of what is still under way. Returns how many.
    pub(crate) fn cut(&self) -> usize {
        let list = self.list.lock();
        let interrupters = list.jobs.values().filter_map(|job| job.interrupter.as_ref());
        interrupters.map(Interrupter::shutdown).count()
    }
}

impl Drop for JobGuard {
    fn drop(&mut self) {
        self.jobs.list.lock().jobs.remove(&self.id);
        self.jobs.changed.notify_all();
    }
}
