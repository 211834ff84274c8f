//! Transactions whose session sleeps are ended, and nobody else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod ground;

use std::time::Duration;

use ground::{TEN_SECONDS, config};
use steadfast_connection::{Config, Connection};
use steadfast_manager::{Database, Migrate, Task};
use steadfast_testkit::{TestDatabase, eventually, server};

fn connected(database: &TestDatabase) -> Connection {
    Connection::open(&Config::from_url(&database.url()).unwrap()).unwrap()
}

#[test]
fn only_a_session_that_sleeps_in_a_transaction_is_ended() {
    let database = server().database();
    let other_database = server().database();
    let db = Database::open(config(&database).migrate(Migrate::Run)).unwrap();
    for it in [&database, &other_database] {
        it.sql("CREATE TABLE t (i INT PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)").unwrap();
    }
    let mut sleeper = connected(&database);
    sleeper.batch("BEGIN; UPDATE t SET i = 10 WHERE i = 1").unwrap();
    let mut idle = connected(&database);
    idle.batch("SELECT 1").unwrap();
    let mut elsewhere = connected(&other_database);
    elsewhere.batch("BEGIN; UPDATE t SET i = 10 WHERE i = 1").unwrap();
    let mut backup = connected(&database);
    backup.batch("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY; SELECT * FROM t").unwrap();
    let asleep = format!(
        "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE COMMAND = 'Sleep' AND TIME >= 2 \
         AND ID IN ({}, {}, {}, {})",
        sleeper.thread_id(),
        idle.thread_id(),
        elsewhere.thread_id(),
        backup.thread_id()
    );
    eventually(TEN_SECONDS, || database.sql(&asleep).unwrap() == "4");
    let mut awake = connected(&database);
    awake.batch("BEGIN; UPDATE t SET i = 20 WHERE i = 2").unwrap();

    let report = db.maintain(Task::kill_idle_transactions(Duration::from_secs(2))).unwrap();

    let killed: Vec<u64> = report.killed.iter().map(|it| it.connection).collect();
    assert_eq!(killed, [sleeper.thread_id()], "{report:?}");
    assert!(report.killed[0].idle >= Duration::from_secs(2));
    assert!(sleeper.batch("SELECT 1").unwrap_err().source_error().is_disconnect());
    for (name, conn) in [
        ("idle", &mut idle),
        ("elsewhere", &mut elsewhere),
        ("backup", &mut backup),
        ("awake", &mut awake),
    ] {
        assert!(conn.batch("SELECT 1").is_ok(), "{name} was left alone");
    }
    let rows = "SELECT i FROM t ORDER BY i";
    assert_eq!(database.sql(rows).unwrap(), "1\n2\n3", "what it had not committed is undone");
    let runs = "SELECT task, state, items FROM steadfast_maintenance";
    assert_eq!(database.sql(runs).unwrap(), "kill_idle_transactions\tdone\t1");
}

#[test]
fn a_runner_of_migrations_is_never_ended() {
    let database = server().database();
    let db = Database::open(config(&database).migrate(Migrate::Run)).unwrap();
    database.sql("CREATE TABLE t (i INT PRIMARY KEY)").unwrap();
    // A runner of another process, between two statements: it holds the lock.
    let name = database
        .sql(&format!("SELECT CONCAT('steadfast:m:', LEFT(SHA2('{}', 256), 20))", database.name()))
        .unwrap();
    let mut runner = connected(&database);
    runner.batch(&format!("DO GET_LOCK('{name}', 0); BEGIN; INSERT INTO t VALUES (1)")).unwrap();
    let id = runner.thread_id();
    let asleep = format!("SELECT TIME >= 1 FROM information_schema.PROCESSLIST WHERE ID = {id}");
    eventually(TEN_SECONDS, || database.sql(&asleep).unwrap() == "1");

    let report = db.maintain(Task::kill_idle_transactions(Duration::from_secs(1))).unwrap();

    assert_eq!(report.killed, []);
    runner.batch("COMMIT").unwrap();
}
