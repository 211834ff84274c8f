//! How many sessions there are, whose they are, and how all of them end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod given;

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use given::{Bank, TEN_SECONDS, book};
use steadfast_session::{Error, SessionConfig, TxOptions};
use steadfast_testkit::{Direction, Proxy, Rule, eventually, server};

#[test]
fn the_list_tells_who_has_a_session_open_and_since_when() {
    let bank = Bank::new();
    let before = Instant::now();
    let first = bank.sessions.open_as("nightly report").unwrap();
    let line = line!() - 1;
    let options = TxOptions::new().name("transfer");

    bank.sessions
        .transaction_with(&options, |tx| -> Result<(), Error> {
            book(tx, 1, 1)?;
            let list = bank.sessions.list();
            let names: Vec<_> = list.iter().map(|session| session.name()).collect();
            assert_eq!(names, [Some("nightly report"), Some("transfer")]);
            assert_eq!((list[0].place().file(), list[0].place().line()), (file!(), line));
            assert_eq!(list[1].place().file(), file!());
            assert_eq!(list[0].thread(), thread::current().name());
            assert!(list[0].since() >= before && list[0].age() <= before.elapsed());
            assert!(list[0].to_string().contains("nightly report"), "{}", list[0]);
            Ok(())
        })
        .unwrap();

    let health = bank.sessions.health();
    assert_eq!((health.open, health.limit), (1, 10_000));
    assert!(health.oldest.unwrap() <= before.elapsed());
    drop(first);
    assert!(bank.sessions.list().is_empty());
    assert_eq!(bank.sessions.health().oldest, None);
}

#[test]
fn the_pool_knows_the_place_in_the_program_and_not_ours() {
    let bank = Bank::new();
    let file = file!().to_owned();
    let told = bank.sessions.transaction(|tx| Ok::<_, Error>(holder(&bank, tx)));
    assert_eq!(told.unwrap(), file);
    let told = bank.sessions.transaction_once(|tx| Ok::<_, Error>(holder(&bank, tx)));
    assert_eq!(told.unwrap(), file);
    let told = bank.sessions.with_session(|session| Ok::<_, Error>(holder(&bank, session)));
    assert_eq!(told.unwrap(), file);
}

/// The file in which the connection that is lent was asked for.
fn holder<T>(bank: &Bank, _: &mut T) -> String {
    bank.sessions.pool().holders()[0].place().file().to_owned()
}

#[test]
fn one_session_above_the_limit_is_refused_at_once() {
    let bank = Bank::with(SessionConfig::new().limit(2));
    let first = bank.sessions.open().unwrap();
    let second = bank.sessions.open().unwrap();

    let refused = bank.sessions.open();
    assert!(matches!(refused, Err(Error::SessionLimit { limit: 2 })), "{refused:?}");
    let refused = bank.sessions.transaction(|tx| book(tx, 1, 1));
    assert!(matches!(refused, Err(Error::SessionLimit { limit: 2 })), "{refused:?}");

    drop(first);
    bank.sessions.transaction(|tx| book(tx, 1, 1)).unwrap();
    drop(second);
}

#[test]
fn closing_waits_for_those_that_end_by_themselves() {
    let bank = Bank::new();
    let begun = Barrier::new(2);
    let closing = thread::scope(|scope| {
        let work = scope.spawn(|| {
            bank.sessions.transaction(|tx| -> Result<(), Error> {
                begun.wait();
                eventually(TEN_SECONDS, || bank.sessions.open().is_err());
                book(tx, 1, 1).map(drop)
            })
        });
        begun.wait();
        let closing = bank.sessions.close_all(TEN_SECONDS);
        work.join().unwrap().unwrap();
        closing
    });
    assert!(closing.is_clean() && closing.waited < TEN_SECONDS, "{closing:?}");
    assert_eq!(bank.cents(), "1001,1000");
    assert!(matches!(bank.sessions.open(), Err(Error::Closed)));
}

#[test]
fn closing_cuts_off_what_hangs_and_tells_who_it_was() {
    let bank = Bank::new();
    let begun = Barrier::new(3);
    thread::scope(|scope| {
        let work = scope.spawn(|| {
            let options = TxOptions::new().name("long one");
            bank.sessions.transaction_with(&options, |tx| -> Result<(), Error> {
                book(tx, 1, 1)?;
                begun.wait();
                tx.raw().execute("DO SLEEP(4)", ()).map(drop)
            })
        });
        let idle = scope.spawn(|| {
            let mut session = bank.sessions.open_as("idle one").unwrap();
            begun.wait();
            eventually(TEN_SECONDS, || session.ping().is_err());
            let refused = session.transaction(|tx| book(tx, 1, 1));
            assert!(matches!(refused, Err(Error::Closed)), "{refused:?}");
        });
        begun.wait();
        let closing = bank.sessions.close_all(Duration::from_millis(50));

        let mut cut: Vec<_> = closing.cut.iter().filter_map(|session| session.name()).collect();
        cut.sort_unstable();
        assert_eq!(cut, ["idle one", "long one"]);
        assert!(closing.left.is_empty(), "{closing:?}");
        let refused = work.join().unwrap();
        assert!(matches!(refused, Err(Error::Closed)), "{refused:?}");
        idle.join().unwrap();
    });
    eventually(TEN_SECONDS, || bank.cents() == "1000,1000");
    // What was shut down is not lent again.
    assert_eq!(bank.sessions.pool().stats().idle, 0);
}

#[test]
fn closing_lets_a_commit_run_to_its_end() {
    let proxy: Proxy = server().proxy();
    let bank = Bank::through(&proxy);
    bank.sessions.transaction(|tx| book(tx, 2, 1)).unwrap();
    thread::scope(|scope| {
        let sent = proxy.rule(Rule::cut_after().containing("COMMIT"));
        let work = scope.spawn(|| {
            bank.sessions.transaction(|tx| -> Result<(), Error> {
                book(tx, 1, 1)?;
                proxy.delay(Direction::ToServer, Duration::from_millis(100));
                Ok(())
            })
        });
        eventually(TEN_SECONDS, || bank.sessions.list().iter().any(|it| it.is_committing()));
        let closing = bank.sessions.close_all(Duration::ZERO);
        assert!(closing.cut.is_empty(), "{closing:?}");
        work.join().unwrap().unwrap();
        assert_eq!(sent.fired(), 1);
    });
    assert_eq!(bank.cents(), "1001,1001");
    assert_eq!(bank.sessions.health().resolved_committed, 1);
}
