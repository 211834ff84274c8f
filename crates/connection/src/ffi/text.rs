//! The rows of a text query, read from the network one by one.

use std::ffi::{c_char, c_ulong};
use std::ptr::NonNull;

use mysqlclient_sys as ffi;

use super::handle::{Handle, text};
use crate::ServerError;

/// Rows that are still on their way. Dropping reads and discards the rest, so end a long result
/// with [`Interrupter`](crate::Interrupter) first.
pub(crate) struct TextRows<'conn> {
    /// `None` once it is freed.
    result: Option<NonNull<ffi::MYSQL_RES>>,
    handle: &'conn mut Handle,
    width: usize,
    current: Option<(NonNull<*mut c_char>, NonNull<c_ulong>)>,
}

// SAFETY: a `MYSQL_RES` belongs to its `MYSQL`, which may move between threads; both move together,
// by the borrow.
unsafe impl Send for TextRows<'_> {}

impl<'conn> TextRows<'conn> {
    pub(super) fn new(result: NonNull<ffi::MYSQL_RES>, handle: &'conn mut Handle) -> Self {
        // SAFETY: `result` is a live result.
        let width = unsafe { ffi::mysql_num_fields(result.as_ptr()) } as usize;
        Self { result: Some(result), handle, width, current: None }
    }

    /// The names of the columns.
    pub(crate) fn names(&self) -> Vec<String> {
        let Some(result) = self.result else { return Vec::new() };
        // SAFETY: `result` is a live result.
        let fields = unsafe { ffi::mysql_fetch_fields(result.as_ptr()) };
        if fields.is_null() {
            return Vec::new();
        }
        // SAFETY: the library promises `width` fields there, alive as long as the result.
        let fields = unsafe { std::slice::from_raw_parts(fields, self.width) };
        // SAFETY: a field's name is a C string of the same life.
        fields.iter().map(|field| unsafe { text(field.name) }).collect()
    }

    /// Goes on to the next row; false after the last.
    pub(crate) fn fetch(&mut self) -> Result<bool, ServerError> {
        self.current = None;
        let Some(result) = self.result else { return Ok(false) };
        // SAFETY: `result` is a live result of `handle`, which we hold mutably.
        let row = unsafe { ffi::mysql_fetch_row(result.as_ptr()) };
        let Some(values) = NonNull::new(row) else {
            // SAFETY: reads a field of a live handle.
            let failed = unsafe { ffi::mysql_errno(self.handle.as_ptr()) } != 0;
            return if failed { Err(self.handle.error()) } else { self.end() };
        };
        // SAFETY: a row was just fetched.
        let lengths = unsafe { ffi::mysql_fetch_lengths(result.as_ptr()) };
        let lengths = NonNull::new(lengths).ok_or_else(|| self.handle.error())?;
        self.current = Some((values, lengths));
        Ok(true)
    }

    fn end(&mut self) -> Result<bool, ServerError> {
        self.handle.take_over()?;
        Ok(false)
    }

    /// The row fetched last; it lies in the library's buffer until the next is fetched.
    pub(crate) fn row(&self) -> Option<TextRow<'_>> {
        let (values, lengths) = self.current?;
        // SAFETY: the library promises `width` pointers, valid until the next fetch, which needs
        // `&mut self`.
        let values = unsafe { std::slice::from_raw_parts(values.as_ptr(), self.width) };
        // SAFETY: and as many lengths.
        let lengths = unsafe { std::slice::from_raw_parts(lengths.as_ptr(), self.width) };
        Some(TextRow { values, lengths })
    }

    /// Ends the result, and reads away the answers of further statements in the same text.
    pub(crate) fn finish(&mut self) -> Result<(), ServerError> {
        self.free();
        self.handle.finish()
    }

    fn free(&mut self) {
        self.current = None;
        if let Some(result) = self.result.take() {
            // SAFETY: `result` is live and used by nobody after this.
            unsafe { ffi::mysql_free_result(result.as_ptr()) };
        }
    }

    pub(crate) fn handle(&self) -> &Handle {
        self.handle
    }
}

impl Drop for TextRows<'_> {
    fn drop(&mut self) {
        self.free();
    }
}

/// One row, borrowed from the client library's buffer.
pub(crate) struct TextRow<'rows> {
    values: &'rows [*mut c_char],
    lengths: &'rows [c_ulong],
}

impl<'rows> TextRow<'rows> {
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// The bytes of a column, or `None` for NULL.
    pub(crate) fn get(&self, column: usize) -> Option<&'rows [u8]> {
        let value = NonNull::new(*self.values.get(column)?)?;
        let length = usize::try_from(*self.lengths.get(column)?).ok()?;
        // SAFETY: the library promises `length` bytes there, valid as long as the row.
        Some(unsafe { std::slice::from_raw_parts(value.as_ptr().cast(), length) })
    }
}
