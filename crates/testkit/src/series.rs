//! Many rows for a table, in a form that both vendors understand.

/// The numbers `from` to `to` as a table with the column `seq`, to be put behind `FROM`.
///
/// As MariaDB's `seq_1_to_1000`, which MySQL has not. A recursive query would do for a thousand rows:
/// with more of them, MySQL stops at `cte_max_recursion_depth`, and MariaDB gives fewer without a word.
pub fn series(from: u32, to: u32) -> String {
    const DIGITS: &str = "(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 \
        UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 \
        UNION ALL SELECT 9)";
    let (mut sum, mut places) = (vec![from.to_string()], Vec::new());
    let mut unit = 1_u64;
    while unit <= u64::from(to.saturating_sub(from)) || places.is_empty() {
        let place = format!("d{}", places.len());
        sum.push(format!("{place}.d * {unit}"));
        places.push(format!("{DIGITS} AS {place}"));
        unit *= 10;
    }
    let (sum, places) = (sum.join(" + "), places.join(" CROSS JOIN "));
    format!(
        "(SELECT seq FROM (SELECT {sum} AS seq FROM {places}) AS every WHERE seq <= {to} ORDER BY seq) \
         AS series"
    )
}

/// `sql` with every `seq_1_to_1000` replaced by that [`series`].
pub(crate) fn expand(sql: &str) -> String {
    let mut parts = sql.split("seq_");
    let mut expanded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (from, rest) = part.split_at(digits(part));
        let (to, rest) = rest.strip_prefix("_to_").map_or(("", rest), |to| to.split_at(digits(to)));
        match (from.parse(), to.parse()) {
            (Ok(from), Ok(to)) => {
                expanded.push_str(&series(from, to));
                expanded.push_str(rest);
            }
            _ => {
                expanded.push_str("seq_");
                expanded.push_str(part);
            }
        }
    }
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server;

    #[test]
    fn a_sequence_of_mariadb_is_understood_and_other_names_stay() {
        let expanded = expand("SELECT seq_no, seq_1_up FROM seq_1_to_5;");
        assert_eq!(expanded, format!("SELECT seq_no, seq_1_up FROM {};", series(1, 5)));
    }

    #[test]
    fn a_series_has_every_number_once() {
        let of = |from, to| {
            let columns = "COUNT(*), COUNT(DISTINCT seq), MIN(seq), MAX(seq)";
            let sql = format!("SELECT {columns} FROM {}", series(from, to));
            server().sql("", &sql).expect("it is a good query")
        };
        assert_eq!(of(1, 1), "1\t1\t1\t1");
        assert_eq!(of(0, 255), "256\t256\t0\t255");
        assert_eq!(of(1, 20_000), "20000\t20000\t1\t20000");
    }
}
