//! The differences that are meant, each with its reason.

use mysqlclient_sys::SUPPORTS_MYSQL_SSL_MODE;

use crate::suite::{Difference, Tally, UNREADABLE, is_mariadb};

/// Cases that differ on purpose.
struct Listed {
    reason: &'static str,
    how: How,
    /// Names, where `*` stands for any text. Each must still fit one that differs.
    cases: &'static [&'static str],
    /// Each with each of these behind it.
    ways: &'static [&'static str],
}

/// What the entry allows.
#[derive(Clone, Copy)]
enum How {
    Anyhow,
    /// Rows that ours cannot read, and diesel reads as something.
    Refused,
    /// Rows that diesel cannot read.
    Read,
}

const ITSELF: &[&str] = &[""];
const AS_TEXT: &[&str] =
    &[" as Text", " as Binary", " as Json", " as an enum", " as a set", " as bits"];
const AS_NUMBER: &[&str] = &[
    " as Bool",
    " as TinyInt",
    " as SmallInt",
    " as Integer",
    " as BigInt",
    " as Unsigned<TinyInt>",
    " as Unsigned<SmallInt>",
    " as Unsigned<Integer>",
    " as Unsigned<BigInt>",
    " as Float",
    " as Double",
    " as Numeric",
];
const AS_INTEGER_OR_FLOAT: &[&str] = &[
    " as Bool",
    " as TinyInt",
    " as SmallInt",
    " as Integer",
    " as BigInt",
    " as Unsigned<TinyInt>",
    " as Unsigned<SmallInt>",
    " as Unsigned<Integer>",
    " as Unsigned<BigInt>",
    " as Float",
    " as Double",
];
const AS_TIME: &[&str] = &[" as Date", " as Time", " as Datetime", " as Timestamp"];

const LISTED: &[Listed] = &[
    Listed {
        reason: "the client library gives a float the room of one byte that diesel offers, rounded to \
                 it, and tells of no truncation: 0.1 is read as 0, -3.4e38 as a minus sign",
        how: How::Anyhow,
        cases: &["numbers: FLOAT*", "numbers: DOUBLE*", "number expressions: POW(2, 70)"],
        ways: AS_TEXT,
    },
    Listed {
        reason: "diesel panics at a geometry without a type asked for; ours gives its bytes",
        how: How::Anyhow,
        cases: &["other types: GEOMETRY*", "other types: PO*"],
        ways: &[" as it comes"],
    },
    Listed {
        reason: "the client library takes what is no number for 0; ours says that it is none",
        how: How::Refused,
        cases: &[
            "texts: CHAR(10)*",
            "texts: VARCHAR(200)*",
            "texts: VARCHAR(100)*",
            "texts: VARCHAR(20) CHARACTER SET *",
            "texts: TINYTEXT*",
            "texts: TEXT*",
            "texts: MEDIUMTEXT*",
            "texts: LONGTEXT*",
            "texts: BINARY(4)*",
            "texts: VARBINARY(200)*",
            "texts: ENUM('small','żółty','')*",
            "texts: SET('a','b','c')*",
            "times: DATE*",
            "times: TIME*",
            "other types: *",
            "text expressions: *",
            "time expressions: *",
        ],
        ways: &[" as Float", " as Double"],
    },
    Listed {
        reason: "the client library takes a number, and a text that is no time, for the time 0 or for \
                 some other; ours says that it is none",
        how: How::Refused,
        cases: &[
            "numbers: TINYINT*",
            "numbers: SMALLINT*",
            "numbers: MEDIUMINT*",
            "numbers: INT*",
            "numbers: BIGINT*",
            "numbers: DECIMAL(*",
            "numbers: FLOAT*",
            "numbers: DOUBLE*",
            "numbers: BIT(*",
            "texts: CHAR(10)*",
            "texts: VARCHAR(200)*",
            "texts: VARCHAR(100) '*",
            "texts: VARCHAR(20) CHARACTER SET *",
            "texts: TINYTEXT*",
            "texts: TEXT*",
            "texts: MEDIUMTEXT*",
            "texts: LONGTEXT*",
            "texts: BINARY(4)*",
            "texts: VARBINARY(200)*",
            "texts: ENUM('small','żółty','')*",
            "texts: SET('a','b','c')*",
            "times: YEAR*",
            "number expressions: *",
            "text expressions: *",
        ],
        ways: AS_TIME,
    },
    Listed {
        reason: "the same of all values at once: of the texts some are a time",
        how: How::Refused,
        cases: &["texts: VARCHAR(100), all"],
        ways: &[" as Datetime", " as Timestamp"],
    },
    Listed {
        reason: "the client library lays the bytes of a BIT or BLOB over the number, first byte lowest, \
                 and fails if there are more; ours reads the number that was written",
        how: How::Anyhow,
        cases: &["numbers: BIT(*"],
        ways: AS_NUMBER,
    },
    Listed {
        reason: "the same of a BLOB",
        how: How::Anyhow,
        cases: &["texts: TINYBLOB*", "texts: BLOB*", "texts: MEDIUMBLOB*", "texts: LONGBLOB*"],
        ways: AS_INTEGER_OR_FLOAT,
    },
    Listed {
        reason: "the client library lays the bytes of a BLOB over its struct of a time",
        how: How::Anyhow,
        cases: &[
            "texts: TINYBLOB*",
            "texts: BLOB*",
            "texts: MEDIUMBLOB*",
            "texts: LONGBLOB*",
            "other types: *",
        ],
        ways: AS_TIME,
    },
    Listed {
        reason: "the client library refuses an integer that a DOUBLE does not hold exactly; diesel \
                 itself reads such a one where it gets it, and so does ours",
        how: How::Read,
        cases: &["numbers: BIGINT*", "number expressions: 18446744073709551615"],
        ways: &[" as Double"],
    },
    Listed {
        reason: "of a time that is read as a date ours leaves the hours out, of a date that is read as \
                 a time the days; diesel has them in fields that its own types of Rust do not read",
        how: How::Anyhow,
        cases: &[
            "texts: VARCHAR(100)*",
            "times: TIME*",
            "times: DATETIME*",
            "time expressions: TIME*",
            "time expressions: CAST('10:11:12' AS TIME(2))",
            "time expressions: SEC_TO_TIME(1000000)",
        ],
        ways: &[" as Date"],
    },
    Listed {
        reason: "as before, the other way round",
        how: How::Anyhow,
        cases: &["texts: VARCHAR(100)*"],
        ways: &[" as Time"],
    },
    Listed {
        reason: "diesel looks at the columns before the values are bound, when a placeholder has no \
                 type yet, and panics; ours looks at them after",
        how: How::Anyhow,
        cases: &["binds: * Some(*", "binds: * number *"],
        ways: &[" with sql_query"],
    },
    Listed {
        reason: "the client library has one byte for the hours of a time and sends 838:59:58 as \
                 70:59:58; ours sends what it is given",
        how: How::Anyhow,
        cases: &["binds: Time from MysqlTime number *"],
        ways: &["*"],
    },
    Listed {
        reason: "diesel gives every failure of a batch the kind Unknown; ours gives it the kind that \
                 it has when it is prepared",
        how: How::Anyhow,
        cases: &[
            "errors: 1062*, batch",
            "errors: 145*, batch",
            "errors: 1048*, batch",
            "errors: 1364*, batch",
            "errors: 1792*, batch",
            "errors: check, batch",
            "errors: a signal with all it can tell, batch",
            "write: batch_execute that stops in the middle",
        ],
        ways: ITSELF,
    },
    Listed {
        reason: "the number, SQLSTATE, vendor and fault travel in the details, which diesel leaves empty",
        how: How::Anyhow,
        cases: &["errors: details"],
        ways: ITSELF,
    },
    Listed {
        reason: "a lost connection has a kind in diesel that diesel never gives it",
        how: How::Anyhow,
        cases: &[
            "transactions: killed within",
            "errors: after it was killed",
            "errors: a batch after it was killed",
        ],
        ways: ITSELF,
    },
    Listed {
        reason: "ours names the column whose value does not fit, and says it in its own words when \
                 there are no rows or a URL is none",
        how: How::Anyhow,
        cases: &[
            "select: a column of another type",
            "errors: rows of a statement without any",
            "errors: a URL of another kind",
            "errors: a URL that is none",
        ],
        ways: ITSELF,
    },
    Listed {
        reason: "diesel's BadConnection has room for a text alone; ours keeps the number of what the \
                 server said in the other variant",
        how: How::Anyhow,
        cases: &["errors: a wrong password", "errors: no such database", "errors: nobody listens"],
        ways: ITSELF,
    },
    Listed {
        reason: "a transaction that a statement has committed or rolled back by itself is over: diesel's \
                 goes on without one, each statement by itself; ours says so",
        how: How::Anyhow,
        cases: &[
            "transactions: DDL within, then a commit",
            "transactions: ROLLBACK as text within",
        ],
        ways: ITSELF,
    },
    Listed {
        reason: "ours keeps every statement within the bound of its cache, so one that diesel prepares \
                 anew each time is prepared once, and an event tells that it is kept",
        how: How::Anyhow,
        cases: &[
            "instrumentation: an update",
            "instrumentation: a batch insert",
            "instrumentation: a query that fails",
            "instrumentation: a query in a transaction that fails",
            "instrumentation: save_changes",
            "instrumentation: sql_query",
            "instrumentation: preparations of one update, 5 times",
            "instrumentation: preparations of one batch insert, 5 times",
            "instrumentation: preparations of one sql_query, 5 times",
        ],
        ways: ITSELF,
    },
    Listed {
        reason: "the URL may hold the password, and ours shows none",
        how: How::Anyhow,
        cases: &["instrumentation: connecting"],
        ways: ITSELF,
    },
];

/// What differs with libmariadb alone.
const WITH_LIBMARIADB: &[Listed] = &[
    Listed {
        reason: "libmariadb gives a ZEROFILL number the room of one byte, too, so diesel reads it \
                 without its zeros; an assertion of its own fails at 0. Ours reads what the server shows",
        how: How::Anyhow,
        cases: &["numbers: INT(8) UNSIGNED ZEROFILL*"],
        ways: AS_TEXT,
    },
    #[cfg(debug_assertions)]
    Listed {
        reason: "an assertion of diesel's own fails at the year 0000",
        how: How::Anyhow,
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
    Listed {
        reason: "libmariadb sets the days of a long time and has them in the hours, too; ours has them \
                 in the hours alone",
        how: How::Anyhow,
        cases: &["times: TIME*", "time expressions: SEC_TO_TIME(1000000)"],
        ways: &[" as Datetime", " as Timestamp"],
    },
];

/// What differs with libmysqlclient alone.
const WITH_LIBMYSQLCLIENT: &[Listed] = &[
    Listed {
        reason: "libmysqlclient calls cut off what does not fit into the type asked for: a date that is \
                 read as a time, a date with a time that is read as a date; diesel fails there",
        how: How::Read,
        cases: &["times: DATE*", "times: TIMESTAMP*", "time expressions: *"],
        ways: &[" as Date", " as Time"],
    },
    Listed {
        reason: "as before: digits that a FLOAT does not hold",
        how: How::Anyhow,
        cases: &["texts: VARCHAR(100) '99999999999999999999'", "texts: VARCHAR(100), all"],
        ways: &[" as Float"],
    },
    Listed {
        reason: "libmysqlclient reads a negative time as the date and time 0",
        how: How::Anyhow,
        cases: &["texts: VARCHAR(100) '-12:30:00.5'", "texts: VARCHAR(100), all"],
        ways: &[" as Datetime", " as Timestamp"],
    },
    Listed {
        reason: "libmysqlclient keeps the failure of a prepared statement, and diesel takes it for one of \
                 the next run",
        how: How::Anyhow,
        cases: &["transactions: a failed statement, caught"],
        ways: ITSELF,
    },
];

/// What differs on a MariaDB server alone.
const ON_MARIADB: &[Listed] = &[
    Listed {
        reason: "as for a text: what is no number, and what is no time",
        how: How::Refused,
        cases: &["MariaDB's types: UUID*", "MariaDB's types: INET6*", "MariaDB's types: INET4*"],
        ways: &[" as Float", " as Double", " as Date", " as Time", " as Datetime", " as Timestamp"],
    },
    Listed {
        reason: "diesel does not know MariaDB's number 4025 of a failed CHECK, which a JSON column has",
        how: How::Anyhow,
        cases: &["binds: * into JSON", "write: a check", "errors: check, prepared"],
        ways: ITSELF,
    },
    Listed {
        reason: "MariaDB tells of the rows of these with the answer alone, and diesel asks before; ours \
                 gives them",
        how: How::Anyhow,
        cases: &["raw SQL: *RETURNING*", "raw SQL: SHOW WARNINGS"],
        ways: ITSELF,
    },
    Listed {
        reason: "diesel looks at the columns before the values are bound, when a blob is a text",
        how: How::Anyhow,
        cases: &["binds: Binary * with select", "raw SQL: one text with values of several types"],
        ways: ITSELF,
    },
    Listed {
        reason: "MariaDB tells a connection that it was killed, which diesel does not know as its end",
        how: How::Anyhow,
        cases: &["errors: killed by itself"],
        ways: ITSELF,
    },
];

/// What differs on a MySQL server alone.
const ON_MYSQL: &[Listed] = &[
    Listed {
        reason: "MySQL tells of the columns of these with the answer, and diesel asks before, when there \
                 are none or others; ours goes by the answer",
        how: How::Anyhow,
        cases: &[
            "raw SQL: SHOW CREATE TABLE pairs",
            "raw SQL: EXPLAIN SELECT * FROM users WHERE id = 1",
            "raw SQL: CHECKSUM TABLE pairs",
            "raw SQL: SELECT id, LEAD(id) *",
            "migrations: setup",
            "binds: * with select",
        ],
        ways: ITSELF,
    },
    Listed {
        reason: "libmariadb sends a date without a day in a form that MySQL does not know",
        how: How::Anyhow,
        cases: &["binds: Date from MysqlTime number *"],
        ways: ITSELF,
    },
];

/// What differs on some versions of a server, and is not asked for on others.
const BY_VERSION: &[Listed] = &[Listed {
    reason: "ours takes the collation that the server has for utf8mb4, as MariaDB 11.5 has a new one",
    how: How::Anyhow,
    cases: &["raw SQL: utf8mb4 both ways", "binds: * into CHAR(40) CHARACTER SET latin1"],
    ways: ITSELF,
}];

impl Listed {
    fn names(&self, name: &str) -> bool {
        let fits_with =
            |way: &str| self.cases.iter().any(|pattern| fits(&format!("{pattern}{way}"), name));
        self.ways.iter().any(|way| fits_with(way))
    }

    fn covers(&self, difference: &Difference) -> bool {
        self.names(&difference.case) && self.how.allows(difference)
    }

    /// Each pattern by itself: none may stay behind when what it was for is gone.
    fn patterns(&self) -> impl Iterator<Item = String> {
        self.cases.iter().flat_map(|case| self.ways.iter().map(move |way| format!("{case}{way}")))
    }
}

impl How {
    fn allows(self, Difference { stock, ours, .. }: &Difference) -> bool {
        let refused = |text: &str| text.contains(UNREADABLE);
        match self {
            Self::Anyhow => true,
            Self::Refused => refused(ours) && only_refused(stock, ours),
            Self::Read => refused(stock) && only_refused(ours, stock),
        }
    }
}

/// True if each row of `refused` that differs cannot be read.
fn only_refused(other: &str, refused: &str) -> bool {
    let rows = |text: &str| text.split("\", \"").map(str::to_owned).collect::<Vec<_>>();
    let (other, refused) = (rows(other), rows(refused));
    let mut pairs = other.iter().zip(&refused);
    other.len() == refused.len() && pairs.all(|(a, b)| a == b || b.contains(UNREADABLE))
}

fn of_vendor() -> &'static [Listed] {
    if is_mariadb() { ON_MARIADB } else { ON_MYSQL }
}

fn of_library() -> &'static [Listed] {
    if SUPPORTS_MYSQL_SSL_MODE { WITH_LIBMYSQLCLIENT } else { WITH_LIBMARIADB }
}

/// How many cases differ for each reason; one that has several counts for each.
pub(crate) fn account(tally: &Tally) -> Vec<(usize, &'static str)> {
    let all = LISTED.iter().chain(of_library()).chain(of_vendor()).chain(BY_VERSION);
    let count = |listed: &Listed| {
        tally.differences.iter().filter(|difference| listed.covers(difference)).count()
    };
    all.map(|listed| (count(listed), listed.reason)).filter(|(count, _)| *count > 0).collect()
}

/// What is not as listed: a difference without an entry, or an entry without its difference.
pub(crate) fn compare(tally: &Tally) -> Vec<String> {
    let all: Vec<&Listed> = LISTED.iter().chain(of_library()).chain(of_vendor()).collect();
    let mut wrong = Vec::new();
    for difference in &tally.differences {
        if !all.iter().copied().chain(BY_VERSION).any(|listed| listed.covers(difference)) {
            let Difference { case, stock, ours } = difference;
            wrong.push(format!("{case}\n  diesel: {stock}\n  ours:   {ours}"));
        }
    }
    for listed in all {
        for pattern in listed.patterns() {
            let is_used = tally.differences.iter().any(|difference| {
                fits(&pattern, &difference.case) && listed.how.allows(difference)
            });
            if !is_used {
                wrong.push(format!(
                    "{pattern}\n  is listed, but no such case differs: {}",
                    listed.reason
                ));
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
