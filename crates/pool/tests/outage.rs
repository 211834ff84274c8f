//! The server is down, comes back, or is full: what callers hear, and when they work again.
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

use given::{LONG, execute, ms, one, value};
use steadfast_connection::{Config, Fault};
use steadfast_pool::{
    BreakerClosed, BreakerOpened, Error, OnUnavailable, Pool, PoolConfig, PoolListener,
};
use steadfast_testkit::{Proxy, Server, TestDatabase, eventually, server};

/// A pool behind a proxy that can take the server away.
fn behind(proxy: &Proxy, database: &TestDatabase, config: PoolConfig) -> Pool {
    drop(env_logger::builder().is_test(true).try_init());
    // Nobody uses what is lent here: without a ping the pool would not see that it is dead.
    let config = config.bypass(Duration::ZERO);
    config.build(Config::from_url(&database.url_through(proxy)).unwrap()).unwrap()
}

fn take_away(proxy: &Proxy) {
    proxy.refuse();
    proxy.cut();
}

#[test]
fn everybody_who_waits_for_a_server_that_is_down_hears_at_once_why() {
    let (database, proxy) = (server().database(), server().proxy());
    take_away(&proxy);
    let pool = behind(&proxy, &database, PoolConfig::new().timeout(LONG));
    let begun = Instant::now();
    thread::scope(|scope| {
        let calls = [(); 6].map(|()| scope.spawn(|| pool.get().map(drop)));
        for call in calls {
            let error = call.join().unwrap().unwrap_err();
            let Error::Unavailable { failures, cause, .. } = &error else { panic!("{error:?}") };
            assert!(*failures >= 3 && cause.fault() == Fault::Disconnected, "{error}");
            assert_eq!((error.errno(), error.fault()), (cause.errno(), Fault::Disconnected));
        }
    });
    assert!(begun.elapsed() < ms(5_000), "{:?}", begun.elapsed());
}

#[test]
fn while_the_server_is_known_to_be_down_an_error_takes_no_time() {
    let (database, proxy) = (server().database(), server().proxy());
    take_away(&proxy);
    let pool = behind(&proxy, &database, PoolConfig::new());
    drop(pool.get().unwrap_err());

    // The machine may be busy with other things.
    let quick = (0..1_000).filter(|_| {
        let begun = Instant::now();
        let error = pool.get().unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
        begun.elapsed() < ms(1)
    });
    let quick = quick.count();
    assert!(quick > 900, "{quick} of 1,000 within a millisecond");
}

#[test]
fn the_first_caller_after_an_outage_is_served_without_anybody_having_asked_meanwhile() {
    let (database, proxy) = (server().database(), server().proxy());
    let pool = behind(&proxy, &database, one());
    drop(pool.get().unwrap());
    take_away(&proxy);
    eventually(LONG, || matches!(pool.get(), Err(Error::Unavailable { .. })));
    let attempts = pool.stats().connect_failures;
    proxy.heal();
    eventually(LONG, || pool.stats().idle == 1);
    value(&mut pool.get().unwrap(), "1");
    assert!(pool.stats().connect_failures <= attempts + 2, "{:?}", pool.stats());
}

#[test]
fn who_wants_to_wait_is_served_as_soon_as_the_server_is_back() {
    let (database, proxy) = (server().database(), server().proxy());
    let config = PoolConfig::new().timeout(LONG).on_unavailable(OnUnavailable::Wait);
    take_away(&proxy);
    let pool = behind(&proxy, &database, config);
    let back = thread::scope(|scope| {
        let calls = [(); 8].map(|()| {
            scope.spawn(|| {
                value(&mut pool.get().unwrap(), "1");
                Instant::now()
            })
        });
        eventually(LONG, || pool.stats().connect_failures >= 5);
        assert_eq!(pool.stats().waiting, 8);
        let healed = Instant::now();
        proxy.heal();
        calls.map(|call| call.join().unwrap() - healed)
    });
    let first = back.into_iter().min().unwrap();
    assert!(first < ms(1_000), "the first was served after {first:?}");
}

/// Writes down when the breaker turned.
#[derive(Default)]
struct Turns(Mutex<Vec<String>>);

impl PoolListener for Turns {
    fn breaker_opened(&self, event: &BreakerOpened<'_>) {
        assert_eq!(event.error().fault(), Fault::Disconnected);
        self.0.lock().unwrap().push(format!("opened after {}", event.failures()));
    }

    fn breaker_closed(&self, event: &BreakerClosed<'_>) {
        assert!(event.down() > Duration::ZERO && event.failures() >= 3);
        self.0.lock().unwrap().push("closed".to_owned());
    }
}

#[test]
fn an_outage_is_told_once_and_its_end_once() {
    let (database, proxy) = (server().database(), server().proxy());
    let turns = Arc::new(Turns::default());
    let listener = Arc::clone(&turns);
    let pool = behind(&proxy, &database, one().listener(listener));
    let told = || turns.0.lock().unwrap().clone();
    drop(pool.get().unwrap());
    for outage in 1..=2 {
        take_away(&proxy);
        eventually(LONG, || {
            drop(pool.get());
            told().len() == 2 * outage - 1
        });
        let failures = pool.stats().connect_failures;
        eventually(LONG, || pool.stats().connect_failures > failures + 3);
        proxy.heal();
        eventually(LONG, || told().len() == 2 * outage);
        eventually(LONG, || pool.get().is_ok());
    }
    assert_eq!(told(), ["opened after 3", "closed", "opened after 3", "closed"]);
}

#[test]
fn the_lag_after_an_outage_of_a_real_server_is_short() {
    let own = Server::start().unwrap();
    let database = own.database();
    let pool = given::pool(PoolConfig::new().size(4).bypass(Duration::ZERO), &database);
    drop(pool.get().unwrap());
    own.kill().unwrap();
    eventually(LONG, || matches!(pool.get(), Err(Error::Unavailable { .. })));
    let failures = pool.stats().connect_failures;
    eventually(LONG, || pool.stats().connect_failures > failures + 10);
    own.restart().unwrap();
    let begun = Instant::now();
    eventually(LONG, || pool.get().is_ok());
    assert!(begun.elapsed() < ms(1_000), "{:?}", begun.elapsed());
}

#[test]
fn a_server_that_is_full_costs_nothing_that_is_open_and_gives_more_when_it_has_room() {
    let own = Server::with(&["--max-connections=10"]).unwrap();
    let database = own.database();
    let pool = given::pool(PoolConfig::new().size(30).overflow(0), &database);
    let mut leases = Vec::new();
    let full = loop {
        match pool.get_within(ms(500)) {
            Ok(lease) => leases.push(lease),
            Err(error) => break error,
        }
    };
    let Error::Timeout { cause: Some(cause), .. } = &full else { panic!("{full:?}") };
    assert_eq!((cause.errno(), full.fault()), (Some(1040), Fault::Busy), "{full}");
    assert!((9..=12).contains(&leases.len()), "{}", leases.len());
    assert!(pool.stats().connect_failures <= 2, "it backs off: {:?}", pool.stats());
    for lease in &mut leases {
        value(lease, "1");
    }

    execute(&mut leases[0], "SET GLOBAL max_connections = 100");
    let more = [(); 3].map(|()| pool.get_within(LONG).unwrap());
    assert_eq!(pool.stats().lent as usize, leases.len() + more.len());
    assert_eq!(pool.stats().retired, 0);
}
