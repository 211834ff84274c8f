//! What is measured, an area a file.

mod connection;
mod pool;

use crate::arguments::Length;
use crate::child::Work;
use crate::ground::{Ground, Place};
use crate::harness::{Contestant, Failure, Metric};

/// Connects everybody who takes part.
pub(crate) type Enter = fn(&Ground) -> Result<Entry, Failure>;

/// One metric and who takes part in it.
#[derive(Clone)]
pub(crate) struct Benchmark {
    pub(crate) metric: Metric,
    /// What the same rounds show besides.
    pub(crate) also: Vec<Metric>,
    pub(crate) place: Place,
    pub(crate) length: Length,
    /// Only called when the metric's turn has come.
    pub(crate) enter: Enter,
}

impl Benchmark {
    /// Each gives a line for each peer.
    pub(crate) fn metrics(&self) -> Vec<Metric> {
        std::iter::once(&self.metric).chain(&self.also).copied().collect()
    }
}

/// Everybody who takes part in one metric.
pub(crate) struct Entry {
    pub(crate) ours: Contestant,
    pub(crate) peers: Vec<Contestant>,
}

impl Entry {
    /// Ours against one peer.
    fn pair(ours: Contestant, peer: Contestant) -> Self {
        Self { ours, peers: vec![peer] }
    }
}

/// All metrics of all areas.
pub(crate) fn all() -> Vec<Benchmark> {
    connection::benchmarks().into_iter().chain(pool::benchmarks()).collect()
}

/// What a child process can be told to do.
pub(crate) fn work(name: &str) -> Option<Work> {
    connection::work(name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_metric_has_a_name_of_its_own_in_an_area() {
        let metrics: Vec<Metric> = all().iter().flat_map(Benchmark::metrics).collect();
        let names: Vec<&str> = metrics.iter().map(|metric| metric.name).collect();

        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
        for name in names {
            assert_eq!(name.split('.').count(), 2, "{name}");
        }
    }
}
