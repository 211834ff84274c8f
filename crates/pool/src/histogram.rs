//! How long things took: a histogram that is written without a lock and never allocates.
//!
//! Buckets are *log-linear*, as in `HdrHistogram`: each power of two is cut into [`CUTS`] equal parts, so
//! that a time is known to an eighth of itself, be it microseconds or minutes.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Each power of two is cut into 2^3 parts.
const CUT_BITS: u32 = 3;
const CUTS: u64 = 1 << CUT_BITS;
/// 2^45 ns are 9.8 hours; what takes longer counts as that.
const OCTAVES: u32 = 45;
const BUCKETS: usize = ((OCTAVES - CUT_BITS + 1) as usize) << CUT_BITS;

/// A histogram as it is kept.
#[derive(Debug)]
pub(crate) struct Tally {
    counts: [AtomicU64; BUCKETS],
    nanos: AtomicU64,
}

impl Default for Tally {
    fn default() -> Self {
        Self { counts: [const { AtomicU64::new(0) }; BUCKETS], nanos: AtomicU64::new(0) }
    }
}

impl Tally {
    /// From any thread.
    pub(crate) fn add(&self, time: Duration) {
        let nanos = nanos(time);
        if let Some(count) = self.counts.get(bucket_of(nanos)) {
            count.fetch_add(1, Relaxed);
        }
        self.nanos.fetch_add(nanos, Relaxed);
    }

    /// For a caller that holds the one lock under which this tally is written: no bus is locked.
    pub(crate) fn add_alone(&self, time: Duration) {
        let nanos = nanos(time);
        if let Some(count) = self.counts.get(bucket_of(nanos)) {
            count.store(count.load(Relaxed) + 1, Relaxed);
        }
        self.nanos.store(self.nanos.load(Relaxed).wrapping_add(nanos), Relaxed);
    }

    /// The numbers now; `none` is how many more took no time at all.
    pub(crate) fn read(&self, none: u64) -> Histogram {
        let mut counts: Box<[u64]> = self.counts.iter().map(|count| count.load(Relaxed)).collect();
        if let Some(first) = counts.first_mut() {
            *first += none;
        }
        Histogram { counts, sum: Duration::from_nanos(self.nanos.load(Relaxed)) }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).min((1 << OCTAVES) - 1)
}

fn bucket_of(nanos: u64) -> usize {
    let Some(octave) = nanos.checked_ilog2().filter(|&octave| octave >= CUT_BITS) else {
        return usize::try_from(nanos).unwrap_or(BUCKETS);
    };
    let cut = (nanos >> (octave - CUT_BITS)) & (CUTS - 1);
    let bucket = u64::from(octave - CUT_BITS + 1) * CUTS + cut;
    usize::try_from(bucket).unwrap_or(BUCKETS)
}

/// The first nanosecond that is beyond the bucket.
fn end_of(bucket: usize) -> u64 {
    let next = bucket as u64 + 1;
    let (row, cut) = (next / CUTS, next % CUTS);
    if row == 0 { cut } else { (CUTS + cut) << (row - 1) }
}

/// How long something took, so far; each time is known to an eighth of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    counts: Box<[u64]>,
    sum: Duration,
}

impl Histogram {
    /// How often it was measured.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All times together. Exact, but for those above 9.7 hours.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// The arithmetic mean, or `None` if nothing was measured.
    pub fn mean(&self) -> Option<Duration> {
        (self.count() > 0).then(|| self.sum.div_f64(self.count() as f64))
    }

    /// The time that `part` (0 to 1) of all measurements do not exceed, rounded up to the end of its
    /// bucket, or `None` if nothing was measured. 0.5 is the median.
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let rank = part.clamp(0.0, 1.0) * self.count() as f64;
        let mut seen = 0;
        self.buckets()
            .find(|&(_, count)| {
                seen += count;
                seen as f64 >= rank
            })
            .map(|(end, _)| end)
    }

    /// The buckets that hold something: each with its upper end, the shortest first.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        let all = self.counts.iter().enumerate().filter(|&(_, &count)| count > 0);
        all.map(|(bucket, &count)| (Duration::from_nanos(end_of(bucket)), count))
    }

    /// The counts between bounds of your own, which rise: one more than there are bounds, the last
    /// for what is above all of them. This is how `OpenTelemetry` and `Prometheus` take a histogram. A
    /// bucket that a bound cuts in two counts above it.
    pub fn between(&self, bounds: &[Duration]) -> Vec<u64> {
        let mut counts = vec![0; bounds.len() + 1];
        for (end, count) in self.buckets() {
            let place = bounds.partition_point(|&bound| bound < end);
            if let Some(total) = counts.get_mut(place) {
                *total += count;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn every_time_is_in_a_bucket_that_ends_within_an_eighth_above_it() {
        let times = (0..OCTAVES).flat_map(|bit| {
            let power = 1_u64 << bit;
            [power - 1, power, power + power / 3, power + power / 2]
        });
        let mut last = 0;
        for time in times {
            let bucket = bucket_of(time);
            let end = end_of(bucket);
            assert!(bucket < BUCKETS && end > time, "{time} in {bucket}, which ends at {end}");
            assert!(end - time <= time / CUTS + 1, "{time} in {bucket}, which ends at {end}");
            assert!(bucket >= last);
            last = bucket;
        }
        assert_eq!(bucket_of(nanos(Duration::MAX)), BUCKETS - 1);
        assert_eq!(end_of(BUCKETS - 1), 1 << OCTAVES);
    }

    #[test]
    fn quantiles_and_bounds_tell_what_was_added() {
        let tally = Tally::default();
        (1..=99).for_each(|n| tally.add(n * MS));
        tally.add_alone(5_000 * MS);
        let told = tally.read(100);

        assert_eq!(told.count(), 200);
        assert_eq!(told.sum(), (99 * 100 / 2 + 5_000) * MS);
        assert_eq!(told.mean(), Some(told.sum() / 200));
        assert_eq!(told.quantile(0.5), Some(Duration::from_nanos(1)));
        let three_quarters = told.quantile(0.75).unwrap();
        assert!(three_quarters >= 50 * MS && three_quarters <= 57 * MS, "{three_quarters:?}");
        assert!(told.quantile(1.0).unwrap() >= 5_000 * MS);
        let between = told.between(&[MS / 2, 60 * MS, 1_000 * MS]);
        assert_eq!((between.len(), between.iter().sum::<u64>()), (4, 200));
        assert_eq!((between[0], between[3]), (100, 1));
        assert!((50..=60).contains(&between[1]), "{between:?}");
        assert_eq!(Tally::default().read(0).quantile(0.5), None);
    }
}
