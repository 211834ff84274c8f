//! What the proxy's threads share: rules, counters, and the register of connections.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::link::Link;
use super::rule::{Action, Armed, Rule};
use super::{Command, Direction, Packets};

#[derive(Debug, Default)]
pub(super) struct Shared {
    rules: Mutex<Vec<Armed>>,
    pub(super) total: Counts,
    commands: Mutex<BTreeMap<Command, u64>>,
    delays: [AtomicU64; 2],
    /// Guards what a new connection meets and which ones there are, so that none slips through.
    pub(super) register: Mutex<Register>,
    /// Told when the register's flags change.
    pub(super) changed: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct Register {
    pub(super) closing: bool,
    pub(super) refusing: bool,
    pub(super) black_hole: bool,
    pub(super) links: Vec<Arc<Link>>,
    /// Connections accepted in a black hole: they reach nobody.
    pub(super) swallowed: Vec<TcpStream>,
    /// One for each connection accepted, in order.
    pub(super) counts: Vec<Arc<Counts>>,
}

/// Packets so far, one counter a direction.
#[derive(Debug, Default)]
pub(super) struct Counts([AtomicU64; 2]);

impl Counts {
    pub(super) fn add(&self, direction: Direction) {
        self.0[direction as usize].fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn read(&self) -> Packets {
        let [to_server, to_client] = [&self.0[0], &self.0[1]].map(|c| c.load(Ordering::Acquire));
        Packets { to_server, to_client }
    }
}

impl Shared {
    pub(super) fn arm(&self, rule: Rule) -> Armed {
        let armed = Armed::new(rule);
        let mut rules = self.rules.lock();
        rules.retain(|rule| !rule.is_spent());
        rules.push(armed.clone());
        armed
    }

    pub(super) fn disarm_all(&self) {
        for rule in self.rules.lock().drain(..) {
            rule.disarm();
        }
    }

    /// What happens at this packet; every rule counts it, and the first armed that strikes decides.
    pub(super) fn rules_at(&self, direction: Direction, packet: &[u8]) -> Option<Action> {
        // Conditions are the test's own code: they run outside the lock.
        let rules = self.rules.lock().clone();
        let mut first = None;
        for rule in rules {
            let action = rule.at(direction, packet);
            first = first.or(action);
        }
        first
    }

    pub(super) fn count_command(&self, command: Command) {
        *self.commands.lock().entry(command).or_default() += 1;
    }

    pub(super) fn commands(&self) -> BTreeMap<Command, u64> {
        self.commands.lock().clone()
    }

    pub(super) fn set_delay(&self, direction: Direction, delay: Duration) {
        let micros = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        self.delays[direction as usize].store(micros, Ordering::Release);
    }

    /// Waits as long as bytes in this direction are to wait; not when the proxy ends.
    pub(super) fn delay(&self, direction: Direction) {
        let micros = self.delays[direction as usize].load(Ordering::Acquire);
        if micros == 0 {
            return;
        }
        let until = Instant::now() + Duration::from_micros(micros);
        let mut register = self.register.lock();
        while !register.closing && !self.changed.wait_until(&mut register, until).timed_out() {}
    }

    /// A link whose two directions have ended is no longer in the register.
    pub(super) fn forget_if_over(&self, link: &Arc<Link>) {
        if link.pump_ended() {
            self.register.lock().links.retain(|other| !Arc::ptr_eq(other, link));
        }
    }
}
