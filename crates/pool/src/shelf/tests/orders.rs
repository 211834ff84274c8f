//! When something is made: only while somebody waits, one at a time after a failure.

use super::*;

fn empty(keep: usize, most: usize) -> Numbers {
    Shelf::new(Limits { keep, most, spare: 0, barging: Duration::ZERO, queue_while_paused: true })
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
        assert_eq!(order.fulfil(item, Instant::now()), Given::Kept);
    }
    for (item, waiter) in (0..3).zip(&waiters) {
        assert_eq!(shelf.wait(waiter, Instant::now() + LONG, || ()).unwrap().item, item);
    }
    assert_eq!(gauges(&shelf), [0, 3, 0, 2]);
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
        assert_eq!(order.fulfil(2, Instant::now()), expected);
    }
    shelf.forget();
    assert_eq!(gauges(&shelf), [1, 0, 0, 0]);
}

#[test]
fn a_waiter_that_was_overtaken_has_something_made() {
    let shelf: Numbers =
        Shelf::new(Limits { keep: 1, most: 2, spare: 0, barging: LONG, queue_while_paused: true });
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
    assert_eq!(order.fulfil(1, Instant::now()), Given::Kept);
    shelf.wait(&waiter, Instant::now() + LONG, || ()).unwrap();
}

#[test]
fn after_a_failure_one_probes_at_a_time_and_waiters_go_on_waiting() {
    let shelf = empty(4, 4);
    let waiters: Vec<_> = (0..3).map(|_| queue(&shelf)).collect();
    let (order, _) = shelf.next_order().unwrap();
    let (failures, _) = order.fail("down", false, |_| Duration::from_millis(5));
    assert_eq!(failures, 1);
    let begun = Instant::now();
    let (probe, _) = shelf.next_order().unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(4), "the pause was kept");
    thread::scope(|scope| {
        let second = scope.spawn(|| shelf.next_order().map(|(order, _)| drop(order)).is_some());
        until(|| shelf.state.lock().resting == 1);
        assert_eq!(probe.fulfil(1, Instant::now()), Given::Kept);
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
    order.fail("password", true, |_| LONG);
    for waiter in &waiters {
        let answer = shelf.wait(waiter, Instant::now() + LONG, || ());
        assert_eq!(answer.unwrap_err(), Refusal::Failed("password"));
    }
    assert_eq!(get(&shelf, LONG).unwrap_err(), Refusal::Failed("password"));

    bring(&shelf, 1);
    let lent = get(&shelf, LONG).unwrap();
    let waiter = queue(&shelf);
    let (order, _) = shelf.next_order().unwrap();
    order.fail("password", true, |_| LONG);
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
    });
    for item in 0..2 {
        let (order, _) = shelf.next_order().unwrap();
        assert_eq!(order.fulfil(item, Instant::now()), Given::Kept);
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
