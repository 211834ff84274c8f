//! Many rows in few statements.

use std::fmt;
use std::ops::Range;

use diesel::QueryResult;
use diesel::result::Error as DieselError;

use crate::{Connection, Fault, ServerError};

/// Rows tried in one statement. Beyond some hundreds the round trip no longer counts, and locks are
/// held longer.
const ROWS_AT_ONCE: usize = 1000;

impl Connection {
    /// Inserts any number of rows, up to 1,000 in a statement.
    ///
    /// `insert` sends one statement for the rows it is given. Where they would exceed the 65,535
    /// placeholders of a statement or the server's `max_allowed_packet`, nothing is sent and it is
    /// called again with fewer. It gives the rows affected, as diesel's `execute` does.
    ///
    /// Each statement is atomic; in one transaction, all of them are.
    ///
    /// ```no_run
    /// use diesel::Connection as _;
    /// use diesel::prelude::*;
    /// use steadfast_connection::{Config, Connection};
    ///
    /// diesel::table! { readings (id) { id -> BigInt, celsius -> Double, } }
    ///
    /// #[derive(Insertable)]
    /// #[diesel(table_name = readings)]
    /// struct Reading {
    ///     celsius: f64,
    /// }
    ///
    /// let mut conn = Connection::open(&Config::from_url("mysql://root@127.0.0.1/weather")?)?;
    /// let rows = (0..1_000_000).map(|minute| Reading { celsius: f64::from(minute % 40) });
    /// let inserted = conn.transaction(|conn| {
    ///     Ok::<_, diesel::result::Error>(conn.bulk_insert(rows, |conn, some| {
    ///         diesel::insert_into(readings::table).values(some).execute(conn)
    ///     })?)
    /// })?;
    /// assert_eq!(inserted, 1_000_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Blocks
    /// For one round trip for each statement, and whatever `rows` waits for.
    ///
    /// # Errors
    /// [`BulkError`] tells which rows the failing statement held, and what was inserted before it.
    /// No further statement is sent.
    pub fn bulk_insert<R>(
        &mut self,
        rows: impl IntoIterator<Item = R>,
        mut insert: impl FnMut(&mut Self, &[R]) -> QueryResult<usize>,
    ) -> Result<u64, BulkError> {
        let mut rows = rows.into_iter();
        let mut waiting = Vec::new();
        let mut most = ROWS_AT_ONCE;
        let (mut done, mut affected) = (0, 0);
        loop {
            waiting.extend(rows.by_ref().take(ROWS_AT_ONCE - waiting.len()));
            let mut count = waiting.len().min(most);
            let outcome = loop {
                let Some(some) = waiting.get(..count).filter(|some| !some.is_empty()) else {
                    return Ok(affected);
                };
                match insert(self, some) {
                    Err(error) if is_above_a_limit(&error) && count > 1 => {
                        count /= 2;
                        most = most_after(&error, count, most);
                    }
                    outcome => break outcome,
                }
            };
            match outcome {
                Ok(rows) => affected += rows as u64,
                Err(source) => {
                    return Err(BulkError { rows: done..done + count, affected, source });
                }
            }
            waiting.drain(..count);
            done += count;
        }
    }
}

/// Rows are alike in their number of values, so the next ones are not tried with more. Their bytes
/// differ.
fn most_after(error: &DieselError, count: usize, most: usize) -> usize {
    let has_too_many = ServerError::find(error).is_some_and(|error| error.has_too_many_values());
    if has_too_many { count } else { most }
}

fn is_above_a_limit(error: &DieselError) -> bool {
    ServerError::find(error).is_some_and(|error| error.is_above_a_limit())
}

/// A bulk insert that stopped.
#[derive(Debug)]
pub struct BulkError {
    rows: Range<usize>,
    affected: u64,
    source: DieselError,
}

impl BulkError {
    /// The rows that the failing statement held, by their position among those given; the first is
    /// 0. Those before are in the database, unless the transaction is undone; those from
    /// [`end`](Range::end) on were not sent.
    pub fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    /// Rows affected by the statements before.
    pub fn affected_rows(&self) -> u64 {
        self.affected
    }

    /// What went wrong.
    pub fn source_error(&self) -> &DieselError {
        &self.source
    }

    /// What the caller can do about it.
    pub fn fault(&self) -> Fault {
        ServerError::find(&self.source).map_or(Fault::Permanent, |error| error.fault())
    }
}

impl fmt::Display for BulkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { start, end } = &self.rows;
        write!(f, "inserting rows {start} to {} failed: {}", end.saturating_sub(1), self.source)
    }
}

impl std::error::Error for BulkError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl From<BulkError> for DieselError {
    fn from(error: BulkError) -> Self {
        error.source
    }
}
