//! What passes is run again, what does not is returned, and the server's first word decides.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod given;

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Barrier, Once};
use std::thread;
use std::time::Duration;

use given::{Bank, TEN_SECONDS, book};
use steadfast_connection::Fault;
use steadfast_session::{Error, RetryPolicy, SessionConfig, Tx, TxOptions};
use steadfast_testkit::{eventually, server};

/// An error of the application, which knows nothing of ours.
#[derive(Debug)]
enum Refusal {
    TooPoor(i32),
    Database,
}

impl From<Error> for Refusal {
    fn from(_: Error) -> Self {
        Self::Database
    }
}

/// Two threads take the two accounts in opposite order, each once both have their first.
/// `second` books on the second account.
fn cross<E>(bank: &Bank, second: impl Fn(&mut Tx<'_>, i32) -> Result<(), E> + Sync)
where
    E: From<Error> + std::fmt::Debug,
{
    let both = Barrier::new(2);
    let (both, second) = (&both, &second);
    let transfer = |from: i32, to: i32| {
        let first_time = Once::new();
        let done = bank.sessions.transaction(|tx| -> Result<(), E> {
            book(tx, from, -10)?;
            first_time.call_once(|| _ = both.wait());
            second(tx, to)
        });
        done.unwrap();
    };
    thread::scope(|scope| {
        scope.spawn(|| transfer(1, 2));
        scope.spawn(|| transfer(2, 1));
    });
}

#[test]
fn two_that_deadlock_both_commit() {
    let bank = Bank::new();

    cross(&bank, |tx, to| book(tx, to, 7).map(drop));

    assert_eq!(bank.cents(), "997,997");
    let health = bank.sessions.health();
    assert_eq!((health.committed, health.open), (2, 0));
    assert!(health.retries.transient >= 1, "{health:?}");
    assert_eq!(health.last_error.unwrap().errno, Some(1213));
}

#[test]
fn a_swallowed_deadlock_never_commits_half() {
    let bank = Bank::new();

    cross(&bank, |tx, to| {
        if book(tx, to, 7).is_err() {
            // The work takes no notice and even goes on.
            let _refused = tx.raw().execute("INSERT INTO operation VALUES (?)", [to]).is_err();
        }
        Ok::<(), Error>(())
    });

    assert_eq!(bank.cents(), "997,997");
    assert_eq!(bank.sql("SELECT COUNT(*) FROM operation"), "0");
}

#[test]
fn a_deadlock_in_a_savepoint_is_told_as_a_deadlock_and_run_again() {
    let bank = Bank::new();

    cross(&bank, |tx, to| tx.savepoint(|tx| tx.savepoint(|tx| book(tx, to, 7).map(drop))));

    assert_eq!(bank.cents(), "997,997");
    assert_eq!(bank.sessions.health().last_error.unwrap().errno, Some(1213));
}

#[test]
fn a_deadlock_that_the_work_wraps_in_its_own_error_is_run_again() {
    let bank = Bank::new();

    cross(&bank, |tx, to| book(tx, to, 7).map(drop).map_err(|_wrapped| Refusal::TooPoor(to)));

    assert_eq!(bank.cents(), "997,997");
    assert!(bank.sessions.health().retries.transient >= 1);
}

#[test]
fn a_lock_timeout_is_run_again() {
    let bank = Bank::new();
    let mut blocker = bank.sessions.open().unwrap();
    blocker.begin("START TRANSACTION").unwrap();
    blocker.raw().execute("UPDATE account SET cents = 0 WHERE id = 1", ()).unwrap();

    let mut runs = 0;
    let done = bank.sessions.transaction(|tx| -> Result<(), Error> {
        runs += 1;
        if runs == 2 {
            blocker.rollback().unwrap();
        }
        tx.raw().execute("SET innodb_lock_wait_timeout = 1", ())?;
        book(tx, 2, 1)?;
        book(tx, 1, 1)?;
        Ok(())
    });

    done.unwrap();
    assert_eq!((runs, bank.cents().as_str()), (2, "1001,1001"));
    assert_eq!(bank.sessions.health().last_error.unwrap().errno, Some(1205));
}

#[test]
fn a_connection_killed_in_the_work_is_replaced_and_the_work_run_again() {
    let bank = Bank::new();
    let mut session = bank.sessions.open().unwrap();
    for kept in [false, true] {
        let mut runs = 0;
        let work = |tx: &mut Tx<'_>| -> Result<(), Error> {
            runs += 1;
            book(tx, 1, 1)?;
            if runs == 1 {
                server().kill_connection(tx.thread_id()).unwrap();
            }
            book(tx, 2, 1)?;
            Ok(())
        };
        if kept { session.transaction(work) } else { bank.sessions.transaction(work) }.unwrap();
        assert_eq!(runs, 2);
    }
    assert_eq!(bank.cents(), "1002,1002");
    assert_eq!(bank.sessions.health().retries.disconnected, 2);
    assert_eq!(session.raw().value::<i64>("SELECT 1", ()).unwrap(), 1);
}

#[test]
fn a_session_that_lost_what_was_set_on_it_runs_nothing_again() {
    let bank = Bank::new();
    let mut session = bank.sessions.open().unwrap();
    session.raw().execute("SET @mine = 1", ()).unwrap();
    let id = session.thread_id();
    let mut runs = 0;
    let told = session.transaction(|tx| -> Result<(), Error> {
        runs += 1;
        server().kill_connection(id).unwrap();
        book(tx, 1, 1).map(drop)
    });
    assert!(matches!(told, Err(Error::SessionStateLost)), "{told:?}");
    assert_eq!((runs, bank.cents().as_str()), (1, "1000,1000"));
}

#[test]
fn an_error_of_the_application_is_rolled_back_and_returned_unchanged() {
    let bank = Bank::new();
    let runs = AtomicU32::new(0);

    let refused = bank.sessions.transaction(|tx| -> Result<(), Refusal> {
        runs.fetch_add(1, Relaxed);
        book(tx, 1, -5000)?;
        Err(Refusal::TooPoor(1))
    });

    assert!(matches!(refused, Err(Refusal::TooPoor(1))), "{refused:?}");
    assert_eq!((runs.load(Relaxed), bank.cents().as_str()), (1, "1000,1000"));
    assert_eq!(bank.sessions.pool().stats().retired, 0);
}

#[test]
fn a_duplicate_key_is_returned_at_once_with_its_number() {
    let bank = Bank::new();
    let mut runs = 0;

    let refused = bank.sessions.transaction(|tx| -> Result<u64, Error> {
        runs += 1;
        book(tx, 2, 1)?;
        tx.raw().execute("INSERT INTO account VALUES (1, 0)", ())
    });

    let error = refused.unwrap_err();
    assert_eq!((error.fault(), error.errno()), (Fault::Constraint, Some(1062)));
    assert_eq!((runs, error.sqlstate()), (1, Some("23000")));
    assert_eq!(bank.cents(), "1000,1000");
}

#[test]
fn work_in_diesels_own_terms_keeps_diesels_errors() {
    use diesel::prelude::*;
    let bank = Bank::new();

    let refused = bank.sessions.transaction(|tx| -> QueryResult<usize> {
        diesel::sql_query("INSERT INTO account VALUES (1, 0)").execute(tx)
    });

    use diesel::result::{DatabaseErrorKind::UniqueViolation, Error::DatabaseError};
    assert!(matches!(refused, Err(DatabaseError(UniqueViolation, _))), "{refused:?}");
}

#[test]
fn attempts_and_time_have_an_end_and_tell_the_last_cause() {
    let bank = Bank::new();
    let mut blocker = bank.sessions.open().unwrap();
    blocker.begin("START TRANSACTION").unwrap();
    blocker.raw().execute("UPDATE account SET cents = 0 WHERE id = 1", ()).unwrap();
    let options = TxOptions::new().retry(RetryPolicy::new().attempts(2));
    let mut runs = 0;

    let given_up = bank.sessions.transaction_with(&options, |tx| -> Result<u64, Error> {
        runs += 1;
        tx.raw().execute("SET innodb_lock_wait_timeout = 1", ())?;
        book(tx, 1, 1)
    });
    let error = given_up.unwrap_err();
    assert!(matches!(error, Error::OutOfAttempts { attempts: 2, .. }), "{error}");
    assert_eq!((runs, error.errno(), error.fault()), (2, Some(1205), Fault::Transient));

    let options = TxOptions::new().deadline(Duration::from_millis(300));
    let given_up =
        bank.sessions.transaction_with(&options, |tx| -> Result<u64, Error> { book(tx, 1, 1) });
    let error = given_up.unwrap_err();
    assert!(matches!(error, Error::OutOfTime { attempts: 1, .. }), "{error}");
    blocker.rollback().unwrap();
}

#[test]
fn work_that_runs_once_never_runs_twice() {
    let bank = Bank::new();
    let mut runs = 0;

    let lost = bank.sessions.transaction_once(|tx| -> Result<(), Error> {
        runs += 1;
        book(tx, 1, 1)?;
        server().kill_connection(tx.thread_id()).unwrap();
        book(tx, 2, 1)?;
        Ok(())
    });

    assert_eq!(lost.unwrap_err().fault(), Fault::Disconnected);
    assert_eq!((runs, bank.cents().as_str()), (1, "1000,1000"));
}

#[test]
fn work_that_runs_once_still_begins_on_a_second_connection() {
    let bank = Bank::new();
    // The only idle connection is dead, and used too recently to be pinged.
    let id = bank.sessions.with_session(|session| Ok::<_, Error>(session.thread_id())).unwrap();
    server().kill_connection(id).unwrap();
    let mut runs = 0;

    let done = bank.sessions.transaction_once(|tx| {
        runs += 1;
        book(tx, 1, 1)
    });

    assert_eq!((done.unwrap(), runs), (1, 1));
}

#[test]
fn a_panic_rolls_back_and_leaves_the_pool_whole() {
    let bank = Bank::new();
    let mut session = bank.sessions.open().unwrap();
    for kept in [false, true] {
        let work = |tx: &mut Tx<'_>| -> Result<(), Error> {
            book(tx, 1, -1)?;
            tx.savepoint(|tx| -> Result<(), Error> {
                book(tx, 2, 1)?;
                panic!("in the middle");
            })
        };
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            if kept { session.transaction(work) } else { bank.sessions.transaction(work) }
        }));
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"in the middle"));
    }
    session.transaction(|tx| book(tx, 1, 1)).unwrap();
    drop(session);
    bank.sessions.transaction(|tx| book(tx, 2, 1)).unwrap();
    assert_eq!(bank.cents(), "1001,1001");
    let stats = bank.sessions.pool().stats();
    assert_eq!((stats.retired, stats.lent), (2, 0), "each panic cost its connection");
    assert_eq!(bank.sessions.health().open, 0);
}

#[test]
fn a_session_left_in_a_transaction_is_not_lent_again() {
    let bank = Bank::new();
    let mut session = bank.sessions.open().unwrap();
    session.begin("START TRANSACTION").unwrap();
    session.raw().execute("UPDATE account SET cents = 0", ()).unwrap();

    let nested = session.transaction(|tx| book(tx, 1, 1));
    assert!(matches!(nested, Err(Error::NestedTransaction)), "{nested:?}");
    drop(session);

    assert_eq!(bank.sessions.pool().stats().retired, 1);
    eventually(TEN_SECONDS, || bank.sessions.transaction(|tx| book(tx, 1, 1)).is_ok());
    assert_eq!(bank.cents(), "1001,1000");
}

#[test]
fn settings_that_are_out_of_range_are_refused_together() {
    let config = SessionConfig::new().limit(0).retry(RetryPolicy::new().attempts(0));
    let refused = config.build(given::pool("mysql://root@127.0.0.1:1/none"));
    assert!(matches!(&refused, Err(Error::Config(invalid)) if invalid.len() == 2), "{refused:?}");
}

#[test]
fn an_outage_is_waited_out_and_costs_no_attempt() {
    let proxy = server().proxy();
    let bank = Bank::through(&proxy);
    bank.sessions.transaction(|tx| book(tx, 1, 1)).unwrap();
    proxy.refuse();
    proxy.cut();
    let pool = bank.sessions.pool();
    eventually(TEN_SECONDS, || {
        let lease = pool.get();
        lease.is_ok_and(|mut lease| lease.ping().is_err()) || pool.stats().connect_failures > 2
    });
    let runs = AtomicU32::new(0);
    thread::scope(|scope| {
        let transfer = scope.spawn(|| {
            bank.sessions.transaction(|tx| {
                runs.fetch_add(1, Relaxed);
                book(tx, 1, -1)
            })
        });
        let failures = pool.stats().connect_failures;
        eventually(TEN_SECONDS, || pool.stats().connect_failures > failures + 5);
        assert!(matches!(pool.get(), Err(steadfast_pool::Error::Unavailable { .. })));
        proxy.heal();
        transfer.join().unwrap().unwrap();
    });
    assert_eq!((runs.into_inner(), bank.sessions.health().retries.total()), (1, 0));
    assert_eq!(bank.cents().trim(), "1000,1000");
}
