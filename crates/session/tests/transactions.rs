//! What belongs to one transaction: savepoints, isolation, access, hooks, DDL.
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

use diesel::Connection as _;
use given::{Bank, book};
use steadfast_connection::Fault;
use steadfast_session::{Access, Error, Isolation, TxOptions};

#[test]
fn savepoints_nest_and_are_undone_by_themselves() {
    let bank = Bank::new();

    let done = bank.sessions.transaction(|tx| -> Result<(), Error> {
        book(tx, 1, 1)?;
        tx.savepoint(|tx| -> Result<(), Error> {
            book(tx, 1, 10)?;
            let undone = tx.savepoint(|tx| -> Result<(), Error> {
                book(tx, 1, 100)?;
                tx.raw().execute("INSERT INTO account VALUES (1, 0)", ()).map(drop)
            });
            assert_eq!(undone.unwrap_err().errno(), Some(1062));
            Ok(())
        })?;
        // diesel's own way of nesting, on the connection inside.
        let undone = (**tx).transaction(|conn| -> Result<(), Error> {
            diesel::connection::SimpleConnection::batch_execute(
                conn,
                "UPDATE account SET cents = 0",
            )?;
            Err(Error::Closed)
        });
        assert!(matches!(undone, Err(Error::Closed)), "{undone:?}");
        Ok(())
    });

    done.unwrap();
    assert_eq!(bank.cents(), "1011,1000");
}

#[test]
fn a_read_only_transaction_refuses_writes_and_records_nothing() {
    let bank = Bank::new();
    let options = TxOptions::new().access(Access::ReadOnly);

    let read = bank.sessions.transaction_with(&options, |tx| {
        assert_eq!(tx.attempt(), None);
        tx.raw().value::<i64>("SELECT cents FROM account WHERE id = 1", ())
    });
    let refused = bank.sessions.transaction_with(&options, |tx| book(tx, 1, 1));

    assert_eq!(read.unwrap(), 1000);
    assert_eq!(refused.unwrap_err().errno(), Some(1792));
    assert_eq!(bank.sql("SELECT COUNT(*) FROM steadfast_outcome"), "0");
}

/// What a transaction sees of another's work, and whether its reads lock.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    uncommitted: bool,
    committed: bool,
    locks: bool,
}

fn observe(bank: &Bank, options: &TxOptions) -> Seen {
    let mut other = bank.sessions.open().unwrap();
    let read = "SELECT cents FROM account WHERE id = 1";
    let seen = bank.sessions.transaction_with(options, |tx| -> Result<Seen, Error> {
        let first: i64 = tx.raw().value(read, ())?;
        other.begin("START TRANSACTION")?;
        let lock = "SELECT id FROM account WHERE id = 1 FOR UPDATE NOWAIT";
        if let Err(error) = other.raw().value::<i64>(lock, ()) {
            let locked = if steadfast_testkit::server().is_mariadb() { 1205 } else { 3572 };
            assert_eq!(error.errno(), Some(locked));
            other.rollback()?;
            return Ok(Seen { uncommitted: false, committed: false, locks: true });
        }
        let write = "UPDATE account SET cents = cents + 1 WHERE id = 1";
        other.raw().execute(write, ())?;
        let uncommitted = tx.raw().value::<i64>(read, ())? != first;
        other.commit("")?;
        let committed = tx.raw().value::<i64>(read, ())? != first;
        Ok(Seen { uncommitted, committed, locks: false })
    });
    seen.unwrap()
}

#[test]
fn the_isolation_level_is_that_of_this_transaction_alone() {
    let bank = Bank::new();
    for (isolation, uncommitted, committed, locks) in [
        (Isolation::ReadUncommitted, true, true, false),
        (Isolation::ReadCommitted, false, true, false),
        (Isolation::RepeatableRead, false, false, false),
        (Isolation::Serializable, false, false, true),
    ] {
        let seen = observe(&bank, &TxOptions::new().isolation(isolation));
        assert_eq!(seen, Seen { uncommitted, committed, locks }, "{isolation:?}");
        let usual = observe(&bank, &TxOptions::new());
        assert_eq!(usual, Seen { uncommitted: false, committed: false, locks: false });
    }
}

#[test]
fn calls_after_commit_are_made_once_in_order_and_not_for_what_was_undone() {
    let bank = Bank::new();
    let made = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let runs = AtomicU32::new(0);
    let call = |name: &'static str| {
        let made = Arc::clone(&made);
        move || made.lock().push(name)
    };

    let done = bank.sessions.transaction(|tx| -> Result<(), Error> {
        tx.after_commit(call("first"));
        tx.after_commit(|| panic!("a call that fails hinders no other"));
        let undone = tx.savepoint(|tx| {
            tx.after_commit(call("undone"));
            Err::<(), _>(Error::Closed)
        });
        undone.unwrap_err();
        tx.savepoint(|tx| {
            tx.after_commit(call("second"));
            Ok::<_, Error>(())
        })?;
        if runs.fetch_add(1, Relaxed) == 0 {
            steadfast_testkit::server().kill_connection(tx.thread_id()).unwrap();
        }
        book(tx, 1, 1).map(drop)
    });
    done.unwrap();
    let refused = bank.sessions.transaction(|tx| -> Result<(), Error> {
        tx.after_commit(call("refused"));
        Err(Error::Closed)
    });
    refused.unwrap_err();

    assert_eq!(runs.load(Relaxed), 2);
    assert_eq!(*made.lock(), ["first", "second"]);
}

#[test]
fn ddl_in_a_transaction_is_reported() {
    let bank = Bank::new();
    let mut runs = 0;

    let told = bank.sessions.transaction(|tx| -> Result<(), Error> {
        runs += 1;
        book(tx, 1, 1)?;
        tx.raw().execute("CREATE TABLE surprise (id INT)", ())?;
        // Nothing more is done outside the transaction that the work believes in.
        let refused = book(tx, 2, 1).unwrap_err();
        assert_eq!(refused.sqlstate(), Some("25000"));
        Ok(())
    });

    assert!(matches!(told, Err(Error::EndedInside)), "{told:?}");
    assert_eq!((runs, bank.cents().as_str()), (1, "1001,1000"));
    bank.sessions.transaction(|tx| book(tx, 2, 1)).unwrap();
}

#[test]
fn a_transaction_ended_by_its_work_is_reported() {
    let bank = Bank::new();
    for end in ["COMMIT", "ROLLBACK"] {
        let told = bank.sessions.transaction(|tx| -> Result<(), Error> {
            book(tx, 1, 1)?;
            tx.raw().execute(end, ()).map(drop)
        });
        assert!(matches!(told, Err(Error::EndedInside)), "{told:?}");
    }
    let told = bank.sessions.transaction(|tx| -> Result<(), Error> {
        book(tx, 2, 1)?;
        Ok(tx.rollback()?)
    });
    assert!(matches!(told, Err(Error::EndedInside)), "{told:?}");
    assert_eq!(bank.cents(), "1001,1000");
}

#[test]
fn a_stream_dropped_early_loses_its_transaction_and_says_so() {
    let bank = Bank::new();
    let mut runs = 0;

    let told = bank.sessions.transaction(|tx| -> Result<(), Error> {
        runs += 1;
        book(tx, 1, 1)?;
        let ended = tx.raw().stream(
            &format!("SELECT seq FROM {}", steadfast_testkit::series(1, 100_000)),
            (),
            |_| Err(Error::Closed),
        );
        assert!(matches!(ended, Err(Error::Closed)), "{ended:?}");
        Ok(())
    });

    let told = told.unwrap_err();
    assert_eq!((told.errno(), told.fault()), (Some(2013), Fault::Permanent), "{told:?}");
    assert_eq!((runs, bank.cents().as_str()), (1, "1000,1000"));
}
