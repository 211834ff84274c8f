//! The pool: ours beside r2d2 with diesel's own manager, deadpool, bb8 and the `mysql` crate's pool.
//!
//! Ours always lends connections to a live server: it knows no others. A peer that is measured for the
//! pool alone lends connections of nothing, which is easier (`fake.rs`). The same sizes and limits on all
//! sides. Where it is not about liveness nobody asks the server whether a connection is alive: the peers
//! are told not to, ours does not within half a second of a connection's last use.

mod aging;
mod crowd;
mod cycle;
mod door;
mod ending;
mod fake;
mod foreign;
mod frozen;
mod killed;
mod lenders;
mod outage;
mod panics;
mod spike;

use std::thread;
use std::time::Duration;

use super::Benchmark;
use crate::arguments::Length;
use crate::ground::Place;
use crate::harness::{Better, Metric};

/// All metrics, in the order in which they are measured.
pub(super) fn benchmarks() -> Vec<Benchmark> {
    [
        cycle::benchmarks(),
        crowd::benchmarks(),
        spike::benchmarks(),
        outage::benchmarks(),
        frozen::benchmarks(),
        killed::benchmarks(),
        panics::benchmarks(),
        aging::benchmarks(),
        ending::benchmarks(),
    ]
    .concat()
}

const fn lower(name: &'static str, unit: &'static str) -> Metric {
    Metric { name, unit, better: Better::Lower }
}

const fn higher(name: &'static str, unit: &'static str) -> Metric {
    Metric { name, unit, better: Better::Higher }
}

fn benchmark(metric: Metric, also: &[Metric], enter: super::Enter) -> Benchmark {
    let (place, length) = (Place::AllProcessors, Length::Usual);
    Benchmark { metric, also: also.to_vec(), place, length, enter }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Lets time pass: a connection is held, a network is slow, a server stays down.
#[expect(clippy::disallowed_methods, reason = "that time passes is the workload")]
fn pause(time: Duration) {
    thread::sleep(time);
}
