//! Pause, resume and other limits.

use super::*;

fn paused_with(queue: bool) -> Numbers {
    let shelf = shelf(2, Duration::ZERO);
    shelf.state.lock().limits.queue_while_paused = queue;
    shelf
}

fn join(shelf: &Numbers) -> Arc<Waiter<u32, &'static str>> {
    match shelf.join(&me(), &mut None) {
        Joined::Waiting { waiter, .. } => waiter,
        other => panic!("it waits: {other:?}"),
    }
}

#[test]
fn while_paused_nothing_is_lent_or_made_and_what_comes_back_stays() {
    let shelf = paused_with(true);
    let lent = get(&shelf, LONG).unwrap();
    shelf.pause();
    assert!(shelf.take(me()).is_none());
    let (first, second) = (join(&shelf), join(&shelf));
    join(&shelf);
    give(&shelf, lent);
    assert_eq!(gauges(&shelf), [2, 0, 0, 3]);
    shelf.state.lock().limits.most = 5;
    assert!(!shelf.wants_hands());
    assert_eq!(shelf.wait(&second, Instant::now(), || ()).unwrap_err(), Refusal::Paused);

    shelf.resume(Instant::now());
    assert!(first.answered().is_some_and(|answer| answer.is_ok()), "it was the oldest");
    assert_eq!(gauges(&shelf), [0, 2, 0, 0]);
}

#[test]
fn what_was_being_made_when_it_was_paused_lies_there_when_it_goes_on() {
    let shelf = shelf(0, Duration::ZERO);
    shelf.resize(1, 1, 0);
    let waiter = join(&shelf);
    let (order, _) = shelf.next_order().unwrap();
    shelf.pause();
    assert_eq!(order.fulfil(1, Instant::now()).0, Given::Kept);
    assert_eq!(gauges(&shelf), [1, 0, 0, 1]);
    shelf.resume(Instant::now());
    assert_eq!(shelf.wait(&waiter, Instant::now() + LONG, || ()).unwrap().item, 1);
}

#[test]
fn a_pause_refuses_everybody_at_once_if_the_limits_say_so() {
    let shelf = paused_with(false);
    let held = [get(&shelf, LONG).unwrap(), get(&shelf, LONG).unwrap()];
    let waiter = join(&shelf);
    shelf.pause();
    let answer = shelf.wait(&waiter, Instant::now() + LONG, || ());
    assert_eq!(answer.unwrap_err(), Refusal::Paused);
    assert_eq!(get(&shelf, LONG).unwrap_err(), Refusal::Paused);
    give_all(&shelf, held);
    shelf.resume(Instant::now());
    get(&shelf, LONG).unwrap();
}

#[test]
fn a_smaller_shelf_lets_the_coldest_go_and_what_is_lent_when_it_comes_back() {
    let shelf = shelf(4, Duration::ZERO);
    let lent = [get(&shelf, LONG).unwrap(), get(&shelf, LONG).unwrap()];
    assert_eq!(shelf.resize(1, 1, 0), [0, 1]);
    let waiter = join(&shelf);
    let [first, second] = lent;
    let back = |grant: Grant<u32>| shelf.give(grant.ticket, grant.item, long_ago(), Instant::now());
    let item = first.item;
    assert_eq!(back(first), Given::Surplus(item), "though somebody waits: there are too many");
    for _ in 0..3 {
        shelf.forget();
    }
    assert!(!shelf.wants_hands(), "one is left, and one is allowed");
    assert_eq!(back(second), Given::Kept);
    shelf.wait(&waiter, Instant::now() + LONG, || ()).unwrap();
}

#[test]
fn a_larger_shelf_makes_what_was_waited_for() {
    let shelf = shelf(1, Duration::ZERO);
    let held = get(&shelf, LONG).unwrap();
    let waiter = join(&shelf);
    assert!(!shelf.wants_hands());
    assert!(shelf.resize(1, 2, 0).is_empty());
    let (order, _) = shelf.next_order().unwrap();
    assert_eq!(order.fulfil(7, Instant::now()).0, Given::Kept);
    assert_eq!(shelf.wait(&waiter, Instant::now() + LONG, || ()).unwrap().item, 7);
    give(&shelf, held);
}
