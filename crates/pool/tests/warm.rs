//! Connections that are there before anybody asks, and those that a burst leaves behind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod given;

use std::time::{Duration, Instant};

use given::{LONG, ms, one, pool};
use steadfast_connection::Config;
use steadfast_pool::{Error, PoolConfig};
use steadfast_testkit::{eventually, server};

#[test]
fn a_pool_is_warm_when_its_idle_connections_are_there() {
    let database = server().database();
    let pool = pool(PoolConfig::new().size(6).min_idle(6), &database);
    pool.warm_up(LONG).unwrap();
    assert_eq!((pool.stats().idle, pool.stats().waits), (6, 0));
    let leases = [(); 6].map(|()| pool.get().unwrap());
    pool.warm_up(Duration::ZERO).unwrap();
    drop(leases);
    assert!(pool.close(LONG).finished);
    assert!(matches!(pool.warm_up(LONG), Err(Error::Closed(_))));
}

#[test]
fn what_is_wrong_ends_a_warm_up_with_its_cause() {
    let database = server().database();
    let begun = Instant::now();
    let wrong = given::server(&database).user("nobody").password("wrong");
    let pool = one().min_idle(1).build(wrong).unwrap();
    let error = pool.warm_up(LONG).unwrap_err();
    assert!(matches!(&error, Error::Connect(_)) && error.errno() == Some(1045), "{error:?}");
    let down = Config::new().host("127.0.0.1").port(1).user("root");
    let pool = one().min_idle(1).build(down).unwrap();
    let error = pool.warm_up(LONG).unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    assert!(begun.elapsed() < LONG / 2);
    let silent = steadfast_testkit::silent_peer();
    let target = Config::new().host("127.0.0.1").port(silent.port()).user("root");
    let target = target.connect_timeout(Duration::from_secs(2));
    let pool = one().min_idle(1).build(target).unwrap();
    assert!(matches!(pool.warm_up(ms(30)), Err(Error::Timeout { .. })));
}

#[test]
fn what_a_burst_opened_lingers_for_the_next_one_and_is_closed_then() {
    let database = server().database();
    let config = PoolConfig::new().size(1).overflow(3).overflow_linger(ms(600));
    let pool = pool(config, &database);
    drop([(); 4].map(|()| pool.get().unwrap()));
    assert_eq!(pool.stats().idle, 4);
    drop([(); 4].map(|()| pool.get().unwrap()));
    assert_eq!(pool.stats().connects, 4, "the second burst connected nothing");
    eventually(LONG, || pool.stats().idle == 1);
    assert_eq!(pool.stats().retired, 3);
}
