//! Pausing a pool, resuming it, giving it another size.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod given;

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use given::{LONG, ms, one, pool, value};
use steadfast_pool::{Error, OnPause, Paused, PoolConfig, PoolListener, Resized, Resumed};
use steadfast_testkit::{eventually, server};

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl PoolListener for Heard {
    fn paused(&self, _: &Paused<'_>) {
        self.0.lock().unwrap().push("paused".to_owned());
    }
    fn resumed(&self, _: &Resumed<'_>) {
        self.0.lock().unwrap().push("resumed".to_owned());
    }
    fn resized(&self, event: &Resized<'_>) {
        self.0.lock().unwrap().push(format!("resized({}+{})", event.size(), event.overflow()));
    }
}

#[test]
fn a_paused_pool_lends_nothing_and_its_callers_wait_until_it_goes_on() {
    let database = server().database();
    let heard = Arc::new(Heard::default());
    let listener = Arc::clone(&heard);
    let pool = pool(PoolConfig::new().size(2).overflow(2).listener(listener), &database);
    let lease = pool.get().unwrap();
    drop(pool.get().unwrap());
    pool.pause();
    pool.pause();
    assert!(pool.is_paused());

    let begun = Instant::now();
    let error = pool.get_within(ms(50)).unwrap_err();
    assert!(matches!(error, Error::Paused { waited, .. } if waited >= ms(50)), "{error:?}");
    assert!(begun.elapsed() < ms(2_000));
    assert!(error.to_string().starts_with("pool \"main\" is paused; waited for "), "{error}");
    thread::scope(|scope| {
        let waiters = [(); 3].map(|()| scope.spawn(|| value(&mut pool.get().unwrap(), "1")));
        eventually(LONG, || pool.stats().waiting == 3);
        drop(lease);
        assert_eq!((pool.stats().idle, pool.stats().connects), (2, 2));
        pool.resume();
        pool.resume();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), 1);
        }
    });
    assert_eq!(*heard.0.lock().unwrap(), ["paused", "resumed"]);
}

#[test]
fn a_pool_that_is_paused_before_it_has_connected_connects_when_it_goes_on() {
    let database = server().database();
    let pool = pool(one(), &database);
    pool.pause();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.get().map(|lease| lease.id()));
        eventually(LONG, || pool.stats().waiting == 1);
        assert_eq!(pool.stats().connects, 0);
        pool.resume();
        assert_eq!(waiter.join().unwrap().unwrap(), 1);
    });
}

#[test]
fn a_paused_pool_refuses_at_once_if_it_is_set_so() {
    let database = server().database();
    let pool = pool(one().on_pause(OnPause::Fail), &database);
    let lease = pool.get().unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.get().map(drop));
        eventually(LONG, || pool.stats().waiting == 1);
        pool.pause();
        let outcome = waiter.join().unwrap();
        assert!(matches!(outcome, Err(Error::Paused { .. })), "{outcome:?}");
    });
    let begun = Instant::now();
    assert!(matches!(pool.get(), Err(Error::Paused { .. })));
    assert!(begun.elapsed() < ms(1_000));
    drop(lease);
    pool.resume();
    assert_eq!(pool.get().unwrap().id(), 1);
    pool.pause();
    assert!(pool.close(Duration::ZERO).finished, "a paused pool can be closed");
}

#[test]
fn a_pool_grows_for_those_who_wait_and_shrinks_as_connections_come_back() {
    let database = server().database();
    let heard = Arc::new(Heard::default());
    let listener = Arc::clone(&heard);
    let config = one().hard_limit(Some(4)).listener(listener);
    let pool = pool(config, &database);
    let first = pool.get().unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.get().unwrap());
        eventually(LONG, || pool.stats().waiting == 1);
        pool.resize(2, 2).unwrap();
        drop(waiter.join().unwrap());
    });
    assert_eq!((pool.limit(), pool.stats().size, pool.stats().overflow), (4, 2, 2));
    let others = [(); 3].map(|()| pool.get().unwrap());
    assert_eq!(pool.stats().lent, 4);

    pool.resize(1, 0).unwrap();
    drop(others);
    assert_eq!(pool.stats().open(), 1, "{:?}", pool.stats());
    assert!(matches!(pool.get_within(ms(20)), Err(Error::Timeout { .. })));
    drop(first);
    drop(pool.get_within(Duration::ZERO).unwrap());
    assert_eq!(*heard.0.lock().unwrap(), ["resized(2+2)", "resized(1+0)"]);
}

#[test]
fn a_size_above_the_hard_limit_is_refused_by_name() {
    let database = server().database();
    let pool = pool(PoolConfig::new().size(2).overflow(1), &database);
    for (size, overflow) in [(3, 1), (0, 1), (u32::MAX, u32::MAX)] {
        let told = pool.resize(size, overflow).unwrap_err().to_string();
        assert!(told.contains("at most 3, the pool.hard_limit"), "{told}");
    }
    assert_eq!(pool.limit(), 3);
}
