//! Who holds what: a slab with one entry for each connection that is lent.
//!
//! It lives under the lock that the shelf takes anyway, so that knowing the holders costs a few stores
//! and no allocation; names and places are turned into text only when somebody asks.

use std::backtrace::Backtrace;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use crate::who::Who;

/// Somebody who holds a connection, as seen at one moment.
#[derive(Clone, Debug)]
pub struct Holder {
    borrower: Borrower,
    stack: Option<Arc<Backtrace>>,
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

    /// The stack of whoever asked for it, if [`PoolConfig::leak_stack`](crate::PoolConfig::leak_stack)
    /// is on.
    pub fn stack(&self) -> Option<&Backtrace> {
        self.stack.as_deref()
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
        let Self { borrower: Borrower { place, who, .. }, held, .. } = self;
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
    /// What few lines have; beside them, so that the others are written and struck at no cost.
    marks: BTreeMap<usize, Mark>,
}

#[derive(Debug, Default)]
struct Mark {
    stack: Option<Arc<Backtrace>>,
    /// It was told that this one may have lost its connection.
    suspected: bool,
}

impl Ledger {
    #[inline]
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

    /// Strikes the line out. A ticket that is not in the ledger changes nothing.
    #[inline]
    pub(crate) fn strike(&mut self, Ticket(number): Ticket) {
        if self.lines.get_mut(number).and_then(Option::take).is_some() {
            self.free.push(number);
        }
        if !self.marks.is_empty() {
            self.marks.remove(&number);
        }
    }

    pub(crate) fn note_stack(&mut self, Ticket(number): &Ticket, stack: Arc<Backtrace>) {
        self.marks.entry(*number).or_default().stack = Some(stack);
    }

    /// Everybody who holds for `threshold` or longer and was not told of before.
    pub(crate) fn suspects(&mut self, now: Instant, threshold: Duration) -> Vec<Holder> {
        let Self { lines, marks, .. } = self;
        let lines = lines.iter().enumerate();
        lines
            .filter_map(|(number, line)| {
                let borrower = line.as_ref()?;
                let held = now.saturating_duration_since(borrower.since);
                let known = marks.get(&number).is_some_and(|mark| mark.suspected);
                if known || held < threshold {
                    return None;
                }
                let mark = marks.entry(number).or_default();
                mark.suspected = true;
                Some(Holder { borrower: borrower.clone(), stack: mark.stack.clone(), held })
            })
            .collect()
    }

    pub(crate) fn is_suspected(&self, Ticket(number): &Ticket) -> bool {
        self.marks.get(number).is_some_and(|mark| mark.suspected)
    }

    pub(crate) fn len(&self) -> usize {
        self.lines.len() - self.free.len()
    }

    pub(crate) fn borrowers(&self) -> impl Iterator<Item = &Borrower> {
        self.lines.iter().flatten()
    }

    /// All holders, the longest first.
    pub(crate) fn holders(&self, now: Instant) -> Vec<Holder> {
        let stack = |number| self.marks.get(&number).and_then(|mark| mark.stack.clone());
        let lines = self.lines.iter().enumerate();
        let mut holders: Vec<_> = lines
            .filter_map(|(number, line)| {
                let borrower = line.clone()?;
                let held = now.saturating_duration_since(borrower.since);
                Some(Holder { borrower, stack: stack(number), held })
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
    fn a_line_is_suspected_once_and_its_mark_goes_with_it() {
        let now = Instant::now();
        let mut ledger = Ledger::default();
        let late = Borrower::here(Location::caller(), now + Duration::from_secs(2));
        let early = ledger.enter(Borrower::here(Location::caller(), now));
        let late = ledger.enter(late);
        ledger.note_stack(&early, Arc::new(Backtrace::force_capture()));
        let then = now + Duration::from_secs(3);

        let told = ledger.suspects(then, Duration::from_secs(2));

        assert_eq!(told.len(), 1);
        assert!(told[0].stack().is_some() && told[0].held() == Duration::from_secs(3));
        assert!(ledger.is_suspected(&early) && !ledger.is_suspected(&late));
        assert_eq!(ledger.suspects(then, Duration::from_secs(2)).len(), 0);
        ledger.strike(early);
        let again = ledger.enter(Borrower::here(Location::caller(), now));
        assert_eq!(again, Ticket(0));
        assert!(!ledger.is_suspected(&again) && ledger.holders(then)[0].stack().is_none());
        assert_eq!(ledger.suspects(then, Duration::ZERO).len(), 2);
    }
}
