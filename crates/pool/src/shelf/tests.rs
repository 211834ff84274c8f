//! The shelf with plain numbers on it, under threads.

use std::collections::HashSet;
use std::panic::Location;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::*;
use crate::Holder;

mod circle;
mod controls;
mod crowds;
mod model;
mod orders;
mod renewal;

type Numbers = Shelf<u32, &'static str>;

/// From here on numbers are old, and from there on over.
const OLD: u32 = 1_000;
const OVER: u32 = 2_000;

impl Item for u32 {
    fn age(&self, _: Instant) -> Age {
        match *self {
            ..OLD => Age::Young,
            OLD..OVER => Age::Old,
            OVER.. => Age::Over,
        }
    }
}

const LONG: Duration = Duration::from_secs(20);

fn limits(keep: usize, most: usize, barging: Duration) -> Limits {
    Limits {
        keep,
        most,
        spare: 0,
        barging,
        waiters: 0,
        shedding: None,
        queue_while_paused: true,
        linger: false,
    }
}

fn shelf(items: u32, barging: Duration) -> Numbers {
    let keep = items as usize;
    let shelf = Shelf::new(limits(keep, keep, barging));
    for item in 0..items {
        bring(&shelf, item);
    }
    shelf
}

/// Puts an item on the shelf by the way that a connector goes, without anybody waiting for it.
fn bring(shelf: &Numbers, item: u32) {
    let mut state = shelf.state.lock();
    state.creating += 1;
    drop(state);
    let order = Order { shelf, open: true };
    assert_eq!(order.fulfil(item, Instant::now()).0, Given::Kept);
}

fn me() -> Borrower {
    Borrower::here(Location::caller(), Instant::now())
}

fn get(shelf: &Numbers, limit: Duration) -> Answer<u32, &'static str> {
    let borrower = me();
    if let Some(grant) = shelf.take(borrower.clone()) {
        return Ok(grant);
    }
    match shelf.join(&borrower, &mut None) {
        Joined::Granted(grant) => Ok(grant),
        Joined::Waiting { waiter, .. } => shelf.wait(&waiter, borrower.since + limit, || ()),
        Joined::Refused(refusal) => Err(refusal),
    }
}

fn give(shelf: &Numbers, Grant { item, ticket }: Grant<u32>) {
    assert_eq!(shelf.give(ticket, item, long_ago(), Instant::now()), Given::Kept);
}

/// Long enough before now that a holder has done something.
fn long_ago() -> Instant {
    Instant::now().checked_sub(Duration::from_secs(1)).unwrap()
}

fn give_all(shelf: &Numbers, grants: impl IntoIterator<Item = Grant<u32>>) {
    for grant in grants {
        give(shelf, grant);
    }
}

fn until(mut true_now: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !true_now() {
        assert!(Instant::now() < end, "it did not become true");
        thread::yield_now();
    }
}

fn gauges(shelf: &Numbers) -> [u32; 4] {
    let stats = shelf.gauges.read(0, 0);
    [stats.idle, stats.lent, stats.creating, stats.waiting]
}

#[test]
fn the_item_used_last_is_lent_first() {
    let shelf = shelf(2, Duration::ZERO);
    let (a, b) = (get(&shelf, LONG).unwrap(), get(&shelf, LONG).unwrap());
    let last = a.item;
    give(&shelf, b);
    give(&shelf, a);
    assert_eq!(get(&shelf, LONG).unwrap().item, last);
}

#[test]
fn waiters_are_served_in_the_order_of_their_arrival() {
    let shelf = shelf(1, Duration::ZERO);
    let held = get(&shelf, LONG).unwrap();
    let served = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for n in 0..8 {
            let (shelf, served) = (&shelf, &served);
            scope.spawn(move || {
                let grant = get(shelf, LONG).unwrap();
                served.lock().push(n);
                give(shelf, grant);
            });
            until(|| gauges(shelf)[3] == n + 1);
        }
        give(&shelf, held);
    });
    assert_eq!(served.into_inner(), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(gauges(&shelf), [1, 0, 0, 0]);
}

#[test]
fn nobody_overtakes_a_waiter_that_is_older_than_the_window() {
    let shelf = shelf(1, Duration::from_millis(1));
    let held = get(&shelf, LONG).unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| get(&shelf, LONG).unwrap());
        until(|| gauges(&shelf)[3] == 1);
        let late = Borrower { since: Instant::now() + LONG, ..me() };
        let Grant { item, ticket } = held;
        assert_eq!(shelf.give(ticket, item, long_ago(), late.since), Given::Kept);
        assert!(shelf.take(late).is_none());
        give(&shelf, waiter.join().unwrap());
    });
}

#[test]
fn within_the_window_an_item_goes_to_the_shelf_and_the_oldest_is_nudged_to_compete() {
    let shelf = shelf(1, LONG);
    let held = get(&shelf, LONG).unwrap();
    let borrower = me();
    let Joined::Waiting { waiter, .. } = shelf.join(&borrower, &mut None) else {
        panic!("it waits")
    };

    give(&shelf, held);
    assert_eq!(gauges(&shelf), [1, 0, 0, 1]);
    let barger = shelf.take(me()).unwrap();
    assert!(shelf.look(&waiter, false).is_none(), "it came too late and goes on waiting");
    give(&shelf, barger);
    shelf.wait(&waiter, Instant::now() + LONG, || ()).unwrap();
    assert_eq!(gauges(&shelf), [0, 1, 0, 0]);
}

#[test]
fn an_item_that_was_held_briefly_may_be_taken_past_a_waiter_but_not_for_ever() {
    let window = Duration::from_millis(1);
    let shelf = shelf(1, window);
    let Grant { item, ticket } = get(&shelf, LONG).unwrap();
    let borrower = me();
    let Joined::Waiting { waiter, .. } = shelf.join(&borrower, &mut None) else {
        panic!("it waits")
    };
    let at = |windows| borrower.since + window * windows;

    assert_eq!(shelf.give(ticket, item, at(2), at(2)), Given::Kept);
    let Grant { item, ticket } = shelf.take(Borrower { since: at(31), ..me() }).unwrap();
    assert!(waiter.answered().is_none());
    assert_eq!(shelf.give(ticket, item, at(32), at(32)), Given::Kept);
    assert!(waiter.answered().is_some_and(|answer| answer.is_ok()), "its patience is over");
}

#[test]
fn a_nudge_to_somebody_who_is_then_answered_is_passed_on() {
    let window = Duration::from_millis(1);
    let shelf = shelf(2, window);
    let (first, second) = (get(&shelf, LONG).unwrap(), get(&shelf, LONG).unwrap());
    let oldest = me();
    let Joined::Waiting { waiter: one, .. } = shelf.join(&oldest, &mut None) else {
        panic!("it waits")
    };
    let Joined::Waiting { waiter: two, .. } = shelf.join(&me(), &mut None) else {
        panic!("it waits")
    };
    let at = |windows| oldest.since + window * windows;

    // To the shelf, with a nudge for the oldest, who is handed the other before it looks.
    assert_eq!(shelf.give(first.ticket, first.item, at(0), at(0)), Given::Kept);
    assert_eq!(shelf.give(second.ticket, second.item, at(64), at(64)), Given::Kept);
    assert!(one.answered().is_some_and(|answer| answer.is_ok()));

    let asked = Instant::now();
    shelf.wait(&two, asked + Duration::from_secs(5), || ()).unwrap();
    assert!(asked.elapsed() < Duration::from_secs(2), "it waited beside an idle item");
}

#[test]
fn two_items_on_the_shelf_wake_two_waiters_though_only_the_oldest_was_nudged() {
    let shelf = shelf(2, LONG);
    let held = [get(&shelf, LONG).unwrap(), get(&shelf, LONG).unwrap()];
    thread::scope(|scope| {
        let waiters = [(); 2].map(|()| scope.spawn(|| get(&shelf, LONG)));
        until(|| gauges(&shelf)[3] == 2);
        give_all(&shelf, held);
        for waiter in waiters {
            waiter.join().unwrap().unwrap();
        }
    });
}

#[test]
fn somebody_whose_item_was_dead_keeps_the_place_in_line() {
    let shelf = shelf(1, Duration::ZERO);
    let held = get(&shelf, LONG).unwrap();
    let mut seat = None;
    let first = me();
    let Joined::Waiting { waiter, .. } = shelf.join(&first, &mut seat) else { panic!("it waits") };
    give(&shelf, held);
    let dead = shelf.wait(&waiter, Instant::now() + LONG, || ()).unwrap();

    let second = me();
    assert!(matches!(shelf.join(&second, &mut None), Joined::Waiting { .. }));
    assert!(matches!(shelf.join(&first, &mut seat), Joined::Waiting { .. }));
    assert_eq!(shelf.state.lock().waiters.front().unwrap().borrower.since, first.since);
    shelf.withdraw(dead.ticket);
    shelf.forget();
}

/// The race that must never go wrong: the deadline and the hand-off at the same moment.
#[test]
fn a_timeout_that_races_with_a_hand_off_loses_nothing_and_grants_nothing_twice() {
    let (granted, late) = (AtomicU64::new(0), AtomicU64::new(0));
    for (round, barging) in (0..9_000_u64).zip([0, 50, 1_000_000].into_iter().cycle()) {
        let shelf = shelf(1, Duration::from_micros(barging));
        let held = get(&shelf, LONG).unwrap();
        let barrier = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                barrier.wait();
                let answer = get(&shelf, Duration::from_micros(round % 40));
                let counter = if answer.is_ok() { &granted } else { &late };
                counter.fetch_add(1, Ordering::Relaxed);
                give_all(&shelf, answer);
            });
            barrier.wait();
            (0..round % 50 * 20).for_each(|_| std::hint::spin_loop());
            give(&shelf, held);
        });
        assert_eq!(gauges(&shelf), [1, 0, 0, 0], "round {round}, window {barging} µs");
    }
    let (granted, late) = (granted.into_inner(), late.into_inner());
    assert!(granted > 0 && late > 0, "both sides won: {granted} granted, {late} too late");
}

#[test]
fn under_thirty_two_threads_four_items_are_never_held_twice_and_everybody_gets_a_fair_share() {
    let shelf = shelf(4, Duration::from_micros(200));
    let held: [AtomicBool; 4] = Default::default();
    let shares = [const { AtomicU64::new(0) }; 32];
    let end = Instant::now() + Duration::from_millis(600);
    let hold = Duration::from_millis(1);
    thread::scope(|scope| {
        for share in &shares {
            let (shelf, held) = (&shelf, &held);
            scope.spawn(move || {
                while Instant::now() < end {
                    let grant = get(shelf, LONG).unwrap();
                    let mine = &held[grant.item as usize];
                    assert!(!mine.swap(true, Ordering::AcqRel), "lent twice");
                    thread::park_timeout(hold);
                    mine.store(false, Ordering::Release);
                    share.fetch_add(1, Ordering::Relaxed);
                    give(shelf, grant);
                }
            });
        }
    });
    let shares = shares.map(AtomicU64::into_inner);
    let (least, most) = (*shares.iter().min().unwrap(), *shares.iter().max().unwrap());
    assert!(most <= 2 * least.max(1) + 4, "shares from {least} to {most}");
    assert_eq!(gauges(&shelf), [4, 0, 0, 0]);
}

#[test]
fn hammering_with_short_deadlines_keeps_every_item() {
    let shelf = shelf(3, Duration::from_micros(20));
    thread::scope(|scope| {
        for n in 0..12_u64 {
            let shelf = &shelf;
            scope.spawn(move || {
                for turn in 0..4_000 {
                    let answer = get(shelf, Duration::from_micros((n * 7 + turn) % 60));
                    give_all(shelf, answer);
                }
            });
        }
    });
    assert_eq!(gauges(&shelf), [3, 0, 0, 0]);
    let items: HashSet<_> = (0..3).map(|_| get(&shelf, LONG).unwrap().item).collect();
    assert_eq!(items.len(), 3);
}

#[test]
fn with_nothing_to_lend_a_deadline_ends_the_wait() {
    let shelf = shelf(0, Duration::ZERO);
    let begun = Instant::now();
    assert_eq!(get(&shelf, Duration::from_millis(20)).unwrap_err(), Refusal::TimedOut);
    assert_eq!(get(&shelf, Duration::ZERO).unwrap_err(), Refusal::TimedOut);
    assert!(begun.elapsed() >= Duration::from_millis(20));
    assert_eq!(gauges(&shelf), [0, 0, 0, 0]);
}

#[test]
fn closing_refuses_everybody_and_settles_when_the_last_item_is_forgotten() {
    let shelf = shelf(2, Duration::ZERO);
    let lent = get(&shelf, LONG).unwrap();
    let idle = get(&shelf, LONG).unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| get(&shelf, LONG));
        until(|| gauges(&shelf)[3] == 1);
        // The waiter is refused though an item comes back: closed is closed.
        assert!(shelf.close().is_empty());
        assert_eq!(waiter.join().unwrap().unwrap_err(), Refusal::Closed);
    });
    let item = idle.item;
    assert_eq!(shelf.give(idle.ticket, item, long_ago(), Instant::now()), Given::Closed(item));
    shelf.forget();
    let soon = || Instant::now() + Duration::from_millis(10);
    let told = |(settled, holders): (bool, Vec<Holder>)| (settled, holders.len());
    assert_eq!(told(shelf.settle(soon())), (false, 1));
    shelf.withdraw(lent.ticket);
    assert_eq!(told(shelf.settle(soon())), (false, 0), "it is not destroyed yet");
    thread::scope(|scope| {
        let settled = scope.spawn(|| shelf.settle(Instant::now() + LONG));
        shelf.forget();
        assert_eq!(told(settled.join().unwrap()), (true, 0));
    });
    assert_eq!(get(&shelf, LONG).unwrap_err(), Refusal::Closed);
    assert!(shelf.next_order().is_none());
}
