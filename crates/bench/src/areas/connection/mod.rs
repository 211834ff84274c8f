//! One connection: ours beside `diesel::MysqlConnection` and the `mysql` crate.
//!
//! Ours and diesel run the very same generic code: diesel's own query builder makes every statement.
//! The `mysql` crate, which speaks the protocol without a client library in C, gets the text that
//! diesel builds. All keep prepared statements where they can.

pub(super) mod accounts;
mod calls;
mod delayed;
mod instructions;
mod line;
mod loading;
mod streaming;

use std::time::Duration;

use super::Benchmark;
use crate::arguments::Length;
use crate::child::Work;
use crate::ground::Place;
use crate::harness::{Better, Failure, Metric, per_second};

/// All metrics, in the order in which they are measured.
pub(super) fn benchmarks() -> Vec<Benchmark> {
    [
        calls::benchmarks(),
        delayed::benchmarks(),
        loading::benchmarks(),
        streaming::benchmarks(),
        instructions::benchmarks(),
    ]
    .concat()
}

/// What a child process of this program can be told to do.
pub(crate) fn work(name: &str) -> Option<Work> {
    instructions::work(name).or_else(|| streaming::work(name))
}

fn benchmark(
    name: &'static str,
    unit: &'static str,
    better: Better,
    enter: super::Enter,
) -> Benchmark {
    let metric = Metric { name, unit, better };
    let (also, place) = (Vec::new(), Place::OneProcessor);
    Benchmark { metric, also, place, length: Length::Usual, enter }
}

/// A benchmark whose answers are wrong measures nothing.
fn expect_same<T: Copy + PartialEq + std::fmt::Debug>(wanted: T, came: T) -> Result<(), Failure> {
    if wanted == came {
        return Ok(());
    }
    Err(format!("{came:?} came where {wanted:?} was due").into())
}

fn microseconds(time: Duration, work: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    Ok(1e6 / per_second(time, work)?)
}
