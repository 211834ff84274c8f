//! The lines that come out: one a metric and peer, as words or as JSON.
//!
//! Others read them, so the form is a contract: `AREA.METRIC ours=… peer=NAME:… ratio=… spread=…
//! rounds=…`, and with `--json` one object with `metric`, `unit`, `ours`, `peer`, `peer_value`,
//! `ratio`, `spread` and `rounds`. Without a peer there is nothing to compare: `peer`, `peer_value`,
//! `ratio` and `spread` are left out.

use std::fmt;

use serde::Serialize;

use crate::harness::Metric;

/// One result.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    metric: &'static str,
    unit: &'static str,
    ours: f64,
    #[serde(flatten)]
    beside: Option<Beside>,
    rounds: usize,
}

/// The peer's side of it.
#[derive(Clone, Debug, Serialize)]
struct Beside {
    peer: &'static str,
    peer_value: f64,
    ratio: f64,
    spread: f64,
}

impl Line {
    /// A result without a peer: the median of ours over `rounds`.
    pub(crate) fn alone(metric: &Metric, ours: f64, rounds: usize) -> Self {
        Self { metric: metric.name, unit: metric.unit, ours: rounded(ours), beside: None, rounds }
    }

    /// The same result beside a peer's.
    #[must_use]
    pub(crate) fn beside(&self, peer: &'static str, value: f64, ratio: f64, spread: f64) -> Self {
        let beside = Beside {
            peer,
            peer_value: rounded(value),
            ratio: rounded(ratio),
            spread: rounded(spread),
        };
        Self { beside: Some(beside), ..self.clone() }
    }

    /// One JSON object, without a line break.
    ///
    /// # Errors
    /// A value is not a finite number, which JSON cannot write.
    pub(crate) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ours={}", self.metric, self.ours)?;
        if let Some(Beside { peer, peer_value, ratio, spread }) = &self.beside {
            write!(f, " peer={peer}:{peer_value} ratio={ratio} spread={spread}")?;
        }
        write!(f, " rounds={}", self.rounds)
    }
}

/// To four significant digits, of which the rounds confirm two or three. Larger numbers keep all
/// digits before the point.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let digits = (3.0 - value.abs().log10().floor()).max(0.0);
    let scale = 10_f64.powf(digits);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Better;

    const CYCLE: Metric = Metric { name: "pool.cycle", unit: "ns", better: Better::Lower };

    fn cycle() -> Line {
        Line::alone(&CYCLE, 61.237_8, 9)
    }

    #[test]
    fn a_line_says_metric_ours_peer_ratio_spread_and_rounds() {
        let line = cycle().beside("r2d2", 232.0, 3.788_5, 0.041_23);

        assert_eq!(
            line.to_string(),
            "pool.cycle ours=61.24 peer=r2d2:232 ratio=3.789 spread=0.04123 rounds=9"
        );
    }

    #[test]
    fn a_line_without_a_peer_leaves_the_comparison_out() {
        assert_eq!(cycle().to_string(), "pool.cycle ours=61.24 rounds=9");
    }

    #[test]
    fn json_has_exactly_the_agreed_fields() -> serde_json::Result<()> {
        let line = cycle().beside("r2d2", 232.0, 3.788_5, 0.041_23).json()?;

        assert_eq!(
            line,
            r#"{"metric":"pool.cycle","unit":"ns","ours":61.24,"peer":"r2d2","peer_value":232.0,"ratio":3.789,"spread":0.04123,"rounds":9}"#
        );
        Ok(())
    }

    #[test]
    fn json_without_a_peer_leaves_the_comparison_out() -> serde_json::Result<()> {
        assert_eq!(
            cycle().json()?,
            r#"{"metric":"pool.cycle","unit":"ns","ours":61.24,"rounds":9}"#
        );
        Ok(())
    }

    #[test]
    fn numbers_keep_four_digits_and_everything_before_the_point() {
        let cases = [
            (0.0, "0"),
            (0.000_123_456, "0.0001235"),
            (1.0, "1"),
            (1.234_56, "1.235"),
            (9_876.54, "9877"),
            (31_415_926.5, "31415927"),
        ];
        for (value, wanted) in cases {
            assert_eq!(rounded(value).to_string(), wanted);
        }
    }
}
