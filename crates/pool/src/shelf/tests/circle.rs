//! Who holds one and waits for another.

use super::*;

fn waits(shelf: &Numbers) -> Arc<Waiter<u32, &'static str>> {
    match shelf.join(&me(), &mut None) {
        Joined::Waiting { waiter, .. } => waiter,
        other => panic!("it waits: {other:?}"),
    }
}

#[test]
fn who_holds_nothing_is_not_entangled_and_who_does_is_told_what() {
    let shelf = shelf(1, Duration::ZERO);
    let other = thread::scope(|scope| scope.spawn(|| get(&shelf, LONG).unwrap()).join().unwrap());
    let waiter = waits(&shelf);
    assert!(shelf.entangled(&waiter).is_none());
    assert!(shelf.held_by(thread::current().id()).is_none());
    give(&shelf, other);
    let mine = shelf.wait(&waiter, Instant::now() + LONG, || ()).unwrap();
    let holder = shelf.held_by(thread::current().id()).unwrap();
    assert_eq!(holder.thread_id(), thread::current().id());
    give(&shelf, mine);
    assert!(shelf.held_by(thread::current().id()).is_none());
}

#[test]
fn a_circle_is_seen_by_the_last_who_joins_and_not_while_anything_may_come() {
    let shelf = shelf(2, Duration::ZERO);
    let held = [get(&shelf, LONG).unwrap(), get(&shelf, LONG).unwrap()];
    let waiter = waits(&shelf);
    let circle = |shelf: &Numbers| matches!(shelf.entangled(&waiter), Some(Entangled::Circle(all)) if all.len() == 2);
    assert!(circle(&shelf));
    shelf.resize(2, 3, 0);
    assert!(!circle(&shelf), "one more may be made");
    shelf.resize(2, 2, 0);
    shelf.pause();
    assert!(!circle(&shelf), "everybody waits for the end of the pause");
    shelf.resume(Instant::now());
    assert!(circle(&shelf));
    assert!(shelf.leave(&waiter).is_none());
    give_all(&shelf, held);
}

#[test]
fn no_circle_while_one_holder_does_not_wait() {
    let shelf = shelf(2, Duration::ZERO);
    let other = thread::scope(|scope| scope.spawn(|| get(&shelf, LONG).unwrap()).join().unwrap());
    let mine = get(&shelf, LONG).unwrap();
    let waiter = waits(&shelf);
    assert!(matches!(shelf.entangled(&waiter), Some(Entangled::Holds(_))));
    give(&shelf, other);
    assert!(shelf.leave(&waiter).is_some_and(|answer| answer.is_ok()), "what came counts");
    give(&shelf, mine);
}
