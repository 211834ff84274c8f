//! Rows on their way from a statement to diesel.

use std::fmt;
use std::mem;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use diesel::QueryResult;
use diesel::mysql::{Mysql, MysqlType, MysqlValue};
use diesel::result::Error as DieselError;
use diesel::row::{Field as DieselField, PartialRow, Row as DieselRow, RowIndex, RowSealed};

use crate::ServerError;
use crate::cache::Lent;
use crate::execute::Rows;
use crate::ffi::Handle;
use crate::interrupter::Fuse;
use crate::transaction::TransactionState;
use crate::wire::{Fetch, Form, Offsets, OutOfRange, Place, RowSet, Shapes};

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

/// Loading mode: the server keeps the result, and sends `PREFETCH` rows whenever they are used up.
///
/// The memory is that of as many rows, and dropping the cursor early costs one round trip and never
/// the connection. In exchange the server computes the whole result before the first row comes, and
/// keeps it in a temporary table. For statements it has no cursors for, such as SHOW, the rows are
/// streamed.
///
/// ```no_run
/// use diesel::prelude::*;
/// use steadfast_connection::{Config, Connection, ServerCursor};
///
/// diesel::table! { orders (id) { id -> BigInt, total -> BigInt, } }
///
/// let mut conn = Connection::open(&Config::from_url("mysql://root@127.0.0.1/shop")?)?;
/// for row in orders::table.load_iter::<(i64, i64), ServerCursor<500>>(&mut conn)? {
///     if row?.1 > 1_000_000 {
///         break;
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ServerCursor<const PREFETCH: u32 = 100>;

/// Rows that a dropped stream still reads, to keep its connection.
pub(crate) const READ_AWAY: u32 = 1000;
/// And how long it may take.
pub(crate) const READ_AWAY_WITHIN: Duration = Duration::from_millis(100);

/// The rows of a query.
pub struct Cursor<'conn> {
    statement: Lent<'conn>,
    shapes: Arc<Shapes>,
    fetch: Fetch,
    is_doubtful: bool,
    /// The rows at hand, shared with whatever rows the caller keeps.
    set: Rc<RowSet>,
    next: usize,
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
        let Rows { statement, shapes, set, fetch, is_doubtful } = rows;
        let set = Rc::new(set);
        Self { statement, shapes, fetch, is_doubtful, set, next: 0, handle, state, ended: false }
    }

    /// Where the next row lies; behind the last one the result is ended, and what went wrong after it
    /// told.
    fn advance(&mut self) -> Result<Option<Place>, ServerError> {
        loop {
            if let Some(place) = self.set.rows.get(self.next) {
                self.next += 1;
                return Ok(Some(*place));
            }
            if self.fetch == Fetch::All || !self.fetch_more()? {
                self.ended = true;
                self.statement.get().finish(self.handle)?;
                return Ok(None);
            }
        }
    }

    /// Fetches the next row of a stream or the next rows of a cursor; false if there are none.
    fn fetch_more(&mut self) -> Result<bool, ServerError> {
        let statement = self.statement.get();
        self.next = 0;
        match self.fetch {
            Fetch::Cursor(count) if statement.has_cursor() => {
                let Some(set) = statement.fetch(self.handle, count)? else { return Ok(false) };
                let before = mem::replace(&mut self.set, Rc::new(set));
                if let Some(before) = Rc::into_inner(before) {
                    self.handle.channel.give_back(before.bytes);
                }
                Ok(true)
            }
            Fetch::All | Fetch::Stream | Fetch::Cursor(_) => {
                if let Some(set) = Rc::get_mut(&mut self.set) {
                    return statement.read_one(self.handle, set);
                }
                // The caller kept the row before: leave it alone.
                let mut set = RowSet::empty(Arc::clone(&self.set.columns));
                let came = statement.read_one(self.handle, &mut set)?;
                self.set = Rc::new(set);
                Ok(came)
            }
        }
    }

    fn note(&mut self, outcome: &Result<(), ServerError>) {
        match outcome {
            Ok(()) => self.state.succeeded(self.handle),
            Err(error) => self.state.failed(error),
        }
    }

    /// The row at `place`, with what diesel asked to be converted.
    fn row(&self, place: Place) -> QueryResult<Row> {
        let offsets =
            self.set.offsets(place).map_err(|malformed| self.handle.malformed(malformed))?;
        let mut row = Row {
            set: Rc::clone(&self.set),
            shapes: Arc::clone(&self.shapes),
            place,
            offsets,
            converted: Vec::new(),
        };
        if self.shapes.convert {
            row.convert()?;
        }
        Ok(row)
    }

    /// Ends a stream whose rows were not all read: reads a few away, or cuts the connection.
    fn read_away(&mut self) {
        let mut fuse = Fuse::light(self.handle.socket(), READ_AWAY_WITHIN);
        let mut outcome = Ok(());
        for _ in 0..READ_AWAY {
            match self.advance() {
                Ok(None) => break,
                Ok(Some(_)) => {}
                Err(error) => {
                    self.ended = true;
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
        match self.advance() {
            Ok(Some(place)) => {
                let row = self.row(place);
                if let Some(error) = row.as_ref().err().and_then(ServerError::find) {
                    self.note(&Err(error));
                }
                Some(row)
            }
            Ok(None) => {
                self.note(&Ok(()));
                None
            }
            Err(error) => {
                self.ended = true;
                let error = error.in_doubt(self.is_doubtful);
                self.note(&Err(error.clone()));
                Some(Err(error.into()))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.set.rows.len() - self.next;
        (left, (self.fetch == Fetch::All).then_some(left))
    }
}

impl Drop for Cursor<'_> {
    fn drop(&mut self) {
        let is_on_its_way = match self.fetch {
            Fetch::All => false,
            Fetch::Stream => true,
            Fetch::Cursor(_) => !self.statement.get().has_cursor(),
        };
        if !self.ended && is_on_its_way {
            self.read_away();
        }
        if !self.ended {
            let outcome = self.statement.get().finish(self.handle);
            self.note(&outcome);
        }
        if let Some(set) = Rc::get_mut(&mut self.set) {
            self.handle.channel.give_back(mem::take(&mut set.bytes));
        }
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
    set: Rc<RowSet>,
    shapes: Arc<Shapes>,
    place: Place,
    offsets: Offsets,
    /// The values of columns that had to be converted, by their position.
    converted: Vec<(usize, Vec<u8>)>,
}

impl Row {
    fn convert(&mut self) -> QueryResult<()> {
        for column in 0..self.set.columns.all.len() {
            let Some(raw) = self.set.value(self.place, &self.offsets, column) else { continue };
            match self.shapes.converted(&self.set.columns, column, raw) {
                None => {}
                Some(Ok(value)) => self.converted.push((column, value)),
                Some(Err(OutOfRange)) => {
                    let name = self.set.columns.all.get(column).map(|column| column.name.as_str());
                    let message = format!(
                        "the value of {} does not fit the type asked for",
                        name.unwrap_or_default()
                    );
                    return Err(DieselError::DeserializationError(message.into()));
                }
            }
        }
        Ok(())
    }

    fn form(&self, column: usize) -> Option<(Form<'_>, MysqlType)> {
        let raw = self.set.value(self.place, &self.offsets, column)?;
        let form = self.shapes.form(&self.set.columns, column, raw);
        form.or_else(|| {
            let (_, bytes) = self.converted.iter().find(|(of, _)| *of == column)?;
            Some((Form::Bytes(bytes), self.shapes.of(column)?))
        })
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("columns", &self.set.columns.all).finish_non_exhaustive()
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
        self.set.columns.all.len()
    }

    fn get<'row, I>(&'row self, index: I) -> Option<Self::Field<'row>>
    where
        'conn: 'row,
        Self: RowIndex<I>,
    {
        let index = self.idx(index)?;
        Some(Field { row: self, index, value: self.form(index) })
    }

    fn partial_row(&self, range: Range<usize>) -> PartialRow<'_, Self::InnerPartialRow> {
        PartialRow::new(self, range)
    }
}

impl RowIndex<usize> for Row {
    fn idx(&self, index: usize) -> Option<usize> {
        (index < self.set.columns.all.len()).then_some(index)
    }
}

impl RowIndex<&str> for Row {
    fn idx(&self, name: &str) -> Option<usize> {
        self.set.columns.position(name)
    }
}

/// One value of a row.
pub struct Field<'row> {
    row: &'row Row,
    index: usize,
    value: Option<(Form<'row>, MysqlType)>,
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field").field("name", &self.field_name()).finish_non_exhaustive()
    }
}

impl<'row> DieselField<'row, Mysql> for Field<'row> {
    fn field_name(&self) -> Option<&str> {
        self.row.set.columns.all.get(self.index).map(|column| column.name.as_str())
    }

    fn value(&self) -> Option<MysqlValue<'_>> {
        self.value.as_ref().map(|(form, of)| MysqlValue::new(form.bytes(), *of))
    }

    fn is_null(&self) -> bool {
        self.value.is_none()
    }
}
