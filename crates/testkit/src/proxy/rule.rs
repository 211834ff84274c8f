//! At which packet what goes wrong.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::Direction;
use super::command::Command;
use super::framing::HEADER_BYTES;

/// A fault and the packet that it waits for; armed with [`Proxy::rule`](super::Proxy::rule).
///
/// Without further words it strikes the next packet after it was armed, on whichever connection, once:
/// the connection after that works again.
///
/// ```
/// use steadfast_testkit::{Rule, server};
///
/// let proxy = server().proxy();
/// // The server commits, and the client never hears of it.
/// let lost = proxy.rule(Rule::cut_after().containing("COMMIT"));
/// assert_eq!(lost.fired(), 0);
/// ```
#[must_use = "a rule does nothing until it is armed"]
pub struct Rule {
    action: Action,
    direction: Direction,
    conditions: Vec<Box<Condition>>,
    nth: u64,
    every_time: bool,
}

type Condition = dyn Fn(&[u8]) -> bool + Send + Sync;

/// What happens to the connection whose packet matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Action {
    pub(super) fault: Fault,
    /// The client sees a reset (ECONNRESET) and not an end.
    pub(super) reset: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The packet is not passed on.
    CutBefore,
    /// The packet is passed on; what comes back is not.
    CutAtAnswer,
    /// The packet is passed on and the client is cut off at once; the server is not.
    CutUnderWay,
    /// Neither this packet nor any later one is passed on.
    BlackHole,
}

impl Rule {
    /// The request is lost: cuts the connection instead of passing a client's packet on.
    pub fn cut_before() -> Self {
        Self::new(Fault::CutBefore, Direction::ToServer)
    }

    /// The answer is lost: passes a client's packet on, waits until the server answers, and cuts
    /// instead of passing that on. When the client notices, the server is done.
    pub fn cut_after() -> Self {
        Self::new(Fault::CutAtAnswer, Direction::ToServer)
    }

    /// The client is cut off while the server works: passes a client's packet on and cuts at once. The
    /// server is disconnected when it answers.
    pub fn cut_under_way() -> Self {
        Self::new(Fault::CutUnderWay, Direction::ToServer)
    }

    /// Cuts instead of passing a *server's* packet on: in the middle of a result, for instance.
    pub fn cut_answer() -> Self {
        Self::new(Fault::CutBefore, Direction::ToClient)
    }

    /// From a client's packet on nothing passes either way, and both ends stay open, as behind a
    /// firewall that has forgotten the connection. Neither end hears of the other's close.
    pub fn black_hole() -> Self {
        Self::new(Fault::BlackHole, Direction::ToServer)
    }

    fn new(fault: Fault, direction: Direction) -> Self {
        let action = Action { fault, reset: false };
        Self { action, direction, conditions: Vec::new(), nth: 1, every_time: false }
    }

    /// Strikes the n-th packet that meets the conditions after the rule was armed, counted over all
    /// connections. Default 1, the next one.
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn nth(mut self, n: u64) -> Self {
        assert!(n > 0, "packets are counted from 1");
        self.nth = n;
        self
    }

    /// Only packets that are this command.
    pub fn command(mut self, command: Command) -> Self {
        // The conditions see the payload; a command's first byte is looked at with its header.
        self.conditions.push(Box::new(move |packet| Command::of(packet) == Some(command)));
        self
    }

    /// Only statements with `text` in them, in upper or lower case: queries and preparations, not the
    /// handshake, which names the database and so may name the test. With [`cut_answer`](Self::cut_answer)
    /// any packet with `text` in it.
    ///
    /// # Panics
    /// If `text` is empty.
    pub fn containing(mut self, text: &str) -> Self {
        assert!(!text.is_empty(), "every packet contains nothing");
        let text = text.as_bytes().to_owned();
        let any_packet = self.direction == Direction::ToClient;
        self.conditions.push(Box::new(move |packet| {
            let is_statement =
                matches!(Command::of(packet), Some(Command::Query | Command::Prepare));
            (any_packet || is_statement)
                && packet.windows(text.len()).any(|part| part.eq_ignore_ascii_case(&text))
        }));
        self
    }

    /// Only packets for whose payload (without the four bytes of header) `condition` is true. It is
    /// called on the proxy's threads.
    pub fn when(mut self, condition: impl Fn(&[u8]) -> bool + Send + Sync + 'static) -> Self {
        self.conditions
            .push(Box::new(move |packet| packet.get(HEADER_BYTES..).is_some_and(&condition)));
        self
    }

    /// Strikes again at every further packet that meets the conditions.
    pub fn every_time(mut self) -> Self {
        self.every_time = true;
        self
    }

    /// The client sees a reset (ECONNRESET) where it otherwise sees an orderly end.
    pub fn with_reset(mut self) -> Self {
        self.action.reset = true;
        self
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("action", &self.action)
            .field("direction", &self.direction)
            .field("conditions", &self.conditions.len())
            .field("nth", &self.nth)
            .field("every_time", &self.every_time)
            .finish()
    }
}

/// An armed rule: tells whether it has struck. It stays armed when this is dropped.
#[derive(Clone, Debug)]
pub struct Armed(Arc<ArmedRule>);

#[derive(Debug)]
struct ArmedRule {
    rule: Rule,
    seen: AtomicU64,
    fired: AtomicU64,
    disarmed: AtomicBool,
}

impl Armed {
    pub(super) fn new(rule: Rule) -> Self {
        Self(Arc::new(ArmedRule {
            rule,
            seen: AtomicU64::new(0),
            fired: AtomicU64::new(0),
            disarmed: AtomicBool::new(false),
        }))
    }

    /// How many times it has struck.
    pub fn fired(&self) -> u64 {
        self.0.fired.load(Ordering::Acquire)
    }

    /// How many packets met its conditions.
    pub fn seen(&self) -> u64 {
        self.0.seen.load(Ordering::Acquire)
    }

    /// Takes the rule back.
    pub fn disarm(&self) {
        self.0.disarmed.store(true, Ordering::Release);
    }

    pub(super) fn is_spent(&self) -> bool {
        self.0.disarmed.load(Ordering::Acquire) || (!self.0.rule.every_time && self.fired() > 0)
    }

    /// What the rule does at this packet.
    pub(super) fn at(&self, direction: Direction, packet: &[u8]) -> Option<Action> {
        let rule = &self.0.rule;
        if rule.direction != direction
            || self.is_spent()
            || !rule.conditions.iter().all(|holds| holds(packet))
        {
            return None;
        }
        let number = self.0.seen.fetch_add(1, Ordering::AcqRel) + 1;
        if number == rule.nth || (rule.every_time && number > rule.nth) {
            self.0.fired.fetch_add(1, Ordering::AcqRel);
            return Some(rule.action);
        }
        None
    }
}
