//! The few figures that a row of rounds is boiled down to.
//!
//! Medians, because one round in which the machine did something else must not move the result, and
//! half the range beside them, because a reader should see how far the rounds lay apart.

/// The middle of `values`, or of the two in the middle their mean; `None` without values.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *sorted.get(middle.checked_sub(1)?)?;
    Some(f64::midpoint(lower, upper))
}

/// Half the range of `values` over their median: 0.1 means that they lay within about a tenth of it.
pub(crate) fn spread(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let (lowest, highest) = (sorted.first()?, sorted.last()?);
    // Also where all are infinite, and the difference would be no number.
    if lowest.total_cmp(highest).is_eq() {
        return Some(0.0);
    }
    let spread = (highest - lowest) / 2.0 / median(values)?;
    // Some were infinite and some not, or all but a few were zero.
    Some(if spread.is_nan() { f64::INFINITY } else { spread })
}

/// The smallest of `values` that at least the share `part` (0 to 1) of them does not exceed.
pub(crate) fn quantile(values: &[f64], part: f64) -> Option<f64> {
    let sorted = sorted(values);
    // How many values lie at or below the one sought; a count is far below what f64 holds exactly.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the number of values"
    )]
    let rank = (part.clamp(0.0, 1.0) * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_two() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[7.0]), Some(7.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn one_wild_round_does_not_move_the_median_but_shows_in_the_spread() {
        let calm = [2.0, 2.0, 2.0, 2.0, 2.0];
        let wild = [2.0, 2.0, 6.0, 2.0, 2.0];

        assert_eq!(median(&wild), median(&calm));
        assert_eq!(spread(&calm), Some(0.0));
        assert_eq!(spread(&wild), Some(1.0));
    }

    #[test]
    fn the_spread_is_half_the_range_over_the_median() {
        assert_eq!(spread(&[1.0, 2.0, 3.0]), Some(0.5));
        assert_eq!(spread(&[]), None);
    }

    #[test]
    fn rounds_that_all_end_in_infinity_do_not_differ_and_some_differ_without_end() {
        assert_eq!(spread(&[f64::INFINITY; 3]), Some(0.0));
        assert_eq!(spread(&[0.0; 3]), Some(0.0));
        assert_eq!(spread(&[1.0, f64::INFINITY, f64::INFINITY]), Some(f64::INFINITY));
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();

        assert_eq!(quantile(&hundred, 0.99), Some(99.0));
        assert_eq!(quantile(&hundred, 0.5), Some(50.0));
        assert_eq!(quantile(&hundred, 1.0), Some(100.0));
        assert_eq!(quantile(&hundred, 0.0), Some(1.0));
        assert_eq!(quantile(&[5.0], 0.99), Some(5.0));
        assert_eq!(quantile(&[], 0.99), None);
    }
}
