//! Upkeep: what has to be done when nobody calls, on a thread of its own.
//!
//! It closes connections away from callers, and looks over the shelf when the next idle connection
//! reaches its age or its idle time, or is to be pinged. It sleeps until then; a connection that was lent at the last
//! look may be found late, so it looks at least ten times in the shortest limit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use steadfast_connection::Connection;

use crate::config::LEAD;
use crate::entry::Entry;
use crate::event::Reason;
use crate::house::House;

const RARELY: Duration = Duration::from_secs(30);
const OFTEN: Duration = Duration::from_millis(10);

/// Connections that wait to be closed, and the bell of the thread that closes them.
#[derive(Debug, Default)]
pub(crate) struct Bin {
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Default)]
struct State {
    connections: Vec<Connection>,
    /// Somebody empties it.
    open: bool,
    stopped: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("connections", &self.connections.len())
            .finish_non_exhaustive()
    }
}

impl Bin {
    /// Has `connection` closed; at once, on this thread, if there is nobody to do it.
    pub(crate) fn put(&self, connection: Connection) {
        let mut state = self.state.lock();
        if !state.open {
            drop(state);
            drop(connection);
            return;
        }
        state.connections.push(connection);
        drop(state);
        self.bell.notify_one();
    }

    pub(crate) fn stop(&self) {
        self.state.lock().stopped = true;
        self.bell.notify_all();
    }

    /// What is to be closed, as soon as there is something; empty when `until` has come.
    fn take(&self, until: Instant) -> (Vec<Connection>, bool) {
        let mut state = self.state.lock();
        state.open = true;
        while state.connections.is_empty() && !state.stopped {
            if self.bell.wait_until(&mut state, until).timed_out() {
                break;
            }
        }
        // What comes after the last round is closed by whoever brings it.
        state.open = !state.stopped;
        (std::mem::take(&mut state.connections), state.stopped)
    }
}

/// The life of the thread.
///
/// # Blocks
/// Until the bin is stopped.
pub(crate) fn run(house: &Arc<House>) {
    let mut look_at = Instant::now();
    loop {
        let (leaving, stopped) = house.bin.take(look_at);
        drop(leaving);
        if stopped {
            return;
        }
        if Instant::now() >= look_at {
            keep_alive(house);
            look_at = look_over(house);
        }
    }
}

/// Pings what has rested for so long that it may be taken for forgotten.
///
/// # Blocks
/// For the validation timeout at most for each.
fn keep_alive(house: &Arc<House>) {
    let due = |at: Option<Instant>| at.is_some_and(|at| at <= Instant::now());
    while let Some(mut entry) = house.shelf.borrow_cold(|entry| due(entry.keep_alive_at())) {
        let (losses, limit) = (house.era().losses, house.config.validation_timeout);
        match house.ping(&mut entry, limit) {
            Ok(()) => {
                let now = Instant::now();
                (entry.alive_at, entry.era.losses) = (now, losses);
                let given = house.shelf.bring_back(entry, now);
                house.settle(given);
            }
            Err(error) => {
                log::debug!(target: "steadfast::pool", pool = house.name(), id = entry.id, error:% = error; "an idle connection was dead");
                house.note_loss(entry.era);
                house.shelf.lose();
                house.retire(entry, Reason::ValidationFailed);
            }
        }
    }
}

/// Retires and replaces what is due; tells when to look again.
fn look_over(house: &Arc<House>) -> Instant {
    let now = Instant::now();
    let config = &house.config;
    let generation = house.era().generation;
    let lingers = Some(config.lending.overflow_linger).filter(|limit| !limit.is_zero());
    let mut next = now + rhythm(config.recycle, &[config.max_idle_time, config.keepalive, lingers]);
    let mut reasons = Vec::new();
    let due = house.shelf.sweep(|entry, idle| {
        let reason = due(house, entry, idle, now, generation);
        match reason {
            Some(reason) => reasons.push(reason),
            None => next = next.min(entry.look_at()),
        }
        reason.is_some()
    });
    for (entry, reason) in due.into_iter().zip(reasons) {
        house.retire(entry, reason);
    }
    let (replaced, old_are_left) = house.shelf.renew(now);
    for entry in replaced {
        house.retire(entry, Reason::Lifetime);
    }
    if old_are_left {
        // All of them have their turn before their time is over.
        next = now + LEAD.min(config.recycle / 10) / 20;
    }
    if let Some(look) = house.look_for_leaks(now) {
        next = next.min(look);
    }
    house.staff();
    next.max(now + OFTEN)
}

fn due(house: &House, entry: &Entry, idle: usize, now: Instant, generation: u64) -> Option<Reason> {
    let rested = now.saturating_duration_since(entry.used_at);
    let too_long = house.config.max_idle_time.is_some_and(|limit| rested >= limit);
    if entry.era.generation != generation {
        return Some(Reason::Requested);
    }
    let (size, _) = house.sizes();
    let linger = house.config.lending.overflow_linger;
    if !linger.is_zero() && idle > size as usize && rested >= linger {
        return Some(Reason::Overflow);
    }
    (too_long && idle > house.config.min_idle as usize).then_some(Reason::Idle)
}

fn rhythm(recycle: Duration, others: &[Option<Duration>]) -> Duration {
    let shortest = others.iter().flatten().fold(recycle, |shortest, &limit| shortest.min(limit));
    (shortest / 10).clamp(OFTEN, RARELY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_look_over_comes_ten_times_in_the_shortest_limit_within_bounds() {
        let second = Duration::from_secs(1);
        assert_eq!(rhythm(3600 * second, &[None]), RARELY);
        assert_eq!(rhythm(3600 * second, &[None, Some(second)]), second / 10);
        assert_eq!(rhythm(Duration::from_millis(1), &[]), OFTEN);
    }
}
