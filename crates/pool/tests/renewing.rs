//! Connections grow old and rest for long, and no caller notices.
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
use steadfast_pool::{PoolConfig, PoolListener, Reason, Retired};
use steadfast_testkit::{eventually, server};

#[derive(Default)]
struct Reasons(Mutex<Vec<Reason>>);

impl PoolListener for Reasons {
    fn retired(&self, event: &Retired<'_>) {
        self.0.lock().unwrap().push(event.reason());
    }
}

impl Reasons {
    fn told(&self) -> Vec<Reason> {
        self.0.lock().unwrap().clone()
    }
}

/// Ten connections of one age are replaced while four threads use them: nobody stands in line, and no
/// call takes longer than 5 ms. One of five times, since the machine may be busy with other things.
#[test]
fn a_wave_of_old_connections_is_replaced_without_anybody_waiting() {
    let database = server().database();
    let round = || {
        let reasons = Arc::new(Reasons::default());
        let config = PoolConfig::new().size(10).recycle(ms(2_000)).recycle_jitter(0.0);
        let listener = Arc::clone(&reasons);
        let pool = pool(config.listener(listener), &database);
        drop([(); 10].map(|()| pool.get().unwrap()));
        let before = pool.stats();
        let end = Instant::now() + LONG;
        let user = || {
            let mut longest = Duration::ZERO;
            while reasons.told().len() < 10 {
                assert!(Instant::now() < end, "{:?}", reasons.told());
                let asked = Instant::now();
                let mut lease = pool.get().unwrap();
                longest = longest.max(asked.elapsed());
                value(&mut lease, "1");
            }
            longest
        };
        let longest = thread::scope(|scope| {
            let users = [(); 4].map(|()| scope.spawn(user));
            users.map(|user| user.join().unwrap()).into_iter().max().unwrap()
        });
        assert!(reasons.told().iter().all(|&it| it == Reason::Lifetime), "{:?}", reasons.told());
        (pool.stats().waits - before.waits, longest)
    };
    let mut rounds = Vec::new();
    let best = (0..5).any(|_| {
        let (waits, longest) = round();
        rounds.push((waits, longest));
        waits == 0 && longest <= ms(5)
    });
    assert!(best, "who stood in line, and the longest call: {rounds:?}");
}

#[test]
fn all_are_replaced_little_by_little_on_request() {
    let database = server().database();
    let reasons = Arc::new(Reasons::default());
    let listener = Arc::clone(&reasons);
    let pool = pool(PoolConfig::new().size(10).listener(listener), &database);
    let lent = pool.get().unwrap();
    drop([(); 9].map(|()| pool.get().unwrap()));
    let before = pool.stats();
    let asked = Instant::now();
    pool.invalidate_over(Duration::from_secs(2));
    assert_eq!(pool.stats().retired, 0, "not at once");
    let end = asked + LONG;
    while reasons.told().len() < 9 {
        assert!(Instant::now() < end, "{:?}", reasons.told());
        let stats = pool.stats();
        assert!(stats.open() >= 10, "first the new one: {stats:?}");
        assert!(stats.creating <= 1, "a tenth at a time: {stats:?}");
        drop(pool.get().unwrap());
    }
    eventually(LONG, || asked.elapsed() > Duration::from_secs(2));
    drop(lent);
    assert_eq!(reasons.told(), [Reason::Requested; 10]);
    assert_eq!(pool.stats().waits, before.waits, "nobody stood in line");
    eventually(LONG, || pool.stats().idle == 10);
    drop([(); 10].map(|()| pool.get().unwrap()));
    assert_eq!(pool.stats().connects, 20);
}

#[test]
fn where_every_place_is_taken_the_only_connection_is_replaced_on_the_shelf() {
    let database = server().database();
    let pool = pool(one().recycle(ms(400)).recycle_jitter(0.0), &database);
    let first = pool.get().unwrap().id();
    eventually(LONG, || pool.stats().connects >= 3);
    assert_eq!(pool.stats().waits, 1, "only the first caller waited");
    assert!(pool.get().unwrap().id() > first);
}

#[test]
fn what_was_held_beyond_its_age_is_closed_on_return_and_made_up_for() {
    let database = server().database();
    let reasons = Arc::new(Reasons::default());
    let listener = Arc::clone(&reasons);
    let pool = pool(one().recycle(ms(2_000)).recycle_jitter(0.0).listener(listener), &database);
    let lease = pool.get().unwrap();
    let (first, born) = (lease.id(), lease.since());
    eventually(LONG, || born.elapsed() > ms(2_100));
    drop(lease);
    assert_eq!(reasons.told()[..1], [Reason::Lifetime]);
    eventually(LONG, || pool.stats().idle == 1);
    assert_eq!(pool.stats().waits, 1, "only the first caller waited");
    assert!(pool.get().unwrap().id() > first);
}

#[test]
fn an_old_connection_is_better_than_none() {
    let database = server().database();
    let proxy = server().proxy();
    let target = steadfast_connection::Config::from_url(&database.url_through(&proxy)).unwrap();
    let config = one().overflow(1).recycle(ms(500)).recycle_jitter(0.0);
    let pool = config.build(target).unwrap();
    drop(pool.get().unwrap());
    proxy.refuse();
    eventually(LONG, || pool.stats().connect_failures >= 2);
    let mut lease = pool.get().unwrap();
    assert_eq!((lease.id(), value(&mut lease, "1")), (1, 1));
    drop(lease);
    assert_eq!(pool.stats().retired, 0);
}

#[test]
fn a_resting_connection_is_kept_alive() {
    let database = server().database();
    let target = given::server(&database).wait_timeout(Duration::from_secs(1));
    let config = || one().pre_ping(false);
    let kept = config().keepalive(Some(ms(200))).build(target.clone()).unwrap();
    let forgotten = config().keepalive(None).build(target).unwrap();
    drop((kept.get().unwrap(), forgotten.get().unwrap()));
    let open = "SELECT COUNT(*) FROM information_schema.processlist WHERE DB = DATABASE() AND \
                ID != CONNECTION_ID()";
    eventually(LONG, || database.sql(open).unwrap() == "1");
    assert_eq!(value(&mut kept.get().unwrap(), "1"), 1);
    assert_eq!(kept.stats().connects, 1);
    given::try_value(&mut forgotten.get().unwrap(), "1").unwrap_err();
}

#[test]
fn a_resting_connection_that_died_is_replaced_before_anybody_asks() {
    let database = server().database();
    let reasons = Arc::new(Reasons::default());
    let listener = Arc::clone(&reasons);
    let pool = pool(one().keepalive(Some(ms(100))).listener(listener), &database);
    let lease = pool.get().unwrap();
    let id = lease.thread_id();
    drop(lease);
    server().kill_connection(id).unwrap();
    eventually(LONG, || reasons.told() == [Reason::ValidationFailed] && pool.stats().idle == 1);
    assert_eq!(pool.get().unwrap().id(), 2);
    assert_eq!(pool.stats().waits, 1, "only the first caller waited");
}

#[test]
fn a_keepalive_that_hangs_holds_up_neither_callers_nor_the_close() {
    let database = server().database();
    let proxy = server().proxy();
    let target = steadfast_connection::Config::from_url(&database.url_through(&proxy)).unwrap();
    let pool =
        PoolConfig::new().size(2).pre_ping(false).keepalive(Some(ms(300))).build(target).unwrap();
    drop([(); 2].map(|()| pool.get().unwrap()));
    proxy.black_hole();
    eventually(LONG, || pool.stats().idle == 1);
    drop(pool.get().unwrap());
    let begun = Instant::now();
    let closed = pool.close(Duration::ZERO);
    assert!(begun.elapsed() < ms(1_000), "{closed:?}");
}
