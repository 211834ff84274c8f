//! The end: what is under way may finish, the rest is cut, and the limit is kept.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod ground;

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use ground::{TEN_SECONDS, config};
use steadfast_manager::{Database, Error, Migrate, State, Task};
use steadfast_session::Error as SessionError;
use steadfast_testkit::{TestDatabase, eventually, server};

fn opened(database: &TestDatabase) -> Database {
    Database::open(config(database).migrate(Migrate::Run)).unwrap()
}

/// Connections of this database, the client that asks not counted.
fn connections(database: &TestDatabase) -> usize {
    let list = "SELECT COUNT(*) - 1 FROM information_schema.PROCESSLIST WHERE DB = DATABASE()";
    database.sql(list).unwrap().parse().unwrap()
}

#[test]
fn an_idle_database_closes_at_once_and_leaves_no_connection() {
    let database = server().database();
    let db = opened(&database);
    drop(db.pool().get().unwrap());
    let begun = Instant::now();

    let report = db.close(TEN_SECONDS);

    assert!(report.finished, "{report:?}");
    assert!(begun.elapsed() < TEN_SECONDS / 2, "{:?}", begun.elapsed());
    assert_eq!((report.threads_left, report.jobs_cut), (0, 0));
    assert_eq!(db.state(), State::Closed);
    eventually(TEN_SECONDS, || connections(&database) == 0);
}

#[test]
fn a_second_call_returns_the_first_report() {
    let database = server().database();
    let db = opened(&database);
    let first = db.close(TEN_SECONDS);
    assert_eq!(db.clone().close(Duration::ZERO), first);
    let together: Vec<_> = thread::scope(|scope| {
        let db = opened(&database);
        let calls: Vec<_> = (0..4)
            .map(|_| {
                let db = db.clone();
                scope.spawn(move || db.close(TEN_SECONDS))
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert!(together.iter().all(|report| *report == together[0] && report.finished));
}

#[test]
fn a_closed_database_refuses_everything_at_once() {
    let database = server().database();
    let db = opened(&database);
    db.close(TEN_SECONDS);
    let begun = Instant::now();
    let work = db.transaction(|_| Ok::<_, SessionError>(()));
    assert!(matches!(work, Err(SessionError::Closed)), "{work:?}");
    let lease = db.pool().get();
    assert!(matches!(lease, Err(steadfast_pool::Error::Closed(_))), "{lease:?}");
    assert!(matches!(db.migrate(), Err(Error::Closed)));
    assert!(matches!(db.maintain(Task::check()), Err(Error::Closed)));
    assert_eq!(db.health().state, State::Closed);
    assert!(begun.elapsed() < TEN_SECONDS / 2, "{:?}", begun.elapsed());
}

#[test]
fn what_finishes_in_time_is_not_cut() {
    let database = server().database();
    database.sql("CREATE TABLE t (i INT PRIMARY KEY)").unwrap();
    let db = opened(&database);
    let open = Barrier::new(2);
    thread::scope(|scope| {
        let working = scope.spawn(|| {
            db.transaction_once(|tx| {
                open.wait();
                eventually(TEN_SECONDS, || db.state() == State::Draining);
                diesel::sql_query("INSERT INTO t VALUES (1)").execute(tx)?;
                Ok::<_, SessionError>(())
            })
        });
        open.wait();
        let report = db.close(TEN_SECONDS);
        assert!(report.finished, "{report:?}");
        working.join().unwrap().unwrap();
    });
    assert_eq!(database.sql("SELECT i FROM t").unwrap(), "1");
}

#[test]
fn sixteen_busy_sessions_are_cut_at_the_limit() {
    const BUSY: usize = 16;
    let database = server().database();
    database.sql("CREATE TABLE t (i INT PRIMARY KEY)").unwrap();
    let db = opened(&database);
    thread::scope(|scope| {
        let busy: Vec<_> = (0..BUSY)
            .map(|i| {
                let db = &db;
                scope.spawn(move || {
                    db.transaction(|tx| {
                        diesel::sql_query(format!("INSERT INTO t VALUES ({i})")).execute(tx)?;
                        diesel::sql_query("DO SLEEP(3600)").execute(tx)?;
                        Ok::<_, SessionError>(())
                    })
                })
            })
            .collect();
        let asleep = "SELECT COUNT(*) FROM information_schema.PROCESSLIST \
                      WHERE DB = DATABASE() AND INFO LIKE 'DO SLEEP%'";
        eventually(TEN_SECONDS, || database.sql(asleep).unwrap() == BUSY.to_string());
        let begun = Instant::now();

        let report = db.close(Duration::from_secs(2));

        assert!(begun.elapsed() < Duration::from_millis(3500), "{:?}", begun.elapsed());
        assert_eq!((report.cut.len(), report.finished), (BUSY, false), "{report:?}");
        assert!(report.cut[0].contains("close.rs"), "{:?}", report.cut);
        for worker in busy {
            let ended = worker.join().unwrap();
            assert!(ended.is_err(), "{ended:?}");
        }
    });
    assert_eq!(database.sql("SELECT COUNT(*) FROM t").unwrap(), "0", "nothing half done");
}

#[test]
fn maintenance_under_way_stops_and_is_not_lost() {
    let database = server().database();
    let db = opened(&database);
    database
        .sql(
            "CREATE TABLE events (nr INT PRIMARY KEY, at DATETIME NOT NULL, KEY (at)); \
             INSERT INTO events SELECT seq, UTC_TIMESTAMP() - INTERVAL 60 DAY FROM seq_1_to_60000",
        )
        .unwrap();
    thread::scope(|scope| {
        let day = Duration::from_secs(24 * 3600);
        let purge = Task::purge("events").column("at").older_than(day).step_rows(10);
        let purging = scope.spawn(|| db.maintain(purge));
        let left = || database.sql("SELECT COUNT(*) FROM events").unwrap().parse::<u64>().unwrap();
        eventually(TEN_SECONDS, || left() < 60_000);

        let report = db.close(TEN_SECONDS);

        let stopped = purging.join().unwrap().unwrap();
        assert!(report.finished && !stopped.finished, "{report:?} {stopped:?}");
        assert_eq!(left() + stopped.items, 60_000);
    });
}

#[test]
fn a_statement_of_maintenance_that_does_not_end_is_cut() {
    let database = server().database();
    let db = opened(&database);
    database.sql("CREATE TABLE t (i INT PRIMARY KEY)").unwrap();
    let mut blocker = db.pool().get().unwrap();
    blocker.batch("LOCK TABLES t WRITE").unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| db.maintain(Task::analyze()));
        let stuck = "SELECT COUNT(*) FROM information_schema.PROCESSLIST \
                     WHERE DB = DATABASE() AND INFO LIKE 'ANALYZE %`t`'";
        eventually(TEN_SECONDS, || database.sql(stuck).unwrap() == "1");
        let begun = Instant::now();
        let report = db.close(Duration::from_secs(2));
        assert!(begun.elapsed() < Duration::from_millis(3500), "{:?}", begun.elapsed());
        assert_eq!((report.jobs_cut, report.held.len()), (1, 1), "{report:?}");
        let cut = waiting.join().unwrap().unwrap_err();
        assert!(matches!(cut.errno(), Some(2006 | 2013)), "{cut:?}");
    });
}
