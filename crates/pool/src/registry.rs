//! r2d2 as the roll of all open connections and the hard limit on their number.
//!
//! Our connectors dial; r2d2 never does. A connection that is ready is laid down, and r2d2's own
//! worker picks it up in [`Roll::connect`], which therefore always succeeds: none of r2d2's endless
//! retries, and no panic in it that would lose a place. Enrolment is serialised, because r2d2's
//! `get_timeout` orders a further connection each time it loses a race (`add_connection`, r2d2
//! 0.8.10, lib.rs 219): it would find nothing laid down, fail, and be retried for ever.
//!
//! What is enrolled stays with us until it is retired: every give-back to r2d2 is reported as broken,
//! so that r2d2 takes it off the roll at once and hands it to [`Leavers::on_release`].

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use r2d2::{CustomizeConnection, ManageConnection, Pool};
use steadfast_connection::Connection;

use crate::upkeep::Bin;
use crate::worker::{self, Presence};

/// A connection on the roll. Dropped, it is taken off and closed.
pub(crate) type Member = r2d2::PooledConnection<Roll>;

/// r2d2's worker only has to move a pointer; longer than this means that it cannot run at all.
const ENROLMENT: Duration = Duration::from_secs(5);

pub(crate) struct Registry {
    limit: u32,
    ready: Arc<Mutex<VecDeque<Connection>>>,
    bin: Arc<Bin>,
    worker: Arc<Presence>,
    /// Serialises enrolment. r2d2 starts its threads when it is built: not before the first
    /// connection.
    roll: Mutex<State>,
}

enum State {
    Unused,
    Open(Pool<Roll>),
    Closed,
}

impl Registry {
    pub(crate) fn new(limit: u32, bin: Arc<Bin>) -> Self {
        let (ready, worker) = (Arc::default(), Arc::default());
        Self { limit, ready, bin, worker, roll: Mutex::new(State::Unused) }
    }

    /// Puts a connection on the roll; `None` if the registry is closed.
    ///
    /// # Blocks
    /// Until those who came before are enrolled, some 50 µs each.
    pub(crate) fn enrol(&self, connection: Connection) -> Option<Member> {
        let mut state = self.roll.lock();
        if matches!(*state, State::Unused) {
            *state = State::Open(self.build());
        }
        let State::Open(roll) = &*state else { return None };
        // Left over if an earlier enrolment gave up waiting; nobody else may get it.
        while let Some(stray) = roll.try_get() {
            drop(stray);
        }
        self.ready.lock().push_back(connection);
        match roll.get_timeout(ENROLMENT) {
            Ok(member) => Some(member),
            Err(error) => {
                let connections = roll.state().connections;
                log::error!(target: "steadfast::pool", error:% = error, connections; "r2d2 enrolled no connection");
                self.ready.lock().pop_back();
                None
            }
        }
    }

    /// Connections on the roll: the second bookkeeping, which ours is checked against.
    #[cfg(test)]
    pub(crate) fn enrolled(&self) -> u32 {
        match &*self.roll.lock() {
            State::Open(roll) => roll.state().connections,
            State::Unused | State::Closed => 0,
        }
    }

    /// Enrols nothing any more. r2d2's worker ends when the last member is dropped.
    pub(crate) fn close(&self) {
        *self.roll.lock() = State::Closed;
    }

    /// True if r2d2's worker has ended.
    ///
    /// # Blocks
    /// Until `deadline` at most.
    pub(crate) fn is_over(&self, deadline: Instant) -> bool {
        self.worker.ended(deadline)
    }

    fn build(&self) -> Pool<Roll> {
        Pool::builder()
            .max_size(self.limit)
            .min_idle(Some(0))
            .test_on_check_out(false)
            .max_lifetime(None)
            .idle_timeout(None)
            .thread_pool(worker::start())
            .connection_customizer(Box::new(Leavers(Arc::clone(&self.bin))))
            .build_unchecked(Roll {
                ready: Arc::clone(&self.ready),
                worker: Arc::clone(&self.worker),
            })
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// How a connection is got back from r2d2, which gives up what it has on [`Leavers`] alone.
enum Net {
    Stowed,
    Spread,
    Full(Box<Connection>),
}

thread_local! {
    static NET: RefCell<Net> = const { RefCell::new(Net::Stowed) };
}

/// Takes a connection off the roll without closing it.
#[expect(
    clippy::expect_used,
    reason = "r2d2 releases what has_broken calls broken, on this thread"
)]
pub(crate) fn release(member: Member) -> Connection {
    NET.set(Net::Spread);
    drop(member);
    let caught = match NET.replace(Net::Stowed) {
        Net::Full(connection) => Some(*connection),
        Net::Spread | Net::Stowed => None,
    };
    caught.expect("r2d2 hands over whatever is given back")
}

/// What r2d2 takes for the way to connect.
pub(crate) struct Roll {
    ready: Arc<Mutex<VecDeque<Connection>>>,
    worker: Arc<Presence>,
}

/// Nothing was laid down. It cannot happen, since enrolment is serialised.
#[derive(Debug, thiserror::Error)]
#[error("no connection was ready to be enrolled")]
pub(crate) struct NothingReady;

impl ManageConnection for Roll {
    type Connection = Connection;
    type Error = NothingReady;

    fn connect(&self) -> Result<Connection, NothingReady> {
        self.worker.sign_on();
        self.ready.lock().pop_front().ok_or(NothingReady)
    }

    fn is_valid(&self, _: &mut Connection) -> Result<(), NothingReady> {
        Ok(())
    }

    /// Whatever is given back to r2d2 is retired.
    fn has_broken(&self, _: &mut Connection) -> bool {
        true
    }
}

/// Where r2d2 sends those it has taken off the roll: away from the caller's thread.
struct Leavers(Arc<Bin>);

impl CustomizeConnection<Connection, NothingReady> for Leavers {
    fn on_release(&self, connection: Connection) {
        NET.with_borrow_mut(|net| match net {
            Net::Spread => *net = Net::Full(Box::new(connection)),
            Net::Stowed | Net::Full(_) => self.0.put(connection),
        });
    }
}

impl fmt::Debug for Leavers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Leavers")
    }
}
