//! Too many, or for too long: the line that is full, the line that stands, the item that is not
//! returned.

use super::*;

#[test]
fn a_full_line_refuses_the_next_but_not_one_that_comes_back_to_its_seat() {
    let shelf: Numbers = Shelf::new(Limits { waiters: 2, ..limits(1, 1, Duration::ZERO) });
    let mut seat = None;
    let first = me();
    assert!(matches!(shelf.join(&first, &mut seat), Joined::Waiting { .. }));
    assert!(matches!(shelf.join(&me(), &mut None), Joined::Waiting { .. }));
    let third = shelf.join(&me(), &mut None);
    assert!(matches!(third, Joined::Refused(Refusal::QueueFull)), "{third:?}");
    assert!(matches!(shelf.join(&first, &mut seat), Joined::Waiting { .. }));
    assert_eq!(gauges(&shelf)[3], 3);
}

#[test]
fn in_a_standing_line_those_who_waited_too_long_are_sent_away_and_the_others_served() {
    let ms = Duration::from_millis;
    let shedding = Some((ms(50), ms(2_000)));
    let shelf: Numbers = Shelf::new(Limits { shedding, ..limits(1, 1, Duration::ZERO) });
    bring(&shelf, 1);
    let begun = Instant::now();
    let at = |n| begun + ms(n);
    let mut held = get(&shelf, LONG).unwrap();
    let join = |since| {
        let borrower = Borrower { since, ..me() };
        match shelf.join(&borrower, &mut None) {
            Joined::Waiting { waiter, .. } => waiter,
            other => panic!("it waits: {other:?}"),
        }
    };
    let hand_on = |held: Grant<u32>, waiter: &Waiter<u32, &'static str>, now| {
        let Grant { item, ticket } = held;
        assert_eq!(shelf.give(ticket, item, begun, now), Given::Kept);
        waiter.answered().expect("it was its turn").unwrap()
    };
    // Everybody waits for 60 ms, for more than an interval.
    for n in (3_000..5_100).step_by(60) {
        held = hand_on(held, &join(at(n)), at(n + 60));
    }
    let (late, young) = (join(at(6_000)), join(at(6_100)));
    let held = hand_on(held, &young, at(6_150));
    assert_eq!(late.answered().unwrap().unwrap_err(), Refusal::Shed);

    // Nobody waits: it was a burst after all.
    give(&shelf, held);
    give(&shelf, shelf.take(Borrower { since: at(8_200), ..me() }).unwrap());
    give(&shelf, shelf.take(Borrower { since: at(9_000), ..me() }).unwrap());
    let held = shelf.take(Borrower { since: at(10_300), ..me() }).unwrap();
    hand_on(held, &join(at(10_400)), at(11_000));
}

#[test]
fn the_place_of_an_item_that_is_not_returned_is_made_up_for_and_what_comes_back_is_destroyed() {
    let shelf = shelf(1, Duration::ZERO);
    let lost = get(&shelf, LONG).unwrap();
    let borrower = me();
    let Joined::Waiting { waiter, .. } = shelf.join(&borrower, &mut None) else {
        panic!("it waits")
    };
    assert!(!shelf.wants_hands(), "the limit is reached");
    let later = Instant::now() + LONG;

    assert_eq!(shelf.abandon(later, LONG, 1).len(), 1);
    assert!(shelf.wants_hands());
    assert_eq!((gauges(&shelf), shelf.gauges.read(0, 0).abandoned), ([0, 0, 0, 1], 1));
    shelf.next_order().unwrap().0.fulfil(7, later);
    let held = waiter.answered().unwrap().unwrap();
    assert_eq!(held.item, 7);

    let Grant { item, ticket } = lost;
    assert_eq!(shelf.give(ticket, item, long_ago(), later), Given::Abandoned(item));
    shelf.forget();
    give(&shelf, held);
    assert_eq!((gauges(&shelf), shelf.gauges.read(0, 0).abandoned), ([1, 0, 0, 0], 0));
}

#[test]
fn a_closed_shelf_waits_for_the_abandoned_too() {
    let shelf = shelf(1, Duration::ZERO);
    let lost = get(&shelf, LONG).unwrap();
    shelf.abandon(Instant::now() + LONG, LONG, 1);
    shelf.close();
    let waited = Instant::now();
    assert_eq!(shelf.settle(waited + Duration::from_millis(20)).1.len(), 1);
    assert!(waited.elapsed() >= Duration::from_millis(20));
    shelf.withdraw(lost.ticket);
    shelf.forget();
    assert_eq!(shelf.settle(Instant::now() + LONG).1.len(), 0);
}
