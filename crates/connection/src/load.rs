//! Rows on their way from a statement to diesel.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use diesel::QueryResult;
use diesel::mysql::{Mysql, MysqlValue};
use diesel::result::Error as DieselError;
use diesel::row::{Field as DieselField, PartialRow, Row as DieselRow, RowIndex, RowSealed};

use crate::ServerError;
use crate::cache::Lent;
use crate::execute::Rows;
use crate::ffi::Handle;
use crate::interrupter::Fuse;
use crate::transaction::TransactionState;
use crate::wire::{Fetch, Malformed, OutOfRange, RowSet};

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
    fetch: Fetch,
    is_doubtful: bool,
    /// The rows at hand, shared with whatever rows the caller keeps.
    set: Rc<RowSet>,
    /// Where the next of them lies.
    at: usize,
    /// One of them does not hold what it must: those before it are given, then this.
    malformed: Option<Malformed>,
    /// Those that follow, as far as they have come.
    sets: VecDeque<RowSet>,
    /// Rows that are at hand.
    left: usize,
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
        let Rows { statement, mut set, sets, fetch, is_doubtful } = rows;
        let left = set.count() + sets.iter().map(RowSet::count).sum::<usize>();
        let malformed = set.look_through().err();
        let (set, at, ended) = (Rc::new(set), 0, false);
        Self { statement, fetch, is_doubtful, set, at, malformed, sets, left, handle, state, ended }
    }

    /// Where the next row lies; behind the last one the result is ended, and what went wrong after it
    /// told.
    fn advance(&mut self) -> Result<Option<usize>, ServerError> {
        loop {
            if let Some(next) = self.set.row_at(self.at) {
                let at = mem::replace(&mut self.at, next);
                self.left = self.left.saturating_sub(1);
                return Ok(Some(at));
            }
            if let Some(malformed) = self.malformed {
                return Err(self.handle.malformed(malformed));
            }
            if !self.next_set()? {
                self.ended = true;
                self.statement.get().finish(self.handle)?;
                return Ok(None);
            }
        }
    }

    /// Goes on to the rows that follow; false if there are none.
    fn next_set(&mut self) -> Result<bool, ServerError> {
        self.at = 0;
        let statement = self.statement.get();
        if let (Fetch::Cursor(count), true) = (self.fetch, self.sets.is_empty())
            && statement.has_cursor()
        {
            let fresh = self.set.fresh();
            let Some((set, sets)) = statement.fetch(self.handle, count, fresh)? else {
                return Ok(false);
            };
            self.sets = sets;
            self.take(set);
            return Ok(true);
        }
        if let Some(set) = self.sets.pop_front() {
            self.take(set);
            return Ok(true);
        }
        if self.fetch == Fetch::All {
            return Ok(false);
        }
        if Rc::get_mut(&mut self.set).is_none() {
            // The caller kept a row: leave it alone.
            self.set = Rc::new(self.set.fresh());
        }
        let Some(set) = Rc::get_mut(&mut self.set) else { return Ok(false) };
        let is_there = statement.read_next(self.handle, set)?;
        self.malformed = set.look_through().err();
        Ok(is_there)
    }

    fn take(&mut self, mut set: RowSet) {
        self.malformed = set.look_through().err();
        self.set = Rc::new(set);
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
            Ok(Some(at)) => Some(Row::at(&self.set, at)),
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
        if self.fetch == Fetch::All { (self.left, Some(self.left)) } else { (0, None) }
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
    /// Where it lies in the set.
    at: usize,
    /// The values that are not given as they came, by their column.
    converted: Vec<(usize, Vec<u8>)>,
}

impl Row {
    #[inline]
    pub(crate) fn at(set: &Rc<RowSet>, at: usize) -> QueryResult<Self> {
        let mut row = Self { set: Rc::clone(set), at, converted: Vec::new() };
        if !set.shapes.converted.is_empty() {
            row.convert()?;
        }
        Ok(row)
    }

    fn convert(&mut self) -> QueryResult<()> {
        let Self { set, at, converted } = self;
        converted.reserve_exact(set.shapes.converted.len());
        for &column in &set.shapes.converted {
            let Some(raw) = set.raw(*at, column) else { continue };
            match set.shapes.converted(&set.columns, column, raw) {
                None => {}
                Some(Ok(value)) => converted.push((column, value)),
                Some(Err(OutOfRange)) => {
                    let name = set.columns.all.get(column).map(|column| column.name.as_str());
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

    #[inline]
    fn value(&self, column: usize) -> Option<&[u8]> {
        let came = self.set.raw(self.at, column);
        if self.converted.is_empty() { came } else { self.converted(column).or(came) }
    }

    fn converted(&self, column: usize) -> Option<&[u8]> {
        self.converted.iter().find(|(of, _)| *of == column).map(|(_, value)| &value[..])
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

    #[inline]
    fn field_count(&self) -> usize {
        self.set.columns.all.len()
    }

    #[inline]
    fn get<'row, I>(&'row self, index: I) -> Option<Self::Field<'row>>
    where
        'conn: 'row,
        Self: RowIndex<I>,
    {
        let index = self.idx(index)?;
        Some(Field { row: self, index, value: self.value(index) })
    }

    #[inline]
    fn partial_row(&self, range: Range<usize>) -> PartialRow<'_, Self::InnerPartialRow> {
        PartialRow::new(self, range)
    }
}

impl RowIndex<usize> for Row {
    #[inline]
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
    value: Option<&'row [u8]>,
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

    #[inline]
    fn value(&self) -> Option<MysqlValue<'_>> {
        Some(MysqlValue::new(self.value?, self.row.set.shapes.of(self.index)))
    }

    #[inline]
    fn is_null(&self) -> bool {
        self.value.is_none()
    }
}
