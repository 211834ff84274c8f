//! The server dies or falls silent in the middle.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod given;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use given::{Bank, TEN_SECONDS, book};
use steadfast_connection::Fault;
use steadfast_session::{Error, SessionConfig, TxOptions};
use steadfast_testkit::{Server, eventually};

/// Books operation after operation until told to stop, and tells how many.
fn book_on(bank: &Bank, next: &AtomicU32, stop: &AtomicBool) -> u32 {
    let mut done = 0;
    while !stop.load(Relaxed) {
        let id = next.fetch_add(1, Relaxed);
        let booked = bank.sessions.transaction(|tx| -> Result<(), Error> {
            tx.raw().execute("INSERT INTO operation VALUES (?)", [id])?;
            book(tx, 1, 1).map(drop)
        });
        booked.unwrap();
        done += 1;
    }
    done
}

#[test]
fn a_server_killed_and_restarted_in_the_middle_loses_and_doubles_nothing() {
    let server = Server::start().unwrap();
    let bank = Bank::on(&server, SessionConfig::new(), None);
    let next = AtomicU32::new(1);
    let stop = AtomicBool::new(false);
    let a_hundred_more = || {
        let enough = next.load(Relaxed) + 100;
        eventually(TEN_SECONDS, || next.load(Relaxed) > enough);
    };
    let done: u32 = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..4).map(|_| scope.spawn(|| book_on(&bank, &next, &stop))).collect();
        for _ in 0..2 {
            a_hundred_more();
            server.kill().unwrap();
            server.restart().unwrap();
        }
        a_hundred_more();
        stop.store(true, Relaxed);
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert_eq!(bank.sql("SELECT COUNT(*) FROM operation"), done.to_string());
    assert_eq!(bank.cents(), format!("{},1000", 1000 + done));
    let health = bank.sessions.health();
    assert!(health.retries.disconnected > 0 && health.unresolved == 0, "{health:?}");
}

/// A deadline that passes while the server stands still, at the statement that `at` says.
fn keep_deadline(server: &Server, bank: &Bank, at: &str) -> Error {
    let limit = Duration::from_millis(400);
    let options = TxOptions::new().deadline(limit);
    let begun = Instant::now();
    let result = bank.sessions.transaction_with(&options, |tx| -> Result<(), Error> {
        book(tx, 1, 1)?;
        server.pause().unwrap();
        if at == "work" { book(tx, 2, 1).map(drop) } else { Ok(()) }
    });
    let took = begun.elapsed();
    server.resume().unwrap();
    assert!(took >= limit && took < limit + Duration::from_secs(1), "{took:?}");
    result.unwrap_err()
}

#[test]
fn the_deadline_is_kept_when_the_server_stands_still() {
    let server = Server::start().unwrap();
    let bank = Bank::on(&server, SessionConfig::new(), None);

    let late = keep_deadline(&server, &bank, "work");
    assert!(matches!(late, Error::OutOfTime { .. }), "{late}");
    assert_eq!(late.fault(), Fault::Disconnected);

    let late = keep_deadline(&server, &bank, "commit");
    let Error::CommitUnknown { attempt: Some(attempt), .. } = late else { panic!("{late}") };
    let outcome = bank.sessions.resolve(attempt).unwrap();
    let booked = bank.sql("SELECT cents - 1000 FROM account WHERE id = 1");
    assert_eq!(booked == "1", outcome == steadfast_session::Outcome::Committed, "{outcome:?}");

    // The deadline of one transaction is not that of the session it ran in.
    let mut session = bank.sessions.open().unwrap();
    let options = TxOptions::new().deadline(Duration::from_millis(50));
    let late = session.transaction_with(&options, |tx| tx.raw().execute("DO SLEEP(5)", ()));
    assert!(matches!(late, Err(Error::OutOfTime { .. })), "{late:?}");
    session.transaction(|tx| book(tx, 2, 1)).unwrap();
    let slept = session.raw().execute("DO SLEEP(0.1)", ());
    slept.unwrap();
}
