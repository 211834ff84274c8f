//! The outcome row: what a transaction attempt leaves in `steadfast_outcome`.
//!
//! The attempt writes (its id, `C`) in the packet of its COMMIT, so the row is there exactly if the
//! transaction was committed. Whoever has to find out about a lost answer writes (the id, `A`), and the
//! primary key keeps the two from both being true.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// The id of one attempt to run a transaction: a UUID of version 7, new for every attempt.
///
/// It is written and read in the usual form, `0198c0de-…`, for logs and tickets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attempt(Uuid);

impl Attempt {
    pub(crate) fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// The attempt whose id these bytes are, as in the column `attempt`.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The bytes, as in the column `attempt`.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Sixteen bytes in hexadecimal: nothing in it can end the literal.
    fn literal(self) -> String {
        format!("x'{:x}'", self.0.simple())
    }
}

/// The table with the rows, by its full name: the work of a transaction may change the default database,
/// and a tombstone in another table would be a lie.
#[derive(Debug)]
pub(crate) struct OutcomeTable(String);

impl OutcomeTable {
    pub(crate) fn of(database: &str) -> Self {
        Self(format!("`{}`.steadfast_outcome", database.replace('`', "``")))
    }

    /// The statement before COMMIT.
    pub(crate) fn record(&self, attempt: Attempt) -> String {
        let (table, id) = (&self.0, attempt.literal());
        format!("INSERT INTO {table} (attempt, state) VALUES ({id}, 'C');")
    }

    /// The fence, in two statements: if it goes in, the attempt is not committed and never will be.
    ///
    /// One second: if the row is locked for longer, the attempt is still alive and its end is asked for
    /// again after a pause. A server may be set up without autocommit, and then it would not last.
    pub(crate) fn tombstone(&self, attempt: Attempt) -> String {
        let (table, id) = (&self.0, attempt.literal());
        format!(
            "SET innodb_lock_wait_timeout = 1, autocommit = 1; \
             INSERT INTO {table} (attempt, state) VALUES ({id}, 'A')"
        )
    }

    /// Which of the two rows is there.
    pub(crate) fn state(&self, attempt: Attempt) -> String {
        format!("SELECT state FROM {} WHERE attempt = {}", self.0, attempt.literal())
    }

    /// Counts that it had to be looked up. A real write on purpose: see [`crate::resolve`].
    pub(crate) fn looked_up(&self, attempt: Attempt) -> String {
        let (table, id) = (&self.0, attempt.literal());
        format!("UPDATE {table} SET resolves = resolves + 1 WHERE attempt = {id}")
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attempt({self})")
    }
}

/// The text is no attempt's id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the id of an attempt, which looks like 0198c0de-0000-7000-8000-000000000000")]
pub struct NotAnAttempt(String);

impl FromStr for Attempt {
    type Err = NotAnAttempt;

    fn from_str(text: &str) -> Result<Self, NotAnAttempt> {
        Uuid::from_str(text).map(Self).map_err(|_why| NotAnAttempt(text.to_owned()))
    }
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was committed.
    Committed,
    /// It was not, and it never will be.
    Aborted,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_text_and_bytes() {
        let attempt = Attempt::new();
        assert_eq!(attempt.to_string().parse(), Ok(attempt));
        assert_eq!(Attempt::from_bytes(*attempt.as_bytes()), attempt);
        "'; DROP TABLE x".parse::<Attempt>().unwrap_err();
    }

    #[test]
    fn nothing_in_a_name_or_an_id_ends_its_literal() {
        let attempt: Attempt = "0198c0de-0000-7000-8000-0000000000ff".parse().unwrap();
        assert_eq!(
            OutcomeTable::of("a`b").record(attempt),
            "INSERT INTO `a``b`.steadfast_outcome (attempt, state) \
             VALUES (x'0198c0de0000700080000000000000ff', 'C');"
        );
    }
}
