//! The memory that `mysql_stmt_fetch` writes a row into.
//!
//! C keeps pointers into it between calls, so it is owned through raw pointers and never through
//! references that the compiler could assume to be exclusive: a shared borrow for reading lives
//! only between two fetches.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ffi::{c_char, c_uint, c_ulong};
use std::mem;
use std::ptr::NonNull;

use diesel::mysql::{MysqlType, MysqlValue};
use mysqlclient_sys as ffi;

use super::handle::text;
use super::shape::{Shape, UNSIGNED_FLAG, type_of};

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
    use mysqlclient_sys::enum_field_types as kind;

    use super::*;

    #[test]
    fn a_cell_grows_for_the_value_that_did_not_fit_and_keeps_its_bytes_readable() {
        let shape = Shape::choose(kind::MYSQL_TYPE_BLOB, 0, 1 << 24, None);
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
