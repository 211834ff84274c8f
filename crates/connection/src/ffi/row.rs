//! The memory that `mysql_stmt_fetch` writes a row into.
//!
//! C keeps pointers into it between calls, so it is owned through raw pointers and never through
//! references that the compiler could assume to be exclusive: a shared borrow for reading lives
//! only between two fetches.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ffi::{c_char, c_uint, c_ulong};
use std::mem;
use std::ptr::NonNull;

use diesel::mysql::data_types::MysqlTime;
use diesel::mysql::{MysqlType, MysqlValue};
use mysqlclient_sys as ffi;
use mysqlclient_sys::enum_field_types as kind;

use super::handle::text;

const UNSIGNED_FLAG: c_uint = 32;
const BINARY_FLAG: c_uint = 128;
const ENUM_FLAG: c_uint = 256;
const SET_FLAG: c_uint = 2048;

/// Text and blob columns begin with this much room, unless they are narrower.
const FIRST_ROOM: usize = 256;
/// A row with more memory than this is not kept for the next execution.
const KEEP_ROOM: usize = 64 * 1024;

/// What is known of the columns of a result.
#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) names: Vec<String>,
    shapes: Vec<Shape>,
}

impl Columns {
    /// The columns of `fields`, fetched as diesel's types `wanted` ask.
    pub(super) fn new(fields: &[ffi::MYSQL_FIELD], wanted: &[Option<MysqlType>]) -> Self {
        // SAFETY: a field's name is a C string, copied at once.
        let names = fields.iter().map(|field| unsafe { text(field.name) }).collect();
        Self { names, shapes: shapes(fields, wanted).collect() }
    }

    /// True if `new` would make the same of these, which it allocates for.
    pub(super) fn are(&self, fields: &[ffi::MYSQL_FIELD], wanted: &[Option<MysqlType>]) -> bool {
        let names = fields.iter().zip(&self.names).all(|(field, name)| {
            // SAFETY: a field's name is a C string with as many bytes as the field says.
            let bytes = unsafe { bytes(field.name, field.name_length) };
            bytes == name.as_bytes()
        });
        names && self.shapes.iter().copied().eq(shapes(fields, wanted))
    }
}

fn shapes<'a>(
    fields: &'a [ffi::MYSQL_FIELD],
    wanted: &'a [Option<MysqlType>],
) -> impl Iterator<Item = Shape> + 'a {
    let wanted = wanted.iter().copied().chain(std::iter::repeat(None));
    let choose = |(field, wanted): (&ffi::MYSQL_FIELD, _)| {
        Shape::choose(field.type_, field.flags, field.length, wanted)
    };
    fields.iter().zip(wanted).map(choose)
}

/// # Safety
/// `start` is null, or `length` bytes lie there for as long as the result is used.
unsafe fn bytes<'a>(start: *const c_char, length: c_uint) -> &'a [u8] {
    if start.is_null() {
        return &[];
    }
    // SAFETY: not null, and the caller says that `length` bytes lie there.
    unsafe { std::slice::from_raw_parts(start.cast(), length as usize) }
}

/// In what form a column is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    kind: ffi::enum_field_types,
    flags: c_uint,
    room: usize,
}

impl Shape {
    /// The form for a column that the server sends as `sent`, where diesel expects `wanted`.
    ///
    /// Numbers and strings are taken as they come and converted by diesel; where the two are of
    /// different families the client library converts. This is diesel's own rule for
    /// `MysqlConnection`.
    pub(super) fn choose(
        sent: ffi::enum_field_types,
        flags: c_uint,
        length: c_ulong,
        wanted: Option<MysqlType>,
    ) -> Self {
        let (kind, flags) = match wanted {
            Some(wanted) if !taken_as_it_comes(wanted, sent) => form_of(wanted),
            _ => (sent, flags),
        };
        // Of SELECT NULL, which has no type of its own.
        let kind = if kind == kind::MYSQL_TYPE_NULL { kind::MYSQL_TYPE_STRING } else { kind };
        let width = usize::try_from(length).unwrap_or(FIRST_ROOM);
        let room = fixed_size(kind).unwrap_or_else(|| width.clamp(8, FIRST_ROOM));
        Self { kind, flags, room }
    }

    fn is_fixed(self) -> bool {
        fixed_size(self.kind).is_some()
    }
}

fn taken_as_it_comes(wanted: MysqlType, sent: ffi::enum_field_types) -> bool {
    use MysqlType as T;
    match wanted {
        T::Tiny | T::UnsignedTiny | T::Short | T::UnsignedShort | T::Long | T::UnsignedLong => {
            is_number(sent)
        }
        T::LongLong | T::UnsignedLongLong | T::Float | T::Numeric => is_number(sent),
        T::String => is_text(sent) || sent == kind::MYSQL_TYPE_JSON,
        T::Enum | T::Set => is_text(sent),
        T::Blob => is_blob(sent),
        _ => false,
    }
}

fn is_number(sent: ffi::enum_field_types) -> bool {
    matches!(
        sent,
        kind::MYSQL_TYPE_DECIMAL
            | kind::MYSQL_TYPE_NEWDECIMAL
            | kind::MYSQL_TYPE_TINY
            | kind::MYSQL_TYPE_SHORT
            | kind::MYSQL_TYPE_INT24
            | kind::MYSQL_TYPE_LONG
            | kind::MYSQL_TYPE_LONGLONG
            | kind::MYSQL_TYPE_FLOAT
            | kind::MYSQL_TYPE_DOUBLE
    )
}

fn is_blob(sent: ffi::enum_field_types) -> bool {
    matches!(
        sent,
        kind::MYSQL_TYPE_TINY_BLOB
            | kind::MYSQL_TYPE_BLOB
            | kind::MYSQL_TYPE_MEDIUM_BLOB
            | kind::MYSQL_TYPE_LONG_BLOB
    )
}

fn is_text(sent: ffi::enum_field_types) -> bool {
    is_blob(sent)
        || matches!(
            sent,
            kind::MYSQL_TYPE_ENUM
                | kind::MYSQL_TYPE_SET
                | kind::MYSQL_TYPE_VAR_STRING
                | kind::MYSQL_TYPE_STRING
        )
}

/// The C type and flags that carry one of diesel's types, in both directions.
pub(super) fn form_of(of: MysqlType) -> (ffi::enum_field_types, c_uint) {
    match of {
        MysqlType::Tiny => (kind::MYSQL_TYPE_TINY, 0),
        MysqlType::Short => (kind::MYSQL_TYPE_SHORT, 0),
        MysqlType::Long => (kind::MYSQL_TYPE_LONG, 0),
        MysqlType::LongLong => (kind::MYSQL_TYPE_LONGLONG, 0),
        MysqlType::UnsignedTiny => (kind::MYSQL_TYPE_TINY, UNSIGNED_FLAG),
        MysqlType::UnsignedShort => (kind::MYSQL_TYPE_SHORT, UNSIGNED_FLAG),
        MysqlType::UnsignedLong => (kind::MYSQL_TYPE_LONG, UNSIGNED_FLAG),
        MysqlType::UnsignedLongLong => (kind::MYSQL_TYPE_LONGLONG, UNSIGNED_FLAG),
        MysqlType::Float => (kind::MYSQL_TYPE_FLOAT, 0),
        MysqlType::Double => (kind::MYSQL_TYPE_DOUBLE, 0),
        MysqlType::Numeric => (kind::MYSQL_TYPE_NEWDECIMAL, 0),
        MysqlType::Time => (kind::MYSQL_TYPE_TIME, 0),
        MysqlType::Date => (kind::MYSQL_TYPE_DATE, 0),
        MysqlType::DateTime => (kind::MYSQL_TYPE_DATETIME, 0),
        MysqlType::Timestamp => (kind::MYSQL_TYPE_TIMESTAMP, 0),
        MysqlType::Bit => (kind::MYSQL_TYPE_BIT, 0),
        MysqlType::Blob => (kind::MYSQL_TYPE_BLOB, BINARY_FLAG),
        MysqlType::Set => (kind::MYSQL_TYPE_STRING, SET_FLAG),
        MysqlType::Enum => (kind::MYSQL_TYPE_STRING, ENUM_FLAG),
        // `String`, and whatever diesel may add: text is what every type can be sent as.
        _ => (kind::MYSQL_TYPE_STRING, 0),
    }
}

/// diesel's type for a value fetched in this form.
fn type_of(shape: Shape) -> MysqlType {
    let unsigned = shape.flags & UNSIGNED_FLAG != 0;
    match shape.kind {
        kind::MYSQL_TYPE_TINY if unsigned => MysqlType::UnsignedTiny,
        kind::MYSQL_TYPE_TINY => MysqlType::Tiny,
        // YEAR is always unsigned.
        kind::MYSQL_TYPE_YEAR => MysqlType::UnsignedShort,
        kind::MYSQL_TYPE_SHORT if unsigned => MysqlType::UnsignedShort,
        kind::MYSQL_TYPE_SHORT => MysqlType::Short,
        kind::MYSQL_TYPE_INT24 | kind::MYSQL_TYPE_LONG if unsigned => MysqlType::UnsignedLong,
        kind::MYSQL_TYPE_INT24 | kind::MYSQL_TYPE_LONG => MysqlType::Long,
        kind::MYSQL_TYPE_LONGLONG if unsigned => MysqlType::UnsignedLongLong,
        kind::MYSQL_TYPE_LONGLONG => MysqlType::LongLong,
        kind::MYSQL_TYPE_FLOAT => MysqlType::Float,
        kind::MYSQL_TYPE_DOUBLE => MysqlType::Double,
        kind::MYSQL_TYPE_DECIMAL | kind::MYSQL_TYPE_NEWDECIMAL => MysqlType::Numeric,
        kind::MYSQL_TYPE_BIT => MysqlType::Bit,
        kind::MYSQL_TYPE_TIME => MysqlType::Time,
        kind::MYSQL_TYPE_DATE => MysqlType::Date,
        kind::MYSQL_TYPE_DATETIME => MysqlType::DateTime,
        kind::MYSQL_TYPE_TIMESTAMP => MysqlType::Timestamp,
        kind::MYSQL_TYPE_JSON => MysqlType::String,
        kind::MYSQL_TYPE_GEOMETRY => MysqlType::Blob,
        kind::MYSQL_TYPE_ENUM => MysqlType::Enum,
        kind::MYSQL_TYPE_SET => MysqlType::Set,
        _ if shape.flags & ENUM_FLAG != 0 => MysqlType::Enum,
        _ if shape.flags & SET_FLAG != 0 => MysqlType::Set,
        _ if shape.flags & BINARY_FLAG != 0 => MysqlType::Blob,
        _ => MysqlType::String,
    }
}

/// Bytes of a type whose values all have one size.
///
/// For times it is the larger of the library's struct and diesel's, which lays its own over the
/// bytes; the surplus stays zero.
fn fixed_size(of: ffi::enum_field_types) -> Option<usize> {
    match of {
        kind::MYSQL_TYPE_TINY => Some(1),
        kind::MYSQL_TYPE_YEAR | kind::MYSQL_TYPE_SHORT => Some(2),
        kind::MYSQL_TYPE_INT24 | kind::MYSQL_TYPE_LONG | kind::MYSQL_TYPE_FLOAT => Some(4),
        kind::MYSQL_TYPE_LONGLONG | kind::MYSQL_TYPE_DOUBLE => Some(8),
        kind::MYSQL_TYPE_TIME
        | kind::MYSQL_TYPE_DATE
        | kind::MYSQL_TYPE_DATETIME
        | kind::MYSQL_TYPE_TIMESTAMP => {
            Some(size_of::<ffi::MYSQL_TIME>().max(size_of::<MysqlTime>()))
        }
        _ => None,
    }
}

/// What C writes beside a value.
#[derive(Default)]
struct Control {
    length: c_ulong,
    is_null: ffi::my_bool,
    truncated: ffi::my_bool,
}

struct Cell {
    shape: Shape,
    control: NonNull<Control>,
    data: NonNull<u8>,
    room: usize,
}

/// Room for one row.
pub(crate) struct RowBuffer {
    cells: Vec<Cell>,
}

// SAFETY: a `RowBuffer` owns all it points to, and C writes to it only during a fetch, which takes
// it by `&mut`.
unsafe impl Send for RowBuffer {}
// SAFETY: as above: through `&RowBuffer` it is only read.
unsafe impl Sync for RowBuffer {}

impl RowBuffer {
    pub(crate) fn new(columns: &Columns) -> Self {
        Self { cells: columns.shapes.iter().map(|shape| Cell::new(*shape)).collect() }
    }

    /// Descriptors that point C at this memory; valid as long as the buffer, and until a cell
    /// grows.
    pub(super) fn binds(&mut self) -> Vec<ffi::MYSQL_BIND> {
        self.cells.iter().map(Cell::bind).collect()
    }

    /// Columns whose value did not fit, and what to do about each.
    pub(super) fn too_small(&self) -> Vec<(c_uint, bool)> {
        let mut found = Vec::new();
        for (index, cell) in (0..).zip(&self.cells) {
            let control = cell.control();
            if cell.shape.is_fixed() {
                if control.truncated != ffi::my_bool::default() {
                    found.push((index, true));
                }
            } else if control.is_null == ffi::my_bool::default() && cell.length() > cell.room {
                found.push((index, false));
            }
        }
        found
    }

    /// Makes room for the value whose length C has just told, and gives the descriptor to fetch it
    /// with.
    pub(super) fn grow(&mut self, column: c_uint) -> Option<ffi::MYSQL_BIND> {
        let cell = self.cells.get_mut(column as usize)?;
        let room = cell.length().checked_next_power_of_two()?;
        cell.replace_data(room);
        Some(cell.bind())
    }

    /// True if the buffer is small enough to be kept.
    pub(super) fn is_small(&self) -> bool {
        self.cells.iter().map(|cell| cell.room).sum::<usize>() <= KEEP_ROOM
    }

    pub(crate) fn is_null(&self, column: usize) -> bool {
        self.cells.get(column).is_none_or(|cell| cell.control().is_null != ffi::my_bool::default())
    }

    /// The value of a column, or `None` for NULL.
    pub(crate) fn value(&self, column: usize) -> Option<MysqlValue<'_>> {
        if self.is_null(column) {
            return None;
        }
        let cell = self.cells.get(column)?;
        Some(MysqlValue::new(cell.bytes(), type_of(cell.shape)))
    }
}

impl Cell {
    fn new(shape: Shape) -> Self {
        let control = NonNull::from(Box::leak(Box::<Control>::default()));
        Self { shape, control, data: allocate(shape.room), room: shape.room }
    }

    fn control(&self) -> &Control {
        // SAFETY: leaked in `new`, freed in `drop`; C writes there only while `&mut RowBuffer` is
        // held.
        unsafe { self.control.as_ref() }
    }

    fn length(&self) -> usize {
        usize::try_from(self.control().length).unwrap_or(usize::MAX)
    }

    fn bytes(&self) -> &[u8] {
        // Some libraries leave the length of a fixed-size value alone: it is known anyway.
        let length = if self.shape.is_fixed() { self.room } else { self.length().min(self.room) };
        // SAFETY: `room` bytes are allocated there, zeroed at first and written by C since;
        // `length` ≤ `room`.
        unsafe { std::slice::from_raw_parts(self.data.as_ptr(), length) }
    }

    fn bind(&self) -> ffi::MYSQL_BIND {
        // SAFETY: all zeros is the documented start of every MYSQL_BIND.
        let mut bind: ffi::MYSQL_BIND = unsafe { mem::zeroed() };
        let control = self.control.as_ptr();
        bind.buffer_type = self.shape.kind;
        bind.buffer = self.data.as_ptr().cast();
        bind.buffer_length = c_ulong::try_from(self.room).unwrap_or(c_ulong::MAX);
        // SAFETY: a place inside the live control block.
        bind.length = unsafe { &raw mut (*control).length };
        // SAFETY: as above.
        bind.is_null = unsafe { &raw mut (*control).is_null };
        // SAFETY: as above.
        bind.error = unsafe { &raw mut (*control).truncated };
        bind.is_unsigned = ffi::my_bool::from(self.shape.flags & UNSIGNED_FLAG != 0);
        bind
    }

    fn replace_data(&mut self, room: usize) {
        free(self.data, self.room);
        self.data = allocate(room);
        self.room = room;
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        free(self.data, self.room);
        // SAFETY: leaked from a box in `new`, and freed here alone.
        drop(unsafe { Box::from_raw(self.control.as_ptr()) });
    }
}

/// Aligned for a `MYSQL_TIME`, which the library writes in place.
fn layout(room: usize) -> Layout {
    Layout::from_size_align(room.max(1), align_of::<ffi::MYSQL_TIME>())
        .unwrap_or(Layout::new::<ffi::MYSQL_TIME>())
}

fn allocate(room: usize) -> NonNull<u8> {
    let layout = layout(room);
    // SAFETY: the layout has at least one byte.
    let data = unsafe { alloc_zeroed(layout) };
    NonNull::new(data).unwrap_or_else(|| handle_alloc_error(layout))
}

fn free(data: NonNull<u8>, room: usize) {
    // SAFETY: `data` came from `allocate(room)` and is freed once.
    unsafe { dealloc(data.as_ptr(), layout(room)) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_are_taken_as_they_come_and_other_families_converted() {
        let long = Shape::choose(kind::MYSQL_TYPE_LONG, UNSIGNED_FLAG, 10, Some(MysqlType::Tiny));
        assert_eq!(type_of(long), MysqlType::UnsignedLong);
        let text = Shape::choose(kind::MYSQL_TYPE_LONG, 0, 10, Some(MysqlType::String));
        assert_eq!((text.kind, text.room), (kind::MYSQL_TYPE_STRING, 10));
        let null = Shape::choose(kind::MYSQL_TYPE_NULL, 0, 0, None);
        assert_eq!(null.kind, kind::MYSQL_TYPE_STRING);
    }

    #[test]
    fn a_cell_grows_for_the_value_that_did_not_fit_and_keeps_its_bytes_readable() {
        let shape = Shape::choose(kind::MYSQL_TYPE_BLOB, BINARY_FLAG, 1 << 24, None);
        let columns = Columns { names: vec!["b".to_owned()], shapes: vec![shape] };
        let mut row = RowBuffer::new(&columns);
        // SAFETY: the control block is alive and nobody else looks at it.
        unsafe { (*row.cells[0].control.as_ptr()).length = 1000 };

        assert_eq!(row.too_small(), [(0, false)]);
        let bind = row.grow(0).expect("the column exists");

        assert_eq!(bind.buffer_length, 1024);
        assert_eq!(row.value(0).expect("not null").as_bytes(), [0; 1000]);
        assert!(row.too_small().is_empty());
    }
}
