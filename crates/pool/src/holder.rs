//! Who holds what: a slab with one entry for each connection that is lent.
//!
//! It lives under the lock that the shelf takes anyway, so that knowing the holders costs a few stores
//! and no allocation; names and places are turned into text only when somebody asks.

use std::fmt;
use std::panic::Location;
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use crate::who::Who;

/// Somebody who holds a connection, as seen at one moment.
#[derive(Clone, Debug)]
pub struct Holder {
    borrower: Borrower,
    held: Duration,
}

impl Holder {
    /// Where in the program the connection was asked for.
    pub fn place(&self) -> &'static Location<'static> {
        self.borrower.place
    }

    /// The name of the thread that asked for it, if it has one. (Of more than 4,096 different names in
    /// one program, only the first are kept.)
    pub fn thread(&self) -> Option<&str> {
        self.borrower.who.name
    }

    pub(crate) fn thread_id(&self) -> ThreadId {
        self.borrower.who.id
    }

    /// Since when it is held.
    pub fn since(&self) -> Instant {
        self.borrower.since
    }

    /// For how long it had been held when this was written down.
    pub fn held(&self) -> Duration {
        self.held
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { borrower: Borrower { place, who, .. }, held } = self;
        write!(f, "{:.1}s by {}:{}", held.as_secs_f64(), place.file(), place.line())?;
        who.name.map_or(Ok(()), |name| write!(f, " in thread {name:?}"))
    }
}

/// Who asks for a connection, or has one.
#[derive(Clone, Debug)]
pub(crate) struct Borrower {
    pub(crate) place: &'static Location<'static>,
    pub(crate) who: Who,
    /// When it asked; once it has a connection, since when.
    pub(crate) since: Instant,
    /// Whether it waits for the end of an outage.
    pub(crate) waits: bool,
}

impl Borrower {
    /// The thread that runs now.
    pub(crate) fn here(place: &'static Location<'static>, now: Instant) -> Self {
        Self { place, who: Who::runs(), since: now, waits: false }
    }
}

/// The number of a line in the [`Ledger`]; whoever holds a connection holds its ticket.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ticket(usize);

impl Ticket {
    /// A second copy for a holder that gives its ticket away while it is dropped.
    pub(crate) fn take(&mut self) -> Self {
        Self(self.0)
    }
}

/// One line for each connection that is lent.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    lines: Vec<Option<Borrower>>,
    free: Vec<usize>,
    /// Lines whose places were given up, because they are held for so long.
    abandoned: Vec<usize>,
}

impl Ledger {
    pub(crate) fn enter(&mut self, borrower: Borrower) -> Ticket {
        if let Some(number) = self.free.pop()
            && let Some(line) = self.lines.get_mut(number)
        {
            *line = Some(borrower);
            return Ticket(number);
        }
        self.lines.push(Some(borrower));
        Ticket(self.lines.len() - 1)
    }

    /// Strikes the line out; true if its place was given up before. A ticket that is not in the ledger
    /// changes nothing.
    pub(crate) fn strike(&mut self, Ticket(number): Ticket) -> bool {
        if self.lines.get_mut(number).and_then(Option::take).is_some() {
            self.free.push(number);
        }
        let abandoned = self.abandoned.iter().position(|&other| other == number);
        abandoned.map(|place| self.abandoned.swap_remove(place)).is_some()
    }

    /// Gives up the places of those that are held for at least `after`, `budget` in all; tells who
    /// holds them.
    pub(crate) fn abandon(&mut self, now: Instant, after: Duration, budget: usize) -> Vec<Holder> {
        let held = |since: Instant| now.saturating_duration_since(since);
        let mut late: Vec<_> = (0..)
            .zip(&self.lines)
            .filter_map(|(number, line)| Some((number, line.as_ref()?)))
            .filter(|(number, line)| held(line.since) >= after && !self.abandoned.contains(number))
            .collect();
        late.sort_by_key(|(_, line)| line.since);
        late.truncate(budget.saturating_sub(self.abandoned.len()));
        let holder = |line: &Borrower| Holder { borrower: line.clone(), held: held(line.since) };
        let (numbers, holders): (Vec<usize>, Vec<_>) =
            late.into_iter().map(|(number, line)| (number, holder(line))).unzip();
        self.abandoned.extend(numbers);
        holders
    }

    pub(crate) fn abandoned(&self) -> usize {
        self.abandoned.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.len() == self.free.len()
    }

    /// Those that are lent; the abandoned are no longer counted.
    pub(crate) fn len(&self) -> usize {
        self.lines.len() - self.free.len() - self.abandoned.len()
    }

    pub(crate) fn borrowers(&self) -> impl Iterator<Item = &Borrower> {
        self.lines.iter().flatten()
    }

    /// All holders, the longest first.
    pub(crate) fn holders(&self, now: Instant) -> Vec<Holder> {
        let mut holders: Vec<_> = self
            .borrowers()
            .map(|borrower| Holder {
                held: now.saturating_duration_since(borrower.since),
                borrower: borrower.clone(),
            })
            .collect();
        holders.sort_by_key(|holder| holder.borrower.since);
        holders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_holder_is_told_first_and_lines_are_used_again() {
        let now = Instant::now();
        let mut ledger = Ledger::default();
        let early = Borrower::here(Location::caller(), now);
        let late = Borrower { since: now + Duration::from_secs(1), ..early.clone() };

        let first = ledger.enter(late.clone());
        let second = ledger.enter(early);
        let told = ledger.holders(now + Duration::from_secs(2));

        assert_eq!(told.iter().map(Holder::held).map(|d| d.as_secs()).collect::<Vec<_>>(), [2, 1]);
        ledger.strike(first);
        assert_eq!(ledger.len(), 1);
        assert_eq!(ledger.enter(late), Ticket(0));
        ledger.strike(second);
        assert_eq!(ledger.len(), 1);
    }
    #[test]
    fn the_longest_held_are_abandoned_within_the_budget_and_their_return_is_noticed() {
        let now = Instant::now();
        let mut ledger = Ledger::default();
        let second = Duration::from_secs(1);
        let asked = Borrower::here(Location::caller(), now);
        let [young, old, oldest] = [5, 2, 1]
            .map(|age| ledger.enter(Borrower { since: now + second * age, ..asked.clone() }));
        let now = now + 6 * second;

        let abandoned = ledger.abandon(now, 4 * second, 1);
        assert_eq!(abandoned.iter().map(Holder::held).collect::<Vec<_>>(), [5 * second]);
        assert_eq!((ledger.len(), ledger.abandoned()), (2, 1));
        assert_eq!(ledger.abandon(now, 4 * second, 1).len(), 0, "the budget is spent");
        assert_eq!(ledger.abandon(now, 4 * second, 9).len(), 1, "each is abandoned once");
        assert_eq!(ledger.holders(now).len(), 3);

        assert!(ledger.strike(oldest) && !ledger.strike(young));
        assert_eq!((ledger.len(), ledger.abandoned()), (0, 1));
        assert!(!ledger.is_empty());
        assert!(ledger.strike(old) && ledger.is_empty());
    }
}
