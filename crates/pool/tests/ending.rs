//! Draining and closing: nobody waits for nothing, and no thread is left.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod given;

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use given::{LONG, ms, one, pool, value};
use steadfast_connection::Config;
use steadfast_pool::{Error, PoolConfig};
use steadfast_testkit::{eventually, server, silent_peer};

/// Threads are counted by name in the whole process: one story at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A joined thread stands in /proc until the kernel has put it away, a moment after the join.
fn gone(prefix: &str) {
    eventually(ms(2_000), || threads(prefix) == 0);
}

fn threads(prefix: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with(prefix)).count()
}

#[test]
fn close_joins_every_thread_and_closes_every_connection() {
    let _alone = alone();
    let database = server().database();
    let pool = pool(PoolConfig::new().bypass(Duration::ZERO), &database);
    assert_eq!(threads("sf-pool-"), 0, "a pool that nobody asked has no threads");
    drop([(); 6].map(|()| pool.get().unwrap()));
    drop(pool.get().unwrap());
    assert!(threads("sf-pool-") >= 3);

    let begun = Instant::now();
    let closed = pool.close(LONG);

    assert!(closed.finished && closed.holders.is_empty(), "{closed:?}");
    assert!(begun.elapsed() < ms(1_000), "{:?}", begun.elapsed());
    gone("sf-pool-");
    let own = "SELECT COUNT(*) FROM information_schema.processlist WHERE DB = DATABASE() \
               AND ID != CONNECTION_ID()";
    eventually(LONG, || database.sql(own).unwrap() == "0");
    assert!(pool.is_closed());
    assert!(matches!(pool.get(), Err(Error::Closed(_))));
}

#[test]
fn dropping_the_last_handle_closes_and_a_lease_outlives_it() {
    let _alone = alone();
    let database = server().database();
    let pool = pool(PoolConfig::new(), &database);
    let second = pool.clone();
    drop(pool);
    let mut lease = second.get().unwrap();
    drop(second.get().unwrap());
    drop(second);
    eventually(ms(2_000), || threads("sf-pool-") == 1);
    assert_eq!(threads("sf-pool-r2d2"), 1, "the one that keeps the roll goes with the last lease");
    assert_eq!(value(&mut lease, "5"), 5);
    let id = lease.thread_id();
    drop(lease);
    let alive = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE ID = {id}");
    eventually(LONG, || database.sql(&alive).unwrap() == "0");
    gone("sf-pool-");
}

/// The best of a few, since the machine may be busy with other things.
#[test]
fn all_is_over_ten_milliseconds_after_the_last_return() {
    let _alone = alone();
    let database = server().database();
    let over_after = || {
        let pool = pool(PoolConfig::new(), &database);
        drop([(); 5].map(|()| pool.get().unwrap()));
        let lease = pool.get().unwrap();
        thread::scope(|scope| {
            let closing = scope.spawn(|| pool.close(LONG));
            eventually(LONG, || pool.is_closed());
            let returned = Instant::now();
            drop(lease);
            let closed = closing.join().unwrap();
            let took = returned.elapsed();
            assert!(closed.finished, "{closed:?}");
            gone("sf-pool-");
            took
        })
    };
    let quickest = (0..5).map(|_| over_after()).min().unwrap();
    assert!(quickest <= ms(10), "{quickest:?}");
}

#[test]
fn a_drain_refuses_waiters_at_once_and_tells_who_still_holds() {
    let _alone = alone();
    let database = server().database();
    let pool = pool(one(), &database);
    let lease = pool.get().unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let outcome = pool.get().map(drop);
            (outcome, Instant::now())
        });
        eventually(LONG, || pool.stats().waiting == 1);
        let begun = Instant::now();
        let drained = pool.drain(ms(300));
        assert!(!drained.finished && drained.waited >= ms(300), "{drained:?}");
        assert_eq!(drained.holders[0].place().line(), lease.place().line());
        let (outcome, refused) = waiter.join().unwrap();
        assert!(matches!(outcome, Err(Error::Closed(_))), "{outcome:?}");
        assert!(refused < begun + ms(200), "not only when the drain was over");
    });
    thread::scope(|scope| {
        let drain = scope.spawn(|| pool.drain(LONG));
        drop(lease);
        let drained = drain.join().unwrap();
        assert!(drained.finished && drained.waited < LONG / 2, "{drained:?}");
    });
    assert_eq!((pool.stats().idle, pool.stats().lent), (0, 0));
}

#[test]
fn nothing_is_too_long_a_limit_and_nothing_is_waited_for_that_is_not_there() {
    let _alone = alone();
    let database = server().database();
    let pool = pool(PoolConfig::new(), &database);
    drop(pool.get_within(Duration::MAX).unwrap());
    assert!(pool.drain(Duration::MAX).finished);
    let closed = pool.close(Duration::MAX);
    assert!(closed.finished && closed.waited < LONG, "{closed:?}");
}

#[test]
fn a_connect_that_hangs_does_not_hold_up_the_close() {
    let _alone = alone();
    let peer = silent_peer();
    let target = Config::new().host("127.0.0.1").port(peer.port()).user("root");
    let pool = one().build(target.connect_timeout(Duration::from_secs(3))).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| drop(pool.get_within(LONG).unwrap_err()));
        eventually(LONG, || peer.accepted() > 0);
        let begun = Instant::now();
        let closed = pool.close(ms(50));
        assert!(begun.elapsed() < ms(2_000), "{:?}", begun.elapsed());
        assert!(!closed.finished && closed.holders.is_empty(), "one thread is left: {closed:?}");
    });
    eventually(LONG, || threads("sf-pool-") == 0);
}
