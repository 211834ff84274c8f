//! How the database is: up, and each thing that makes it degraded.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod ground;

use std::thread;
use std::time::Duration;

use ground::{Scripts, TEN_SECONDS, config, script};
use steadfast_manager::{Database, DatabaseConfig, Health, Migrate, State, Status};
use steadfast_pool::PoolConfig;
use steadfast_testkit::{Server, eventually, server};

fn vendor() -> &'static str {
    if server().is_mariadb() { "mariadb" } else { "mysql" }
}

#[test]
fn a_database_that_works_is_up_and_tells_what_it_is() {
    let database = server().database();
    let db = Database::open(config(&database).migrate(Migrate::Run)).unwrap();

    let health = db.health();

    assert_eq!((health.status, health.state, health.ready), (Status::Up, State::Ready, true));
    assert_eq!(health.reasons, []);
    let check = &health.checks.connection;
    assert!(check.latency_us.is_some_and(|latency| latency > 0));
    let info = check.database.as_ref().expect("the server was asked");
    assert_eq!((info.vendor, &*info.database), (vendor(), database.name()));
    assert_eq!((&*info.character_set, info.read_only), ("utf8mb4", false));
    assert!(
        info.version.contains("MariaDB") == server().is_mariadb() && check.uptime_s.is_some(),
        "{info:?}"
    );
    assert_eq!(health.checks.writable.read_only, Some(false));
    assert_eq!(health.checks.migrations.done, Some(3));
    assert!(health.age_ms.is_some_and(|age| age < 10_000));
}

#[test]
fn the_json_has_the_shape_that_is_documented() {
    let database = server().database();
    let db = Database::open(config(&database).migrate(Migrate::Run)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&db.health().to_json()).unwrap();
    for (path, expected) in [
        ("/status", "up"),
        ("/state", "ready"),
        ("/checks/connection/status", "up"),
        ("/checks/connection/database/vendor", vendor()),
        ("/checks/connection/database/database", database.name()),
        ("/checks/writable/status", "up"),
        ("/checks/sessions/status", "up"),
        ("/checks/pool/name", "main"),
        ("/checks/migrations/status", "up"),
        ("/checks/settings/status", "up"),
    ] {
        assert_eq!(json.pointer(path).and_then(|it| it.as_str()), Some(expected), "{path}");
    }
    for path in [
        "/age_ms",
        "/checks/connection/latency_us",
        "/checks/pool/idle",
        "/checks/pool/checkouts",
        "/checks/sessions/open",
        "/checks/sessions/retries/transient",
        "/checks/migrations/done",
    ] {
        assert!(json.pointer(path).is_some_and(|it| it.is_u64()), "{path} in {json}");
    }
    assert_eq!(json.pointer("/ready"), Some(&true.into()));
    assert_eq!(json.pointer("/checks/migrations/pending"), Some(&serde_json::json!([])));
}

#[test]
fn a_server_that_takes_no_writes_is_degraded_and_reads_go_on() {
    use diesel::prelude::*;
    let server = Server::start().unwrap();
    server.sql("", "CREATE DATABASE shop; CREATE USER app; GRANT ALL ON shop.* TO app").unwrap();
    let url = server.url("shop");
    Database::open(DatabaseConfig::from_url(&url).unwrap().migrate(Migrate::Run)).unwrap();
    // root may write nevertheless.
    let url = url.replace("root@", "app@");
    let db = Database::open(DatabaseConfig::from_url(&url).unwrap()).unwrap();
    assert_eq!(db.health().status, Status::Up, "{}", db.health().to_json());

    server.sql("", "SET GLOBAL read_only = 1").unwrap();

    let health = db.health();
    assert_eq!((health.status, health.state), (Status::Degraded, State::Degraded));
    assert!(health.has_reason("read_only") && health.ready, "{}", health.to_json());
    assert_eq!(health.checks.writable.read_only, Some(true));
    let read = db.with_session(|session| {
        let rows = diesel::sql_query("SELECT * FROM steadfast_outcome").execute(session)?;
        Ok::<_, steadfast_session::Error>(rows)
    });
    assert!(read.is_ok(), "{read:?}");
    let write = db.transaction(|tx| {
        diesel::sql_query("DELETE FROM steadfast_outcome").execute(tx)?;
        Ok::<_, steadfast_session::Error>(())
    });
    assert_eq!(write.unwrap_err().errno(), Some(1290));

    server.sql("", "SET GLOBAL read_only = 0").unwrap();
    assert_eq!(db.health().status, Status::Up);
}

#[test]
fn pending_migrations_degrade_and_block_unless_somebody_else_migrates() {
    let database = server().database();
    let open = |migrate| {
        let scripts = Scripts(vec![script("1_a", "CREATE TABLE a (i INT)")]);
        Database::open(config(&database).migrations(scripts).migrate(migrate)).unwrap()
    };
    let checking = open(Migrate::Check);
    let health = checking.health();
    assert_eq!((health.status, health.ready), (Status::Degraded, false));
    assert!(health.has_reason("migrations_pending"));
    assert_eq!(health.checks.migrations.pending.len(), 4);

    let left_alone = open(Migrate::No);
    let health = left_alone.health();
    assert_eq!((health.status, health.ready), (Status::Up, true));
    assert_eq!(health.checks.migrations.pending.len(), 4, "told all the same");

    // The rollout waits for whoever migrates.
    open(Migrate::Run);
    let health = checking.health();
    assert_eq!((health.status, health.ready), (Status::Up, true), "{}", health.to_json());
}

#[test]
fn a_full_pool_can_be_diagnosed() {
    let database = server().database();
    let pool = PoolConfig::new().size(1).overflow(0).timeout(TEN_SECONDS);
    let db = Database::open(config(&database).pool(pool).migrate(Migrate::Run)).unwrap();
    let held = db.pool().get().unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| db.pool().get().map(drop));
        eventually(TEN_SECONDS, || db.pool().stats().waiting == 1);

        let health = db.health();

        assert_eq!((health.status, health.ready), (Status::Degraded, true));
        assert!(health.has_reason("pool_full"), "{}", health.to_json());
        let check = &health.checks.pool;
        assert_eq!((check.lent, check.waiting, check.holders.len()), (1, 1, 1));
        assert!(check.holders[0].contains("health.rs"), "{:?}", check.holders);
        assert_eq!(health.checks.connection.status, Status::Up, "it has a connection of its own");
        drop(held);
        waiter.join().unwrap().unwrap();
    });
    eventually(TEN_SECONDS, || db.health().status == Status::Up);
}

#[test]
fn many_who_ask_at_once_share_one_look() {
    let database = server().database();
    let proxy = server().proxy();
    let config = DatabaseConfig::from_url(&database.url_through(&proxy)).unwrap();
    let db = Database::open(config.health_interval(Duration::from_secs(3600))).unwrap();
    let before = proxy.packets().to_server();
    let reports: Vec<Health> = thread::scope(|scope| {
        let asking: Vec<_> = (0..64).map(|_| scope.spawn(|| db.health())).collect();
        asking.into_iter().map(|it| it.join().unwrap()).collect()
    });
    assert!(reports.iter().all(|it| it.checks.connection.status == Status::Up));
    let packets = proxy.packets().to_server() - before;
    // A look is about a dozen packets; without sharing it would be 64 looks.
    assert!(packets < 64 * 4, "{packets}");
    let before = proxy.packets().to_server();
    for _ in 0..10_000 {
        assert_eq!(db.http_answer("/health/live").status, 200);
    }
    for _ in 0..1000 {
        assert_eq!(db.last_health().checks.connection.status, Status::Up);
    }
    assert_eq!(proxy.packets().to_server(), before, "probes cost no query");
}
