//! Threads that work with connections, well and badly.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use fastrand::Rng;

use super::ms;
use super::promises::{Promises, STARVED, breathe};
use crate::Error;
use crate::clock::{Clock, SystemClock};
use crate::lease::Lease;
use crate::pool::Pool;

/// Works until it is over.
pub(super) fn work(n: usize, mut rng: Rng, pool: &Pool, promises: &Promises, over: &AtomicBool) {
    let mut served = Instant::now();
    while !over.load(Relaxed) {
        // Some want it now, most can wait.
        let limit = ms(if rng.u8(..) < 25 { 0 } else { rng.u64(1..1_500) });
        let begun = Instant::now();
        let got = pool.get_within(limit);
        promises.returned(limit, begun.elapsed());
        match got {
            Ok(lease) => {
                served = Instant::now();
                promises.count("operations");
                let work = AssertUnwindSafe(|| use_or_abuse(lease, &mut rng, promises));
                if catch_unwind(work).is_err() {
                    promises.count("panics");
                }
            }
            Err(error) => {
                promises.count(name(&error));
                breathe();
            }
        }
        let starved = served.elapsed();
        promises.check(starved < STARVED, || {
            served = Instant::now();
            format!("person {n} got nothing for {starved:?}: {:?}", pool.stats())
        });
    }
}

fn name(error: &Error) -> &'static str {
    match error {
        Error::Timeout { .. } => "refused: timeout",
        Error::Connect(_) => "refused: connect",
        Error::Unavailable { .. } => "refused: unavailable",
        Error::Paused { .. } => "refused: paused",
        other => panic!("nobody may be told this: {other}"),
    }
}

/// One of the things that people do to a connection.
fn use_or_abuse(mut lease: Lease, rng: &mut Rng, promises: &Promises) {
    let sql = match rng.u8(..200) {
        0..110 => "DO 1".to_owned(),
        110..150 => "UPDATE work SET done = done + 1 WHERE n = 1".to_owned(),
        150..165 => format!("DO SLEEP(0.0{})", rng.u8(1..10)),
        165..170 => format!("DO SLEEP(0.{})", rng.u8(1..4)),
        170..175 => "BEGIN; SELECT 1".to_owned(),
        175..182 => "SET @touched = 1".to_owned(),
        182..185 => format!("KILL {}", lease.thread_id()),
        185..190 => return lease.invalidate(),
        190..195 => {
            // Without a word on stderr, unlike `panic!`.
            resume_unwind(Box::new(()));
        }
        _ => {
            promises.count("held for long");
            SystemClock.sleep(Duration::from_millis(rng.u64(300..1_500)));
            "DO 1".to_owned()
        }
    };
    if lease.batch_execute(&sql).is_err() {
        promises.count("statements that failed");
    }
}
