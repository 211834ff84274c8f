//! A burst: 50 threads want a connection for 2 ms while five are open and opening one takes 150 ms.
//!
//! After 2 ms the five come back, so that ten are served in 4 ms and all in 20: whoever opens a connection
//! for each caller has them all when nobody wants them any more. Counted are those that were opened, the
//! first five among them, until nobody opens any more.

use std::time::{Duration, Instant};

use super::crowd::all_at_once;
use super::door::Door;
use super::fake::Fake;
use super::lenders::{self, Ask, Lend};
use super::{benchmark, foreign, lower, milliseconds, pause};
use crate::areas::{Benchmark, Entry};
use crate::arguments::Length;
use crate::ground::Ground;
use crate::harness::{Contestant, Failure};

const WARM: u32 = 5;
const MOST: u32 = 50;
const CONNECT: Duration = Duration::from_millis(150);
const HOLD: Duration = Duration::from_millis(2);

/// Nobody opens a connection any more if none has come for so long.
const QUIET: Duration = Duration::from_millis(450);

pub(super) fn benchmarks() -> Vec<Benchmark> {
    let also = [lower("pool.spike_total", "ms")];
    let spike = benchmark(lower("pool.spike", "connections"), &also, enter);
    vec![Benchmark { length: Length::Long(7), ..spike }]
}

fn enter(ground: &Ground) -> Result<Entry, Failure> {
    let database = ground.database_name().to_owned();
    let door = Door::to(ground.addr(), CONNECT)?;
    let (url, at_the_door) = (door.url(&database), move || door.came());
    let ours = {
        let (url, came) = (url.clone(), at_the_door.clone());
        Contestant::of_many("ours", move || {
            // Overflow is what it has for bursts; the limit is the peers'.
            let settings = lenders::settings(WARM).overflow(MOST - WARM);
            let server = steadfast_connection::Config::from_url(&url)?;
            burst(&settings.build(server)?, &came)
        })
    };
    let r2d2 = {
        let (url, came) = (url.clone(), at_the_door.clone());
        Contestant::of_many("r2d2", move || burst(&lenders::r2d2(&url, MOST, Ask::Never)?, &came))
    };
    let deadpool = Contestant::of_many("deadpool", || {
        let fake = Fake::slow(CONNECT);
        burst(&lenders::blocking_deadpool(MOST, fake.clone())?, &|| fake.opened())
    });
    let bb8 = Contestant::of_many("bb8", || {
        let fake = Fake::slow(CONNECT);
        burst(&lenders::blocking_bb8(MOST, fake.clone())?, &|| fake.opened())
    });
    let mut peers = vec![r2d2, deadpool, bb8];
    peers.extend(foreign::peers(ground, "spike", &url, move |peer| {
        let before = at_the_door();
        let mut values = peer.round(Duration::ZERO)?;
        values.insert(0, f64::from(settled(&at_the_door) - before));
        Ok(values)
    })?);
    Ok(Entry { ours, peers })
}

/// Connections opened, and milliseconds until the last of the 50 was served.
fn burst(pool: &impl Lend, opened: &impl Fn() -> u32) -> Result<Vec<f64>, Failure> {
    let before = opened();
    warm_up(pool)?;
    // What was ordered while warming up comes first; and ours knows again that all are alive.
    settled(opened);
    warm_up(pool)?;
    let start = Instant::now();
    all_at_once(MOST as usize, || {
        let lease = pool.lend()?;
        pause(HOLD);
        drop(lease);
        Ok(())
    })?;
    let took = milliseconds(start.elapsed());
    let opened = settled(opened) - before;
    Ok(vec![f64::from(opened), took])
}

/// As many as are warm are lent at the same time, once.
fn warm_up(pool: &impl Lend) -> Result<(), Failure> {
    let warm: Result<Vec<_>, Failure> = (0..WARM).map(|_| pool.lend()).collect();
    drop(warm?);
    Ok(())
}

/// The count when it has not changed for a while.
fn settled(count: &impl Fn() -> u32) -> u32 {
    let mut last = count();
    loop {
        pause(QUIET);
        let now = count();
        if now == last {
            return now;
        }
        last = now;
    }
}
