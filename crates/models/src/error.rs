//! Why a row could not be read or written.

use std::fmt::Debug;

/// Why a row could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Somebody changed or deleted the row after it was read. Nothing was written: read it again,
    /// decide again.
    #[error("{table} {key} is no longer at version {version}: it was changed or deleted meanwhile")]
    StaleObject {
        /// The table.
        table: &'static str,
        /// The key of the row, as `Debug` shows it.
        key: String,
        /// The version that was read, and that the row no longer has.
        version: i64,
    },
    /// There is no such row, or it is deleted softly.
    #[error("{table} {key} does not exist")]
    NotFound {
        /// The table.
        table: &'static str,
        /// The key that was looked for, as `Debug` shows it.
        key: String,
    },
    /// The page asked for is empty or too large.
    #[error("page of {size} rows: allowed are 1 to {} rows", crate::cursor::MAX_PAGE_TEXT)]
    PageSize {
        /// The size asked for.
        size: u32,
    },
    /// The database, or diesel, refused the query.
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
}

impl Error {
    /// [`Error::NotFound`] for a row of `table`.
    pub fn not_found(table: &'static str, key: &impl Debug) -> Self {
        Self::NotFound { table, key: format!("{key:?}") }
    }

    /// [`Error::StaleObject`] for a row of `table` that was read at `version`.
    pub fn stale(table: &'static str, key: &impl Debug, version: i64) -> Self {
        Self::StaleObject { table, key: format!("{key:?}"), version }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_a_sentence_with_the_values_that_matter() {
        assert_eq!(
            Error::stale("accounts", &7, 3).to_string(),
            "accounts 7 is no longer at version 3: it was changed or deleted meanwhile"
        );
        assert_eq!(Error::not_found("users", &"ada").to_string(), "users \"ada\" does not exist");
        assert_eq!(
            Error::PageSize { size: 0 }.to_string(),
            "page of 0 rows: allowed are 1 to 10,000 rows"
        );
    }
}
