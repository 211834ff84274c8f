//! A shelf of numbers, and the little people who come to it.

use std::collections::HashSet;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use shuttle::thread::{self, JoinHandle};

use crate::holder::Borrower;
use crate::shelf::{Age, Given, Item, Joined, Limits, Order, Shelf};
use crate::waiter::{Answer, Grant};

/// Everybody in order.
pub(crate) const STRICT: Duration = Duration::ZERO;
/// The oldest is nudged and has to compete, however long it has waited.
pub(crate) const BARGING: Duration = Duration::from_secs(3600);

/// May be over at any moment.
pub(crate) const SOON: Duration = Duration::from_millis(100);
pub(crate) const NEVER: Duration = Duration::from_secs(24 * 3600);

type Numbers = Shelf<Piece, &'static str>;
pub(crate) type Got = Answer<Piece, &'static str>;

/// The shelf, and what is lent of it by the tests' own account.
pub(crate) struct House {
    pub(crate) shelf: Numbers,
    lent: parking_lot::Mutex<HashSet<Piece>>,
    /// Everything there is.
    born: parking_lot::Mutex<HashSet<Piece>>,
    made: AtomicU32,
}

impl House {
    /// `items` lie on it, of at most `most`.
    pub(crate) fn new(items: u32, most: usize, barging: Duration) -> Arc<Self> {
        let shelf = Shelf::new(Limits {
            keep: most,
            most,
            spare: items as usize,
            barging,
            queue_while_paused: true,
            linger: false,
            waiters: 0,
            shedding: None,
        });
        let house = Arc::new(Self {
            shelf,
            lent: parking_lot::Mutex::default(),
            born: parking_lot::Mutex::default(),
            made: AtomicU32::new(0),
        });
        for _ in 0..items {
            house.make_one();
        }
        house
    }

    pub(crate) fn make_one(&self) {
        let (order, _) = self.shelf.next_order().unwrap();
        self.fulfil(order);
    }

    pub(crate) fn fulfil(&self, order: Order<'_, Piece, &'static str>) {
        let item = Piece(self.made.fetch_add(1, Relaxed));
        self.born.lock().insert(item.clone());
        self.keep(order.fulfil(item, Instant::now()).0);
    }

    /// Takes what lies there or stands in line. Whoever has it is the only one.
    pub(crate) fn get(&self, limit: Duration) -> Got {
        self.note(self.ask(limit))
    }

    fn ask(&self, limit: Duration) -> Got {
        let now = Instant::now();
        let borrower = long_waiting();
        if let Some(grant) = self.shelf.take(borrower.clone()) {
            return Ok(grant);
        }
        match self.shelf.join(&borrower, &mut None) {
            Joined::Granted(grant) => Ok(grant),
            Joined::Waiting { waiter, .. } => self.shelf.wait(&waiter, now + limit, || ()),
            Joined::Refused(refusal) => Err(refusal),
        }
    }

    /// Takes what lies there, or nothing.
    pub(crate) fn snatch(&self) -> Option<Grant<Piece>> {
        let grant = self.shelf.take(long_waiting())?;
        self.note(Ok(grant)).ok()
    }

    fn note(&self, got: Got) -> Got {
        if let Ok(grant) = &got {
            assert!(self.lent.lock().insert(grant.item.clone()), "{:?} is lent twice", grant.item);
        }
        got
    }

    pub(crate) fn give(&self, Grant { item, ticket }: Grant<Piece>) {
        assert!(self.lent.lock().remove(&item));
        let now = Instant::now();
        self.keep(self.shelf.give(ticket, item, now, now));
    }

    /// The item turned out to be dead.
    pub(crate) fn lose(&self, Grant { item, ticket }: Grant<Piece>) {
        assert!(self.lent.lock().remove(&item));
        self.shelf.withdraw(ticket);
        self.destroy(&item);
    }

    pub(crate) fn keep(&self, given: Given<Piece>) {
        match given {
            Given::Kept => {}
            Given::Surplus(item)
            | Given::Closed(item)
            | Given::Abandoned(item)
            | Given::Replaced(item) => {
                self.destroy(&item);
            }
        }
    }

    pub(crate) fn destroy(&self, item: &Piece) {
        assert!(self.born.lock().remove(item), "{item:?} is destroyed twice");
        self.shelf.forget();
    }

    pub(crate) fn close(&self) {
        for item in self.shelf.close() {
            self.destroy(&item);
        }
    }

    /// Nobody waits, everything that was born and not destroyed lies on the shelf.
    pub(crate) fn is_at_rest(&self) {
        let stats = self.shelf.gauges.read(0, 0);
        let here = u32::try_from(self.born.lock().len()).unwrap();
        assert_eq!((stats.idle, stats.lent, stats.creating, stats.waiting), (here, 0, 0, 0));
        let mut idle = HashSet::new();
        let mut grants = Vec::new();
        while let Some(grant) = self.snatch() {
            assert!(idle.insert(grant.item.clone()));
            grants.push(grant);
        }
        assert_eq!(idle, *self.born.lock());
        for grant in grants {
            self.give(grant);
        }
    }
}

/// Somebody who has waited for long enough that no maker rests for its sake.
fn long_waiting() -> Borrower {
    let since = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
    Borrower::here(Location::caller(), since)
}

/// What lies on the shelf.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Piece(u32);

impl Item for Piece {
    fn age(&self, _: Instant) -> Age {
        Age::Young
    }
}

/// Runs everybody to the end.
pub(crate) fn all(people: Vec<JoinHandle<()>>) {
    for person in people {
        person.join().unwrap();
    }
}

pub(crate) fn person<T: Send + 'static>(
    house: &Arc<House>,
    life: impl FnOnce(&House) -> T + Send + 'static,
) -> JoinHandle<T> {
    let house = Arc::clone(house);
    thread::spawn(move || life(&house))
}
