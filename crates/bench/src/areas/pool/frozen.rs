//! The server stops answering (SIGSTOP) and keeps its connections: whether callers still get away on time,
//! and how soon everything can be lent again when it goes on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use steadfast_testkit::Server;

use super::crowd::all_at_once;
use super::lenders::{self, Ask, Lend};
use super::outage::AskServer;
use super::{benchmark, lower, milliseconds};
use crate::areas::{Benchmark, Entry};
use crate::arguments::{Length, Plan};
use crate::ground::Ground;
use crate::harness::{Contestant, Failure};

const SIZE: u32 = 10;
const THREADS: usize = 20;
/// Whoever has not got everything back by then counts as having it then.
const GIVEN_UP: Duration = Duration::from_secs(60);

pub(super) fn benchmarks() -> Vec<Benchmark> {
    let back = [lower("pool.frozen_capacity_back", "ms")];
    let frozen = benchmark(lower("pool.frozen", "ms"), &back, enter);
    vec![Benchmark { length: Length::Long(3), ..frozen }]
}

/// How many calls each thread makes, and how long each is willing to wait.
#[derive(Clone, Copy)]
struct Calls {
    each: usize,
    limit: Duration,
}

impl Calls {
    /// 1,000 in all, or 100.
    fn of(plan: Plan) -> Self {
        let (each, limit) = if plan.whole { (50, 100) } else { (5, 50) };
        Self { each, limit: Duration::from_millis(limit) }
    }
}

/// One frost for both, which lasts until ours has made all its calls: by how many milliseconds the latest
/// of them passed its deadline, and how many after the thaw all connections were lent and answered.
///
/// r2d2's calls hang for as long as the frost lasts: its figure says no more than that.
fn enter(ground: &Ground) -> Result<Entry, Failure> {
    let calls = Calls::of(ground.plan());
    let server = Server::start()?;
    let url = server.url("");
    let trial = move || {
        // The bypass would lend what nobody knows to be alive; here everything is asked.
        let settings = lenders::settings(SIZE).bypass(Duration::ZERO);
        let ours = settings.build(steadfast_connection::Config::from_url(&url)?)?;
        let r2d2 = lenders::r2d2(&url, SIZE, Ask::Always)?;
        hold_all(&ours)?;
        hold_all(&r2d2)?;
        server.pause()?;
        let (ours, r2d2, thawed) = (&ours, &r2d2, &AtomicBool::new(false));
        thread::scope(|scope| {
            let r2d2s =
                scope.spawn(|| latest(calls, thawed, || drop(r2d2.get_timeout(calls.limit))));
            let late = latest(calls, thawed, || drop(ours.get_within(calls.limit)));
            // Before anything is looked at: the others wait for it.
            server.resume()?;
            let resumed = Instant::now();
            thawed.store(true, Ordering::Release);
            let ours_back = scope.spawn(move || capacity_back(ours, resumed));
            let r2d2_late = r2d2s.join().map_err(|_panic| "a caller panicked")?;
            let r2d2_back = capacity_back(r2d2, resumed);
            let ours_back = ours_back.join().map_err(|_panic| "a caller panicked")?;
            Ok(vec![vec![late?, ours_back], vec![r2d2_late?, r2d2_back]])
        })
    };
    let mut all = Contestant::together(&["ours", "r2d2"], trial).into_iter();
    let ours = all.next().ok_or("ours takes part")?;
    Ok(Entry { ours, peers: all.collect() })
}

/// By how many milliseconds the latest call passed its deadline; no call begins after the thaw.
fn latest(calls: Calls, thawed: &AtomicBool, get: impl Fn() + Sync) -> Result<f64, Failure> {
    let each = all_at_once(THREADS, || {
        let mut latest = Duration::ZERO;
        for _ in 0..calls.each {
            if thawed.load(Ordering::Acquire) {
                break;
            }
            let asked = Instant::now();
            get();
            latest = latest.max(asked.elapsed().saturating_sub(calls.limit));
        }
        Ok(latest)
    })?;
    Ok(milliseconds(each.into_iter().max().unwrap_or_default()))
}

/// Lends all connections at the same time and asks the server through each.
fn hold_all<P: Lend<Lease: AskServer>>(pool: &P) -> Result<(), Failure> {
    let mut all = Vec::new();
    for _ in 0..SIZE {
        let mut lease = pool.lend()?;
        lease.ask()?;
        all.push(lease);
    }
    Ok(())
}

/// How many milliseconds after `resumed` that works.
fn capacity_back<P: Lend<Lease: AskServer>>(pool: &P, resumed: Instant) -> f64 {
    while hold_all(pool).is_err() && resumed.elapsed() < GIVEN_UP {}
    milliseconds(resumed.elapsed())
}
