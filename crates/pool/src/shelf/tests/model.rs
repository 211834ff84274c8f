//! Any sequence of steps, against a model that a reader believes at a glance.
//!
//! One thread does everything, so nobody really waits: whoever stands in line looks for an answer
//! after each step. The barging window is nothing, so what comes back goes to the oldest, or for
//! ever, so it goes on the shelf and the oldest is nudged.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// What somebody does; numbers choose among those who can do it.
#[derive(Clone, Copy, Debug)]
enum Step {
    Take,
    Join,
    Give(usize),
    /// Off for good; the first half of a retirement.
    Withdraw(usize),
    Sweep,
    Forget,
    BeginMaking,
    Fulfil,
    PanicInMaking,
    /// The time of one in line is over.
    TimeOut(usize),
    /// One in line hears that something lies there, if it was told.
    Look(usize),
    Pause,
    Resume,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Take),
        6 => Just(Step::Join),
        8 => (0..9_usize).prop_map(Step::Give),
        2 => (0..9_usize).prop_map(Step::Withdraw),
        1 => Just(Step::Sweep),
        3 => Just(Step::Forget),
        6 => Just(Step::BeginMaking),
        5 => Just(Step::Fulfil),
        1 => Just(Step::PanicInMaking),
        2 => (0..9_usize).prop_map(Step::TimeOut),
        3 => (0..9_usize).prop_map(Step::Look),
        1 => Just(Step::Pause),
        1 => Just(Step::Resume),
    ]
}

const KEEP: usize = 2;
const MOST: usize = 4;

/// What the shelf has to be like: plain numbers, no locks, no time.
#[derive(Debug, Default)]
struct Model {
    idle: usize,
    lent: usize,
    creating: usize,
    leaving: usize,
    /// Who stands in line, the oldest first.
    line: VecDeque<u64>,
    strict: bool,
    paused: bool,
    closed: bool,
}

impl Model {
    fn all(&self) -> usize {
        self.idle + self.lent + self.creating + self.leaving
    }

    /// Something new is wanted by more than are being made, and there is room.
    fn wanted(&self) -> bool {
        let needy = self.line.len().saturating_sub(self.idle);
        !self.closed && !self.paused && needy > self.creating && self.all() < MOST
    }

    /// Takes what lies there, unless the oldest is due.
    fn take(&mut self) -> bool {
        let takes = self.idle > 0 && !self.paused && (!self.strict || self.line.is_empty());
        self.idle -= usize::from(takes);
        self.lent += usize::from(takes);
        takes
    }

    /// Something has come: who gets it at once.
    fn place(&mut self, for_the_oldest: bool) -> Option<u64> {
        let surplus = self.line.is_empty() && self.idle >= KEEP;
        if self.closed || surplus {
            self.leaving += 1;
        } else if !self.paused && (self.strict || for_the_oldest || self.idle >= KEEP) {
            let oldest = self.line.pop_front();
            self.lent += usize::from(oldest.is_some());
            self.idle += usize::from(oldest.is_none());
            return oldest;
        } else {
            self.idle += 1;
        }
        None
    }

    /// One that stands in line takes what lies there.
    fn look(&mut self, seat: u64, leaves: bool) -> bool {
        let served = self.idle > 0 && !self.paused;
        self.idle -= usize::from(served);
        self.lent += usize::from(served);
        if served || leaves {
            self.line.retain(|&other| other != seat);
        }
        served
    }
}

/// The shelf, its model, and what everybody has in their hands.
struct Table<'a> {
    shelf: &'a Numbers,
    model: Model,
    since: Instant,
    made: u32,
    hands: Vec<Grant<u32>>,
    orders: Vec<Order<'a, u32, &'static str>>,
    goers: Vec<u32>,
    line: Vec<Arc<Waiter<u32, &'static str>>>,
}

impl Table<'_> {
    /// Does the step on both sides. Afterwards they are equal, and so is who was answered.
    fn go(&mut self, step: Step) {
        let answered = match step {
            Step::Take => self.take(),
            Step::Join => self.join(),
            Step::Give(n) => self.give(n),
            Step::Withdraw(n) => self.withdraw(n),
            Step::Sweep => self.sweep(),
            Step::Forget => self.forget(),
            Step::BeginMaking => self.begin_making(),
            Step::Fulfil => self.fulfil(),
            Step::PanicInMaking => {
                self.model.creating -= usize::from(self.orders.pop().is_some());
                vec![]
            }
            Step::TimeOut(n) => self.time_out(n),
            Step::Look(n) => self.look(n),
            Step::Pause => {
                self.shelf.pause();
                self.model.paused = true;
                vec![]
            }
            Step::Resume => self.resume(),
        };
        self.hear(&answered);
        self.agree();
    }

    fn borrower(&self) -> Borrower {
        Borrower { since: self.since, ..me() }
    }

    fn take(&mut self) -> Vec<u64> {
        let grant = self.shelf.take(self.borrower());
        assert_eq!(grant.is_some(), self.model.take());
        self.hands.extend(grant);
        vec![]
    }

    fn join(&mut self) -> Vec<u64> {
        let takes = self.model.take();
        match self.shelf.join(&self.borrower(), &mut None) {
            Joined::Granted(grant) => {
                assert!(takes);
                self.hands.push(grant);
            }
            Joined::Waiting { waiter, .. } => {
                assert!(!takes);
                self.model.line.push_back(waiter.seat);
                self.line.push(waiter);
            }
            Joined::Refused(refusal) => panic!("{refusal:?}"),
        }
        vec![]
    }

    fn give(&mut self, n: usize) -> Vec<u64> {
        let Some(Grant { item, ticket }) = pick(&mut self.hands, n) else { return vec![] };
        self.model.lent -= 1;
        let answered = self.model.place(false);
        let given = self.shelf.give(ticket, item, self.since, Instant::now());
        self.keep(&given);
        answered.into_iter().collect()
    }

    fn withdraw(&mut self, n: usize) -> Vec<u64> {
        let Some(Grant { item, ticket }) = pick(&mut self.hands, n) else { return vec![] };
        self.model.lent -= 1;
        self.model.leaving += 1;
        self.shelf.withdraw(ticket);
        self.goers.push(item);
        vec![]
    }

    fn sweep(&mut self) -> Vec<u64> {
        self.model.leaving += std::mem::take(&mut self.model.idle);
        self.goers.extend(self.shelf.sweep(|_, _| true));
        vec![]
    }

    fn forget(&mut self) -> Vec<u64> {
        if self.goers.pop().is_some() {
            self.model.leaving -= 1;
            self.shelf.forget();
        }
        vec![]
    }

    fn begin_making(&mut self) -> Vec<u64> {
        if self.model.wanted() {
            self.orders.push(self.shelf.next_order().unwrap().0);
            self.model.creating += 1;
        }
        vec![]
    }

    fn fulfil(&mut self) -> Vec<u64> {
        let Some(order) = self.orders.pop() else { return vec![] };
        self.model.creating -= 1;
        let answered = self.model.place(true);
        self.made += 1;
        let (given, _) = order.fulfil(self.made, Instant::now());
        self.keep(&given);
        answered.into_iter().collect()
    }

    fn time_out(&mut self, n: usize) -> Vec<u64> {
        let Some(waiter) = pick(&mut self.line, n) else { return vec![] };
        let served = self.model.look(waiter.seat, true);
        let answer = self.shelf.wait(&waiter, self.since, || ());
        assert_eq!(answer.is_ok(), served);
        self.hands.extend(answer);
        vec![]
    }

    fn look(&mut self, n: usize) -> Vec<u64> {
        let Some(waiter) = pick(&mut self.line, n) else { return vec![] };
        if matches!(waiter.listen(self.since), Heard::Nudge) {
            let served = self.model.look(waiter.seat, false);
            let answer = self.shelf.look(&waiter, false);
            assert_eq!(answer.is_some(), served);
            if let Some(answer) = answer {
                self.hands.push(answer.unwrap());
                return vec![];
            }
        }
        self.line.push(waiter);
        vec![]
    }

    fn resume(&mut self) -> Vec<u64> {
        self.shelf.resume(Instant::now());
        let model = &mut self.model;
        model.paused = false;
        let served = model.idle.min(model.line.len());
        model.idle -= served;
        model.lent += served;
        model.line.drain(..served).collect()
    }

    fn keep(&mut self, given: &Given<u32>) {
        if let Given::Surplus(item) | Given::Closed(item) | Given::Replaced(item) = given {
            self.goers.push(*item);
        }
    }

    /// Those and nobody else have their answer.
    fn hear(&mut self, answered: &[u64]) {
        let mut heard = Vec::new();
        self.line.retain(|waiter| {
            let answer = waiter.answered();
            let waits = answer.is_none();
            if let Some(answer) = answer {
                heard.push(waiter.seat);
                self.hands.push(answer.unwrap());
            }
            waits
        });
        heard.sort_unstable();
        assert_eq!(heard, answered, "the oldest is served, and nobody else");
    }

    fn agree(&self) {
        let model = &self.model;
        let expected = [model.idle, model.lent, model.creating, model.line.len()];
        assert_eq!(gauges(self.shelf).map(|n| n as usize), expected);
        let state = self.shelf.state.lock();
        assert_eq!((state.leaving, state.live() + state.creating), (model.leaving, model.all()));
        assert!(model.all() <= MOST && model.idle <= MOST);
        drop(state);
        assert_eq!(self.shelf.wants_hands(), model.wanted());
        let mut everything: Vec<_> = self.hands.iter().map(|grant| grant.item).collect();
        everything.sort_unstable();
        everything.dedup();
        assert_eq!(everything.len(), model.lent, "nothing is lent twice");
        // Nobody waits while something is idle, unless it was told and has not looked yet.
        let oldest = self.line.iter().min_by_key(|waiter| waiter.seat);
        if model.idle > 0
            && !model.paused
            && let Some(oldest) = oldest
        {
            assert!(!oldest.nudge(), "something is idle and the oldest does not know");
        }
    }

    /// Closes; when everything is back and destroyed, it knows.
    fn end(mut self) {
        self.goers.extend(self.shelf.close());
        assert!(
            self.line
                .drain(..)
                .all(|waiter| matches!(waiter.answered(), Some(Err(Refusal::Closed))))
        );
        for order in self.orders.drain(..) {
            assert_eq!(order.fulfil(0, Instant::now()).0, Given::Closed(0));
            self.shelf.forget();
        }
        for Grant { item, ticket } in self.hands.drain(..) {
            assert_eq!(self.shelf.give(ticket, item, self.since, self.since), Given::Closed(item));
            self.shelf.forget();
        }
        self.goers.drain(..).for_each(|_| self.shelf.forget());
        assert!(self.shelf.settle(Instant::now()).0);
        assert_eq!(gauges(self.shelf), [0; 4]);
    }
}

fn pick<T>(from: &mut Vec<T>, n: usize) -> Option<T> {
    (!from.is_empty()).then(|| from.remove(n % from.len()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_shelf_does_what_its_model_does(steps in vec(step(), 1..80), strict: bool) {
        let barging = if strict { Duration::ZERO } else { LONG };
        let (keep, most, linger) = (KEEP, MOST, false);
        let limits = Limits { keep, most, spare: 0, barging, queue_while_paused: true, linger, waiters: 0, shedding: None };
        let shelf = Shelf::new(limits);
        let mut table = Table {
            shelf: &shelf,
            model: Model { strict, ..Model::default() },
            since: Instant::now().checked_sub(Duration::from_secs(1)).unwrap(),
            made: 0,
            hands: vec![],
            orders: vec![],
            goers: vec![],
            line: vec![],
        };
        for step in steps {
            table.go(step);
        }
        table.end();
    }
}
