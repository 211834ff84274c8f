//! One thread takes a connection and gives it back, again and again; and looks at the numbers.

use std::hint::black_box;
use std::time::{Duration, Instant};

use steadfast_connection::Config;

use super::fake::Fake;
use super::lenders::{self, Ask, Blocking, Lend};
use super::{benchmark, foreign, lower};
use crate::areas::{Benchmark, Entry};
use crate::ground::Ground;
use crate::harness::{Contestant, Failure, nanoseconds};

/// Connections: nobody has to wait.
const ROOMY: u32 = 10;

pub(super) fn benchmarks() -> Vec<Benchmark> {
    vec![
        benchmark(lower("pool.cycle", "ns"), &[], |ground| enter_cycle(ground, true)),
        benchmark(lower("pool.cycle_off", "ns"), &[], |ground| enter_cycle(ground, false)),
        benchmark(lower("pool.cycle_live", "ns"), &[], enter_live),
        benchmark(lower("pool.stats", "ns"), &[], enter_stats),
    ]
}

/// `measured`: ours measures each checkout and each return. No peer does; what is counted is counted
/// anyway.
fn enter_cycle(ground: &Ground, measured: bool) -> Result<Entry, Failure> {
    let (round, url) = (ground.round(), ground.url());
    let ours = lenders::settings(ROOMY).metrics(measured).build(Config::from_url(&url)?)?;
    let peers = vec![
        cycles("r2d2", round, lenders::r2d2(&url, ROOMY, Ask::Never)?),
        cycles("r2d2_of_nothing", round, lenders::r2d2_of_nothing(ROOMY)?),
        deadpool(round)?,
        bb8(round)?,
    ];
    Ok(Entry { ours: cycles("ours", round, ours), peers })
}

/// The same where whoever gets a connection may rely on its being alive: ours knows it from the last use,
/// half a second ago at most; the peers ask.
fn enter_live(ground: &Ground) -> Result<Entry, Failure> {
    let (round, url) = (ground.round(), ground.url());
    let mut peers = vec![
        cycles("r2d2", round, lenders::r2d2(&url, ROOMY, Ask::Always)?),
        cycles("mysql", round, lenders::mysql(&url, ROOMY, Ask::Always)?),
    ];
    peers.extend(foreign::peers(ground, "cycle_live", &url, move |peer| peer.round(round))?);
    Ok(Entry { ours: cycles("ours", round, lenders::ours(&url, ROOMY)?), peers })
}

fn cycles(name: &'static str, round: Duration, pool: impl Lend) -> Contestant {
    Contestant::new(name, move || {
        nanoseconds(round, || {
            drop(pool.lend()?);
            Ok(())
        })
    })
}

/// From inside its executor, as it is meant to be used.
fn deadpool(round: Duration) -> Result<Contestant, Failure> {
    let lender = lenders::blocking_deadpool(ROOMY, Fake::default())?;
    Ok(Contestant::new("deadpool", move || {
        inside(&lender, round, &async |pool| {
            drop(pool.get().await?);
            Ok(())
        })
    }))
}

fn bb8(round: Duration) -> Result<Contestant, Failure> {
    let lender = lenders::blocking_bb8(ROOMY, Fake::default())?;
    Ok(Contestant::new("bb8", move || {
        inside(&lender, round, &async |pool| {
            drop(pool.get().await?);
            Ok(())
        })
    }))
}

/// As [`nanoseconds`], but one future does it all.
fn inside<P>(
    lender: &Blocking<P>,
    time: Duration,
    work: &impl AsyncFn(&P) -> Result<(), Failure>,
) -> Result<f64, Failure> {
    lender.run(async |pool| {
        let start = Instant::now();
        let mut done = 0_u64;
        loop {
            for _ in 0..1_000 {
                work(pool).await?;
            }
            done += 1_000;
            let passed = start.elapsed();
            if passed >= time {
                return Ok(passed.as_secs_f64() * 1e9 / done as f64);
            }
        }
    })
}

/// The pool in numbers, while a connection is lent.
fn enter_stats(ground: &Ground) -> Result<Entry, Failure> {
    let (round, url) = (ground.round(), ground.url());
    let ours = lenders::ours(&url, ROOMY)?;
    let lent = ours.get()?;
    let ours = Contestant::new("ours", move || {
        let (ours, _lent) = (&ours, &lent);
        nanoseconds(round, || {
            black_box(black_box(ours).stats());
            Ok(())
        })
    });
    let r2d2 = lenders::r2d2_of_nothing(ROOMY)?;
    let lent = r2d2.get()?;
    let r2d2 = Contestant::new("r2d2", move || {
        let (r2d2, _lent) = (&r2d2, &lent);
        nanoseconds(round, || {
            black_box(black_box(r2d2).state());
            Ok(())
        })
    });
    let deadpool = lenders::blocking_deadpool(ROOMY, Fake::default())?;
    let lent = deadpool.lend()?;
    let deadpool = Contestant::new("deadpool", move || {
        let (deadpool, _lent) = (&deadpool, &lent);
        nanoseconds(round, || {
            black_box(black_box(&deadpool.pool).status());
            Ok(())
        })
    });
    let bb8 = lenders::blocking_bb8(ROOMY, Fake::default())?;
    let lent = bb8.lend()?;
    let bb8 = Contestant::new("bb8", move || {
        let (bb8, _lent) = (&bb8, &lent);
        nanoseconds(round, || {
            black_box(black_box(&bb8.pool).state());
            Ok(())
        })
    });
    Ok(Entry { ours, peers: vec![r2d2, deadpool, bb8] })
}
