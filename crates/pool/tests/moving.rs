//! The password changes, the writer moves: what is open is replaced, and what is new is right.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod given;

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use diesel::connection::SimpleConnection;
use given::{LONG, ms, one, value};
use steadfast_connection::{Config, Fault};
use steadfast_pool::{Error, PoolConfig, PoolListener, Reason, Retired};
use steadfast_testkit::{Server, TestDatabase, eventually, server};

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

/// Over the socket: MySQL's way to authenticate wants nobody to listen.
fn over_socket(database: &TestDatabase, user: &str) -> Config {
    Config::from_url(&database.socket_url()).unwrap().user(user)
}

#[test]
fn a_rotated_password_is_fetched_and_what_is_open_is_replaced() {
    let database = server().database();
    let user = format!("rotated_{}", std::process::id());
    database
        .sql(&format!("CREATE USER {user} IDENTIFIED BY 'one'; GRANT ALL ON *.* TO {user}"))
        .unwrap();
    let vault = Arc::new(Mutex::new("one"));
    let asked = Arc::clone(&vault);
    let reasons = Arc::new(Reasons::default());
    let listener = Arc::clone(&reasons);
    let config = PoolConfig::new().size(3).overflow(0).refused_retry(LONG).listener(listener);
    let pool = config
        .provider(move |base| Ok(base.clone().password(*asked.lock().unwrap())))
        .build(over_socket(&database, &user).password("none"))
        .unwrap();
    let held = pool.get().unwrap();
    drop(pool.get().unwrap());

    database.sql(&format!("ALTER USER {user} IDENTIFIED BY 'two'")).unwrap();
    *vault.lock().unwrap() = "two";
    let others = [(); 2].map(|()| pool.get().unwrap());
    assert_eq!(reasons.told(), [], "lent ones are not touched");
    drop(held);
    assert_eq!(reasons.told(), [Reason::Requested], "it has the old password");
    drop(others);
    let stats = pool.stats();
    assert_eq!((stats.connect_failures, stats.lent), (0, 0), "{stats:?}");
    pool.close(LONG);
    database.sql(&format!("DROP USER {user}")).unwrap();
}

#[test]
fn a_password_that_was_wrong_is_tried_again_when_the_pool_is_told_that_it_changed() {
    let database = server().database();
    let user = format!("told_{}", std::process::id());
    database.sql(&format!("CREATE USER {user} IDENTIFIED BY 'one'")).unwrap();
    let target = over_socket(&database, &user).no_database();
    let vault = Arc::new(Mutex::new("wrong"));
    let asked = Arc::clone(&vault);
    let pool = one()
        .refused_retry(ms(3_600_000))
        .provider(move |base| Ok(base.clone().password(*asked.lock().unwrap())))
        .build(target)
        .unwrap();
    for _ in 0..3 {
        let error = pool.get().unwrap_err();
        assert!(matches!(error, Error::Connect(_)), "{error:?}");
    }
    assert_eq!(pool.stats().connect_failures, 1, "one attempt, told to all");
    *vault.lock().unwrap() = "one";
    pool.invalidate();
    eventually(LONG, || pool.get().is_ok());
    pool.close(LONG);
    database.sql(&format!("DROP USER {user}")).unwrap();
}

#[test]
fn a_provider_that_fails_or_panics_is_an_outage_that_passes() {
    let database = server().database();
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let pool = one()
        .provider(move |base| match count.fetch_add(1, Relaxed) {
            0 | 1 => Err("the vault is sealed".into()),
            2..9 => panic!("on purpose"),
            _ => Ok(base.clone()),
        })
        .build(given::server(&database))
        .unwrap();
    let error = pool.get().unwrap_err();
    assert!(matches!(error, Error::Unavailable { failures: 3, .. }), "{error:?}");
    assert_eq!(error.fault(), Fault::Disconnected);
    value(&mut pool.get_patiently(LONG).unwrap(), "1");
}

#[test]
fn a_server_that_takes_no_writes_any_more_has_all_its_connections_replaced_bit_by_bit() {
    let own = Server::start().unwrap();
    let database = own.database();
    database
        .sql("CREATE TABLE t (n INT); CREATE USER writer; GRANT INSERT, SELECT ON *.* TO writer")
        .unwrap();
    let reasons = Arc::new(Reasons::default());
    let listener = Arc::clone(&reasons);
    let config = PoolConfig::new().size(10).overflow(0).listener(listener);
    let pool = config.build(given::server(&database).user("writer")).unwrap();
    let mut leases: Vec<_> = (0..10).map(|_| pool.get().unwrap()).collect();
    let old: Vec<u64> = leases.iter().map(|lease| lease.id()).collect();
    own.sql("", "SET GLOBAL read_only = 1").unwrap();
    leases[0].batch_execute("INSERT INTO t VALUES (1)").unwrap_err();
    leases[1].batch_execute("INSERT INTO t VALUES (1)").unwrap_err();
    drop(leases);

    let at_once = reasons.told().len();
    assert!((2..10).contains(&at_once), "not all at once: {:?}", reasons.told());
    eventually(LONG, || reasons.told().len() >= 10);
    assert!(reasons.told().iter().all(|&reason| reason == Reason::ReadOnly));
    let mut lease = pool.get().unwrap();
    assert!(!old.contains(&lease.id()));
    value(&mut lease, "1");
}
