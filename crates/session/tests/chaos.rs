//! Four threads transfer money while a third of all commits fail in every way a network can fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod given;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use given::{Bank, book};
use steadfast_session::Error;
use steadfast_testkit::{Armed, Proxy, Rule, eventually, server};

const THREADS: u32 = 4;
const TRANSFERS: u32 = 250;
/// Beyond this no new transfer begins, so that a slow machine does less and not longer.
const LONGEST: Duration = Duration::from_secs(20);

/// Every third commit is hit, by the four faults in turn: answer lost, request lost, answer lost with a
/// reset, cut while the server works.
fn faults(proxy: &Proxy, stop: &AtomicBool) -> u64 {
    let rules: [fn() -> Rule; 4] =
        [Rule::cut_after, Rule::cut_before, || Rule::cut_after().with_reset(), Rule::cut_under_way];
    let mut hit = 0;
    for rule in rules.iter().cycle() {
        let armed: Armed = proxy.rule(rule().containing("; COMMIT").nth(3));
        eventually(Duration::from_secs(60), || armed.fired() > 0 || stop.load(Relaxed));
        hit += armed.fired();
        if stop.load(Relaxed) {
            armed.disarm();
            return hit;
        }
    }
    hit
}

#[test]
fn no_transfer_is_lost_or_doubled_when_a_third_of_the_commits_fail() {
    let proxy = server().proxy();
    let bank = Bank::through(&proxy);
    let stop = AtomicBool::new(false);
    let deadline = Instant::now() + LONGEST;
    let transfer = |id: u32| {
        let (from, to) = if id.is_multiple_of(2) { (1, 2) } else { (2, 1) };
        let booked = bank.sessions.transaction(|tx| -> Result<(), Error> {
            // No unique key guards this table: a second time would be seen.
            tx.raw().execute("INSERT INTO done VALUES (?)", [id])?;
            book(tx, from, -1)?;
            book(tx, to, 1).map(drop)
        });
        booked.unwrap();
    };
    bank.sql("CREATE TABLE done (id INT NOT NULL) ENGINE=InnoDB");

    let (hit, done) = thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || {
                    (0..TRANSFERS)
                        .map(|n| thread * TRANSFERS + n)
                        .take_while(|_| Instant::now() < deadline)
                        .inspect(|&id| transfer(id))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let chaos = scope.spawn(|| faults(&proxy, &stop));
        let done: Vec<u32> =
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
        stop.store(true, Relaxed);
        (chaos.join().unwrap(), done)
    });

    let mut counts = BTreeMap::<String, u32>::new();
    for id in bank.sql("SELECT id FROM done").lines() {
        *counts.entry(id.to_owned()).or_default() += 1;
    }
    let doubled: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    let lost: Vec<_> = done.iter().filter(|id| !counts.contains_key(&id.to_string())).collect();
    assert!(doubled.is_empty() && lost.is_empty(), "doubled {doubled:?}, lost {lost:?}");
    assert_eq!(counts.len(), done.len());
    assert_eq!(bank.sql("SELECT SUM(cents) FROM account"), "2000");

    let health = bank.sessions.health();
    assert_eq!((health.committed, health.unresolved), (done.len() as u64, 0));
    assert_eq!(health.resolved_committed + health.resolved_aborted, hit, "{health:?}");
    assert!(hit * 5 > done.len() as u64, "{hit} of {} commits were hit", done.len());
    println!("{} transfers, {hit} commits hit: {health:?}", done.len());
}
