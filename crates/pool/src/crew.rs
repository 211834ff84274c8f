//! The pool's threads: started when they are first needed, ended and joined by close.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::house::House;
use crate::{connector, upkeep};

/// Connectors at most: enough to open connections side by side after a restart, and few enough not to
/// storm a server that has just come back.
const CONNECTORS: usize = 4;

/// What a thread is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Opens connections.
    Connect,
    /// Closes them, and retires idle ones.
    Upkeep,
    /// Ends calls that hang.
    Watch,
}

impl Duty {
    /// Linux keeps 15 characters.
    fn thread_name(self) -> &'static str {
        match self {
            Self::Connect => "sf-pool-connect",
            Self::Upkeep => "sf-pool-upkeep",
            Self::Watch => "sf-pool-watch",
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Crew {
    state: Mutex<State>,
    /// Rung when a thread ends.
    left: Condvar,
}

#[derive(Debug, Default)]
struct State {
    handles: Vec<JoinHandle<()>>,
    on_duty: Vec<Duty>,
    dismissed: bool,
}

impl Crew {
    /// Starts a thread for `duty` unless there are enough, or the pool is closed.
    pub(crate) fn hire(&self, house: &Arc<House>, duty: Duty) {
        let most = match duty {
            Duty::Connect => CONNECTORS.min(house.config.limits().most),
            Duty::Upkeep | Duty::Watch => 1,
        };
        let mut state = self.state.lock();
        let busy = state.on_duty.iter().filter(|&&other| other == duty).count();
        if state.dismissed || busy >= most {
            return;
        }
        let work = Arc::clone(house);
        match start(work, duty) {
            Ok(handle) => {
                state.handles.push(handle);
                state.on_duty.push(duty);
            }
            Err(error) => {
                drop(state);
                let thread = duty.thread_name();
                log::error!(target: "steadfast::pool", pool = house.name(), thread, error:% = error; "a pool thread could not be started");
            }
        }
    }

    /// Joins all threads, which have been told to end; those that hang beyond `deadline` are left to
    /// end by themselves. True if all were joined.
    ///
    /// # Blocks
    /// Until `deadline` at most.
    pub(crate) fn dismiss(&self, deadline: Instant) -> bool {
        let mut state = self.state.lock();
        state.dismissed = true;
        let me = thread::current().id();
        // The last handle of a pool may be dropped on one of its own threads, by a listener.
        let mine = usize::from(state.handles.iter().any(|handle| handle.thread().id() == me));
        while state.on_duty.len() > mine && !self.left.wait_until(&mut state, deadline).timed_out()
        {
        }
        let all = state.on_duty.len() <= mine;
        let handles = std::mem::take(&mut state.handles);
        drop(state);
        for handle in handles {
            if handle.thread().id() != me && (all || handle.is_finished()) {
                // A panic of the thread has been told by the panic hook; here it is only over.
                drop(handle.join());
            }
        }
        all
    }
}

fn start(house: Arc<House>, duty: Duty) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(duty.thread_name().to_owned()).spawn(move || {
        let on_duty = OnDuty { house: &house, duty };
        match duty {
            Duty::Connect => connector::run(&house),
            Duty::Upkeep => upkeep::run(&house),
            Duty::Watch => house.watch.run(|interrupter| interrupter.shutdown()),
        }
        drop(on_duty);
    })
}

/// Signs off when the thread ends, also by a panic.
struct OnDuty<'a> {
    house: &'a House,
    duty: Duty,
}

impl Drop for OnDuty<'_> {
    fn drop(&mut self) {
        let crew = &self.house.crew;
        let mut state = crew.state.lock();
        if let Some(place) = state.on_duty.iter().position(|&duty| duty == self.duty) {
            state.on_duty.swap_remove(place);
        }
        drop(state);
        crew.left.notify_all();
    }
}
