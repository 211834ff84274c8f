//! A prepared statement: `MYSQL_STMT`.

use std::ffi::c_ulong;
use std::mem;
use std::ptr::NonNull;
use std::sync::Arc;

use diesel::mysql::MysqlType;
use mysqlclient_sys as ffi;

use super::handle::{Handle, text};
use super::row::{Columns, RowBuffer};
use super::shape::{UNSIGNED_FLAG, form_of};
use crate::ServerError;
use crate::fault::{CR_SERVER_GONE_ERROR, Vendor};
use crate::footprint::Footprint;

/// A prepared statement. Closed when dropped, with `COM_STMT_CLOSE`, which the server does not
/// answer.
pub(crate) struct Statement {
    stmt: NonNull<ffi::MYSQL_STMT>,
    vendor: Vendor,
    /// The columns of the last execution and the room for its rows, for the next one with the same
    /// columns.
    kept: Option<(Arc<Columns>, Arc<RowBuffer>)>,
    pub(crate) footprint: Footprint,
}

// SAFETY: a statement belongs to its connection and moves with it; neither is `Sync`.
unsafe impl Send for Statement {}

/// The outcome of asking for one more row.
pub(crate) enum Fetched {
    Row,
    End,
    /// A number does not fit the type asked for; the row is lost, the result goes on.
    Overflow,
}

impl Statement {
    /// `COM_STMT_PREPARE`.
    pub(crate) fn prepare(handle: &mut Handle, sql: &str) -> Result<Self, ServerError> {
        if sql.is_empty() {
            return Err(ServerError::empty_query(handle.vendor()));
        }
        // SAFETY: `handle` is a live, connected handle.
        let stmt = unsafe { ffi::mysql_stmt_init(handle.as_ptr()) };
        let stmt = NonNull::new(stmt).ok_or_else(|| handle.error())?;
        let footprint = Footprint::of(sql);
        let statement = Self { stmt, vendor: handle.vendor(), kept: None, footprint };
        let length = c_ulong::try_from(sql.len()).unwrap_or(c_ulong::MAX);
        // SAFETY: pointer and length describe `sql`, which lives until the call returns.
        let failed = unsafe { ffi::mysql_stmt_prepare(stmt.as_ptr(), sql.as_ptr().cast(), length) };
        statement.checked(failed != 0)?;
        Ok(statement)
    }

    /// `COM_STMT_EXECUTE` with these values, one for each placeholder (the builder of the text
    /// guarantees the number; a wrong one is refused here, since C would read past the end).
    pub(crate) fn execute(
        &mut self,
        types: &[MysqlType],
        values: &mut [Option<Vec<u8>>],
    ) -> Result<(), ServerError> {
        // SAFETY: a live, prepared statement.
        let wanted = unsafe { ffi::mysql_stmt_param_count(self.stmt.as_ptr()) };
        if usize::try_from(wanted).ok() != Some(values.len()) || types.len() != values.len() {
            let message = format!("{wanted} placeholders, but {} values", values.len());
            return Err(ServerError::new(self.vendor, 2034, "HY000", &message));
        }
        let mut null = ffi::my_bool::from(true);
        let mut lengths: Vec<c_ulong> = values
            .iter()
            .map(|value| value.as_ref().map_or(0, |bytes| bytes.len()))
            .map(|length| c_ulong::try_from(length).unwrap_or(c_ulong::MAX))
            .collect();
        let mut binds: Vec<ffi::MYSQL_BIND> = types
            .iter()
            .zip(values.iter_mut())
            .zip(lengths.iter_mut())
            .map(|((of, value), length)| input(*of, value.as_deref_mut(), length, &mut null))
            .collect();
        if !binds.is_empty() {
            // SAFETY: as many binds as placeholders; they and what they point to live until after
            // the execution.
            let failed =
                unsafe { ffi::mysql_stmt_bind_param(self.stmt.as_ptr(), binds.as_mut_ptr()) };
            self.checked(failed != ffi::my_bool::default())?;
        }
        // SAFETY: a live, prepared and bound statement.
        let failed = unsafe { ffi::mysql_stmt_execute(self.stmt.as_ptr()) };
        self.checked(failed != 0)
    }

    /// Rows matched or changed by the last execution.
    pub(crate) fn affected_rows(&self) -> u64 {
        // SAFETY: reads a field of a live statement. (my_ulonglong)-1 stands for "a result set".
        let affected = unsafe { ffi::mysql_stmt_affected_rows(self.stmt.as_ptr()) };
        if affected == u64::MAX { 0 } else { affected }
    }

    /// True if it gives rows, by what is known since it was prepared or executed.
    pub(crate) fn has_rows(&self) -> bool {
        // SAFETY: reads a field of a live statement.
        unsafe { ffi::mysql_stmt_field_count(self.stmt.as_ptr()) > 0 }
    }

    /// The columns of the last execution, fetched as diesel wants them, and room for a row.
    pub(crate) fn row_buffer(
        &mut self,
        wanted: &[Option<MysqlType>],
    ) -> Result<(Arc<Columns>, Arc<RowBuffer>), ServerError> {
        let kept = self.kept.take();
        let same = |found: &[ffi::MYSQL_FIELD]| {
            kept.as_ref().is_some_and(|(columns, _)| columns.are(found, wanted))
        };
        match self
            .fields(|found| if same(found) { None } else { Some(Columns::new(found, wanted)) })?
        {
            Some(columns) => {
                let row = RowBuffer::new(&columns);
                Ok((Arc::new(columns), Arc::new(row)))
            }
            None => kept.ok_or_else(|| self.error()),
        }
    }

    /// Shows the fields of the last execution's result to `look`.
    fn fields<T>(&self, look: impl FnOnce(&[ffi::MYSQL_FIELD]) -> T) -> Result<T, ServerError> {
        // SAFETY: a live, executed statement.
        let result = unsafe { ffi::mysql_stmt_result_metadata(self.stmt.as_ptr()) };
        let result = NonNull::new(result).ok_or_else(|| self.error())?;
        // SAFETY: `result` is live.
        let width = unsafe { ffi::mysql_num_fields(result.as_ptr()) } as usize;
        // SAFETY: as above.
        let fields = unsafe { ffi::mysql_fetch_fields(result.as_ptr()) };
        // SAFETY: the library promises `width` fields, alive until `result` is freed.
        let seen = look(unsafe { std::slice::from_raw_parts(fields, width) });
        // SAFETY: `result` is live and used by nobody after this.
        unsafe { ffi::mysql_free_result(result.as_ptr()) };
        Ok(seen)
    }

    /// Points C at `row`. Needed again whenever the buffer is another one.
    pub(crate) fn bind(&mut self, row: &mut RowBuffer) -> Result<(), ServerError> {
        let mut binds = row.binds();
        // SAFETY: one bind for each column of the result; the library copies them, and what they
        // point to is kept alive by the cursor, which also brings the same buffer to each fetch.
        let failed = unsafe { ffi::mysql_stmt_bind_result(self.stmt.as_ptr(), binds.as_mut_ptr()) };
        self.checked(failed != ffi::my_bool::default())
    }

    /// Reads the whole result into the client library's memory; gives the number of rows.
    pub(crate) fn store(&mut self) -> Result<usize, ServerError> {
        // SAFETY: a live, executed statement.
        let failed = unsafe { ffi::mysql_stmt_store_result(self.stmt.as_ptr()) };
        self.checked(failed != 0)?;
        // SAFETY: reads a field of a live statement.
        let rows = unsafe { ffi::mysql_stmt_num_rows(self.stmt.as_ptr()) };
        Ok(usize::try_from(rows).unwrap_or(usize::MAX))
    }

    /// Fetches the next row into `row`, the buffer last given to [`bind`](Self::bind).
    pub(crate) fn fetch(
        &mut self,
        handle: &Handle,
        row: &mut RowBuffer,
    ) -> Result<Fetched, ServerError> {
        // SAFETY: a live, executed statement, bound to `row`, which nobody else can look at: we
        // hold it mutably.
        match unsafe { ffi::mysql_stmt_fetch(self.stmt.as_ptr()) } {
            0 => Ok(Fetched::Row),
            code if code == NO_DATA => Ok(Fetched::End),
            code if code == TRUNCATED => self.fetch_rest(row),
            _ => Err(self.error_of(handle)),
        }
    }

    fn fetch_rest(&mut self, row: &mut RowBuffer) -> Result<Fetched, ServerError> {
        let mut grown = false;
        for (column, overflow) in row.too_small() {
            if overflow {
                return Ok(Fetched::Overflow);
            }
            let Some(mut bind) = row.grow(column) else { return Ok(Fetched::Overflow) };
            grown = true;
            // SAFETY: `column` exists, and `bind` points to room for the whole value.
            let failed = unsafe {
                ffi::mysql_stmt_fetch_column(self.stmt.as_ptr(), &raw mut bind, column, 0)
            };
            self.checked(failed != 0)?;
        }
        if grown {
            self.bind(row)?;
        }
        Ok(Fetched::Row)
    }

    /// Keeps `row` for the next execution.
    pub(crate) fn keep(&mut self, columns: Arc<Columns>, row: Arc<RowBuffer>) {
        if row.is_small() && Arc::strong_count(&row) == 1 {
            self.kept = Some((columns, row));
        }
    }

    /// Ends the result whose rows were read or stored, and reads away those of a procedure's
    /// further statements, whose failures come no other way.
    pub(crate) fn finish(&mut self, handle: &Handle) -> Result<(), ServerError> {
        loop {
            // SAFETY: a live statement.
            unsafe { ffi::mysql_stmt_free_result(self.stmt.as_ptr()) };
            // SAFETY: as above.
            let more = unsafe { ffi::mysql_stmt_more_results(self.stmt.as_ptr()) };
            if more == ffi::my_bool::default() {
                return Ok(());
            }
            // SAFETY: as above; 0 means that one more came, -1 that there is none.
            match unsafe { ffi::mysql_stmt_next_result(self.stmt.as_ptr()) } {
                0 if self.has_rows() => drop(self.store()?),
                0 => {}
                -1 => return Ok(()),
                _ => return Err(self.error_of(handle)),
            }
        }
    }

    fn checked(&self, failed: bool) -> Result<(), ServerError> {
        if failed { Err(self.error()) } else { Ok(()) }
    }

    /// The failure of a call that, on libmariadb, leaves it with the connection alone.
    fn error_of(&self, handle: &Handle) -> ServerError {
        // SAFETY: reads a field of a live statement.
        let errno = unsafe { ffi::mysql_stmt_errno(self.stmt.as_ptr()) };
        if errno == 0 { handle.error() } else { self.error() }
    }

    fn error(&self) -> ServerError {
        // SAFETY: reads a field of a live statement.
        let errno = unsafe { ffi::mysql_stmt_errno(self.stmt.as_ptr()) };
        // SAFETY: both point into the live statement.
        let sqlstate = unsafe { ffi::mysql_stmt_sqlstate(self.stmt.as_ptr()) };
        // SAFETY: as above.
        let message = unsafe { ffi::mysql_stmt_error(self.stmt.as_ptr()) };
        // SAFETY: a C string of the live statement, copied at once.
        let sqlstate = unsafe { text(sqlstate) };
        // SAFETY: as above.
        let message = unsafe { text(message) };
        let errno = if errno == 0 { CR_SERVER_GONE_ERROR } else { errno };
        ServerError::new(self.vendor, errno, &sqlstate, &message)
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        // SAFETY: `stmt` came from `mysql_stmt_init` and is used by nobody after this. If the
        // connection was closed before, the library has detached the statement and only frees it.
        unsafe { ffi::mysql_stmt_close(self.stmt.as_ptr()) };
    }
}

const NO_DATA: i32 = ffi::MYSQL_NO_DATA.cast_signed();
const TRUNCATED: i32 = ffi::MYSQL_DATA_TRUNCATED.cast_signed();

fn input(
    of: MysqlType,
    value: Option<&mut [u8]>,
    length: &mut c_ulong,
    null: &mut ffi::my_bool,
) -> ffi::MYSQL_BIND {
    let (kind, flags) = form_of(of);
    // SAFETY: all zeros is the documented start of every MYSQL_BIND.
    let mut bind: ffi::MYSQL_BIND = unsafe { mem::zeroed() };
    bind.buffer_type = kind;
    bind.is_unsigned = ffi::my_bool::from(flags & UNSIGNED_FLAG != 0);
    bind.buffer_length = *length;
    bind.length = length;
    match value {
        Some(bytes) => bind.buffer = bytes.as_mut_ptr().cast(),
        None => bind.is_null = null,
    }
    bind
}
