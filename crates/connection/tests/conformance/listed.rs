//! The differences that are meant, each with its reason.

use crate::suite::{Difference, Tally};

/// Cases that differ on purpose. Each of them must still differ.
struct Listed {
    reason: &'static str,
    /// Names, where `*` stands for any text …
    cases: &'static [&'static str],
    /// … each with each of these behind it.
    ways: &'static [&'static str],
}

const AS_TEXT: &[&str] =
    &[" as Text", " as Binary", " as Json", " as an enum", " as a set", " as bits"];

const LISTED: &[Listed] = &[
    Listed {
        reason: "diesel gives the library room for one byte, and the library rounds a float to the \
                 room without telling: 0.1 is read as 0, -3.4e38 as a minus sign",
        cases: &[
            "numbers: FLOAT 0.1",
            "numbers: FLOAT 16777217",
            "numbers: FLOAT -3.402823e38",
            "numbers: FLOAT 1.17549435e-38",
            "numbers: FLOAT 1e-45",
            "numbers: FLOAT, all",
            "numbers: FLOAT UNSIGNED 2.5",
            "numbers: FLOAT UNSIGNED 3.4e38",
            "numbers: FLOAT UNSIGNED, all",
            "numbers: DOUBLE 0.1",
            "numbers: DOUBLE 1e300",
            "numbers: DOUBLE -1.7976931348623157e308",
            "numbers: DOUBLE 5e-324",
            "numbers: DOUBLE 3e9",
            "numbers: DOUBLE, all",
            "numbers: DOUBLE UNSIGNED 2.5",
            "numbers: DOUBLE UNSIGNED 1e308",
            "numbers: DOUBLE UNSIGNED, all",
            "expressions: POW(2, 70)",
        ],
        ways: AS_TEXT,
    },
    Listed {
        reason: "for the same reason diesel reads a ZEROFILL number without its zeros, and 0 ends \
                 in an assertion of its own where these are on; ours reads what the server shows",
        cases: &[
            "numbers: INT(8) UNSIGNED ZEROFILL 0",
            "numbers: INT(8) UNSIGNED ZEROFILL 42",
            "numbers: INT(8) UNSIGNED ZEROFILL, all",
        ],
        ways: AS_TEXT,
    },
    Listed {
        reason: "diesel panics at a geometry without a type asked for; ours gives its bytes",
        cases: &[
            "other types: GEOMETRY* ST_*",
            "other types: GEOMETRY*, all",
            "other types: PO* ST_*",
            "other types: PO*, all",
        ],
        ways: &[" as it comes"],
    },
    #[cfg(debug_assertions)]
    Listed {
        reason: "an assertion of diesel's own fails at the year 0000",
        cases: &["times: YEAR 0", "times: YEAR '0000'"],
        ways: &[
            " as Text",
            " as Binary",
            " as Json",
            " as an enum",
            " as a set",
            " as bits",
            " as Numeric",
        ],
    },
];

impl Listed {
    fn has(&self, name: &str) -> bool {
        let fits_before = |rest: &str| self.cases.iter().any(|pattern| fits(pattern, rest));
        self.ways.iter().any(|way| name.strip_suffix(way).is_some_and(fits_before))
    }
}

/// What is not as listed: a difference without an entry, or an entry without its difference.
pub(crate) fn compare(tally: &Tally) -> Vec<String> {
    let mut wrong = Vec::new();
    for Difference { case, stock, ours } in &tally.differences {
        if !LISTED.iter().any(|listed| listed.has(case)) {
            wrong.push(format!("{case}\n  diesel: {stock}\n  ours:   {ours}"));
        }
    }
    for listed in LISTED {
        let reason = listed.reason;
        let mut fitting = tally.names.iter().filter(|name| listed.has(name)).peekable();
        if fitting.peek().is_none() {
            wrong.push(format!("there is no case that differs because {reason}"));
        }
        for name in fitting {
            if !tally.differences.iter().any(|different| different.case == *name) {
                wrong.push(format!("{name}\n  gives the same, but is listed: {reason}"));
            }
        }
    }
    wrong
}

/// True if `name` is `pattern`, with any text for each `*`.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, behind)) = left.split_once(part) else { return false };
        left = behind;
    }
    left.ends_with(last)
}

#[test]
fn a_pattern_fits_whole_names() {
    assert!(fits("a: b", "a: b") && !fits("a: b", "a: bc"));
    assert!(fits("a*c*", "abcd") && fits("*d", "abcd") && !fits("*c", "abcd"));
    assert!(fits("a*b*c", "axbyc") && !fits("a*b*c", "acb"));
}
