//! A prepared statement: preparing, executing, fetching, closing.

use std::collections::VecDeque;
use std::mem;
use std::ops::Range;
use std::sync::Arc;

use diesel::mysql::MysqlType;

use super::answer::{
    LOCAL_DATA, OK, STATUS_CURSOR_EXISTS, STATUS_LAST_ROW_SENT, STATUS_MORE_RESULTS,
    STATUS_OUT_PARAMETERS,
};
use super::channel::Closed;
use super::columns::Columns;
use super::parameters::Parameters;
use super::parse::{Bytes, Malformed, put_number};
use super::row::RowSet;
use super::value::Shapes;
use crate::ServerError;
use crate::fault::Vendor;
use crate::ffi::Handle;
use crate::footprint::Footprint;

const COM_STMT_PREPARE: u8 = 0x16;
const COM_STMT_EXECUTE: u8 = 0x17;
const COM_STMT_RESET: u8 = 0x1a;
const COM_STMT_FETCH: u8 = 0x1c;

const CURSOR_TYPE_NO_CURSOR: u8 = 0;
const CURSOR_TYPE_READ_ONLY: u8 = 1;

const CR_INVALID_PARAMETER_NO: u32 = 2034;
const ER_SPECIFIC_ACCESS_DENIED: u32 = 1227;
/// An OK packet that tells nothing.
const PLAIN_OK: usize = 7;

/// More than any table's columns take: 4,096 with names of 64 characters.
const DESCRIPTIONS: usize = 64 * 1024 * 1024;

/// A set of rows in memory is closed at about this size: a chunk that one malloc keeps in its heap.
const SET_SIZE: usize = 64 * 1024;

/// How rows are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fetch {
    /// All at once.
    All,
    /// One by one as they come.
    Stream,
    /// So many at a time, from a cursor that the server keeps.
    Cursor(u32),
}

/// What is left of an execution to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Nothing,
    /// Rows are on their way.
    Rows,
    /// The server keeps a cursor; true when it has sent the last row.
    Cursor(bool),
    /// A further result, of a procedure.
    Result,
}

/// A prepared statement. When it is dropped, the server is told with the next command.
pub(crate) struct Statement {
    id: u32,
    placeholders: usize,
    /// Of the last result, for the next one with the same.
    columns: Option<Arc<Columns>>,
    shapes: Option<Arc<Shapes>>,
    /// The types that the server knows since the last execution.
    types: Vec<MysqlType>,
    gives_rows: bool,
    left: Left,
    /// The rows at hand are a procedure's parameters: MySQL forgets to say behind them that an OK
    /// packet follows.
    are_parameters: bool,
    /// A row that was read to see what follows the descriptions.
    early: Option<Range<usize>>,
    closed: Closed,
    pub(crate) footprint: Footprint,
}

impl Statement {
    /// `COM_STMT_PREPARE`.
    pub(crate) fn prepare(handle: &mut Handle, sql: &str) -> Result<Self, ServerError> {
        if sql.is_empty() {
            return Err(ServerError::empty_query(handle.vendor()));
        }
        handle.command(COM_STMT_PREPARE).extend_from_slice(sql.as_bytes());
        handle.send()?;
        let answer = handle.packet()?;
        if handle.vendor() == Vendor::MySql && answer.len() == PLAIN_OK {
            handle.note_ok(&answer)?;
            // MySQL refuses so, and only so, to prepare a SET that the account has no right to.
            let message = "nothing was prepared; the privilege to set the variable is missing";
            let errno = ER_SPECIFIC_ACCESS_DENIED;
            return Err(ServerError::new(Vendor::MySql, errno, "42000", message));
        }
        let read = |packet: &[u8]| {
            let mut bytes = Bytes::new(packet);
            let is_ok = bytes.u8()? == OK;
            let (id, columns, placeholders) = (bytes.u32()?, bytes.u16()?, bytes.u16()?);
            if is_ok { Ok((id, columns, placeholders)) } else { Err(Malformed) }
        };
        let (id, columns, placeholders) =
            read(handle.channel.bytes(&answer)).map_err(|malformed| handle.malformed(malformed))?;
        let mut statement = Self {
            id,
            placeholders: placeholders.into(),
            columns: None,
            shapes: None,
            types: Vec::new(),
            gives_rows: columns > 0,
            left: Left::Nothing,
            are_parameters: false,
            early: None,
            closed: handle.channel.closed(),
            footprint: Footprint::of(sql),
        };
        if placeholders > 0 {
            handle.skip_descriptions(placeholders.into())?;
        }
        if columns > 0 {
            statement.read_columns(handle, columns.into())?;
        }
        Ok(statement)
    }

    /// `COM_STMT_EXECUTE` with these values, one for each placeholder.
    pub(crate) fn execute(
        &mut self,
        handle: &mut Handle,
        types: &[MysqlType],
        values: &[Option<Vec<u8>>],
        fetch: Fetch,
    ) -> Result<(), ServerError> {
        let wanted = self.placeholders;
        if wanted != values.len() || types.len() != values.len() {
            let message = format!("{wanted} placeholders, but {} values", values.len());
            let errno = CR_INVALID_PARAMETER_NO;
            return Err(ServerError::new(handle.vendor(), errno, "HY000", &message));
        }
        let cursor = match fetch {
            Fetch::All | Fetch::Stream => CURSOR_TYPE_NO_CURSOR,
            Fetch::Cursor(_) => CURSOR_TYPE_READ_ONLY,
        };
        let parameters = Parameters { types, values };
        let named = handle.channel.dialect.names_values;
        let out = handle.command(COM_STMT_EXECUTE);
        out.extend_from_slice(&self.id.to_le_bytes());
        // One execution.
        out.extend_from_slice(&[cursor, 1, 0, 0, 0]);
        if wanted > 0 {
            if named {
                put_number(out, wanted);
            }
            parameters.put_nulls(out);
            let are_new = self.types != types;
            out.push(are_new.into());
            if are_new {
                parameters.put_types(out, named);
            }
            if parameters.put_values(out) == Err(Malformed) {
                let message = "a value of a date or time is out of its range";
                let errno = CR_INVALID_PARAMETER_NO;
                return Err(ServerError::new(handle.vendor(), errno, "HY000", message));
            }
            if are_new {
                self.types.clear();
            }
        }
        self.left = Left::Nothing;
        handle.send()?;
        self.read_head(handle, matches!(fetch, Fetch::Cursor(_)))?;
        if self.types.len() != types.len() {
            self.types.extend_from_slice(types);
        }
        Ok(())
    }

    /// Reads the beginning of a result: an OK packet, or the columns of its rows.
    fn read_head(&mut self, handle: &mut Handle, wants_cursor: bool) -> Result<(), ServerError> {
        self.left = Left::Nothing;
        self.early = None;
        let answer = handle.packet()?;
        let packet = handle.channel.bytes(&answer);
        match packet.first() {
            Some(&OK) => {
                let status = handle.note_ok(&answer)?;
                self.gives_rows = false;
                self.left = left_behind(status);
                return Ok(());
            }
            None => return Err(handle.malformed(Malformed)),
            // MariaDB prepares LOAD DATA LOCAL.
            Some(&LOCAL_DATA) => return Err(handle.refuse_file()?),
            Some(_) => {}
        }
        let mut bytes = Bytes::new(packet);
        let width = bytes.number().ok().and_then(|width| usize::try_from(width).ok());
        // MariaDB leaves the descriptions out where they are known (MARIADB_CLIENT_CACHE_METADATA).
        let are_known = bytes.u8() == Ok(0);
        let width = width.filter(|width| (1..=u16::MAX.into()).contains(width));
        let Some(width) = width else { return Err(handle.malformed(Malformed)) };
        if are_known {
            if self.columns.as_ref().is_none_or(|columns| columns.all.len() != width) {
                return Err(handle.malformed(Malformed));
            }
            handle.end_descriptions()?;
        } else {
            self.read_columns(handle, width)?;
        }
        self.gives_rows = true;
        if handle.channel.dialect.ends_with_ok && wants_cursor {
            return self.look_for_cursor(handle);
        }
        self.begin_rows(handle.channel.summary.status);
        Ok(())
    }

    /// Where descriptions have no end, the server tells of a cursor by an end of rows; one that made
    /// none sends the first row or its own end.
    fn look_for_cursor(&mut self, handle: &mut Handle) -> Result<(), ServerError> {
        let packet = handle.packet()?;
        if !handle.channel.dialect.is_end(handle.channel.bytes(&packet)) {
            self.early = Some(packet);
            self.left = Left::Rows;
            return Ok(());
        }
        let status = handle.note_end(&packet)?;
        if status & STATUS_CURSOR_EXISTS == 0 {
            self.left = left_behind(status);
        } else {
            self.begin_rows(status);
        }
        Ok(())
    }

    fn begin_rows(&mut self, status: u16) {
        self.are_parameters = status & STATUS_OUT_PARAMETERS != 0;
        self.left = if status & STATUS_CURSOR_EXISTS == 0 {
            Left::Rows
        } else {
            Left::Cursor(status & STATUS_LAST_ROW_SENT != 0)
        };
    }

    /// Reads the descriptions of `width` columns and what ends them.
    fn read_columns(&mut self, handle: &mut Handle, width: usize) -> Result<(), ServerError> {
        let mut ranges = mem::take(&mut handle.channel.ranges);
        ranges.clear();
        handle.channel.keep(true);
        for _ in 0..width {
            ranges.push(handle.packet()?);
            if handle.channel.received().len() > DESCRIPTIONS {
                return Err(handle.malformed(Malformed));
            }
        }
        handle.end_descriptions()?;
        handle.channel.keep(false);
        let received = handle.channel.received();
        let are_same = self.columns.as_ref().is_some_and(|known| known.are(received, &ranges));
        if !are_same {
            let columns = Columns::read(received, &ranges);
            let columns = columns.map_err(|malformed| handle.malformed(malformed))?;
            self.columns = Some(Arc::new(columns));
            self.shapes = None;
        }
        handle.channel.ranges = ranges;
        Ok(())
    }

    /// True if the result at hand has rows; before the first execution, if it will have.
    pub(crate) fn has_rows(&self) -> bool {
        self.gives_rows
    }

    /// Room for the rows of the result at hand, to be given as diesel's types `wanted` ask; `None`
    /// if it has no rows.
    pub(crate) fn row_set(&mut self, wanted: &[Option<MysqlType>]) -> Option<RowSet> {
        let columns = self.columns.as_ref().filter(|_| self.gives_rows)?;
        let known = self.shapes.take().filter(|shapes| shapes.are(wanted));
        let shapes = known.unwrap_or_else(|| Arc::new(Shapes::new(columns, wanted)));
        self.shapes = Some(Arc::clone(&shapes));
        Some(RowSet::empty(Arc::clone(columns), shapes))
    }

    /// Reads all rows that are still to come of the result at hand: the first of them into `set`.
    pub(crate) fn read_all(
        &mut self,
        handle: &mut Handle,
        mut set: RowSet,
    ) -> Result<(RowSet, VecDeque<RowSet>), ServerError> {
        let mut sets = VecDeque::new();
        while self.read_some(handle, &mut set)? {
            if set.size() >= SET_SIZE {
                let fresh = set.fresh();
                sets.push_back(mem::replace(&mut set, fresh));
            }
        }
        match sets.pop_front() {
            None => Ok((set, sets)),
            Some(first) => {
                sets.push_back(set);
                Ok((first, sets))
            }
        }
    }

    /// Adds to `set` what rows have come, and waits for one if none has; false behind the last.
    fn read_some(&mut self, handle: &mut Handle, set: &mut RowSet) -> Result<bool, ServerError> {
        if self.left != Left::Rows {
            return Ok(false);
        }
        if self.early.is_none()
            && let (rows, count @ 1..) = handle.channel.whole_rows()
        {
            set.add(rows, count);
            return Ok(true);
        }
        let Some(row) = self.next_row(handle)? else { return Ok(false) };
        set.add_one(handle.channel.bytes(&row));
        Ok(true)
    }

    /// The same, but puts them in the place of what `set` holds.
    pub(crate) fn read_next(
        &mut self,
        handle: &mut Handle,
        set: &mut RowSet,
    ) -> Result<bool, ServerError> {
        set.clear();
        self.read_some(handle, set)
    }

    /// Reads all rows away that are still to come of the result at hand; gives their number.
    pub(crate) fn count_rows(&mut self, handle: &mut Handle) -> Result<u64, ServerError> {
        let mut count = 0;
        while self.left == Left::Rows && self.next_row(handle)?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    /// Where the next row lies in what was received; `None` behind the last.
    fn next_row(&mut self, handle: &mut Handle) -> Result<Option<Range<usize>>, ServerError> {
        if let Some(row) = self.early.take() {
            return Ok(Some(row));
        }
        // What fails is over.
        self.left = Left::Nothing;
        let packet = handle.packet()?;
        if handle.channel.dialect.is_end(handle.channel.bytes(&packet)) {
            let status = handle.note_end(&packet)?;
            self.left = if mem::take(&mut self.are_parameters) {
                Left::Result
            } else {
                left_behind(status)
            };
            return Ok(None);
        }
        self.left = Left::Rows;
        Ok(Some(packet))
    }

    /// True if the server keeps a cursor for the result at hand.
    pub(crate) fn has_cursor(&self) -> bool {
        matches!(self.left, Left::Cursor(_))
    }

    /// `COM_STMT_FETCH`: the next `count` rows of the cursor; `None` behind the last.
    pub(crate) fn fetch(
        &mut self,
        handle: &mut Handle,
        count: u32,
        set: RowSet,
    ) -> Result<Option<(RowSet, VecDeque<RowSet>)>, ServerError> {
        if self.left != Left::Cursor(false) {
            return Ok(None);
        }
        let out = handle.command(COM_STMT_FETCH);
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&count.to_le_bytes());
        let warnings = handle.channel.summary.warnings;
        handle.send()?;
        self.left = Left::Rows;
        let sets = self.read_all(handle, set)?;
        handle.keep_warnings(warnings);
        let status = handle.channel.summary.status;
        self.left = Left::Cursor(status & STATUS_LAST_ROW_SENT != 0);
        Ok(Some(sets))
    }

    /// Goes on to the next result of a procedure, past rows that were not read; false if there is
    /// none.
    pub(crate) fn next_result(&mut self, handle: &mut Handle) -> Result<bool, ServerError> {
        self.count_rows(handle)?;
        let is_there = self.left == Left::Result;
        if is_there {
            self.read_head(handle, false)?;
        }
        Ok(is_there)
    }

    /// Ends the result whose rows were read, and a cursor wherever it is, and reads away those of a
    /// procedure's further statements, whose failures come no other way.
    pub(crate) fn finish(&mut self, handle: &mut Handle) -> Result<(), ServerError> {
        loop {
            match self.left {
                Left::Nothing => return Ok(()),
                Left::Rows => drop(self.count_rows(handle)?),
                // Behind its last row the server has closed it.
                Left::Cursor(true) => self.left = Left::Nothing,
                Left::Cursor(false) => {
                    self.left = Left::Nothing;
                    let warnings = handle.channel.summary.warnings;
                    handle.command(COM_STMT_RESET).extend_from_slice(&self.id.to_le_bytes());
                    handle.send()?;
                    let answer = handle.packet()?;
                    handle.note_ok(&answer)?;
                    handle.keep_warnings(warnings);
                }
                Left::Result => self.read_head(handle, false)?,
            }
        }
    }
}

fn left_behind(status: u16) -> Left {
    if status & STATUS_MORE_RESULTS == 0 { Left::Nothing } else { Left::Result }
}

impl Handle {
    /// Reads the EOF behind descriptions. Without one nothing is known of the cursor and of further
    /// results yet.
    fn end_descriptions(&mut self) -> Result<(), ServerError> {
        if self.channel.dialect.ends_with_ok {
            let untold = STATUS_OUT_PARAMETERS
                | STATUS_MORE_RESULTS
                | STATUS_CURSOR_EXISTS
                | STATUS_LAST_ROW_SENT;
            self.channel.summary.status &= !untold;
            return Ok(());
        }
        let end = self.packet()?;
        self.note_end(&end).map(drop)
    }

    /// What a cursor's statement has given was told in its first answer alone, and is what the user
    /// asks for.
    fn keep_warnings(&mut self, before: u16) {
        let summary = &mut self.channel.summary;
        summary.warnings = summary.warnings.max(before);
    }

    /// Reads the descriptions of `count` placeholders away, and what ends them.
    pub(super) fn skip_descriptions(&mut self, count: usize) -> Result<(), ServerError> {
        for _ in 0..count {
            self.packet()?;
        }
        self.end_descriptions()
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        self.closed.push(self.id);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop")]

    use steadfast_testkit::server;

    use super::*;
    use crate::{Config, Connection};

    #[test]
    fn a_statement_no_longer_used_is_closed_also_if_the_next_command_cannot_be_written() {
        let database = server().database();
        let mut conn = Connection::open(&Config::from_url(&database.url()).unwrap()).unwrap();
        let unused = Statement::prepare(&mut conn.handle, "DO 1").unwrap();
        let mut used = Statement::prepare(&mut conn.handle, "DO ?").unwrap();
        drop(unused);

        // Shorter than the number it is said to be.
        let values = [Some(vec![1, 2])];
        let refused = used.execute(&mut conn.handle, &[MysqlType::Long], &values, Fetch::All);

        assert_eq!(refused.unwrap_err().errno(), CR_INVALID_PARAMETER_NO);
        let mut rows = conn.query("SHOW SESSION STATUS LIKE 'Com_stmt_close'").unwrap();
        assert_eq!(rows.next().unwrap().unwrap().get(1), Some(&b"0"[..]));
        drop(rows);
        conn.ping().unwrap();
        let mut rows = conn.query("SHOW SESSION STATUS LIKE 'Com_stmt_close'").unwrap();
        assert_eq!(rows.next().unwrap().unwrap().get(1), Some(&b"1"[..]));
    }
}
