//! Threads that hold a connection and ask for another.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod given;

use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Instant;

use given::{LONG, ms, one, pool, value};
use steadfast_pool::{
    Deadlocked, Error, Lease, MultipleCheckouts, OnDeadlock, Pool, PoolConfig, PoolListener,
    SecondCheckout,
};
use steadfast_testkit::{eventually, server};

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl PoolListener for Heard {
    fn second_checkout(&self, event: &SecondCheckout<'_>) {
        let (place, held) = (event.place().line(), event.holder().place().line());
        self.0.lock().unwrap().push(format!("second at {place}, held since {held}"));
    }
    fn deadlocked(&self, event: &Deadlocked<'_>) {
        self.0.lock().unwrap().push(format!("deadlock of {}", event.holders().len()));
    }
}

fn two(policy: OnDeadlock) -> (PoolConfig, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let config = PoolConfig::new().size(2).overflow(0).on_deadlock(policy);
    (config.timeout(LONG).listener(Arc::clone(&heard) as Arc<dyn PoolListener>), heard)
}

fn again(pool: &Pool) -> Result<Lease, Error> {
    pool.get_within(ms(30))
}

#[test]
fn a_thread_that_waits_for_a_second_connection_is_warned_of_once_for_each_place() {
    let database = server().database();
    let heard = Arc::new(Heard::default());
    let listener = Arc::clone(&heard);
    let pool = pool(PoolConfig::new().size(2).overflow(0).listener(listener), &database);
    let other = thread::scope(|scope| scope.spawn(|| pool.get().unwrap()).join().unwrap());
    let lease = pool.get().unwrap();
    for _ in 0..3 {
        assert!(matches!(again(&pool), Err(Error::Timeout { .. })));
    }
    let told = heard.0.lock().unwrap().clone();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].ends_with(&format!("held since {}", lease.place().line())), "{told:?}");
    drop(other);
    drop(again(&pool).unwrap());
}

#[test]
fn a_second_connection_is_denied_at_once_if_it_is_set_so() {
    let database = server().database();
    let config = PoolConfig::new().size(2).multiple_checkouts(MultipleCheckouts::Deny);
    let pool = pool(config, &database);
    let lease = pool.get().unwrap();
    let error = pool.get().unwrap_err();
    let Error::AlreadyHolds { holder, .. } = &error else { panic!("{error:?}") };
    assert_eq!(holder.place().line(), lease.place().line());
    assert!(error.to_string().contains("holds a connection already"), "{error}");
    thread::scope(|scope| {
        let other = scope.spawn(|| pool.get().map(|mut lease| value(&mut lease, "1")));
        assert_eq!(other.join().unwrap().unwrap(), 1);
    });
    drop(lease);
    drop(pool.get().unwrap());
}

#[test]
fn who_completes_a_circle_is_told_at_once_and_frees_the_others() {
    let database = server().database();
    let (config, heard) = two(OnDeadlock::Fail);
    let pool = pool(config, &database);
    let barrier = Barrier::new(2);
    let begun = Instant::now();
    let outcomes = thread::scope(|scope| {
        let nested = || {
            let lease = pool.get().unwrap();
            barrier.wait();
            let second = pool.get().map(|mut second| value(&mut second, "1"));
            drop(lease);
            second
        };
        [scope.spawn(nested), scope.spawn(nested)].map(|thread| thread.join().unwrap())
    });
    let failed: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert_eq!(failed.len(), 1, "one gives way, the other goes on: {outcomes:?}");
    let Error::Deadlock { holders, .. } = failed[0] else { panic!("{failed:?}") };
    assert_eq!(holders.len(), 2);
    assert!(failed[0].to_string().contains("all 2 connections are held by threads that wait"));
    assert!(begun.elapsed() < LONG / 2, "{:?}", begun.elapsed());
    assert!(heard.0.lock().unwrap().contains(&"deadlock of 2".to_owned()));
    assert_eq!((pool.stats().idle, pool.stats().waiting), (2, 0));
}

#[test]
fn by_default_a_circle_is_only_told_and_a_lease_that_moved_may_still_come_back() {
    let database = server().database();
    let heard = Arc::new(Heard::default());
    let listener = Arc::clone(&heard);
    let pool = pool(one().listener(listener), &database);
    let lease = pool.get().unwrap();
    thread::scope(|scope| {
        let pool = &pool;
        scope.spawn(move || {
            eventually(LONG, || pool.stats().waiting == 1);
            drop(lease);
        });
        drop(pool.get().unwrap());
    });
    assert_eq!(*heard.0.lock().unwrap(), ["deadlock of 1"]);
}
