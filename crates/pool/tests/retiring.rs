//! What comes back in a bad state, or is old, is not lent again.
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
use std::time::Duration;

use diesel::Connection as _;
use diesel::connection::SimpleConnection;
use given::{LONG, execute, ms, one, pool, value};
use steadfast_pool::{Pool, PoolConfig, PoolListener, Reason, Retired};
use steadfast_testkit::{TestDatabase, eventually, server};

/// Writes down why connections were retired.
#[derive(Default)]
struct Reasons(Mutex<Vec<Reason>>);

impl PoolListener for Reasons {
    fn retired(&self, event: &Retired<'_>) {
        self.0.lock().unwrap().push(event.reason());
    }
}

fn watched(config: PoolConfig, database: &TestDatabase) -> (Pool, Arc<Reasons>) {
    let reasons = Arc::new(Reasons::default());
    let listener = Arc::clone(&reasons);
    (pool(config.listener(listener), database), reasons)
}

fn told(reasons: &Reasons) -> Vec<Reason> {
    reasons.0.lock().unwrap().clone()
}

#[test]
fn a_connection_is_closed_after_its_idle_time_but_not_below_the_minimum() {
    let database = server().database();
    let config = PoolConfig::new().size(4).min_idle(1).max_idle_time(Some(ms(100)));
    let (pool, reasons) = watched(config, &database);
    drop([(); 4].map(|()| pool.get().unwrap()));
    eventually(LONG, || pool.stats().idle == 1);
    assert!(told(&reasons).iter().all(|&reason| reason == Reason::Idle), "{:?}", told(&reasons));
}

#[test]
fn a_connection_with_a_transaction_open_is_never_lent_again() {
    let database = server().database();
    database.sql("CREATE TABLE t (n INT PRIMARY KEY); INSERT INTO t VALUES (1)").unwrap();
    let (pool, reasons) = watched(one(), &database);
    let begin: [fn(&mut steadfast_pool::Lease); 3] = [
        |lease| lease.begin("START TRANSACTION").unwrap(),
        |lease| lease.batch_execute("BEGIN").unwrap(),
        |lease| lease.batch_execute("SET autocommit = 0; SELECT * FROM t").unwrap(),
    ];
    for open in begin {
        let mut lease = pool.get().unwrap();
        open(&mut lease);
        execute(&mut lease, "UPDATE t SET n = n + 1");
        drop(lease);
        assert_eq!(told(&reasons).pop(), Some(Reason::OpenTransaction));
        let mut next = pool.get().unwrap();
        if server().is_mariadb() {
            assert_eq!(value(&mut next, "@@in_transaction"), 0);
        }
        assert_eq!(value(&mut next, "(SELECT n FROM t FOR UPDATE)"), 1, "it was undone");
    }
    assert_eq!(told(&reasons).len(), 3);
}

#[test]
fn a_transaction_that_diesel_opened_for_a_test_stays_open_between_checkouts() {
    let database = server().database();
    database.sql("CREATE TABLE t (n INT PRIMARY KEY)").unwrap();
    let (pool, reasons) = watched(one(), &database);
    let mut lease = pool.get().unwrap();
    lease.begin_test_transaction().unwrap();
    execute(&mut lease, "INSERT INTO t VALUES (1)");
    drop(lease);

    let mut next = pool.get().unwrap();
    assert_eq!(value(&mut next, "(SELECT COUNT(*) FROM t)"), 1);
    assert_eq!(
        (told(&reasons), database.sql("SELECT COUNT(*) FROM t").unwrap().trim()),
        (vec![], "0")
    );
}

#[test]
fn changed_session_state_is_reset_before_anybody_else_sees_it() {
    let database = server().database();
    let (pool, reasons) = watched(one(), &database);
    let mut lease = pool.get().unwrap();
    let (id, before) = (lease.id(), value(&mut lease, "@@lock_wait_timeout"));
    lease.batch_execute("SET lock_wait_timeout = 12345").unwrap();
    execute(&mut lease, "CREATE TEMPORARY TABLE scratch (n INT)");
    assert_eq!(value(&mut lease, "GET_LOCK('steadfast_pool_test', 1)"), 1);
    drop(lease);

    let mut next = pool.get().unwrap();
    assert_eq!(next.id(), id, "it was reset, not replaced");
    assert_eq!(value(&mut next, "@@lock_wait_timeout"), before);
    assert_eq!(value(&mut next, "IS_FREE_LOCK('steadfast_pool_test')"), 1);
    assert!(next.batch_execute("SELECT * FROM scratch").is_err());
    assert_eq!(told(&reasons), []);
}

#[test]
fn a_panic_costs_the_connection_and_not_its_place() {
    let database = server().database();
    let (pool, reasons) = watched(one(), &database);
    for n in 1..=5 {
        let outcome = thread::scope(|scope| {
            let work = scope.spawn(|| {
                let _lease = pool.get().unwrap();
                panic!("on purpose");
            });
            work.join()
        });
        assert!(outcome.is_err());
        assert_eq!(told(&reasons), vec![Reason::Panicked; n]);
    }
    assert_eq!(value(&mut pool.get().unwrap(), "1"), 1);
    assert_eq!(pool.stats().lent, 0);
}

#[test]
fn a_connection_that_was_lost_while_it_was_lent_is_replaced() {
    let database = server().database();
    let (pool, reasons) = watched(one(), &database);
    let mut lease = pool.get().unwrap();
    server().kill_connection(lease.thread_id()).unwrap();
    eventually(LONG, || given::try_value(&mut lease, "1").is_err());
    drop(lease);
    assert_eq!(told(&reasons), [Reason::Broken]);
    assert_eq!(value(&mut pool.get().unwrap(), "1"), 1);
}

#[test]
fn a_server_that_takes_no_writes_costs_the_connection() {
    let own = steadfast_testkit::Server::start().unwrap();
    let database = own.database();
    database
        .sql("CREATE TABLE t (n INT); CREATE USER writer; GRANT INSERT, SELECT ON *.* TO writer")
        .unwrap();
    let reasons = Arc::new(Reasons::default());
    let listener = Arc::clone(&reasons);
    let pool = one().listener(listener).build(given::server(&database).user("writer")).unwrap();
    let mut lease = pool.get().unwrap();
    own.sql("", "SET GLOBAL read_only = 1").unwrap();
    assert!(lease.batch_execute("INSERT INTO t VALUES (1)").is_err());
    drop(lease);
    assert_eq!(told(&reasons), [Reason::ReadOnly]);
}

#[test]
fn what_somebody_asks_to_replace_is_replaced() {
    let database = server().database();
    let (pool, reasons) = watched(PoolConfig::new().size(3).overflow(0), &database);
    let mut lease = pool.get().unwrap();
    lease.invalidate();
    drop(lease);
    assert_eq!(told(&reasons), [Reason::Requested]);

    let leases = [(); 3].map(|()| pool.get().unwrap());
    let [lent, back, also_back] = leases;
    drop((back, also_back));
    let newest = lent.id();
    pool.invalidate();
    assert_eq!((told(&reasons).len(), pool.stats().idle), (3, 0));
    drop(lent);
    assert_eq!(told(&reasons), [Reason::Requested; 4]);
    assert!(pool.get().unwrap().id() > newest);
}

#[test]
fn without_pre_ping_nothing_is_asked_of_the_server() {
    let database = server().database();
    let proxy = server().proxy();
    let target = steadfast_connection::Config::from_url(&database.url_through(&proxy)).unwrap();
    let pool = one().pre_ping(false).bypass(Duration::ZERO).build(target).unwrap();
    drop(pool.get().unwrap());
    let before = proxy.packets().to_server();
    drop(pool.get().unwrap());
    assert_eq!(proxy.packets().to_server(), before);
}
