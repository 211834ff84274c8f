//! The server is down: how soon callers hear of it, and how soon it is used again when it is back.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use diesel::RunQueryDsl as _;
use steadfast_pool::Pool;
use steadfast_testkit::{Proxy, Server};

use super::crowd::all_at_once;
use super::lenders::{self, Ask, Diesel, Lend, R2d2};
use super::{benchmark, higher, lower, milliseconds, pause};
use crate::areas::{Benchmark, Entry};
use crate::arguments::Length;
use crate::ground::Ground;
use crate::harness::{Contestant, Failure};

/// Threads that go on working during the outage, and connections for each of them.
const WORKERS: u32 = 8;
/// Between two attempts of one thread.
const BREATH: Duration = Duration::from_millis(5);
/// Whoever is not back by then counts as back then.
const GIVEN_UP: Duration = Duration::from_secs(60);

const WAITERS: usize = 6;
/// Bounds the measurement of those who tell nothing before a caller's time is over.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) fn benchmarks() -> Vec<Benchmark> {
    let all_back = lower("pool.recovery_of_all", "s");
    let recovery = benchmark(lower("pool.recovery", "s"), &[all_back], enter_recovery);
    let causes = higher("pool.down_causes", "of 6 waiters");
    let down = benchmark(lower("pool.down", "ms"), &[causes], enter_down);
    vec![
        Benchmark { length: Length::Long(3), ..recovery },
        Benchmark { length: Length::Long(7), ..down },
    ]
}

/// One outage for all, of 25 to 30 s or, with `--quick`, of 2 to 4: seconds from when the server greets
/// again until the first thread has an answer, and until the last of eight has.
fn enter_recovery(ground: &Ground) -> Result<Entry, Failure> {
    // Whoever retries in ever longer pauses is back soon or late, as the length of the outage meets them.
    let outage = if ground.plan().whole { 25_000..30_000 } else { 2_000..4_000 };
    let server = Server::start()?;
    let url = server.url("");
    let ours = Arc::new(lenders::ours(&url, WORKERS)?);
    let r2d2 = Arc::new(lenders::r2d2(&url, WORKERS, Ask::Always)?);
    let mysql = Arc::new(lenders::mysql(&url, WORKERS, Ask::Always)?);
    let trial = move || {
        let down = Arc::new(AtomicBool::new(false));
        let all = [at_work(&ours, &down), at_work(&r2d2, &down), at_work(&mysql, &down)];
        // Each has its connection, and uses it.
        pause(Duration::from_millis(300));
        server.kill()?;
        down.store(true, Ordering::Release);
        pause(Duration::from_millis(fastrand::u64(outage.clone())));
        server.restart()?;
        let back = Instant::now();
        all.into_iter().map(|workers| lags(back, workers)).collect()
    };
    let mut all = Contestant::together(&["ours", "r2d2", "mysql"], trial).into_iter();
    let ours = all.next().ok_or("ours takes part")?;
    Ok(Entry { ours, peers: all.collect() })
}

type Workers = Vec<JoinHandle<Option<Instant>>>;

/// Threads that ask the server again and again; each ends with its first answer after the server went
/// down, and tells when that was.
fn at_work<P>(pool: &Arc<P>, down: &Arc<AtomicBool>) -> Workers
where
    P: Lend<Lease: AskServer>,
{
    let worker = |_| {
        let (pool, down) = (Arc::clone(pool), Arc::clone(down));
        let ask = move || pool.lend().is_ok_and(|mut lease| lease.ask().is_ok());
        thread::spawn(move || work_through(&down, ask))
    };
    (0..WORKERS).map(worker).collect()
}

/// When `ask` first succeeded after the server went down.
fn work_through(down: &AtomicBool, ask: impl Fn() -> bool) -> Option<Instant> {
    while !down.load(Ordering::Acquire) {
        ask();
        pause(BREATH);
    }
    let went_down = Instant::now();
    while !ask() {
        if went_down.elapsed() > 2 * GIVEN_UP {
            return None;
        }
        pause(BREATH);
    }
    Some(Instant::now())
}

/// Seconds from `back` until the first and the last of `workers` had an answer.
fn lags(back: Instant, workers: Workers) -> Result<Vec<f64>, Failure> {
    let lag = |worker: JoinHandle<Option<Instant>>| match worker.join() {
        // Zero for who was faster than the one who looked whether the server is back.
        Ok(Some(at)) => Ok(at.saturating_duration_since(back)),
        Ok(None) => Ok(GIVEN_UP),
        Err(_panic) => Err("a worker panicked"),
    };
    let lags = workers.into_iter().map(lag).collect::<Result<Vec<Duration>, _>>()?;
    let first = lags.iter().min().ok_or("nobody worked")?;
    let last = lags.iter().max().ok_or("nobody worked")?;
    Ok(vec![first.as_secs_f64(), last.as_secs_f64()])
}

/// A connection that can be used.
pub(super) trait AskServer {
    fn ask(&mut self) -> Result<(), Failure>;
}

impl AskServer for steadfast_pool::Lease {
    fn ask(&mut self) -> Result<(), Failure> {
        diesel::sql_query("SELECT 1").execute(self)?;
        Ok(())
    }
}

impl AskServer for r2d2::PooledConnection<Diesel> {
    fn ask(&mut self) -> Result<(), Failure> {
        diesel::sql_query("SELECT 1").execute(self)?;
        Ok(())
    }
}

impl AskServer for mysql::PooledConn {
    fn ask(&mut self) -> Result<(), Failure> {
        Ok(mysql::prelude::Queryable::query_drop(self, "SELECT 1")?)
    }
}

/// What a caller got from a server that refuses: how long it took, and whether it says why.
struct Refused {
    took: Duration,
    with_cause: bool,
}

/// Six ask a server that refuses, after others have found that out: milliseconds until the last of them
/// has an error, and how many of the errors say what the server said.
fn enter_down(ground: &Ground) -> Result<Entry, Failure> {
    let (proxy, url) = ground.proxy();
    proxy.refuse();
    let proxy = Arc::new(proxy);
    Ok(Entry {
        ours: refused("ours", &proxy, ask_ours, lenders::ours(&url, WORKERS)?),
        peers: vec![
            refused(
                "r2d2",
                &proxy,
                ask_r2d2,
                lenders::r2d2_settings(WORKERS, Ask::Always).build_unchecked(Diesel::new(&url)),
            ),
            refused("mysql", &proxy, ask_mysql, lenders::mysql(&url, WORKERS, Ask::Always)?),
        ],
    })
}

fn refused<P: Sync + 'static>(
    name: &'static str,
    proxy: &Arc<Proxy>,
    ask: fn(&P) -> Result<Refused, Failure>,
    pool: P,
) -> Contestant {
    // It refuses as long as anybody asks.
    let proxy = Arc::clone(proxy);
    Contestant::of_many(name, move || {
        let _refusing = &proxy;
        // Whatever it takes to find out has happened when the six come.
        for _ in 0..5 {
            if ask(&pool)?.took < PATIENCE / 10 {
                break;
            }
        }
        let answers = all_at_once(WAITERS, || ask(&pool))?;
        let slowest = answers.iter().map(|answer| answer.took).max().ok_or("nobody asked")?;
        let causes = answers.iter().filter(|answer| answer.with_cause).count();
        Ok(vec![milliseconds(slowest), causes as f64])
    })
}

fn ask_ours(pool: &Pool) -> Result<Refused, Failure> {
    let asked = Instant::now();
    let error = pool.get_within(PATIENCE).err().ok_or("a server that refuses let us in")?;
    Ok(Refused { took: asked.elapsed(), with_cause: error.source().is_some() })
}

fn ask_r2d2(pool: &R2d2<Diesel>) -> Result<Refused, Failure> {
    let asked = Instant::now();
    let error = pool.get_timeout(PATIENCE).err().ok_or("a server that refuses let r2d2 in")?;
    // Its error is a text alone; the cause stands behind a colon.
    Ok(Refused { took: asked.elapsed(), with_cause: error.to_string().contains(':') })
}

fn ask_mysql(pool: &mysql::Pool) -> Result<Refused, Failure> {
    let asked = Instant::now();
    let answer = pool.try_get_conn(PATIENCE);
    let error = answer.err().ok_or("a server that refuses let the mysql crate in")?;
    let with_cause = matches!(
        error,
        mysql::Error::DriverError(mysql::DriverError::CouldNotConnect(Some(_)))
            | mysql::Error::IoError(_)
    );
    Ok(Refused { took: asked.elapsed(), with_cause })
}
