//! Connections are lent, in order, and come back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod given;

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use given::{LONG, ms, one, pool, value};
use steadfast_connection::Fault;
use steadfast_pool::{Error, PoolConfig};
use steadfast_testkit::{eventually, server};

#[test]
fn nothing_is_connected_before_somebody_asks_and_what_comes_back_is_lent_again() {
    let database = server().database();
    let pool = pool(PoolConfig::new(), &database);
    assert_eq!(pool.stats().connects, 0);

    let mut lease = pool.get().unwrap();
    let first = (lease.id(), value(&mut lease, "CONNECTION_ID()"));
    assert_eq!((pool.stats().lent, pool.stats().idle), (1, 0));
    drop(lease);
    assert_eq!((pool.stats().lent, pool.stats().idle), (0, 1));

    let mut again = pool.get().unwrap();
    assert_eq!((again.id(), value(&mut again, "CONNECTION_ID()")), first);
    assert_eq!(again.thread_id().cast_signed(), first.1);
    let stats = pool.stats();
    assert_eq!((stats.connects, stats.checkouts, stats.retired), (1, 2, 0));
}

#[test]
fn waiters_get_the_connection_in_the_order_of_their_coming() {
    let database = server().database();
    let pool = pool(one().barging(Duration::ZERO), &database);
    let lease = pool.get().unwrap();
    let served = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for n in 0..10 {
            let (pool, served) = (&pool, &served);
            scope.spawn(move || {
                let lease = pool.get().unwrap();
                served.lock().unwrap().push(n);
                drop(lease);
            });
            eventually(LONG, || pool.stats().waiting == n + 1);
        }
        drop(lease);
    });
    assert_eq!(served.into_inner().unwrap(), (0..10).collect::<Vec<_>>());
    assert_eq!(pool.stats().connects, 1);
}

#[test]
fn a_timeout_names_the_numbers_and_who_holds_the_connections() {
    let database = server().database();
    let pool = pool(PoolConfig::new().name("orders").size(2).overflow(0), &database);
    let first = pool.get().unwrap();
    let second = thread::scope(|scope| {
        let reporter = thread::Builder::new().name("reporter".into());
        reporter.spawn_scoped(scope, || pool.get()).unwrap().join()
    });
    let second = second.unwrap().unwrap();

    let begun = Instant::now();
    let error = pool.get_within(ms(80)).unwrap_err();
    let took = begun.elapsed();

    assert!(took >= ms(80) && took < ms(80 + 200), "{took:?}");
    assert_eq!(error.fault(), Fault::Busy);
    let told = error.to_string();
    assert!(
        told.starts_with(
            "pool \"orders\": no connection within 80ms (2 lent, 0 idle, 1 waiting; longest held "
        ),
        "{told}"
    );
    assert!(told.contains(&format!("tests/lending.rs:{}", first.place().line())), "{told}");
    let Error::Timeout { waited, limit, stats, holders, cause, pool: name } = error else {
        panic!("{error:?}")
    };
    assert!(waited >= limit && limit == ms(80) && &*name == "orders" && cause.is_none());
    assert_eq!((stats.lent, stats.idle, stats.waiting), (2, 0, 1));
    let threads: Vec<_> = holders.iter().map(|holder| holder.thread()).collect();
    assert_eq!(threads[1], Some("reporter"), "{holders:?}");
    let places: Vec<_> = holders.iter().map(|holder| holder.place()).collect();
    assert_eq!(places, [first.place(), second.place()]);
    assert!(holders[0].held() >= holders[1].held());
    assert_eq!(pool.stats().timeouts, 1);
    drop((first, second));
    assert_eq!(pool.holders().len(), 0);
}

#[test]
fn a_limit_of_zero_takes_what_is_ready_or_nothing() {
    let database = server().database();
    let pool = pool(one(), &database);
    drop(pool.get().unwrap());

    let lease = pool.get_within(Duration::ZERO).unwrap();
    let begun = Instant::now();
    assert!(matches!(pool.get_within(Duration::ZERO), Err(Error::Timeout { .. })));
    assert!(begun.elapsed() < ms(100));
    drop(lease);
    drop(pool.get_within(Duration::ZERO).unwrap());
}

#[test]
fn the_overflow_is_opened_for_a_burst_and_closed_when_it_comes_back() {
    let database = server().database();
    let pool = pool(PoolConfig::new().size(2).overflow(3), &database);
    let leases: Vec<_> = (0..5).map(|_| pool.get().unwrap()).collect();
    assert_eq!((pool.stats().lent, pool.stats().connects), (5, 5));
    assert!(matches!(pool.get_within(ms(30)), Err(Error::Timeout { .. })), "5 is the limit");
    drop(leases);
    let stats = pool.stats();
    assert_eq!((stats.idle, stats.lent, stats.retired), (2, 0, 3));
    let own = "SELECT COUNT(*) FROM information_schema.processlist WHERE DB = DATABASE() \
               AND ID != CONNECTION_ID()";
    eventually(LONG, || database.sql(own).unwrap() == "2");
}

#[test]
fn a_burst_that_returns_serve_opens_few_connections() {
    let database = server().database();
    let pool = pool(PoolConfig::new().size(2).overflow(48), &database);
    thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                for _ in 0..4 {
                    value(&mut pool.get().unwrap(), "1");
                }
            });
        }
    });
    let stats = pool.stats();
    assert_eq!((stats.checkouts, stats.lent, stats.waiting), (200, 0, 0));
    assert!(stats.connects <= 50 && stats.idle <= 2, "{stats:?}");
}

#[test]
fn idle_connections_are_opened_before_anybody_asks_if_that_is_set() {
    let database = server().database();
    let pool = pool(PoolConfig::new().size(5).min_idle(3), &database);
    eventually(LONG, || pool.stats().idle == 3);
    let lease = pool.get_within(Duration::ZERO).unwrap();
    eventually(LONG, || pool.stats().idle == 3);
    drop(lease);
    assert_eq!(pool.stats().idle, 4);
}

#[test]
fn wrong_settings_of_pool_and_server_are_told_together() {
    let server = steadfast_connection::Config::new().host("db;init-command=x").port(0);
    let error = PoolConfig::new().size(0).overflow(10_001).build(server).unwrap_err();
    let Error::Config(invalid) = &error else { panic!("{error:?}") };
    let settings: Vec<_> = invalid.iter().map(|it| it.setting()).collect();
    assert_eq!(settings, ["pool.size", "pool.overflow", "host", "port"]);
    assert_eq!(error.fault(), Fault::Permanent);
}
