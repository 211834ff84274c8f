//! Connections that reach their age: whether a user notices, and how often an idle pool reconnects.

use std::thread;
use std::time::{Duration, Instant};

use steadfast_connection::Config;

use super::crowd::all_at_once;
use super::door::Door;
use super::lenders::{self, Ask, Diesel, Lend};
use super::{benchmark, lower, milliseconds, pause};
use crate::areas::{Benchmark, Entry};
use crate::arguments::Length;
use crate::ground::Ground;
use crate::harness::{Contestant, Failure};

const SIZE: u32 = 10;

/// Users, so few that nobody ever waits for another; what each holds a connection for, and its pause.
const USERS: usize = 4;
const HOLD: Duration = Duration::from_millis(1);
const REST: Duration = Duration::from_millis(20);
/// Of the network, when a connection is opened: a user who waits for it notices.
const CONNECT: Duration = Duration::from_millis(100);
/// A wait above this is a stall.
const STALL: Duration = Duration::from_millis(5);

pub(super) fn benchmarks() -> Vec<Benchmark> {
    let stalls = [lower("pool.lifetime_stalls", "loans")];
    let lifetime = benchmark(lower("pool.lifetime", "ms"), &stalls, enter_lifetime);
    let idle = benchmark(lower("pool.idle", "connects an hour"), &[], enter_idle);
    vec![
        Benchmark { length: Length::Long(3), ..lifetime },
        Benchmark { length: Length::Long(3), ..idle },
    ]
}

/// Ten connections, born together, live for a third of the time: the longest that a user waited, and how
/// often one waited for more than 5 ms.
///
/// r2d2 looks at ages every 30 s, which nobody can set; so both run at the same time and for 35 s. With
/// `--quick` ours runs alone, for less.
fn enter_lifetime(ground: &Ground) -> Result<Entry, Failure> {
    let whole = ground.plan().whole;
    let time = Duration::from_secs(if whole { 35 } else { 4 });
    let age = time / 3;
    let url = Door::to(ground.addr(), CONNECT)?.url(ground.database_name());
    let trial = move || {
        let server = Config::from_url(&url)?;
        let ours = lenders::settings(SIZE).min_idle(SIZE).recycle(age).build(server)?;
        let mut all = Vec::new();
        if whole {
            let r2d2 = lenders::r2d2_settings::<Diesel>(SIZE, Ask::Never);
            let r2d2 = r2d2.min_idle(Some(SIZE)).max_lifetime(Some(age));
            let r2d2 = r2d2.build(Diesel::new(&url))?;
            let both = thread::scope(|scope| {
                let theirs = scope.spawn(|| longest_waits(&r2d2, time));
                let ours = longest_waits(&ours, time)?;
                let theirs = theirs.join().map_err(|_panic| "a user panicked")??;
                Ok::<_, Failure>([ours, theirs])
            })?;
            all.extend(both);
        } else {
            all.push(longest_waits(&ours, time)?);
        }
        Ok(all)
    };
    let names: &[&str] = if whole { &["ours", "r2d2"] } else { &["ours"] };
    let mut all = Contestant::together(names, trial).into_iter();
    let ours = all.next().ok_or("ours takes part")?;
    Ok(Entry { ours, peers: all.collect() })
}

/// The longest wait of the users in milliseconds, and the number of stalls. All connections are opened
/// before.
fn longest_waits(pool: &impl Lend, time: Duration) -> Result<Vec<f64>, Failure> {
    let all = (0..SIZE).map(|_| pool.lend()).collect::<Result<Vec<_>, _>>()?;
    drop(all);
    let until = Instant::now() + time;
    let users = all_at_once(USERS, || {
        let (mut longest, mut stalls) = (Duration::ZERO, 0_u32);
        loop {
            let asked = Instant::now();
            if asked >= until {
                return Ok((longest, stalls));
            }
            let lease = pool.lend()?;
            let waited = asked.elapsed();
            longest = longest.max(waited);
            stalls += u32::from(waited > STALL);
            pause(HOLD);
            drop(lease);
            pause(REST);
        }
    })?;
    let longest = users.iter().map(|(longest, _)| *longest).max().unwrap_or_default();
    let stalls: u32 = users.iter().map(|(_, stalls)| stalls).sum();
    Ok(vec![milliseconds(longest), f64::from(stalls)])
}

/// How often an idle pool of ten that keeps ten ready reconnects in an hour. Times are shortened alike, so
/// that the default age, an hour, is ten seconds or one: an hour is what the age is.
///
/// No peer: r2d2's look at ages and idle times every 30 s cannot be shortened, and an hour is too long.
fn enter_idle(ground: &Ground) -> Result<Entry, Failure> {
    let hour = Duration::from_secs(if ground.plan().whole { 10 } else { 1 });
    let hours = 3;
    let server = ground.config()?;
    let ours = Contestant::new("ours", move || {
        let settings = lenders::settings(SIZE).min_idle(SIZE).recycle(hour);
        let pool = settings.build(server.clone())?;
        let warm = Instant::now();
        while pool.stats().idle < SIZE {
            if warm.elapsed() > Duration::from_secs(10) {
                return Err("the pool did not warm up".into());
            }
            pause(Duration::from_millis(1));
        }
        let before = pool.stats().connects;
        pause(hour * hours);
        Ok((pool.stats().connects - before) as f64 / f64::from(hours))
    });
    Ok(Entry { ours, peers: Vec::new() })
}
