//! A commit whose answer is lost is found out: it happens exactly once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod given;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use given::{Bank, TEN_SECONDS, book};
use steadfast_connection::Fault;
use steadfast_session::{Access, Attempt, Error, Outcome, RetryPolicy, SessionConfig, TxOptions};
use steadfast_testkit::{Proxy, Rule, Server, Vendor, eventually, server};

/// Commits one row through a proxy at which `rule` waits for the packet with COMMIT.
fn commit_under(rule: Rule) -> (Bank, Proxy, u32) {
    let proxy = server().proxy();
    let bank = Bank::through(&proxy);
    let mut runs = 0;
    let told = Arc::new(AtomicU32::new(0));
    let armed = proxy.rule(rule.containing("COMMIT"));
    let done = bank.sessions.transaction(|tx| {
        runs += 1;
        let told = Arc::clone(&told);
        tx.after_commit(move || _ = told.fetch_add(1, Relaxed));
        tx.raw().execute("INSERT INTO operation VALUES (?)", [1])
    });
    assert_eq!((done.unwrap(), armed.fired(), told.load(Relaxed)), (1, 1, 1));
    assert_eq!(bank.sql("SELECT COUNT(*) FROM operation"), "1");
    (bank, proxy, runs)
}

#[test]
fn a_lost_answer_to_commit_is_found_to_be_committed() {
    for rule in [Rule::cut_after(), Rule::cut_after().with_reset()] {
        let (bank, _proxy, runs) = commit_under(rule);
        assert_eq!(runs, 1);
        assert_eq!(bank.sql("SELECT state, resolves FROM steadfast_outcome"), "C\t1");
        let health = bank.sessions.health();
        assert_eq!((health.resolved_committed, health.resolved_aborted), (1, 0));
        assert_eq!((health.committed, health.retries.total()), (1, 0));
    }
}

#[test]
fn a_lost_request_to_commit_is_fenced_off_and_run_again() {
    let (bank, _proxy, runs) = commit_under(Rule::cut_before());
    assert_eq!(runs, 2);
    let states = "SELECT GROUP_CONCAT(state ORDER BY attempt) FROM steadfast_outcome";
    assert_eq!(bank.sql(states), "A,C");
    let health = bank.sessions.health();
    assert_eq!((health.resolved_committed, health.resolved_aborted), (0, 1));
    assert_eq!((health.committed, health.retries.disconnected), (1, 1));
}

#[test]
fn a_commit_cut_off_while_the_server_works_converges() {
    let (bank, _proxy, runs) = commit_under(Rule::cut_under_way());
    let rows = bank.sql("SELECT COUNT(*) FROM steadfast_outcome WHERE state = 'C'");
    assert_eq!(rows, "1");
    assert!((1..=2).contains(&runs), "{runs}");
}

#[test]
fn one_connection_is_enough_to_find_out() {
    let proxy = server().proxy();
    let bank = Bank::through(&proxy);
    let pool = given::pool_of(1, &bank.database.url_through(&proxy));
    let sessions = SessionConfig::new().build(pool).unwrap();
    for rule in [Rule::cut_after(), Rule::cut_before()] {
        proxy.rule(rule.containing("COMMIT"));
        sessions.transaction(|tx| book(tx, 1, 1)).unwrap();
    }
    assert_eq!(bank.cents(), "1002,1000");
}

#[test]
fn in_a_session_a_lost_commit_is_found_out_and_the_session_goes_on() {
    let proxy = server().proxy();
    let bank = Bank::through(&proxy);
    let mut session = bank.sessions.open().unwrap();
    let usual: i64 = session.raw().value("SELECT @@innodb_lock_wait_timeout", ()).unwrap();
    for (rule, twice) in [(Rule::cut_after(), false), (Rule::cut_before(), true)] {
        proxy.rule(rule.containing("COMMIT"));
        let mut runs = 0;
        session
            .transaction(|tx| {
                runs += 1;
                book(tx, 1, 1)
            })
            .unwrap();
        assert_eq!(runs == 2, twice);
        // The limit of the one who found out is not left behind.
        let limit: i64 = session.raw().value("SELECT @@innodb_lock_wait_timeout", ()).unwrap();
        assert_eq!(limit, usual);
    }
    assert_eq!(bank.cents(), "1002,1000");
}

#[test]
fn a_connection_that_found_something_out_goes_back_as_new() {
    let (bank, _proxy, _) = commit_under(Rule::cut_after());
    let usual = bank.sql("SELECT @@GLOBAL.innodb_lock_wait_timeout");
    let mut held = Vec::new();
    for _ in 0..bank.sessions.pool().stats().idle {
        let mut session = bank.sessions.open().unwrap();
        let limit = session.raw().value::<i64>("SELECT @@innodb_lock_wait_timeout", ()).unwrap();
        assert_eq!(limit.to_string(), usual);
        held.push(session);
    }
    assert!(!held.is_empty());
}

#[test]
fn work_that_runs_once_learns_that_it_was_not_committed() {
    let proxy = server().proxy();
    let bank = Bank::through(&proxy);
    proxy.rule(Rule::cut_before().containing("COMMIT"));

    let lost = bank.sessions.transaction_once(|tx| book(tx, 1, 1));

    let error = lost.unwrap_err();
    assert!(matches!(error, Error::CommitAborted { .. }), "{error}");
    assert_eq!(error.fault(), Fault::Disconnected);
    assert_eq!(bank.cents(), "1000,1000");

    proxy.rule(Rule::cut_after().containing("COMMIT"));
    bank.sessions.transaction_once(|tx| book(tx, 1, 1)).unwrap();
    assert_eq!(bank.cents(), "1001,1000");
}

#[test]
fn what_could_not_be_found_out_in_time_is_found_out_later() {
    let proxy = server().proxy();
    let bank = Bank::through(&proxy);
    bank.sessions.transaction(|tx| book(tx, 2, 1)).unwrap();
    // The server does not hear of the client's end: it keeps the transaction open, with its locks.
    proxy.rule(Rule::black_hole().containing("COMMIT"));
    let options = TxOptions::new().deadline(Duration::from_millis(1500));
    let mut id = 0;

    let unknown = bank.sessions.transaction_with(&options, |tx| {
        id = tx.thread_id();
        book(tx, 1, 1)
    });

    let error = unknown.unwrap_err();
    assert_eq!(error.fault(), Fault::Uncertain);
    let Error::CommitUnknown { attempt: Some(attempt), .. } = error else { panic!("{error}") };
    assert_eq!(bank.sessions.health().unresolved, 1);
    server().kill_connection(id).unwrap();
    assert_eq!(bank.sessions.resolve(attempt).unwrap(), Outcome::Aborted);
    // Asked again, the answer is the same.
    assert_eq!(bank.sessions.resolve(attempt).unwrap(), Outcome::Aborted);
    assert_eq!(bank.cents(), "1000,1001");
}

#[test]
fn an_answer_that_never_comes_is_not_waited_for_to_the_end() {
    let proxy = server().proxy();
    let config = SessionConfig::new().commit_timeout(Duration::from_millis(200));
    let bank = Bank::on(server(), config, Some(&proxy));
    bank.sql("CREATE TABLE note (id INT NOT NULL) ENGINE=InnoDB");
    proxy.rule(Rule::black_hole().containing("COMMIT"));
    let mut ids = Vec::new();
    let begun = Instant::now();

    bank.sessions
        .transaction(|tx| {
            ids.push(tx.thread_id());
            tx.raw().execute("INSERT INTO note VALUES (1)", ())
        })
        .unwrap();

    assert!(begun.elapsed() < TEN_SECONDS, "{:?}", begun.elapsed());
    assert_eq!((ids.len(), bank.sessions.health().resolved_aborted), (2, 1));
    // The server keeps the lost one open until somebody ends it.
    server().kill_connection(ids[0]).unwrap();
    assert_eq!(bank.sql("SELECT COUNT(*) FROM note"), "1");
}

/// Waits until somebody's tombstone waits for the row of a transaction that is alive.
fn until_a_tombstone_waits(bank: &Bank) {
    let waiting = "SELECT COUNT(*) FROM information_schema.processlist \
                   WHERE info LIKE 'INSERT%steadfast_outcome%' AND id <> CONNECTION_ID()";
    eventually(TEN_SECONDS, || bank.sql(waiting) != "0");
}

#[test]
fn a_commit_that_only_takes_long_is_waited_for() {
    let server = Server::start().unwrap();
    let reason =
        "nothing else holds commits back and lets writes through: BACKUP STAGE BLOCK_COMMIT";
    if !server.version().runs(Vendor::MariaDb, reason) {
        return;
    }
    let config = SessionConfig::new().commit_timeout(Duration::from_millis(100));
    let bank = Bank::on(&server, config, None);
    let mut blocker = bank.sessions.open().unwrap();
    blocker.batch("BACKUP STAGE START; BACKUP STAGE BLOCK_COMMIT").unwrap();
    let mut runs = 0;

    std::thread::scope(|scope| {
        scope.spawn(|| {
            eventually(TEN_SECONDS, || bank.sessions.health().last_error.is_some());
            until_a_tombstone_waits(&bank);
            blocker.batch("BACKUP STAGE END").unwrap();
        });
        let done = bank.sessions.transaction(|tx| {
            runs += 1;
            book(tx, 1, 1)
        });
        done.unwrap();
    });

    assert_eq!((runs, bank.cents().as_str()), (1, "1001,1000"));
    assert_eq!(bank.sessions.health().resolved_committed, 1);
}

#[test]
fn an_attempt_that_was_resolved_while_it_ran_cannot_commit() {
    let bank = Bank::new();
    let mut attempts: Vec<Attempt> = Vec::new();

    bank.sessions
        .transaction(|tx| -> Result<(), Error> {
            attempts.extend(tx.attempt());
            book(tx, 1, 1)?;
            if attempts.len() == 1 {
                assert_eq!(bank.sessions.resolve(attempts[0])?, Outcome::Aborted);
            }
            Ok(())
        })
        .unwrap();

    assert_eq!((attempts.len(), bank.cents().as_str()), (2, "1001,1000"));
    assert_eq!(bank.sessions.resolve(attempts[1]).unwrap(), Outcome::Committed);
}

#[test]
fn the_outcome_of_a_transaction_that_is_alive_is_waited_for() {
    let bank = Bank::new();
    let mut session = bank.sessions.open().unwrap();
    session.begin("START TRANSACTION").unwrap();
    let attempt = Attempt::from_bytes([7; 16]);
    session
        .raw()
        .execute("INSERT INTO steadfast_outcome (attempt, state) VALUES (?, 'C')", [[7; 16]])
        .unwrap();
    std::thread::scope(|scope| {
        let resolver = scope.spawn(|| bank.sessions.resolve(attempt));
        until_a_tombstone_waits(&bank);
        session.commit("").unwrap();
        assert_eq!(resolver.join().unwrap().unwrap(), Outcome::Committed);
    });
}

#[test]
fn a_missing_table_is_named_with_the_way_out() {
    let bank = Bank::new();
    bank.sql("DROP TABLE steadfast_outcome");

    let error = bank.sessions.transaction(|tx| book(tx, 1, 1)).unwrap_err();

    assert!(matches!(error, Error::OutcomeTableMissing { .. }), "{error}");
    assert_eq!((error.fault(), error.errno()), (Fault::Permanent, Some(1146)));
    let told = error.to_string();
    assert!(told.contains("Database::migrate") && told.contains("exactly_once(false)"), "{told}");
    assert_eq!(bank.cents(), "1000,1000");
}

#[test]
fn without_a_record_a_lost_answer_stays_unknown() {
    let proxy = server().proxy();
    let config = SessionConfig::new().exactly_once(false);
    let bank = Bank::on(server(), config, Some(&proxy));
    bank.sql("DROP TABLE steadfast_outcome");
    bank.sessions.transaction(|tx| book(tx, 1, 1)).unwrap();
    proxy.rule(Rule::cut_after().containing("COMMIT"));

    let error = bank.sessions.transaction(|tx| book(tx, 1, 1)).unwrap_err();

    assert!(matches!(error, Error::CommitUnknown { attempt: None, .. }), "{error}");
    assert_eq!(bank.cents(), "1002,1000");
}

#[test]
fn a_lost_answer_to_a_read_only_commit_loses_nothing() {
    let proxy = server().proxy();
    let bank = Bank::through(&proxy);
    proxy.rule(Rule::cut_before().containing("COMMIT"));
    let options = TxOptions::new().access(Access::ReadOnly).retry(RetryPolicy::new().attempts(1));

    let read = bank.sessions.transaction_with(&options, |tx| {
        tx.raw().value::<i64>("SELECT cents FROM account WHERE id = 1", ())
    });

    assert_eq!(read.unwrap(), 1000);
}

#[test]
fn the_record_stays_in_its_own_database_wherever_the_work_goes() {
    let proxy = server().proxy();
    let bank = Bank::through(&proxy);
    let elsewhere = server().database();
    elsewhere.sql(given::OUTCOME).unwrap();
    proxy.rule(Rule::cut_after().containing("COMMIT"));
    let mut runs = 0;

    bank.sessions
        .transaction(|tx| -> Result<(), Error> {
            runs += 1;
            book(tx, 1, 1)?;
            tx.batch_execute(&format!("USE {}", elsewhere.name()))?;
            Ok(())
        })
        .unwrap();

    assert_eq!((runs, bank.cents().as_str()), (1, "1001,1000"));
    assert_eq!(elsewhere.sql("SELECT COUNT(*) FROM steadfast_outcome").unwrap(), "0");
}

#[test]
fn on_a_server_without_autocommit_a_fence_lasts() {
    let server = Server::with(&["--autocommit=0"]).unwrap();
    let proxy = server.proxy();
    let bank = Bank::on(&server, SessionConfig::new(), Some(&proxy));
    proxy.rule(Rule::cut_before().containing("COMMIT"));

    bank.sessions.transaction(|tx| book(tx, 1, 1)).unwrap();

    let states = "SELECT GROUP_CONCAT(state ORDER BY attempt) FROM steadfast_outcome";
    assert_eq!((bank.sql(states).as_str(), bank.cents().as_str()), ("A,C", "1001,1000"));
}
