//! Old rows are deleted: exactly those, in small steps, beside others.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod ground;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ground::config;
use steadfast_manager::{Database, Error, Migrate, Purge, Task, TaskRefusal};
use steadfast_testkit::{TestDatabase, server};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn opened(database: &TestDatabase) -> Database {
    Database::open(config(database).migrate(Migrate::Run)).unwrap()
}

fn purge(column: &str) -> Purge {
    Task::purge("events").column(column).older_than(30 * DAY)
}

#[test]
fn exactly_the_old_rows_go_whatever_their_keys() {
    let database = server().database();
    let db = opened(&database);
    // 40 days of rows, many of the same moment, in an order that is not that of their keys; the key is
    // of two parts, one of them text that sorts by its collation.
    database
        .sql(
            "CREATE TABLE events (shop VARCHAR(10) COLLATE utf8mb4_unicode_ci NOT NULL, nr INT, \
             created DATETIME NOT NULL, PRIMARY KEY (shop, nr), KEY (created)); \
             INSERT INTO events SELECT ELT(1 + seq % 4, 'a', 'B', 'ç', 'Ä'), seq, \
             UTC_TIMESTAMP() - INTERVAL (seq * 7 % 40) DAY FROM seq_1_to_8000; \
             INSERT INTO events SELECT 'same', seq, UTC_TIMESTAMP() - INTERVAL 35 DAY FROM seq_1_to_1000; \
             CREATE TABLE young AS SELECT * FROM events \
             WHERE created > UTC_TIMESTAMP() - INTERVAL 30 DAY",
        )
        .unwrap();
    let old = "SELECT COUNT(*) FROM events WHERE created < UTC_TIMESTAMP() - INTERVAL 30 DAY";
    let due: u64 = database.sql(old).unwrap().parse().unwrap();
    assert!(due > 2500, "{due}");

    let report = db.maintain(purge("created").step_rows(300)).unwrap();

    assert!(report.finished && report.steps > 8, "{report:?}");
    assert_eq!(database.sql(old).unwrap(), "0");
    let lost =
        "SELECT COUNT(*) FROM young y LEFT JOIN events e USING (shop, nr) WHERE e.nr IS NULL";
    assert_eq!(database.sql(lost).unwrap(), "0");
    let left: u64 = database.sql("SELECT COUNT(*) FROM events").unwrap().parse().unwrap();
    assert_eq!(left + report.items, 9000);
    let runs = "SELECT task, target, state, items FROM steadfast_maintenance";
    assert_eq!(database.sql(runs).unwrap(), format!("purge\tevents\tdone\t{}", report.items));
}

#[test]
fn a_key_that_does_not_compare_as_it_sorts_still_ends() {
    let database = server().database();
    let db = opened(&database);
    database
        .sql(
            "CREATE TABLE events (kind ENUM('z', 'm', 'a'), nr INT, at TIMESTAMP NOT NULL, \
             PRIMARY KEY (at, kind, nr)); \
             INSERT INTO events SELECT 1 + seq % 3, seq, UTC_TIMESTAMP() - INTERVAL 50 DAY \
             FROM seq_1_to_600; \
             INSERT INTO events SELECT 1, seq, UTC_TIMESTAMP() FROM seq_1_to_10",
        )
        .unwrap();
    let report = db.maintain(purge("at").step_rows(100)).unwrap();
    assert_eq!((report.items, report.finished), (600, true));
    assert_eq!(database.sql("SELECT COUNT(*) FROM events").unwrap(), "10");
}

#[test]
fn rows_that_come_and_change_meanwhile_are_treated_by_their_age() {
    let database = server().database();
    let db = opened(&database);
    database
        .sql(
            "CREATE TABLE events (nr INT AUTO_INCREMENT PRIMARY KEY, at DATETIME NOT NULL, KEY (at)); \
             INSERT INTO events (at) SELECT UTC_TIMESTAMP() - INTERVAL 60 DAY FROM seq_1_to_20000",
        )
        .unwrap();
    let over = AtomicBool::new(false);
    let inserted = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut inserted = 0;
            while !over.load(Ordering::Acquire) {
                let sql = "INSERT INTO events (at) SELECT UTC_TIMESTAMP() FROM seq_1_to_10";
                database.sql(sql).unwrap();
                inserted += 10;
            }
            inserted
        });
        let report = db.maintain(purge("at").step_rows(500)).unwrap();
        over.store(true, Ordering::Release);
        assert_eq!(report.items, 20_000);
        writer.join().unwrap()
    });
    assert_eq!(database.sql("SELECT COUNT(*) FROM events").unwrap(), inserted.to_string());
}

#[test]
fn what_cannot_be_purged_in_steps_is_refused() {
    let database = server().database();
    let db = opened(&database);
    database
        .sql(
            "CREATE TABLE events (nr INT PRIMARY KEY, at DATETIME, late DATETIME, n INT, KEY (at), KEY (n, late)); \
             CREATE TABLE keyless (at DATETIME, KEY (at)); CREATE VIEW seen AS SELECT * FROM events; \
             INSERT INTO events VALUES (1, '2001-01-01', '2001-01-01', 1)",
        )
        .unwrap();
    let text = str::to_owned;
    let on = |table: &str| Task::purge(table).column("at").older_than(DAY);
    let table = text("events");
    for (task, expected) in [
        (on("nowhere"), TaskRefusal::NoTable { table: text("nowhere") }),
        (on("seen"), TaskRefusal::NoTable { table: text("seen") }),
        (on("keyless"), TaskRefusal::NoPrimaryKey { table: text("keyless") }),
        (purge("when"), TaskRefusal::NoColumn { table: table.clone(), column: text("when") }),
        (purge("late"), TaskRefusal::NoIndex { table: table.clone(), column: text("late") }),
        (purge("n"), TaskRefusal::NoTime { table, column: text("n"), data_type: text("int") }),
        (Task::purge("events").column("at"), TaskRefusal::Missing { setting: "older_than" }),
    ] {
        let refused = db.maintain(task).unwrap_err();
        assert!(matches!(&refused, Error::TaskRefused(it) if *it == expected), "{refused:?}");
    }
    assert_eq!(database.sql("SELECT COUNT(*) FROM events").unwrap(), "1");
    assert_eq!(database.sql("SELECT COUNT(*) FROM steadfast_maintenance").unwrap(), "0");
}

#[test]
fn outcome_rows_go_at_their_age() {
    let database = server().database();
    let db = opened(&database);
    database
        .sql(
            "INSERT INTO steadfast_outcome (attempt, state, at) VALUES \
             (UNHEX(REPEAT('01', 16)), 'C', UTC_TIMESTAMP() - INTERVAL 8 DAY), \
             (UNHEX(REPEAT('02', 16)), 'A', UTC_TIMESTAMP() - INTERVAL 6 DAY)",
        )
        .unwrap();
    let report = db.maintain(Task::outcome_retention(7 * DAY)).unwrap();
    assert_eq!((report.task, report.items), ("outcome_retention", 1));
    assert_eq!(database.sql("SELECT state FROM steadfast_outcome").unwrap(), "A");
}
