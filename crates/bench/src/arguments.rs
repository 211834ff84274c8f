//! What was asked for on the command line: `AREA [METRIC] [--quick] [--json] [--peers] [--rounds N]`.

use std::time::Duration;

use crate::harness::{FEWEST_ROUNDS, Metric, Rounds};

/// Printed when the command line makes no sense.
pub(crate) const USAGE: &str =
    "usage: steadfast-bench AREA [METRIC] [--quick] [--json] [--peers] [--rounds N]";

const MOST_ROUNDS: usize = 1_000;

/// The whole command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    area: String,
    metric: Option<String>,
    pub(crate) json: bool,
    pub(crate) plan: Plan,
}

/// How much is run of each metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    /// How long one side works in one round.
    pub(crate) round: Duration,
    /// Whether a table that takes long to fill has its whole size, and a trial its whole length.
    pub(crate) whole: bool,
    /// Whether peers in other languages take part, each a process of its own.
    pub(crate) peers: bool,
}

/// How long a round of a metric takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// As long as [`Plan::round`] says, or not much longer.
    Usual,
    /// Longer, such as an outage: so many rounds at most and one with `--quick`, and none to warm up.
    Long(usize),
}

impl Arguments {
    /// Reads the words after the program's name.
    ///
    /// # Errors
    /// What is wrong, as a sentence for the user.
    pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut names = Vec::new();
        let (mut json, mut quick, mut peers, mut rounds) = (false, false, false, None);
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--json" => json = true,
                "--quick" => quick = true,
                "--peers" => peers = true,
                "--rounds" => rounds = Some(round_count(words.next())?),
                option if option.starts_with('-') => {
                    return Err(format!("unknown option {option}"));
                }
                _ => names.push(word),
            }
        }
        let mut names = names.into_iter();
        let first = names.next().ok_or("an area is missing")?;
        // `connection.select` alone names area and metric.
        let (area, metric) = match first.split_once('.') {
            Some((area, _)) => (area.to_owned(), Some(first)),
            None => (first, names.next()),
        };
        if let Some(surplus) = names.next() {
            return Err(format!("one metric at most, and then comes {surplus}"));
        }
        let mut plan = if quick { Plan::quick() } else { Plan::full() };
        plan.rounds = rounds.unwrap_or(plan.rounds);
        plan.peers = peers;
        Ok(Self { area, metric, json, plan })
    }

    /// Whether this metric was asked for. `select` and `connection.select` name the same in the area
    /// `connection`.
    pub(crate) fn wants(&self, metric: &Metric) -> bool {
        let (area, name) = metric.name.split_once('.').unwrap_or((metric.name, ""));
        let in_area = self.area == "all" || self.area == area;
        let named = |wanted: &String| wanted == name || wanted == metric.name;
        in_area && self.metric.as_ref().is_none_or(named)
    }
}

impl Plan {
    fn full() -> Self {
        Self { rounds: 9, round: Duration::from_secs(1), whole: true, peers: false }
    }

    fn quick() -> Self {
        let round = Duration::from_millis(300);
        Self { rounds: FEWEST_ROUNDS, round, whole: false, peers: false }
    }

    /// The rounds of a metric whose rounds are so long.
    pub(crate) fn rounds(&self, length: Length) -> Rounds {
        match length {
            Length::Usual => Rounds { count: self.rounds, warm_up: true },
            Length::Long(most) => {
                let count = if self.whole { self.rounds.min(most) } else { 1 };
                Rounds { count, warm_up: false }
            }
        }
    }
}

fn round_count(word: Option<String>) -> Result<usize, String> {
    let allowed = format!("--rounds wants a number from {FEWEST_ROUNDS} to {MOST_ROUNDS}");
    word.and_then(|word| word.parse().ok())
        .filter(|rounds| (FEWEST_ROUNDS..=MOST_ROUNDS).contains(rounds))
        .ok_or(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Better;

    fn parse(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    fn metric(name: &'static str) -> Metric {
        Metric { name, unit: "ns", better: Better::Lower }
    }

    #[test]
    fn options_stand_anywhere() -> Result<(), String> {
        let arguments = parse("--json pool --rounds 12 cycle --quick --peers")?;

        assert!(arguments.json);
        assert_eq!(arguments.plan, Plan { rounds: 12, peers: true, ..Plan::quick() });
        assert!(arguments.wants(&metric("pool.cycle")));
        Ok(())
    }

    #[test]
    fn a_metric_with_its_area_is_enough() -> Result<(), String> {
        let cycle = parse("pool.cycle --quick")?;

        assert!(cycle.wants(&metric("pool.cycle")));
        assert!(!cycle.wants(&metric("pool.wait_p99")));
        parse("pool.cycle wait_p99").unwrap_err();
        Ok(())
    }

    #[test]
    fn an_area_means_all_its_metrics_and_no_other() -> Result<(), String> {
        let pool = parse("pool")?;

        assert!(pool.wants(&metric("pool.cycle")));
        assert!(pool.wants(&metric("pool.wait_p99")));
        assert!(!pool.wants(&metric("connection.select")));
        assert!(parse("all")?.wants(&metric("connection.select")));
        Ok(())
    }

    #[test]
    fn a_metric_is_named_with_or_without_its_area() -> Result<(), String> {
        for line in ["connection select", "connection connection.select", "all connection.select"] {
            assert!(parse(line)?.wants(&metric("connection.select")), "{line}");
            assert!(!parse(line)?.wants(&metric("connection.ping")), "{line}");
        }
        Ok(())
    }

    #[test]
    fn at_least_five_rounds_are_run() -> Result<(), String> {
        assert_eq!(parse("all")?.plan.rounds, 9);
        assert_eq!(parse("all --quick")?.plan.rounds, 5);
        for wrong in ["--rounds 4", "--rounds 1001", "--rounds many", "--rounds"] {
            assert_eq!(
                parse(&format!("all {wrong}")),
                Err("--rounds wants a number from 5 to 1000".to_owned()),
                "{wrong}"
            );
        }
        Ok(())
    }

    #[test]
    fn long_rounds_are_few_and_one_is_enough_when_it_has_to_be_quick() -> Result<(), String> {
        let full = parse("all")?.plan;
        let quick = parse("all --quick")?.plan;
        let counts = [full, quick]
            .map(|plan| (plan.rounds(Length::Usual).count, plan.rounds(Length::Long(3)).count));

        assert_eq!(counts, [(9, 3), (5, 1)]);
        assert!(full.rounds(Length::Usual).warm_up);
        assert!(!full.rounds(Length::Long(3)).warm_up);
        Ok(())
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        assert_eq!(parse(""), Err("an area is missing".to_owned()));
        assert_eq!(parse("pool --fast"), Err("unknown option --fast".to_owned()));
        assert_eq!(
            parse("pool cycle wait_p99"),
            Err("one metric at most, and then comes wait_p99".to_owned())
        );
    }
}
