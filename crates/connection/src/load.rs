//! Rows on their way from a statement to diesel.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use diesel::QueryResult;
use diesel::mysql::{Mysql, MysqlValue};
use diesel::result::Error as DieselError;
use diesel::row::{Field as DieselField, PartialRow, Row as DieselRow, RowIndex, RowSealed};

use crate::ServerError;
use crate::execute::Rows;
use crate::ffi::{Columns, Fetched, Handle, RowBuffer};
use crate::interrupter::Fuse;
use crate::transaction::TransactionState;

/// Loading mode: rows are read from the network one by one, whatever their number, in the memory of
/// one.
///
/// The connection is busy until the last row. A cursor dropped earlier reads up to 1,000 further
/// rows away, for at most 100 ms; if that was not all, it cuts the connection, which is then
/// [broken](crate::Connection::is_broken) and is retired by a pool.
///
/// ```no_run
/// use diesel::prelude::*;
/// use steadfast_connection::{Config, Connection, Streaming};
///
/// diesel::table! { orders (id) { id -> BigInt, total -> BigInt, } }
///
/// let mut conn = Connection::open(&Config::from_url("mysql://root@127.0.0.1/shop")?)?;
/// let mut sum = 0;
/// for row in orders::table.load_iter::<(i64, i64), Streaming>(&mut conn)? {
///     sum += row?.1;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Streaming;

/// Rows that a dropped stream still reads, to keep its connection.
pub(crate) const READ_AWAY: u32 = 1000;
/// And how long it may take.
pub(crate) const READ_AWAY_WITHIN: Duration = Duration::from_millis(100);

/// The rows of a query.
pub struct Cursor<'conn> {
    // `None` only while dropping.
    rows: Option<Rows<'conn>>,
    handle: &'conn mut Handle,
    state: &'conn mut TransactionState,
    ended: bool,
}

impl<'conn> Cursor<'conn> {
    pub(crate) fn new(
        rows: Rows<'conn>,
        handle: &'conn mut Handle,
        state: &'conn mut TransactionState,
    ) -> Self {
        Self { rows: Some(rows), handle, state, ended: false }
    }

    /// Fetches the next row; after the last one the result is ended, and what went wrong behind it
    /// told.
    fn fetch(&mut self) -> Result<Fetched, ServerError> {
        let Some(rows) = self.rows.as_mut().filter(|_| !self.ended) else {
            return Ok(Fetched::End);
        };
        let statement = rows.statement.get();
        if Arc::get_mut(&mut rows.row).is_none() {
            // The caller kept the row before: leave it alone and fetch into another.
            let mut fresh = RowBuffer::new(&rows.columns);
            statement.bind(&mut fresh)?;
            rows.row = Arc::new(fresh);
        }
        let Some(row) = Arc::get_mut(&mut rows.row) else { return Ok(Fetched::End) };
        let fetched = statement.fetch(self.handle, row);
        match fetched {
            Ok(Fetched::Row | Fetched::Overflow) => {
                rows.stored = rows.stored.map(|left| left.saturating_sub(1));
            }
            Ok(Fetched::End) => {
                self.ended = true;
                statement.finish(self.handle)?;
            }
            Err(_) => self.ended = true,
        }
        fetched
    }

    fn note(&mut self, outcome: &Result<(), ServerError>) {
        match outcome {
            Ok(()) => self.state.succeeded(self.handle),
            Err(error) => self.state.failed(error),
        }
    }

    /// Ends a stream whose rows were not all read: reads a few away, or cuts the connection.
    fn read_away(&mut self) {
        let mut fuse = Fuse::light(self.handle.socket(), READ_AWAY_WITHIN);
        let mut outcome = Ok(());
        for _ in 0..READ_AWAY {
            match self.fetch() {
                Ok(Fetched::End) => break,
                Ok(_) => {}
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        if fuse.has_burnt() || !self.ended {
            self.ended = true;
            self.state.cut();
            fuse.shut_down();
            return;
        }
        self.note(&outcome);
    }
}

impl Iterator for Cursor<'_> {
    type Item = QueryResult<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.fetch() {
            Ok(Fetched::Row) => {
                let rows = self.rows.as_ref()?;
                Some(Ok(Row { columns: Arc::clone(&rows.columns), row: Arc::clone(&rows.row) }))
            }
            Ok(Fetched::End) => {
                self.note(&Ok(()));
                None
            }
            Ok(Fetched::Overflow) => Some(Err(DieselError::DeserializationError(
                "a number is out of its type's range".into(),
            ))),
            Err(error) => {
                let outcome = Err(error.clone());
                self.note(&outcome);
                Some(Err(error.into()))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self.rows.as_ref().and_then(|rows| rows.stored) {
            Some(left) => (left, Some(left)),
            None => (0, None),
        }
    }
}

impl Drop for Cursor<'_> {
    fn drop(&mut self) {
        let is_stored = self.rows.as_ref().is_some_and(|rows| rows.stored.is_some());
        if !self.ended && !is_stored {
            self.read_away();
        }
        let Some(Rows { mut statement, columns, row, .. }) = self.rows.take() else { return };
        if !self.ended {
            let outcome = statement.get().finish(self.handle);
            self.note(&outcome);
        }
        statement.get().keep(columns, row);
    }
}

impl fmt::Debug for Cursor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// One row. It may be kept while further ones are read.
#[derive(Clone)]
pub struct Row {
    columns: Arc<Columns>,
    row: Arc<RowBuffer>,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("columns", &self.columns.names).finish_non_exhaustive()
    }
}

impl RowSealed for Row {}

impl<'conn> DieselRow<'conn, Mysql> for Row {
    type Field<'field>
        = Field<'field>
    where
        'conn: 'field,
        Self: 'field;
    type InnerPartialRow = Self;

    fn field_count(&self) -> usize {
        self.columns.names.len()
    }

    fn get<'row, I>(&'row self, index: I) -> Option<Self::Field<'row>>
    where
        'conn: 'row,
        Self: RowIndex<I>,
    {
        let index = self.idx(index)?;
        Some(Field { row: self, index })
    }

    fn partial_row(&self, range: Range<usize>) -> PartialRow<'_, Self::InnerPartialRow> {
        PartialRow::new(self, range)
    }
}

impl RowIndex<usize> for Row {
    fn idx(&self, index: usize) -> Option<usize> {
        (index < self.columns.names.len()).then_some(index)
    }
}

impl RowIndex<&str> for Row {
    fn idx(&self, name: &str) -> Option<usize> {
        self.columns.names.iter().position(|column| column == name)
    }
}

/// One value of a row.
pub struct Field<'row> {
    row: &'row Row,
    index: usize,
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field").field("name", &self.field_name()).finish_non_exhaustive()
    }
}

impl<'row> DieselField<'row, Mysql> for Field<'row> {
    fn field_name(&self) -> Option<&str> {
        self.row.columns.names.get(self.index).map(String::as_str)
    }

    fn value(&self) -> Option<MysqlValue<'_>> {
        self.row.row.value(self.index)
    }

    fn is_null(&self) -> bool {
        self.row.row.is_null(self.index)
    }
}
