//! After `db_connection`'s integration tests, `queue_test.exs` and `idle_test.exs`.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use steadfast_pool::{Error, PoolConfig};
use steadfast_testkit::{eventually, server};

use crate::far;
use crate::given::{LONG, ms, one, pool, value};

/// "queue many async": all are served, the first come first.
#[test]
fn many_in_line_are_served_in_the_order_of_their_coming() {
    let database = server().database();
    let pool = pool(one().barging(Duration::ZERO), &database);
    let lease = pool.get().unwrap();
    let served = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for n in 0..10 {
            let (pool, served) = (&pool, &served);
            scope.spawn(move || {
                let _lease = pool.get().unwrap();
                served.lock().unwrap().push(n);
            });
            eventually(LONG, || pool.stats().waiting == n + 1);
        }
        drop(lease);
    });
    assert_eq!(served.into_inner().unwrap(), (0..10).collect::<Vec<_>>());
}

/// "queue: false raises on busy": one who does not want to wait is told at once.
#[test]
fn one_who_does_not_want_to_wait_is_told_at_once() {
    let database = server().database();
    let pool = pool(one(), &database);
    let lease = pool.get().unwrap();
    assert!(matches!(pool.get_within(Duration::ZERO), Err(Error::Timeout { .. })));
    drop(lease);
    drop(pool.get_within(Duration::ZERO).unwrap());
}

/// "queue handles holder that has been deleted": the holder dies, and the next in line is served.
#[test]
fn when_the_holder_dies_the_next_in_line_is_served() {
    let database = server().database();
    let pool = pool(one(), &database);
    thread::scope(|scope| {
        let lease = pool.get().unwrap();
        let waiter = scope.spawn(|| pool.get().map(|mut lease| value(&mut lease, "3")));
        eventually(LONG, || pool.stats().waiting == 1);
        let died = catch_unwind(AssertUnwindSafe(move || {
            let _lease = lease;
            resume_unwind(Box::new("on purpose"));
        }));
        assert!(died.is_err());
        assert_eq!(waiter.join().unwrap().unwrap(), 3);
    });
}

/// "queue many async timeouts": one that gave up is skipped, and those behind it are served.
#[test]
fn one_who_gave_up_is_skipped() {
    let database = server().database();
    let pool = pool(one().barging(Duration::ZERO), &database);
    let lease = pool.get().unwrap();
    thread::scope(|scope| {
        let hasty = scope.spawn(|| pool.get_within(ms(100)).map(drop));
        eventually(LONG, || pool.stats().waiting == 1);
        let patient = scope.spawn(|| pool.get().map(drop));
        assert!(matches!(hasty.join().unwrap(), Err(Error::Timeout { .. })));
        eventually(LONG, || pool.stats().waiting == 1);
        drop(lease);
        patient.join().unwrap().unwrap();
    });
    assert_eq!(pool.stats().timeouts, 1);
}

/// "ping after idle timeout": one that rests is asked whether it lives, away from callers, and replaced if not.
#[test]
fn one_that_rests_is_asked_whether_it_lives() {
    let database = server().database();
    let proxy = server().proxy();
    let config = PoolConfig::new().size(2).min_idle(1).keepalive(Some(ms(50)));
    let pool = far(config, &database, &proxy);
    eventually(LONG, || pool.stats().idle == 1);
    let before = proxy.packets().to_server();
    eventually(LONG, || proxy.packets().to_server() >= before + 3);
    // While it is asked, it is not on the shelf.
    eventually(LONG, || pool.stats().idle == 1);
    assert_eq!(pool.stats().retired, 0);
    let born = pool.stats().connects;
    proxy.cut();
    eventually(LONG, || pool.stats().retired == 1 && pool.stats().idle == 1);
    assert_eq!(pool.stats().connects, born + 1, "nobody had to ask for it");
}
