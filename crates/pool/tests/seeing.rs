//! What a pool tells of itself: times, names that monitoring knows, and who has lost a connection.
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
use steadfast_pool::{
    BOUNDS, Draining, Invalidated, LeakSuspected, Lost, Pinged, PoolListener, Reset, Unleaked,
    Value,
};
use steadfast_testkit::{eventually, server};

#[test]
fn times_are_told_under_the_names_that_monitoring_knows() {
    let database = server().database();
    let pool = pool(one().name("seen"), &database);
    let begun = Instant::now();
    let mut lease = pool.get().unwrap();
    assert_eq!(value(&mut lease, "SLEEP(0.05)"), 0);
    drop(pool.get_within(ms(10)).unwrap_err());
    drop(lease);
    for _ in 0..8 {
        drop(pool.get().unwrap());
    }
    let mut lease = pool.get().unwrap();
    lease.invalidate();
    drop(lease);
    let whole = begun.elapsed();

    let metrics = pool.metrics();
    let times = metrics.times.as_ref().unwrap();

    assert_eq!((times.wait.count(), times.used.count(), times.create.count()), (10, 10, 1));
    // The first waited for its connection, the eight lay ready.
    let (first, typical) = (times.wait.quantile(1.0).unwrap(), times.wait.quantile(0.5).unwrap());
    assert!(first > ms(0) && first <= whole * 2 && typical <= Duration::from_nanos(1));
    assert!(times.create.sum() <= times.wait.sum() && times.wait.sum() <= whole);
    assert!(times.used.sum() >= ms(60) && times.used.sum() <= whole, "{:?}", times.used.sum());
    assert_eq!(times.used.between(&BOUNDS).iter().sum::<u64>(), 10);
    let told: Vec<_> = metrics
        .instruments()
        .map(|it| {
            let value = match it.value {
                Value::Level(level) => u64::from(level),
                Value::Total(total) => total,
                Value::Times(times) => times.count(),
            };
            (it.name.strip_prefix("db.client.connection.").unwrap(), it.unit, it.state, value)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("count", "{connection}", Some("idle"), 0),
            ("count", "{connection}", Some("used"), 0),
            ("idle.max", "{connection}", None, 1),
            ("idle.min", "{connection}", None, 0),
            ("max", "{connection}", None, 1),
            ("pending_requests", "{request}", None, 0),
            ("timeouts", "{timeout}", None, 1),
            ("create_time", "s", None, 1),
            ("wait_time", "s", None, 10),
            ("use_time", "s", None, 10),
        ]
    );
    assert_eq!(&*metrics.pool, "seen");
}

#[test]
fn without_metrics_it_counts_and_serves_as_before() {
    let database = server().database();
    let pool = pool(one().metrics(false), &database);
    drop(pool.get().unwrap());
    let lease = pool.get().unwrap();
    let since = lease.since();
    assert!(since <= Instant::now() && since.elapsed() < LONG);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.get().map(drop));
        eventually(LONG, || pool.stats().waiting == 1);
        drop(lease);
        waiter.join().unwrap().unwrap();
    });
    let metrics = pool.metrics();
    assert!(metrics.times.is_none());
    assert_eq!((metrics.stats.checkouts, metrics.instruments().count()), (3, 7));
}

#[test]
fn one_that_was_dead_before_it_was_lent_counts_for_nothing() {
    let database = server().database();
    let pool = pool(one().bypass(ms(0)), &database);
    let lease = pool.get().unwrap();
    let thread_id = lease.thread_id();
    drop(lease);
    server().kill_connection(thread_id).unwrap();
    drop(pool.get().unwrap());
    let metrics = pool.metrics();
    let times = metrics.times.unwrap();
    assert_eq!((metrics.stats.checkouts, metrics.stats.connects), (2, 2));
    assert_eq!((times.wait.count(), times.used.count()), (2, 2));
}

/// Writes down what is rare.
#[derive(Default)]
struct Scribe(Mutex<Vec<String>>);

impl Scribe {
    fn note(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }

    fn told(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl PoolListener for Scribe {
    fn leak_suspected(&self, event: &LeakSuspected<'_>) {
        let holder = event.holder();
        let stack = holder.stack().map(ToString::to_string).unwrap_or_default();
        let mine = stack.contains("loses_a_connection");
        let (place, thread) = (holder.place(), holder.thread().unwrap_or_default());
        assert!(holder.held() >= ms(20));
        self.note(format!("suspected {}:{} {thread} {mine}", place.file(), place.line()));
    }
    fn unleaked(&self, event: &Unleaked<'_>) {
        assert!(event.held() >= ms(20));
        self.note(format!("unleaked{} {}", event.id(), event.place()));
    }
    fn pinged(&self, event: &Pinged<'_>) {
        assert!(event.took() < LONG);
        self.note(format!("pinged{} {}", event.id(), event.alive()));
    }
    fn reset(&self, event: &Reset<'_>) {
        assert!(event.took() < LONG);
        self.note(format!("reset{} {}", event.id(), event.clean()));
    }
    fn lost(&self, event: &Lost<'_>) {
        self.note(format!("lost {}", event.losses()));
    }
    fn invalidated(&self, event: &Invalidated<'_>) {
        self.note(format!("invalidated {}", event.open()));
    }
    fn draining(&self, event: &Draining<'_>) {
        self.note(format!("draining {}", event.lent()));
    }
}

#[test]
fn a_connection_that_seems_lost_is_told_once_and_again_when_it_comes_back() {
    let database = server().database();
    let scribe = Arc::new(Scribe::default());
    let watched = one().leak_threshold(Some(ms(20))).leak_stack(true);
    let pool = pool(watched.listener(Arc::clone(&scribe) as _), &database);
    // Wakes the pool's threads, and comes back in time or not: the machine may be slow.
    drop(pool.get().unwrap());
    let before = scribe.told().len();
    let lost = {
        let pool = pool.clone();
        let loser = thread::Builder::new().name("loser".to_owned());
        loser.spawn(move || loses_a_connection(&pool)).unwrap().join().unwrap()
    };
    eventually(LONG, || scribe.told().len() > before);
    let told = scribe.told().swap_remove(before);
    assert!(told.starts_with("suspected ") && told.contains("seeing.rs:"), "{told}");
    assert!(told.ends_with(" loser true"), "{told}");
    // Two more looks find nothing new.
    let again = Instant::now() + ms(40);
    eventually(LONG, || Instant::now() > again);
    assert_eq!(scribe.told().len(), before + 1);
    let (id, place) = (lost.id(), lost.place());
    drop(lost);
    assert_eq!(scribe.told().pop(), Some(format!("unleaked{id} {place}")));
}

#[inline(never)]
fn loses_a_connection(pool: &steadfast_pool::Pool) -> steadfast_pool::Lease {
    pool.get().unwrap()
}

#[test]
fn rare_events_are_told() {
    let database = server().database();
    let scribe = Arc::new(Scribe::default());
    let pool = pool(one().bypass(ms(0)).listener(Arc::clone(&scribe) as _), &database);
    let mut lease = pool.get().unwrap();
    let thread_id = lease.thread_id();
    execute(&mut lease, "SET @touched = 1");
    drop(lease);
    drop(pool.get().unwrap());
    server().kill_connection(thread_id).unwrap();
    drop(pool.get().unwrap());
    pool.invalidate();
    assert!(pool.drain(LONG).finished && pool.close(LONG).finished);
    assert_eq!(
        scribe.told(),
        [
            "pinged1 true",
            "reset1 true",
            "pinged1 true",
            "pinged1 false",
            "lost 1",
            "pinged2 true",
            "invalidated 1",
            "draining 0"
        ]
    );
}
