//! The pool: ours beside r2d2 with diesel's own manager, both on the same live server.
//!
//! The same sizes and limits on both sides, and neither asks the server whether a connection is alive:
//! r2d2 is told not to, ours does not within half a second of a connection's last use.

use std::thread;
use std::time::{Duration, Instant};

use diesel::MysqlConnection;
use diesel::r2d2::ConnectionManager;
use steadfast_pool::{Pool, PoolConfig};

use super::{Benchmark, Entry};
use crate::ground::{Ground, Place};
use crate::harness::{Better, Contestant, Failure, Metric, nanoseconds};
use crate::statistics::quantile;

const TIMEOUT: Duration = Duration::from_secs(30);
const LIFETIME: Duration = Duration::from_secs(3600);

/// Connections where nobody has to wait.
const ROOMY: u32 = 10;

/// The crowd: so many threads want so few connections, each for so long.
const THREADS: usize = 32;
const FEW: u32 = 4;
const HOLD: Duration = Duration::from_millis(2);

type R2d2 = r2d2::Pool<ConnectionManager<MysqlConnection>>;

pub(super) fn benchmarks() -> Vec<Benchmark> {
    let cycle = Metric { name: "pool.cycle", unit: "ns", better: Better::Lower };
    let wait = Metric { name: "pool.wait_p99", unit: "ms", better: Better::Lower };
    let place = Place::AllProcessors;
    vec![
        Benchmark { metric: cycle, place, enter: enter_cycle },
        Benchmark { metric: wait, place, enter: enter_wait },
    ]
}

/// One thread takes a connection and gives it back.
fn enter_cycle(ground: &Ground) -> Result<Entry, Failure> {
    let round = ground.round();
    let (ours, peer) = (ours(ground, ROOMY)?, r2d2(ground, ROOMY)?);
    let ours = Contestant::new("ours", move || {
        nanoseconds(round, || {
            drop(ours.get()?);
            Ok(())
        })
    });
    let peer = Contestant::new("r2d2", move || {
        nanoseconds(round, || {
            drop(peer.get()?);
            Ok(())
        })
    });
    Ok(Entry::pair(ours, peer))
}

/// 32 threads take turns on 4 connections: how long all but the unluckiest hundredth wait.
fn enter_wait(ground: &Ground) -> Result<Entry, Failure> {
    // Twice as long as elsewhere: a second holds 2,000 loans, and only every hundredth counts.
    let round = ground.round() * 2;
    let (ours, peer) = (ours(ground, FEW)?, r2d2(ground, FEW)?);
    Ok(Entry::pair(
        Contestant::new("ours", move || wait_p99(round, || Ok(ours.get()?))),
        Contestant::new("r2d2", move || wait_p99(round, || Ok(peer.get()?))),
    ))
}

fn ours(ground: &Ground, size: u32) -> Result<Pool, Failure> {
    let settings = PoolConfig::new().size(size).overflow(0).timeout(TIMEOUT).recycle(LIFETIME);
    Ok(settings.build(ground.config()?)?)
}

fn r2d2(ground: &Ground, size: u32) -> Result<R2d2, Failure> {
    let settings = r2d2::Pool::builder()
        .max_size(size)
        .min_idle(Some(0))
        .connection_timeout(TIMEOUT)
        .max_lifetime(Some(LIFETIME))
        .idle_timeout(None)
        .test_on_check_out(false);
    Ok(settings.build(ConnectionManager::new(ground.url()))?)
}

/// The 99th percentile of all waits in milliseconds, those of a thread that starves among them.
fn wait_p99<L>(
    time: Duration,
    get: impl Fn() -> Result<L, Failure> + Sync,
) -> Result<f64, Failure> {
    let until = Instant::now() + time;
    let waits = thread::scope(|scope| {
        let crowd: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| waits(until, &get))).collect();
        let mut all = Vec::new();
        for one in crowd {
            match one.join() {
                Ok(waits) => all.extend(waits?),
                Err(_panic) => return Err(Failure::from("a thread of the crowd panicked")),
            }
        }
        Ok(all)
    })?;
    quantile(&waits, 0.99).ok_or_else(|| "nobody got a connection".into())
}

/// What one thread waited, each time.
fn waits<L>(until: Instant, get: &impl Fn() -> Result<L, Failure>) -> Result<Vec<f64>, Failure> {
    let mut waits = Vec::new();
    loop {
        let asked = Instant::now();
        if asked >= until {
            return Ok(waits);
        }
        let lease = get()?;
        waits.push(asked.elapsed().as_secs_f64() * 1e3);
        hold();
        drop(lease);
    }
}

#[expect(clippy::disallowed_methods, reason = "holding a connection for a time is the workload")]
fn hold() {
    thread::sleep(HOLD);
}
