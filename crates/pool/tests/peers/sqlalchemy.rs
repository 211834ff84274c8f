//! After `SQLAlchemy`'s `QueuePoolTest`.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::Instant;

use steadfast_pool::{Error, PoolConfig};
use steadfast_testkit::{eventually, server};

use crate::given::{LONG, ms, on_time, one, pool, try_value, value};
use crate::{far, people};

/// `_do_testqueuepool`: the numbers at each step of a pool of three with three more.
#[test]
fn the_numbers_are_right_at_each_step_of_growing_and_shrinking() {
    let database = server().database();
    let pool = pool(PoolConfig::new().size(3).overflow(3), &database);
    let numbers = || (pool.stats().idle, pool.stats().lent);
    let mut leases = Vec::new();
    assert_eq!(numbers(), (0, 0));
    for n in 1..=6 {
        leases.push(pool.get().unwrap());
        assert_eq!(numbers(), (0, n));
    }
    for (back, idle) in (1..).zip([1, 2, 3, 3, 3, 3]) {
        leases.pop();
        assert_eq!(numbers(), (idle, 6 - back), "after {back} came back");
    }
    assert_eq!(pool.stats().retired, 3, "the overflow is closed, and the size is kept");
    let again = [(); 3].map(|()| pool.get().unwrap());
    assert_eq!((numbers(), pool.stats().connects), ((0, 3), 6));
    drop(again);
}

/// `test_timeout` and `test_timeout_race`: some wait in vain at the same time, and each for its own time.
#[test]
fn those_who_wait_in_vain_wait_for_their_own_time() {
    let database = server().database();
    let pool = pool(one(), &database);
    let lease = pool.get().unwrap();
    let in_vain = |limit| {
        let begun = Instant::now();
        let error = pool.get_within(limit).map(drop).unwrap_err();
        assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
        begun.elapsed()
    };
    for limit in [ms(50), ms(150)] {
        on_time(limit, || {
            thread::scope(|scope| {
                let waiters = [(); 4].map(|()| scope.spawn(|| in_vain(limit)));
                waiters.map(|waiter| waiter.join().unwrap()).to_vec()
            })
        });
    }
    drop(lease);
    assert_eq!(pool.stats().waiting, 0);
}

/// `test_hanging_connect_within_overflow`: one connect hangs, and those who give back serve the others.
#[test]
fn a_connect_that_hangs_holds_up_nobody_who_can_be_served() {
    let database = server().database();
    let proxy = server().proxy();
    let pool = far(PoolConfig::new().size(2).overflow(1), &database, &proxy);
    let leases = [(); 2].map(|()| pool.get().unwrap());
    proxy.black_hole();
    thread::scope(|scope| {
        let waiters = [(); 2].map(|()| scope.spawn(|| pool.get_within(LONG).map(drop)));
        eventually(LONG, || pool.stats().waiting == 2 && pool.stats().creating == 1);
        let begun = Instant::now();
        drop(leases);
        for waiter in waiters {
            waiter.join().unwrap().unwrap();
        }
        assert!(begun.elapsed() < ms(1_000), "{:?}", begun.elapsed());
    });
    proxy.heal();
    proxy.cut();
}

/// `test_overflow_reset_on_failed_connect`: connects that fail take no place away.
#[test]
fn failed_connects_take_no_place_away() {
    let database = server().database();
    let proxy = server().proxy();
    let config = PoolConfig::new().size(1).overflow(2).connect_retry(ms(1), ms(5));
    let pool = far(config, &database, &proxy);
    let first = pool.get().unwrap();
    proxy.refuse();
    for _ in 0..3 {
        drop(pool.get_within(ms(30)).unwrap_err());
    }
    assert!(pool.stats().connect_failures >= 3, "{:?}", pool.stats());
    proxy.heal();
    let more = [(); 2].map(|()| pool.get_within(LONG).unwrap());
    assert_eq!(pool.stats().lent, 3);
    drop((first, more));
}

/// `test_max_overflow` and `test_no_overflow`: forty threads, and never more than the limit at a time.
#[test]
fn the_limit_holds_for_forty_threads() {
    let database = server().database();
    for (size, overflow) in [(5, 3), (5, 0)] {
        let pool = pool(PoolConfig::new().size(size).overflow(overflow).timeout(LONG), &database);
        let (held, most) = (AtomicU32::new(0), AtomicU32::new(0));
        people(40, |_| {
            let lease = pool.get().unwrap();
            most.fetch_max(held.fetch_add(1, Relaxed) + 1, Relaxed);
            thread::yield_now();
            held.fetch_sub(1, Relaxed);
            drop(lease);
        });
        assert!(most.load(Relaxed) <= size + overflow, "{} at a time", most.load(Relaxed));
        let stats = pool.stats();
        assert!(stats.idle <= size && stats.lent == 0, "{stats:?}");
    }
}

/// `test_waiters_handled`: everybody who waits is served, whether by a return or by the overflow.
#[test]
fn all_who_wait_are_served_whatever_frees_a_place() {
    let database = server().database();
    let pool = pool(PoolConfig::new().size(2).overflow(1).timeout(LONG), &database);
    let leases: Vec<_> = (0..3).map(|_| pool.get().unwrap()).collect();
    thread::scope(|scope| {
        let waiters: Vec<_> = (0..5).map(|_| scope.spawn(|| pool.get().map(drop))).collect();
        eventually(LONG, || pool.stats().waiting == 5);
        for (n, mut lease) in leases.into_iter().enumerate() {
            if n == 1 {
                lease.invalidate();
            }
        }
        for waiter in waiters {
            waiter.join().unwrap().unwrap();
        }
    });
}

/// `test_recycle`, `test_recycle_on_invalidate`: the old one is replaced, and so is one that is condemned.
#[test]
fn an_old_and_a_condemned_connection_are_replaced() {
    let database = server().database();
    let pool = pool(one().recycle(ms(200)).recycle_jitter(0.0), &database);
    let mut lease = pool.get().unwrap();
    let (first, born) = (lease.id(), lease.since());
    lease.invalidate();
    drop(lease);
    let second = pool.get().unwrap().id();
    assert_ne!(second, first);
    eventually(LONG, || born.elapsed() > ms(500));
    assert_ne!(pool.get().unwrap().id(), second);
}

/// `test_reconnect`, `test_invalidate`: a connection that was lost while it was idle is noticed before
/// anybody uses it, one that is lost in use costs its user an error and nobody else.
#[test]
fn a_lost_connection_costs_at_most_its_own_user() {
    let database = server().database();
    let pool = pool(one().bypass(ms(0)), &database);
    let mut lease = pool.get().unwrap();
    server().kill_connection(lease.thread_id()).unwrap();
    eventually(LONG, || try_value(&mut lease, "1").is_err());
    drop(lease);
    let mut lease = pool.get().unwrap();
    assert_eq!(value(&mut lease, "1"), 1);
    let id = lease.thread_id();
    drop(lease);
    server().kill_connection(id).unwrap();
    assert_eq!(value(&mut pool.get().unwrap(), "2"), 2);
}
