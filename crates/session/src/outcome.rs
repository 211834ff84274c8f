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

    /// The statement before COMMIT.
    pub(crate) fn record(self) -> String {
        format!("INSERT INTO steadfast_outcome (attempt, state) VALUES ({}, 'C');", self.literal())
    }

    /// The fence: if it goes in, the attempt is not committed and never will be.
    ///
    /// One second: if the row is locked for longer, the attempt is still alive and its end is asked for
    /// again after a pause.
    pub(crate) fn tombstone(self) -> String {
        let id = self.literal();
        format!(
            "SET innodb_lock_wait_timeout = 1; \
             INSERT INTO steadfast_outcome (attempt, state) VALUES ({id}, 'A')"
        )
    }

    /// Which of the two rows is there.
    pub(crate) fn state(self) -> String {
        format!("SELECT state FROM steadfast_outcome WHERE attempt = {}", self.literal())
    }

    /// Counts that it had to be looked up. A real write on purpose: see [`crate::resolve`].
    pub(crate) fn looked_up(self) -> String {
        let id = self.literal();
        format!("UPDATE steadfast_outcome SET resolves = resolves + 1 WHERE attempt = {id}")
    }

    /// Sixteen bytes in hexadecimal: nothing in it can end the literal.
    fn literal(self) -> String {
        format!("x'{:x}'", self.0.simple())
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
    fn the_literal_is_hexadecimal() {
        let attempt: Attempt = "0198c0de-0000-7000-8000-0000000000ff".parse().unwrap();
        assert_eq!(
            attempt.record(),
            "INSERT INTO steadfast_outcome (attempt, state) \
             VALUES (x'0198c0de0000700080000000000000ff', 'C');"
        );
    }
}
