//! Several pools in one program, and connections that leave theirs.
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

use given::{LONG, execute, ms, one, pool, value};
use steadfast_pool::{Error, Pool, PoolConfig, PoolListener, Pools, Reason, Retired};
use steadfast_testkit::{TestDatabase, eventually, server};

fn named(name: &str, database: &TestDatabase) -> Pool {
    pool(PoolConfig::new().name(name).size(2).overflow(0), database)
}

#[test]
fn pools_are_found_by_name_and_a_name_is_taken_once() {
    static POOLS: Pools = Pools::new();
    let database = server().database();
    POOLS.add(named("reports", &database)).unwrap();
    POOLS.add(named("main", &database)).unwrap();
    let error = POOLS.add(named("main", &database)).unwrap_err().to_string();
    assert!(error.contains("pool.name = \"main\"") && error.contains("no other pool"), "{error}");
    assert!(POOLS.get("other").is_none());
    assert_eq!(value(&mut POOLS.get("reports").unwrap().get().unwrap(), "1"), 1);
    let connects: Vec<_> =
        POOLS.stats().into_iter().map(|(name, stats)| (name, stats.connects)).collect();
    assert_eq!(connects, [("main".to_owned(), 0), ("reports".to_owned(), 1)]);
    let removed = POOLS.remove("main").unwrap();
    assert!(POOLS.get("main").is_none() && !removed.is_closed());
    assert_eq!(POOLS.all().len(), 1);
}

#[test]
fn all_are_drained_within_one_limit_and_closed() {
    let database = server().database();
    let pools = Pools::new();
    for name in ["a", "b", "c"] {
        pools.add(named(name, &database)).unwrap();
    }
    let (a, b) = (pools.get("a").unwrap(), pools.get("b").unwrap());
    let (first, second) = (a.get().unwrap(), b.get().unwrap());
    let begun = Instant::now();
    let drained = pools.drain(ms(200));
    assert!((ms(200)..ms(2_000)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    let finished: Vec<_> = drained.iter().map(|(name, it)| (&**name, it.finished)).collect();
    assert_eq!(finished, [("a", false), ("b", false), ("c", true)]);
    assert_eq!(drained[0].1.holders[0].place().line(), first.place().line());
    thread::scope(|scope| {
        let closing = scope.spawn(|| pools.close(LONG));
        drop((first, second));
        let closed = closing.join().unwrap();
        assert!(closed.iter().all(|(_, it)| it.finished), "{closed:?}");
    });
    assert!(matches!(pools.get("c").unwrap().get(), Err(Error::Closed(_))));
}

#[derive(Default)]
struct Reasons(Mutex<Vec<Reason>>);

impl PoolListener for Reasons {
    fn retired(&self, event: &Retired<'_>) {
        self.0.lock().unwrap().push(event.reason());
    }
}

#[test]
fn a_connection_that_is_detached_lives_on_and_its_place_is_free() {
    let database = server().database();
    let reasons = Arc::new(Reasons::default());
    let listener = Arc::clone(&reasons);
    let pool = pool(one().listener(listener), &database);
    let mut lease = pool.get().unwrap();
    execute(&mut lease, "SET @kept = 7");
    let id = lease.thread_id();
    let mut own = lease.detach();
    assert_eq!((pool.stats().open(), own.thread_id()), (0, id));
    drop(pool.get_within(LONG).unwrap());
    assert_eq!(*reasons.0.lock().unwrap(), [Reason::Detached]);
    assert!(pool.close(Duration::ZERO).finished, "it is no part of the pool");

    own.ping().unwrap();
    let mut rows = own.query("SELECT @kept").unwrap();
    assert_eq!(rows.next().unwrap().unwrap().get(0), Some(&b"7"[..]));
    drop(rows);
    drop(own);
    let alive = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE ID = {id}");
    eventually(LONG, || database.sql(&alive).unwrap() == "0");
}

#[test]
fn a_panic_that_was_caught_costs_the_connection_if_it_is_told() {
    let database = server().database();
    let reasons = Arc::new(Reasons::default());
    let listener = Arc::clone(&reasons);
    let pool = pool(one().listener(listener), &database);
    let mut lease = pool.get().unwrap();
    lease.panicked();
    drop(lease);
    assert_eq!(*reasons.0.lock().unwrap(), [Reason::Panicked]);
}
