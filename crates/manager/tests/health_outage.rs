//! The server is gone, frozen or back: health says so in time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod ground;

use std::time::{Duration, Instant};

use ground::TEN_SECONDS;
use steadfast_manager::{Database, DatabaseConfig, Migrate, State, Status};
use steadfast_testkit::{Server, eventually};

/// The health limit, and what a busy machine may add.
const IN_TIME: Duration = Duration::from_millis(2000 + 1500);

fn opened() -> (Server, Database) {
    let server = Server::start().unwrap();
    server.sql("", "CREATE DATABASE shop").unwrap();
    let config = DatabaseConfig::from_url(&server.url("shop")).unwrap().migrate(Migrate::Run);
    let db = Database::open(config).unwrap();
    (server, db)
}

#[test]
fn a_server_that_is_killed_is_down_and_comes_back() {
    let (server, db) = opened();
    assert_eq!(db.health().status, Status::Up);

    server.kill().unwrap();

    let begun = Instant::now();
    let health = db.health();
    assert!(begun.elapsed() < IN_TIME, "{:?}", begun.elapsed());
    assert_eq!((health.status, health.state, health.ready), (Status::Down, State::Degraded, false));
    assert!(health.has_reason("unreachable"), "{}", health.to_json());
    let check = &health.checks.connection;
    assert!(check.errno.is_some() && check.error.is_some(), "{check:?}");
    assert!(check.database.is_some(), "what it said last is still told");
    // Without being asked, the thread notices too.
    eventually(TEN_SECONDS, || db.http_answer("/health/ready").status == 503);
    assert_eq!(db.http_answer("/health").status, 503);
    assert_eq!(db.http_answer("/health/live").status, 200);
    assert!(db.http_answer("/metrics").body.contains("\nsteadfast_server_up 0\n"));

    server.restart().unwrap();
    assert_eq!(db.health().status, Status::Up, "{}", db.health().to_json());
    assert_eq!(db.http_answer("/health/ready").status, 200);
}

#[test]
fn a_frozen_server_hangs_nobody() {
    let (server, db) = opened();
    server.pause().unwrap();
    for _ in 0..3 {
        let begun = Instant::now();
        let health = db.health();
        assert!(begun.elapsed() < IN_TIME, "{:?}", begun.elapsed());
        assert_eq!(health.status, Status::Down, "{}", health.to_json());
        assert!(health.has_reason("unreachable"));
    }
    let begun = Instant::now();
    for _ in 0..100 {
        assert_eq!(db.http_answer("/health/ready").status, 503);
        assert_eq!(db.http_answer("/health/live").status, 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "an answer waits for nothing");
    server.resume().unwrap();
    eventually(TEN_SECONDS, || db.health().status == Status::Up);
}

#[test]
fn a_frozen_server_does_not_hold_up_close() {
    let (server, db) = opened();
    server.pause().unwrap();
    assert_eq!(db.health().status, Status::Down);
    let begun = Instant::now();
    db.close(Duration::from_secs(3));
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert_eq!(db.state(), State::Closed);
    server.resume().unwrap();
}
