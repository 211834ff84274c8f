//! What is done at the same time. Each program ends with everything where it belongs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use shuttle::thread::JoinHandle;

use crate::given::{Got, House, NEVER, Piece, SOON, all, person};
use crate::shelf::Setback;
use crate::waiter::{Grant, Refusal};

const HOUR: Duration = Duration::from_secs(3600);

#[derive(Clone, Copy)]
pub(crate) enum Size {
    /// Small enough for every schedule, or a good part of them.
    Small,
    Large,
}

pub(crate) type Program = fn(Duration);

pub(crate) const ALL: &[(&str, Program, Size)] = &[
    ("a_return_meets_one_who_waits", a_return_meets_one_who_waits, Size::Small),
    ("a_time_out_meets_a_hand_off", a_time_out_meets_a_hand_off, Size::Small),
    ("a_close_meets_one_who_waits", a_close_meets_one_who_waits, Size::Small),
    ("a_loss_meets_one_who_waits", a_loss_meets_one_who_waits, Size::Small),
    ("two_returns_serve_two_who_keep", two_returns_serve_two_who_keep, Size::Small),
    ("a_return_and_a_new_one_serve_two", a_return_and_a_new_one_serve_two, Size::Small),
    ("a_nudge_meets_a_time_out", a_nudge_meets_a_time_out, Size::Large),
    ("many_return_and_many_wait", many_return_and_many_wait, Size::Large),
    ("one_who_does_not_wait_comes_between", one_who_does_not_wait_comes_between, Size::Large),
    ("a_close_meets_returns_and_time_outs", a_close_meets_returns_and_time_outs, Size::Large),
    ("makers_fail_and_panic", makers_fail_and_panic, Size::Large),
    ("a_lasting_failure_is_told_to_all", a_lasting_failure_is_told_to_all, Size::Large),
    ("a_pause_meets_those_who_wait", a_pause_meets_those_who_wait, Size::Large),
    ("a_keepalive_meets_those_who_wait", a_keepalive_meets_those_who_wait, Size::Large),
    ("an_abandoned_one_comes_back", an_abandoned_one_comes_back, Size::Large),
    ("a_sweep_meets_those_who_wait", a_sweep_meets_those_who_wait, Size::Large),
];

/// Waits for as long as it takes, and gives back.
fn patient(house: &House) {
    house.give(house.get(NEVER).unwrap());
}

/// Gives up at any moment, or gets it and gives it back.
fn hasty(house: &House) {
    match house.get(SOON) {
        Ok(grant) => house.give(grant),
        Err(refusal) => assert_eq!(refusal, Refusal::TimedOut),
    }
}

fn or_closed(house: &House, got: Got) {
    match got {
        Ok(grant) => house.give(grant),
        Err(refusal) => assert!(matches!(refusal, Refusal::Closed | Refusal::TimedOut)),
    }
}

/// A maker that does `each` with its orders until the shelf is closed.
fn maker(house: &Arc<House>, first: fn(&House, u32) -> bool) -> JoinHandle<()> {
    person(house, move |house| {
        let mut n = 0;
        while first(house, n) {
            n += 1;
        }
    })
}

/// Closes, which sends the makers home, and sees that nothing is left.
fn end(house: &House, makers: Vec<JoinHandle<()>>) {
    house.close();
    all(makers);
    let (settled, holders) = house.shelf.settle(Instant::now() + NEVER);
    assert!(settled && holders.is_empty());
    house.is_at_rest();
}

fn a_return_meets_one_who_waits(window: Duration) {
    let house = House::new(1, 1, window);
    let held = house.snatch().unwrap();
    let waiter = person(&house, patient);
    house.give(held);
    all(vec![waiter]);
    house.is_at_rest();
}

fn a_time_out_meets_a_hand_off(window: Duration) {
    let house = House::new(1, 1, window);
    let held = house.snatch().unwrap();
    let waiter = person(&house, hasty);
    house.give(held);
    all(vec![waiter]);
    house.is_at_rest();
}

fn a_close_meets_one_who_waits(window: Duration) {
    let house = House::new(1, 1, window);
    let held = house.snatch().unwrap();
    let waiter = person(&house, |house| or_closed(house, house.get(NEVER)));
    let closer = person(&house, House::close);
    house.give(held);
    all(vec![waiter, closer]);
    end(&house, vec![]);
}

fn a_loss_meets_one_who_waits(window: Duration) {
    let house = House::new(1, 1, window);
    let held = house.snatch().unwrap();
    let waiter = person(&house, patient);
    let maker = person(&house, House::make_one);
    house.lose(held);
    all(vec![waiter, maker]);
    house.is_at_rest();
}

/// Nobody gives anything back meanwhile, which would repair what a lost nudge does.
fn two_returns_serve_two_who_keep(window: Duration) {
    let house = House::new(2, 2, window);
    let held = [(); 2].map(|()| house.snatch().unwrap());
    let people = keepers(&house);
    for grant in held {
        house.give(grant);
    }
    home(&house, people);
}

/// The new one is handed over, past the one that lies on the shelf.
fn a_return_and_a_new_one_serve_two(window: Duration) {
    let house = House::new(1, 2, window);
    let held = house.snatch().unwrap();
    let people = keepers(&house);
    let maker = person(&house, House::make_one);
    house.give(held);
    all(vec![maker]);
    home(&house, people);
}

fn keepers(house: &Arc<House>) -> [JoinHandle<Grant<Piece>>; 2] {
    [(); 2].map(|()| person(house, |house| house.get(NEVER).unwrap()))
}

fn home(house: &House, people: [JoinHandle<Grant<Piece>>; 2]) {
    for grant in people.map(|person| person.join().unwrap()) {
        house.give(grant);
    }
    house.is_at_rest();
}

fn a_nudge_meets_a_time_out(window: Duration) {
    let house = House::new(1, 1, window);
    let held = house.snatch().unwrap();
    let people = vec![person(&house, hasty), person(&house, patient), person(&house, hasty)];
    house.give(held);
    all(people);
    house.is_at_rest();
}

fn many_return_and_many_wait(window: Duration) {
    let house = House::new(2, 2, window);
    let mut people = Vec::new();
    for _ in 0..3 {
        people.push(person(&house, |house| {
            patient(house);
            patient(house);
        }));
        people.push(person(&house, hasty));
    }
    all(people);
    house.is_at_rest();
}

fn one_who_does_not_wait_comes_between(window: Duration) {
    let house = House::new(1, 1, window);
    let held = house.snatch().unwrap();
    let snatcher = |house: &House| {
        if let Some(grant) = house.snatch() {
            house.give(grant);
        }
    };
    let people = vec![
        person(&house, patient),
        person(&house, patient),
        person(&house, snatcher),
        person(&house, snatcher),
    ];
    house.give(held);
    all(people);
    house.is_at_rest();
}

fn a_close_meets_returns_and_time_outs(window: Duration) {
    let house = House::new(2, 2, window);
    let held = [(); 2].map(|()| house.snatch().unwrap());
    let mut people = vec![person(&house, House::close)];
    for limit in [NEVER, SOON, NEVER] {
        people.push(person(&house, move |house| or_closed(house, house.get(limit))));
    }
    for grant in held {
        people.push(person(&house, |house| house.give(grant)));
    }
    all(people);
    end(&house, vec![]);
}

/// Two makers whose first orders come to nothing; those who wait are served by the later ones.
fn makers_fail_and_panic(window: Duration) {
    let house = House::new(0, 2, window);
    let makers: Vec<_> = (0..2)
        .map(|_| {
            maker(&house, |house, n| {
                let Some((order, _)) = house.shelf.next_order() else { return false };
                match n {
                    0 => drop(order), // as a panic does
                    1 => drop(order.fail("refused", Setback::Transient, |_| Duration::ZERO)),
                    _ => house.fulfil(order),
                }
                true
            })
        })
        .collect();
    let served = Arc::new(AtomicU32::new(0));
    let people = (0..3).map(|n| {
        let served = Arc::clone(&served);
        person(&house, move |house| {
            let grant = house.get(NEVER).unwrap();
            served.fetch_add(1, Relaxed);
            // One breaks, so that a maker is needed once more.
            if n == 0 { house.lose(grant) } else { house.give(grant) }
        })
    });
    all(people.collect());
    assert_eq!(served.load(Relaxed), 3);
    end(&house, makers);
}

fn a_lasting_failure_is_told_to_all(window: Duration) {
    let house = House::new(0, 2, window);
    let maker = maker(&house, |house, _| {
        let Some((order, _)) = house.shelf.next_order() else { return false };
        order.fail("wrong password", Setback::Permanent, |_| HOUR);
        true
    });
    let people = (0..3).map(|_| {
        person(&house, |house| {
            assert_eq!(house.get(NEVER).unwrap_err(), Refusal::Failed("wrong password"));
        })
    });
    all(people.collect());
    end(&house, vec![maker]);
}

/// Upkeep takes idle ones away, as those of their idle time, while others wait for one.
fn a_sweep_meets_those_who_wait(window: Duration) {
    let house = House::new(2, 2, window);
    let held = [(); 2].map(|()| house.snatch().unwrap());
    let maker = maker(&house, |house, _| {
        let Some((order, _)) = house.shelf.next_order() else { return false };
        house.fulfil(order);
        true
    });
    let mut people = vec![person(&house, patient), person(&house, patient), person(&house, hasty)];
    people.push(person(&house, |house| {
        for item in house.shelf.sweep(|_, _| true) {
            house.destroy(&item);
        }
    }));
    for grant in held {
        people.push(person(&house, |house| house.give(grant)));
    }
    all(people);
    end(&house, vec![maker]);
}

fn a_pause_meets_those_who_wait(window: Duration) {
    let house = House::new(2, 2, window);
    let held = house.snatch().unwrap();
    let mut people = vec![person(&house, patient), person(&house, patient)];
    people.push(person(&house, |house| match house.get(SOON) {
        Ok(grant) => house.give(grant),
        Err(refusal) => assert!(matches!(refusal, Refusal::Paused | Refusal::TimedOut)),
    }));
    people.push(person(&house, |house| {
        house.shelf.pause();
        house.shelf.resume(Instant::now());
    }));
    house.give(held);
    all(people);
    house.is_at_rest();
}

/// Upkeep borrows the coldest, asks whether it lives, and brings it back or not.
fn a_keepalive_meets_those_who_wait(window: Duration) {
    let house = House::new(2, 2, window);
    let maker = maker(&house, |house, _| {
        let Some((order, _)) = house.shelf.next_order() else { return false };
        house.fulfil(order);
        true
    });
    let mut people = vec![person(&house, patient), person(&house, patient), person(&house, hasty)];
    people.push(person(&house, |house| {
        for dead in [false, true] {
            let Some(item) = house.shelf.borrow_cold(|_| true) else { continue };
            if dead {
                house.shelf.lose();
                house.destroy(&item);
            } else {
                house.keep(house.shelf.bring_back(item, Instant::now()));
            }
        }
    }));
    all(people);
    end(&house, vec![maker]);
}

/// The place of one that is held for long is given up while it comes back; two wait.
fn an_abandoned_one_comes_back(window: Duration) {
    let house = House::new(1, 1, window);
    let held = house.snatch().unwrap();
    let maker = maker(&house, |house, _| {
        let Some((order, _)) = house.shelf.next_order() else { return false };
        house.fulfil(order);
        true
    });
    let mut people = vec![person(&house, patient), person(&house, patient)];
    people.push(person(&house, |house| {
        house.shelf.abandon(Instant::now(), Duration::ZERO, 1);
    }));
    people.push(person(&house, |house| house.give(held)));
    all(people);
    end(&house, vec![maker]);
}
