//! Old items are replaced, never before the new one is there unless every place is taken, and never
//! more than a tenth at a time.

use super::*;

fn with(items: &[u32], keep: usize, most: usize) -> Numbers {
    let shelf = Shelf::new(Limits {
        keep,
        most,
        spare: 0,
        barging: Duration::ZERO,
        queue_while_paused: true,
        linger: false,
    });
    for &item in items {
        bring(&shelf, item);
    }
    shelf
}

fn order(shelf: &Numbers) -> Order<'_, u32, &'static str> {
    shelf.next_order().unwrap().0
}

fn renew(shelf: &Numbers) -> (Vec<u32>, bool) {
    shelf.renew(Instant::now())
}

fn idle(shelf: &Numbers) -> Vec<u32> {
    shelf.state.lock().idle.clone()
}

#[test]
fn the_old_one_lies_there_until_the_new_one_has_come() {
    let shelf = with(&[OLD, 1], 10, 30);
    assert_eq!(renew(&shelf), (vec![], true));
    let new = order(&shelf);
    assert!(!shelf.wants_hands(), "one is being made");
    assert_eq!(idle(&shelf), [OLD, 1]);
    assert_eq!(new.fulfil(2, Instant::now()).0, Given::Replaced(OLD));
    assert_eq!((idle(&shelf), renew(&shelf)), (vec![1, 2], (vec![], false)));
    shelf.forget();
    assert!(!shelf.wants_hands());
}

#[test]
fn a_tenth_is_replaced_at_a_time_and_at_least_one() {
    for (keep, tenth) in [(1, 1), (10, 1), (25, 3)] {
        let items: Vec<u32> = (OLD..).take(keep).collect();
        let shelf = with(&items, keep, 2 * keep);
        renew(&shelf);
        renew(&shelf);
        let orders: Vec<_> = (0..tenth).map(|_| order(&shelf)).collect();
        assert!(!shelf.wants_hands(), "{keep} are kept");
        drop(orders);
    }
}

#[test]
fn if_the_old_one_is_lent_when_the_new_one_comes_it_goes_when_it_comes_back() {
    let shelf = with(&[OLD], 2, 3);
    renew(&shelf);
    let new = order(&shelf);
    let lent = get(&shelf, LONG).unwrap();
    assert_eq!(new.fulfil(1, Instant::now()).0, Given::Kept);
    assert_eq!(
        shelf.give_old(lent.ticket, lent.item, Instant::now(), Instant::now()),
        Given::Replaced(OLD)
    );
    shelf.forget();
    assert!(!shelf.wants_hands());
    assert_eq!(gauges(&shelf), [1, 0, 0, 0]);
}

#[test]
fn an_old_one_that_comes_back_has_its_replacement_ordered_and_may_be_lent_meanwhile() {
    let shelf = with(&[OLD], 1, 2);
    let lent = get(&shelf, LONG).unwrap();
    assert_eq!(shelf.give_old(lent.ticket, lent.item, Instant::now(), Instant::now()), Given::Kept);
    let new = order(&shelf);
    let again = get(&shelf, LONG).unwrap();
    give(&shelf, again);
    assert_eq!(new.fulfil(1, Instant::now()).0, Given::Replaced(OLD));
}

#[test]
fn who_waits_gets_the_new_one_and_the_old_one_stays_until_the_next() {
    let shelf = with(&[OLD], 1, 3);
    renew(&shelf);
    let new = order(&shelf);
    let lent = get(&shelf, LONG).unwrap();
    let Joined::Waiting { waiter, .. } = shelf.join(&me(), &mut None) else { panic!("it waits") };
    assert_eq!(new.fulfil(1, Instant::now()).0, Given::Kept);
    let first = shelf.wait(&waiter, Instant::now() + LONG, || ()).unwrap();
    assert_eq!(shelf.give_old(lent.ticket, lent.item, Instant::now(), Instant::now()), Given::Kept);
    assert_eq!(order(&shelf).fulfil(2, Instant::now()).0, Given::Replaced(OLD));
    assert_eq!(idle(&shelf), [2]);
    assert_eq!(shelf.give(first.ticket, 1, long_ago(), Instant::now()), Given::Surplus(1));
}

#[test]
fn where_every_place_is_taken_only_what_is_over_goes_first_and_is_made_up_for() {
    let shelf = with(&[OLD, OVER, OVER], 3, 3);
    assert_eq!(renew(&shelf), (vec![OVER], true));
    assert_eq!(renew(&shelf), (vec![], true), "one at a time");
    assert!(!shelf.wants_hands(), "its place is not free yet");
    shelf.forget();
    assert_eq!(order(&shelf).fulfil(1, Instant::now()).0, Given::Kept);
    assert_eq!(idle(&shelf), [OLD, OVER, 1]);
    assert_eq!(renew(&shelf).0, [OVER]);
}

#[test]
fn what_was_over_when_it_came_back_is_made_up_for_without_a_waiter() {
    let shelf = with(&[OVER, 1], 2, 2);
    give(&shelf, get(&shelf, LONG).unwrap());
    let (young, over) = (get(&shelf, LONG).unwrap(), get(&shelf, LONG).unwrap());
    shelf.withdraw_old(over.ticket);
    shelf.forget();
    give(&shelf, young);
    assert_eq!(order(&shelf).fulfil(2, Instant::now()).0, Given::Kept);
    assert_eq!(idle(&shelf), [1, 2]);
}

#[test]
fn a_failure_with_nobody_waiting_gives_up_until_the_next_look() {
    let shelf = with(&[OLD], 1, 2);
    renew(&shelf);
    order(&shelf).fail("refused", Setback::Transient, |_| Duration::ZERO);
    assert!(!shelf.wants_hands(), "nobody needs it badly enough to try again and again");
    assert_eq!(idle(&shelf), [OLD], "the old one is better than none");
    renew(&shelf);
    assert!(shelf.wants_hands());
}

#[test]
fn what_is_looked_after_comes_back_below_the_others_or_to_whoever_waits() {
    let shelf = with(&[1, 2, 3], 3, 3);
    assert_eq!(shelf.borrow_cold(|&item| item == 2), Some(2));
    assert_eq!(idle(&shelf), [1, 3]);
    assert_eq!(shelf.bring_back(2, Instant::now()), Given::Kept);
    assert_eq!(idle(&shelf), [2, 1, 3]);

    let cold = shelf.borrow_cold(|_| true).unwrap();
    let held = [get(&shelf, LONG).unwrap(), get(&shelf, LONG).unwrap()];
    let Joined::Waiting { waiter, hire } = shelf.join(&me(), &mut None) else { panic!("it waits") };
    assert!(!hire, "every place is taken, one by what is away");
    assert_eq!(shelf.borrow_cold(|_| true), None, "not while somebody waits");
    assert_eq!(shelf.bring_back(cold, Instant::now()), Given::Kept);
    assert_eq!(shelf.wait(&waiter, Instant::now() + LONG, || ()).unwrap().item, cold);
    give_all(&shelf, held);
}

#[test]
fn a_closed_shelf_waits_for_what_is_away() {
    let shelf = with(&[1], 1, 1);
    let away = shelf.borrow_cold(|_| true).unwrap();
    assert!(shelf.close().is_empty());
    assert!(!shelf.settle(Instant::now()).0);
    assert_eq!(shelf.bring_back(away, Instant::now()), Given::Closed(1));
    assert!(!shelf.settle(Instant::now()).0);
    shelf.forget();
    assert!(shelf.settle(Instant::now()).0);
}

#[test]
fn what_is_lost_while_it_is_looked_after_is_made_up_for() {
    let shelf = with(&[1], 1, 1);
    shelf.borrow_cold(|_| true).unwrap();
    shelf.lose();
    assert!(!shelf.wants_hands());
    shelf.forget();
    assert!(shelf.wants_hands());
    assert_eq!(order(&shelf).fulfil(2, Instant::now()).0, Given::Kept);
    assert!(!shelf.wants_hands());
}
