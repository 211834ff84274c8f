//! Many threads want few connections: who waits how long, and how much gets done.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::fake::Fake;
use super::lenders::{self, Ask, Lend};
use super::{benchmark, foreign, higher, lower, milliseconds, pause};
use crate::areas::connection::accounts;
use crate::areas::{Benchmark, Entry};
use crate::ground::Ground;
use crate::harness::{Contestant, Failure};
use crate::statistics::quantile;

/// So many threads want so few connections, each for so long.
const THREADS: usize = 32;
const FEW: u32 = 4;
const HOLD: Duration = Duration::from_millis(2);

/// Where nobody holds anything, so that each hand-over costs more than the holding: threads, connections.
const CONVOY: (usize, u32) = (8, 4);
const LONG_CONVOY: (usize, u32) = (64, 8);

const SELECTING: u32 = 16;

pub(super) fn benchmarks() -> Vec<Benchmark> {
    let wait = [
        lower("pool.wait_p99_longest", "ms"),
        higher("pool.wait_p99_throughput", "loans/s"),
        lower("pool.wait_p99_spread", "times"),
    ];
    let convoy = higher("pool.convoy", "loans/s");
    vec![
        benchmark(lower("pool.wait_p99", "ms"), &wait, enter_wait),
        benchmark(convoy, &[higher("pool.convoy_64_8", "loans/s")], enter_convoy),
        benchmark(higher("pool.select16", "ops/s"), &[], enter_select),
    ]
}

/// 32 threads take turns on 4 connections: how long all but the unluckiest hundredth wait, how long the
/// unluckiest does, how many loans there are, and how many times as many the luckiest thread has as the
/// unluckiest.
fn enter_wait(ground: &Ground) -> Result<Entry, Failure> {
    // Twice as long as elsewhere: a second holds 2,000 loans, and only every hundredth counts.
    let (round, url) = (ground.round() * 2, ground.url());
    let mut peers = vec![
        waits("r2d2", round, lenders::r2d2(&url, FEW, Ask::Never)?),
        waits("deadpool", round, lenders::blocking_deadpool(FEW, Fake::default())?),
        waits("bb8", round, lenders::blocking_bb8(FEW, Fake::default())?),
    ];
    peers.extend(foreign::peers(ground, "wait_p99", &url, move |peer| peer.round(round))?);
    Ok(Entry { ours: waits("ours", round, lenders::ours(&url, FEW)?), peers })
}

fn waits(name: &'static str, round: Duration, pool: impl Lend) -> Contestant {
    Contestant::of_many(name, move || {
        let start = Instant::now();
        let each = all_at_once(THREADS, || waits_of_one(start + round, &pool))?;
        let took = start.elapsed().as_secs_f64();
        let all: Vec<f64> = each.iter().flatten().copied().collect();
        let loans = || each.iter().map(|waits| waits.len() as f64);
        let most = loans().fold(0.0, f64::max);
        let fewest = loans().fold(f64::INFINITY, f64::min);
        let p99 = quantile(&all, 0.99).ok_or("nobody got a connection")?;
        // Those that starve are too few waits to show in any percentile.
        let longest = all.iter().copied().fold(0.0, f64::max);
        Ok(vec![p99, longest, all.len() as f64 / took, most / fewest])
    })
}

/// What one thread waited in milliseconds, each time; that of a thread that starves among them.
fn waits_of_one(until: Instant, pool: &impl Lend) -> Result<Vec<f64>, Failure> {
    let mut waits = Vec::new();
    loop {
        let asked = Instant::now();
        if asked >= until {
            return Ok(waits);
        }
        let lease = pool.lend()?;
        waits.push(milliseconds(asked.elapsed()));
        pause(HOLD);
        drop(lease);
    }
}

fn enter_convoy(ground: &Ground) -> Result<Entry, Failure> {
    let (round, url) = (ground.round(), ground.url());
    let ours = [CONVOY, LONG_CONVOY].map(|(_, size)| lenders::ours(&url, size));
    let diesel = [CONVOY, LONG_CONVOY].map(|(_, size)| lenders::r2d2(&url, size, Ask::Never));
    let nothing = [CONVOY, LONG_CONVOY].map(|(_, size)| lenders::r2d2_of_nothing(size));
    let fake = Fake::default;
    let deadpool = [CONVOY, LONG_CONVOY].map(|(_, size)| lenders::blocking_deadpool(size, fake()));
    let bb8 = [CONVOY, LONG_CONVOY].map(|(_, size)| lenders::blocking_bb8(size, fake()));
    Ok(Entry {
        ours: convoys("ours", round, ours)?,
        peers: vec![
            convoys("r2d2", round, diesel)?,
            convoys("r2d2_of_nothing", round, nothing)?,
            convoys("deadpool", round, deadpool)?,
            convoys("bb8", round, bb8)?,
        ],
    })
}

fn convoys<P: Lend>(
    name: &'static str,
    round: Duration,
    pools: [Result<P, Failure>; 2],
) -> Result<Contestant, Failure> {
    let [short, long] = pools;
    let (short, long) = (short?, long?);
    Ok(Contestant::of_many(name, move || {
        let rate = |threads, pool: &P| {
            rate(threads, round, || {
                drop(pool.lend()?);
                Ok(())
            })
        };
        Ok(vec![rate(CONVOY.0, &short)?, rate(LONG_CONVOY.0, &long)?])
    }))
}

/// 16 threads each borrow, read a row by its key, and give back; there is a connection for each.
fn enter_select(ground: &Ground) -> Result<Entry, Failure> {
    let (round, url) = (ground.round(), ground.url());
    let threads = SELECTING as usize;
    let ours = lenders::ours(&url, SELECTING)?;
    let ours = Contestant::new("ours", move || {
        rate(threads, round, || accounts::select(&mut ours.get()?))
    });
    let diesel = |name, ask| -> Result<Contestant, Failure> {
        let pool = lenders::r2d2(&url, SELECTING, ask)?;
        Ok(Contestant::new(name, move || {
            rate(threads, round, || accounts::select(&mut pool.get()?))
        }))
    };
    let mysql = lenders::mysql(&url, SELECTING, Ask::Never)?;
    let mysql = Contestant::new("mysql", move || {
        rate(threads, round, || accounts::select_by_mysql(&mut mysql.get_conn()?))
    });
    let peers = vec![diesel("r2d2", Ask::Always)?, diesel("r2d2_unasked", Ask::Never)?, mysql];
    Ok(Entry { ours, peers })
}

/// How often a second `threads` threads together can do `work`.
fn rate(
    threads: usize,
    time: Duration,
    work: impl Fn() -> Result<(), Failure> + Sync,
) -> Result<f64, Failure> {
    let over = AtomicBool::new(false);
    let start = Instant::now();
    let done = thread::scope(|scope| {
        // One looks at the clock, so that the others need not.
        scope.spawn(|| {
            pause(time);
            over.store(true, Ordering::Relaxed);
        });
        all_at_once(threads, || {
            let mut done = 0_u64;
            while !over.load(Ordering::Relaxed) {
                work()?;
                done += 1;
            }
            Ok(done)
        })
    })?;
    Ok(done.iter().sum::<u64>() as f64 / start.elapsed().as_secs_f64())
}

/// So many threads do `work` once, and begin at the same moment.
pub(super) fn all_at_once<T: Send>(
    threads: usize,
    work: impl Fn() -> Result<T, Failure> + Sync,
) -> Result<Vec<T>, Failure> {
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        let crowd: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    work()
                })
            })
            .collect();
        let join = |one: thread::ScopedJoinHandle<'_, Result<T, Failure>>| match one.join() {
            Ok(result) => result,
            Err(_panic) => Err("a thread of the crowd panicked".into()),
        };
        crowd.into_iter().map(join).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_works_and_one_failure_is_the_failure_of_all() -> Result<(), Failure> {
        let turn = std::sync::atomic::AtomicUsize::new(0);
        let next = || Ok(turn.fetch_add(1, Ordering::Relaxed));

        let mut turns = all_at_once(4, next)?;
        turns.sort_unstable();

        assert_eq!(turns, [0, 1, 2, 3]);
        let broken = || if next()? == 5 { Err("the fifth".into()) } else { Ok(()) };
        assert_eq!(all_at_once(4, broken).unwrap_err().to_string(), "the fifth");
        Ok(())
    }

    #[test]
    fn a_pool_of_nothing_shows_how_long_each_waited() -> Result<(), Failure> {
        let pool = lenders::r2d2_of_nothing(FEW)?;

        let waits = waits_of_one(Instant::now() + 10 * HOLD, &pool)?;

        assert!((1..=10).contains(&waits.len()), "{waits:?}");
        Ok(())
    }
}
