//! Connecting and a transaction over a network with half a millisecond of delay a round trip.
//!
//! On the loopback a round trip costs next to nothing; between two machines it is most of the time, and
//! how many of them an operation takes decides.

use std::time::Duration;

use super::{benchmark, calls};
use crate::areas::Benchmark;
use crate::harness::Better;

/// Added to each way, there and back: 0.5 ms a round trip.
pub(crate) const ONE_WAY: Duration = Duration::from_micros(250);

pub(super) fn benchmarks() -> Vec<Benchmark> {
    vec![
        benchmark("connection.connect_delayed", "us", Better::Lower, |ground| {
            let url = ground.url_with_delay(ONE_WAY)?;
            calls::connect(ground, url)
        }),
        benchmark("connection.transaction_delayed", "ops/s", Better::Higher, |ground| {
            let url = ground.url_with_delay(ONE_WAY)?;
            calls::transaction(ground, &url)
        }),
    ]
}
