//! When something is made: only while somebody waits, one at a time after a failure.

use super::*;

fn empty(keep: usize, most: usize) -> Numbers {
    Shelf::new(Limits {
        keep,
        most,
        spare: 0,
        barging: Duration::ZERO,
        queue_while_paused: true,
        linger: false,
    })
}

fn queue(shelf: &Numbers) -> Arc<Waiter<u32, &'static str>> {
    match shelf.join(&me(), &mut None) {
        Joined::Waiting { waiter, .. } => waiter,
        other => panic!("it waits: {other:?}"),
    }
}

#[test]
fn no_more_is_made_than_somebody_waits_for_and_never_above_the_limit() {
    let shelf = empty(2, 3);
    let waiters: Vec<_> = (0..5).map(|_| queue(&shelf)).collect();
    let orders: Vec<_> = (0..3).map(|_| shelf.next_order().unwrap().0).collect();
    assert!(!shelf.wants_hands(), "the limit is reached");
    for (item, order) in (0..).zip(orders) {
        assert_eq!(order.fulfil(item, Instant::now()).0, Given::Kept);
    }
    for (item, waiter) in (0..3).zip(&waiters) {
        assert_eq!(shelf.wait(waiter, Instant::now() + LONG, || ()).unwrap().item, item);
    }
    assert_eq!(gauges(&shelf), [0, 3, 0, 2]);
}

#[test]
fn while_something_may_come_back_a_second_is_made_only_for_who_has_waited_a_while() {
    let shelf = empty(4, 4);
    bring(&shelf, 1);
    let held = get(&shelf, LONG).unwrap();
    let begun = Instant::now();
    let waiters = [queue(&shelf), queue(&shelf)];
    let first = shelf.next_order().unwrap();
    assert!(first.1, "somebody is to stand ready for a second");

    let (second, _) = shelf.next_order().unwrap();

    assert!(begun.elapsed() >= Duration::from_millis(50), "{:?}", begun.elapsed());
    second.fulfil(2, Instant::now());
    first.0.fulfil(3, Instant::now());
    let items = waiters.map(|it| shelf.wait(&it, Instant::now() + LONG, || ()).unwrap().item);
    assert_eq!(items, [2, 3]);
    give(&shelf, held);
}

#[test]
fn an_order_whose_waiter_has_gone_is_kept_up_to_the_size() {
    let shelf = empty(1, 2);
    for expected in [Given::Kept, Given::Surplus(2)] {
        let held = (expected != Given::Kept).then(|| get(&shelf, LONG).unwrap());
        let waiter = queue(&shelf);
        let (order, _) = shelf.next_order().unwrap();
        assert_eq!(shelf.wait(&waiter, Instant::now(), || ()).unwrap_err(), Refusal::TimedOut);
        give_all(&shelf, held);
        assert_eq!(order.fulfil(2, Instant::now()).0, expected);
    }
    shelf.forget();
    assert_eq!(gauges(&shelf), [1, 0, 0, 0]);
}

#[test]
fn a_waiter_that_was_overtaken_has_something_made() {
    let shelf: Numbers = Shelf::new(Limits {
        keep: 1,
        most: 2,
        spare: 0,
        barging: LONG,
        queue_while_paused: true,
        linger: false,
    });
    bring(&shelf, 1);
    let held = get(&shelf, LONG).unwrap();
    let waiter = queue(&shelf);
    give(&shelf, held);
    assert!(!shelf.wants_hands(), "something lies there for it");
    let faster = get(&shelf, LONG).unwrap();

    let hired = AtomicBool::new(false);
    let hire = || hired.store(true, Ordering::Relaxed);
    let answer = shelf.wait(&waiter, Instant::now() + Duration::from_millis(20), hire);

    assert_eq!(answer.unwrap_err(), Refusal::TimedOut);
    assert!(hired.into_inner());
    give(&shelf, faster);
}

#[test]
fn an_order_that_is_dropped_by_a_panic_gives_its_place_back() {
    let shelf = empty(1, 1);
    let waiter = queue(&shelf);
    drop(shelf.next_order().unwrap());
    assert_eq!(gauges(&shelf), [0, 0, 0, 1]);
    let (order, _) = shelf.next_order().unwrap();
    assert_eq!(order.fulfil(1, Instant::now()).0, Given::Kept);
    shelf.wait(&waiter, Instant::now() + LONG, || ()).unwrap();
}

#[test]
fn after_a_failure_one_probes_at_a_time_and_waiters_go_on_waiting() {
    let shelf = empty(4, 4);
    let waiters: Vec<_> = (0..3).map(|_| queue(&shelf)).collect();
    let (order, _) = shelf.next_order().unwrap();
    let (trouble, _) = order.fail("down", Setback::Transient, |_| Duration::from_millis(5));
    assert_eq!(trouble.failures, 1);
    let begun = Instant::now();
    let (probe, _) = shelf.next_order().unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(4), "the pause was kept");
    thread::scope(|scope| {
        let second = scope.spawn(|| shelf.next_order().map(|(order, _)| drop(order)).is_some());
        until(|| shelf.state.lock().resting == 1);
        assert_eq!(probe.fulfil(1, Instant::now()).0, Given::Kept);
        assert!(second.join().unwrap(), "a success opens the gates");
    });
    assert!(shelf.trouble().is_none());
    shelf.wait(&waiters[0], Instant::now() + LONG, || ()).unwrap();
}

#[test]
fn a_permanent_failure_is_told_to_all_at_once_unless_something_is_alive() {
    let shelf = empty(4, 4);
    let waiters: Vec<_> = (0..3).map(|_| queue(&shelf)).collect();
    let (order, _) = shelf.next_order().unwrap();
    order.fail("password", Setback::Permanent, |_| LONG);
    for waiter in &waiters {
        let answer = shelf.wait(waiter, Instant::now() + LONG, || ());
        assert_eq!(answer.unwrap_err(), Refusal::Failed("password"));
    }
    assert_eq!(get(&shelf, LONG).unwrap_err(), Refusal::Failed("password"));

    bring(&shelf, 1);
    let lent = get(&shelf, LONG).unwrap();
    let waiter = queue(&shelf);
    let (order, _) = shelf.next_order().unwrap();
    order.fail("password", Setback::Permanent, |_| LONG);
    give(&shelf, lent);
    assert!(shelf.wait(&waiter, Instant::now() + LONG, || ()).is_ok(), "a return served it");
}

#[test]
fn spares_are_made_without_a_waiter_and_within_the_size_only() {
    let shelf: Numbers = Shelf::new(Limits {
        keep: 2,
        most: 5,
        spare: 2,
        barging: Duration::ZERO,
        queue_while_paused: true,
        linger: false,
    });
    for item in 0..2 {
        let (order, _) = shelf.next_order().unwrap();
        assert_eq!(order.fulfil(item, Instant::now()).0, Given::Kept);
    }
    assert!(!shelf.wants_hands());
    let lent = get(&shelf, LONG).unwrap();
    assert!(!shelf.wants_hands(), "one is idle and the size is reached");
    let swept = shelf.sweep(|_, _| true);
    assert_eq!(swept.len(), 1);
    shelf.forget();
    assert!(shelf.wants_hands());
    give(&shelf, lent);
}

/// Tries to make something `times` times, in vain.
fn fail(shelf: &Numbers, times: u32) -> Vec<(bool, bool)> {
    (0..times)
        .map(|_| {
            let (order, _) = shelf.next_order().unwrap();
            let (trouble, was_open) = order.fail("down", Setback::Transient, |_| Duration::ZERO);
            (was_open, trouble.open)
        })
        .collect()
}

#[test]
fn the_third_failure_with_nothing_alive_refuses_all_but_those_who_want_to_wait() {
    let shelf = empty(4, 4);
    let impatient = [(); 3].map(|()| queue(&shelf));
    let borrower = Borrower { waits: true, ..me() };
    let Joined::Waiting { waiter: patient, .. } = shelf.join(&borrower, &mut None) else {
        panic!("it waits")
    };

    assert_eq!(fail(&shelf, 3), [(false, false), (false, false), (false, true)]);

    for waiter in &impatient {
        let answer = shelf.wait(waiter, Instant::now() + LONG, || ());
        let Err(Refusal::Unavailable(outage)) = answer else { panic!("{answer:?}") };
        assert_eq!((outage.failures, outage.cause), (3, "down"));
    }
    let at_once = get(&shelf, LONG);
    assert!(matches!(at_once, Err(Refusal::Unavailable(_))), "{at_once:?}");
    assert_eq!(gauges(&shelf)[3], 1);

    let (probe, _) = shelf.next_order().unwrap();
    let (given, over) = probe.fulfil(7, Instant::now());
    assert!(given == Given::Kept && over.is_some_and(|trouble| trouble.open));
    assert_eq!(shelf.wait(&patient, Instant::now() + LONG, || ()).unwrap().item, 7);
}

#[test]
fn while_the_server_is_down_one_probes_though_nobody_waits_and_what_it_makes_is_kept() {
    let shelf = empty(2, 2);
    let waiter = queue(&shelf);
    fail(&shelf, 3);
    shelf.wait(&waiter, Instant::now() + LONG, || ()).unwrap_err();
    assert!(shelf.wants_hands());
    let (probe, _) = shelf.next_order().unwrap();
    assert!(!shelf.wants_hands(), "one is enough");
    assert_eq!(probe.fulfil(1, Instant::now()).0, Given::Kept);
    assert!(!shelf.wants_hands());
    assert_eq!(get(&shelf, LONG).unwrap().item, 1);
}

#[test]
fn as_long_as_something_is_alive_callers_wait_for_its_return() {
    let shelf = empty(2, 2);
    bring(&shelf, 1);
    let lent = get(&shelf, LONG).unwrap();
    let waiter = queue(&shelf);
    assert_eq!(fail(&shelf, 5).last(), Some(&(false, false)));
    give(&shelf, lent);
    assert_eq!(shelf.wait(&waiter, Instant::now() + LONG, || ()).unwrap().item, 1);
}

#[test]
fn a_server_that_is_full_keeps_the_number_down_until_the_ceiling_has_climbed() {
    let shelf = empty(8, 8);
    let waiters: Vec<_> = (0..8).map(|_| queue(&shelf)).collect();
    for item in 0..2 {
        shelf.next_order().unwrap().0.fulfil(item, Instant::now());
    }
    let (order, _) = shelf.next_order().unwrap();
    order.fail("full", Setback::Overload, |_| Duration::ZERO);
    let made: Vec<_> =
        (2..5).map(|item| shelf.next_order().unwrap().0.fulfil(item, Instant::now()).0).collect();
    assert_eq!(made, [(); 3].map(|()| Given::Kept), "half of the six that were missing");
    assert!(!shelf.wants_hands());
    assert_eq!(gauges(&shelf), [0, 5, 0, 3]);
    let later = Instant::now() + Duration::from_secs(4);
    shelf.state.lock().breaker.climb(later, 8);
    assert!(shelf.wants_hands());
    drop(waiters);
}
