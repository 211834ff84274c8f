//! Rounds of ours and of each peer, interleaved.
//!
//! A machine is never the same twice: it clocks up and down, a neighbour works, the server flushes.
//! So nobody's rounds are run in one go. In each round everybody runs once, in random order, and only
//! what was measured in the same round is compared. The first round warms up and is left out.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::output::Line;
use crate::statistics::{median, spread};

/// Whatever made a benchmark stop. It is printed, and nobody can do anything else about it.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The fewest rounds that are worth a median.
pub(crate) const FEWEST_ROUNDS: usize = 5;

/// What is measured, and which way it is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metric {
    /// `AREA.METRIC`, such as `pool.cycle`.
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
}

/// Whether the larger or the smaller number wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Lower,
    Higher,
}

impl Metric {
    /// How many times better `ours` is than `peer`; above 1 is better, whichever way the unit runs.
    fn ratio(&self, ours: f64, peer: f64) -> f64 {
        // Nothing was lost on either side, say.
        if ours == 0.0 && peer == 0.0 {
            return 1.0;
        }
        match self.better {
            Better::Higher => ours / peer,
            Better::Lower => peer / ours,
        }
    }
}

/// Who takes part: a name, and one round of its work that returns a value for each metric.
pub(crate) struct Contestant {
    name: &'static str,
    round: Box<dyn FnMut() -> Result<Vec<f64>, Failure>>,
}

impl Contestant {
    /// One whose round gives the value of one metric, in its unit.
    pub(crate) fn new(
        name: &'static str,
        mut round: impl FnMut() -> Result<f64, Failure> + 'static,
    ) -> Self {
        Self::of_many(name, move || Ok(vec![round()?]))
    }

    /// One whose round shows several things at once: a value for each metric, in their order. NaN says
    /// that it has none there.
    pub(crate) fn of_many(
        name: &'static str,
        round: impl FnMut() -> Result<Vec<f64>, Failure> + 'static,
    ) -> Self {
        Self { name, round: Box::new(round) }
    }

    /// Contestants that stand the same trial at the same time, such as one outage of one server: the
    /// first who is asked runs `trial`, which gives the values of all, and the others take theirs.
    pub(crate) fn together(
        names: &[&'static str],
        trial: impl FnMut() -> Result<Vec<Vec<f64>>, Failure> + 'static,
    ) -> Vec<Self> {
        let shared = Rc::new(RefCell::new((trial, VecDeque::new())));
        let contestants = names.iter().enumerate().map(|(place, name)| {
            let shared = Rc::clone(&shared);
            let mut taken = 0;
            Self::of_many(name, move || {
                let mut shared = shared.borrow_mut();
                let (trial, results) = &mut *shared;
                if results.len() == taken {
                    results.push_back(trial()?);
                }
                taken += 1;
                let values = results.back().and_then(|all: &Vec<Vec<f64>>| all.get(place));
                values.cloned().ok_or_else(|| "the trial gave too few values".into())
            })
        });
        contestants.collect()
    }
}

/// How much is run of one metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rounds {
    pub(crate) count: usize,
    /// Whether a further one goes first and is left out.
    pub(crate) warm_up: bool,
}

/// Runs rounds of ours and the peers.
///
/// A line per metric and peer comes out, or one line of ours alone where there is no peer.
pub(crate) fn measure(
    metrics: &[Metric],
    ours: Contestant,
    peers: Vec<Contestant>,
    rounds: Rounds,
) -> Result<Vec<Line>, Failure> {
    let first = metrics.first().ok_or("no metric")?;
    let mut contestants = vec![ours];
    contestants.extend(peers);
    let mut values = vec![Vec::with_capacity(rounds.count); contestants.len()];
    let mut order: Vec<usize> = (0..contestants.len()).collect();
    for round in 0..rounds.count + usize::from(rounds.warm_up) {
        fastrand::shuffle(&mut order);
        for &turn in &order {
            let (Some(contestant), Some(kept)) = (contestants.get_mut(turn), values.get_mut(turn))
            else {
                continue;
            };
            let value = (contestant.round)()
                .map_err(|error| format!("{}, {}: {error}", first.name, contestant.name))?;
            if value.len() != metrics.len() {
                let (name, count) = (contestant.name, value.len());
                return Err(format!("{}, {name}: {count} values", first.name).into());
            }
            if round > 0 || !rounds.warm_up {
                kept.push(value);
            }
        }
    }
    let mut lines = Vec::new();
    for (place, metric) in metrics.iter().enumerate() {
        let of_metric = values.iter().map(|rounds| {
            rounds.iter().filter_map(|values| values.get(place)).copied().collect::<Vec<f64>>()
        });
        let names = contestants.iter().map(|contestant| contestant.name);
        lines.extend(summarise(metric, names.zip(of_metric))?);
    }
    Ok(lines)
}

/// Compares the first of `results` with each of the others.
fn summarise(
    metric: &Metric,
    mut results: impl Iterator<Item = (&'static str, Vec<f64>)>,
) -> Result<Vec<Line>, Failure> {
    let (_, ours) = results.next().ok_or("nothing was measured")?;
    let line = Line::alone(metric, median(&ours).ok_or("no round was run")?, ours.len());
    let mut lines = Vec::new();
    for (name, theirs) in results.filter(|(_, theirs)| !theirs.iter().any(|value| value.is_nan())) {
        let ratios: Vec<f64> =
            ours.iter().zip(&theirs).map(|(ours, peer)| metric.ratio(*ours, *peer)).collect();
        let (Some(value), Some(ratio), Some(spread)) =
            (median(&theirs), median(&ratios), spread(&ratios))
        else {
            return Err(format!("{}: {name} ran no round", metric.name).into());
        };
        lines.push(line.beside(name, value, ratio, spread));
    }
    if lines.is_empty() {
        lines.push(line);
    }
    Ok(lines)
}

/// How often a second `work` can be done one after another, tried for `time`.
pub(crate) fn per_second(
    time: Duration,
    mut work: impl FnMut() -> Result<(), Failure>,
) -> Result<f64, Failure> {
    let start = Instant::now();
    let mut done = 0_u64;
    loop {
        work()?;
        done += 1;
        let passed = start.elapsed();
        if passed >= time {
            return Ok(done as f64 / passed.as_secs_f64());
        }
    }
}

/// Nanoseconds that one `work` takes, when so little happens that the clock is looked at only after
/// every thousand: reading it costs 20 to 50 ns.
pub(crate) fn nanoseconds(
    time: Duration,
    mut work: impl FnMut() -> Result<(), Failure>,
) -> Result<f64, Failure> {
    const BATCH: u32 = 1_000;
    let batches = per_second(time, || (0..BATCH).try_for_each(|_| work()))?;
    Ok(1e9 / (batches * f64::from(BATCH)))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    const RATE: Metric = Metric { name: "area.rate", unit: "ops/s", better: Better::Higher };
    const TIME: Metric = Metric { name: "area.time", unit: "ns", better: Better::Lower };

    fn five() -> Rounds {
        Rounds { count: 5, warm_up: true }
    }

    /// Returns 1,000 (warm-up), then each of `values`.
    fn scripted(name: &'static str, values: &[f64]) -> Contestant {
        let mut script = vec![1_000.0];
        script.extend_from_slice(values);
        let mut script = script.into_iter();
        Contestant::new(name, move || script.next().ok_or_else(|| "one round too many".into()))
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "the same division on both sides")]
    fn a_ratio_above_one_means_ours_is_better_whichever_way_the_unit_runs() {
        assert_eq!(RATE.ratio(300.0, 100.0), 3.0);
        assert_eq!(TIME.ratio(100.0, 300.0), 3.0);
        assert_eq!(TIME.ratio(300.0, 100.0), 1.0 / 3.0);
    }

    #[test]
    fn only_what_was_measured_in_the_same_round_is_compared() -> Result<(), Failure> {
        // Twice as good in every round, although the machine became slower and slower.
        let ours = scripted("ours", &[10.0, 20.0, 30.0, 40.0, 50.0]);
        let peer = scripted("peer", &[20.0, 40.0, 60.0, 80.0, 100.0]);

        let lines = measure(&[TIME], ours, vec![peer], five())?;

        let [line] = lines.as_slice() else { panic!("one peer, one line: {lines:?}") };
        assert_eq!(line.to_string(), "area.time ours=30 peer=peer:60 ratio=2 spread=0 rounds=5");
        Ok(())
    }

    #[test]
    fn every_peer_gets_its_own_line() -> Result<(), Failure> {
        let peers = vec![scripted("slow", &[1.0; 5]), scripted("fast", &[8.0; 5])];

        let lines = measure(&[RATE], scripted("ours", &[4.0; 5]), peers, five())?;

        let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            [
                "area.rate ours=4 peer=slow:1 ratio=4 spread=0 rounds=5",
                "area.rate ours=4 peer=fast:8 ratio=0.5 spread=0 rounds=5",
            ]
        );
        Ok(())
    }

    #[test]
    fn everybody_runs_once_in_each_round() -> Result<(), Failure> {
        let turns = Rc::new(RefCell::new(Vec::new()));
        let mut entrants = ["ours", "first", "second"].map(|name| {
            let turns = Rc::clone(&turns);
            Contestant::new(name, move || {
                turns.borrow_mut().push(name);
                Ok(1.0)
            })
        });
        entrants.reverse();
        let [second, first, ours] = entrants;

        measure(&[RATE], ours, vec![first, second], Rounds { count: 9, warm_up: true })?;

        let turns = turns.borrow();
        assert_eq!(turns.len(), 3 * 10);
        for round in turns.chunks(3) {
            let mut round = round.to_vec();
            round.sort_unstable();
            assert_eq!(round, ["first", "ours", "second"]);
        }
        Ok(())
    }

    #[test]
    fn a_failure_names_the_metric_and_who_failed() {
        let broken = Contestant::new("peer", || Err("the server went away".into()));

        let failure =
            measure(&[RATE], scripted("ours", &[1.0; 5]), vec![broken], five()).unwrap_err();

        assert_eq!(failure.to_string(), "area.rate, peer: the server went away");
    }
    #[test]
    fn one_round_can_give_several_metrics_and_a_peer_may_have_none_of_one() -> Result<(), Failure> {
        let ours = Contestant::of_many("ours", || Ok(vec![10.0, 4.0]));
        let peer = Contestant::of_many("peer", || Ok(vec![f64::NAN, 2.0]));

        let lines = measure(&[TIME, RATE], ours, vec![peer], five())?;

        let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            [
                "area.time ours=10 rounds=5",
                "area.rate ours=4 peer=peer:2 ratio=2 spread=0 rounds=5",
            ]
        );
        Ok(())
    }

    #[test]
    fn those_who_stand_a_trial_together_share_each_run_of_it() -> Result<(), Failure> {
        let mut trials = 0.0;
        let both = Contestant::together(&["ours", "peer"], move || {
            trials += 1.0;
            Ok(vec![vec![trials], vec![2.0 * trials]])
        });
        let mut both = both.into_iter();
        let (Some(ours), Some(peer)) = (both.next(), both.next()) else { panic!("two names") };

        let lines = measure(&[TIME], ours, vec![peer], Rounds { count: 3, warm_up: false })?;

        let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
        assert_eq!(text, ["area.time ours=2 peer=peer:4 ratio=2 spread=0 rounds=3"]);
        Ok(())
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "nothing is computed")]
    fn nothing_on_both_sides_is_equal_and_nothing_on_ours_is_beyond_measure() {
        assert_eq!(TIME.ratio(0.0, 0.0), 1.0);
        assert_eq!(TIME.ratio(0.0, 5.0), f64::INFINITY);
    }
}
