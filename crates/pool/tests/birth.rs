//! What the program does with each new connection, and what the pool says about the server's limits.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod given;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use given::{LONG, ms, one, pool, value};
use steadfast_pool::{Error, PoolConfig, PoolListener, Prepared, Warned};
use steadfast_testkit::{eventually, server};

#[test]
fn every_new_session_is_set_up_and_again_after_a_reset() {
    let database = server().database();
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let config = one().session_setup("SET @a = 40; SET lock_wait_timeout = 77").on_connect(
        move |connection| {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(connection.batch_execute("SET @b = @a + 2")?)
        },
    );
    let pool = pool(config, &database);
    let mut lease = pool.get().unwrap();
    let id = lease.id();
    assert_eq!(value(&mut lease, "@b"), 42);
    drop(lease);
    assert_eq!(calls.load(Ordering::Relaxed), 1, "what the hook does is no reason for a reset");

    let mut lease = pool.get().unwrap();
    lease.batch_execute("SET @b = 0, lock_wait_timeout = 1").unwrap();
    drop(lease);
    let mut lease = pool.get().unwrap();
    assert_eq!((lease.id(), value(&mut lease, "@b * @@lock_wait_timeout")), (id, 42 * 77));
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

type Hook = fn(&mut steadfast_connection::Connection) -> Prepared;

#[test]
fn a_hook_that_fails_or_panics_costs_the_connection_and_callers_hear_why() {
    let database = server().database();
    let hooks: [(Hook, &str); 4] = [
        (|_| Err("no such tenant".into()), "no such tenant"),
        (|_| panic!("on purpose"), "it panicked: on purpose"),
        (|connection| Ok(connection.batch_execute("BEGIN")?), "it left a transaction open"),
        (|connection| Ok(connection.batch_execute("SELECT * FROM nowhere")?), "nowhere"),
    ];
    for (hook, told) in hooks {
        let pool = pool(one().on_connect(hook), &database);
        thread::scope(|scope| {
            let callers = [(); 3].map(|()| scope.spawn(|| pool.get().map(drop).unwrap_err()));
            for caller in callers {
                let error = caller.join().unwrap();
                assert!(matches!(error, Error::Connect(_)), "{error:?}");
                assert!(error.to_string().contains(told), "{error}");
            }
        });
        assert_eq!(pool.stats().open(), 0);
        assert!(pool.close(LONG).finished);
    }
    let own = "SELECT COUNT(*) FROM information_schema.processlist WHERE DB = DATABASE() \
               AND ID != CONNECTION_ID()";
    eventually(LONG, || database.sql(own).unwrap() == "0");
}

#[test]
fn a_thousand_panics_of_a_hook_cost_no_place() {
    let database = server().database();
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let config = one().refused_retry(ms(1)).on_connect(move |_| {
        assert!(counted.fetch_add(1, Ordering::Relaxed) >= 1_000, "on purpose");
        Ok(())
    });
    let pool = pool(config, &database);
    let end = Instant::now() + 3 * LONG;
    let lease = loop {
        match pool.get() {
            Ok(lease) => break lease,
            Err(Error::Connect(_)) => assert!(Instant::now() < end, "{calls:?}"),
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(calls.load(Ordering::Relaxed), 1_001);
    drop(lease);
    assert_eq!((pool.stats().idle, pool.stats().lent, pool.stats().creating), (1, 0, 0));
}

#[test]
fn a_hook_that_hangs_is_ended_and_holds_up_no_caller() {
    let database = server().database();
    let target = given::server(&database).connect_timeout(Duration::from_secs(1));
    let config = one().on_connect(|connection| Ok(connection.batch_execute("DO SLEEP(30)")?));
    let pool = config.build(target).unwrap();
    let begun = Instant::now();
    assert!(matches!(pool.get_within(ms(100)), Err(Error::Timeout { .. })));
    assert!(begun.elapsed() < ms(900), "{:?}", begun.elapsed());
    eventually(LONG, || pool.stats().connect_failures > 0);
    assert!(begun.elapsed() < ms(10_000));
}

#[derive(Default)]
struct Warnings(Mutex<Vec<String>>);

impl PoolListener for Warnings {
    fn warned(&self, event: &Warned<'_>) {
        self.0.lock().unwrap().push(format!("{}: {}", event.about(), event.message()));
    }
}

#[test]
fn settings_that_do_not_fit_the_servers_are_told_once() {
    let database = server().database();
    let warned = |config: PoolConfig, wait: u64| {
        let warnings = Arc::new(Warnings::default());
        let listener = Arc::clone(&warnings);
        let target = given::server(&database).wait_timeout(Duration::from_secs(wait));
        let pool = config.listener(listener).build(target).unwrap();
        drop([(); 2].map(|()| pool.get().unwrap()));
        warnings.0.lock().unwrap().clone()
    };
    let config = || PoolConfig::new().size(2).recycle(Duration::from_secs(570));
    assert_eq!(warned(config(), 601), Vec::<String>::new());
    let told = warned(config().overflow(10_000), 600);
    let starts = [
        "recycle: the server drops connections that were idle for 600 s, and pool.recycle is 570s",
        "size: pool.size and pool.overflow make 10002, and the server takes ",
    ];
    assert_eq!(told.len(), 2, "{told:?}");
    for (told, start) in told.iter().zip(starts) {
        assert!(told.starts_with(start), "{told}");
    }
}
