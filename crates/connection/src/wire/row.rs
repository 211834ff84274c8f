//! Rows as they came, and where each value lies in them.

use std::sync::Arc;

use super::answer::OK;
use super::columns::{Columns, Layout};
use super::parse::{Bytes, Malformed};
use super::value::Shapes;

/// Rows of one result, in the bytes in which they came.
///
/// They are gathered first and [looked through](Self::look_through) all at once, while they are in
/// the processor's cache; afterwards each value is found at once.
#[derive(Debug)]
pub(crate) struct RowSet {
    pub(crate) columns: Arc<Columns>,
    pub(crate) shapes: Arc<Shapes>,
    /// Before each row its length, in four bytes.
    bytes: Vec<u8>,
    count: usize,
    /// Where the values begin in `bytes`, row after row; [`NULL`] for those that have none.
    places: Vec<u32>,
}

const LENGTH: usize = 4;
const NULL: u32 = u32::MAX;

impl RowSet {
    pub(super) fn empty(columns: Arc<Columns>, shapes: Arc<Shapes>) -> Self {
        Self { columns, shapes, bytes: Vec::new(), count: 0, places: Vec::new() }
    }

    /// Bytes of all rows.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Rows in it.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
        self.places.clear();
    }

    /// Adds rows that have their lengths before them already.
    pub(super) fn add(&mut self, rows: &[u8], count: usize) {
        self.bytes.extend_from_slice(rows);
        self.count += count;
    }

    pub(super) fn add_one(&mut self, row: &[u8]) {
        // A packet has at most 1 GiB.
        let length = u32::try_from(row.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(row);
        self.count += 1;
    }

    /// Room for more rows of the same result.
    pub(crate) fn fresh(&self) -> Self {
        Self::empty(Arc::clone(&self.columns), Arc::clone(&self.shapes))
    }

    /// Finds where all values lie.
    ///
    /// # Errors
    /// [`Malformed`] if a row does not hold what it must. Those before it can be read all the same.
    pub(crate) fn look_through(&mut self) -> Result<(), Malformed> {
        let Self { columns, bytes, count, places, .. } = self;
        // So that a place fits four bytes, and none is that of NULL.
        u32::try_from(bytes.len() + 1).map_err(|_too_long| Malformed)?;
        places.clear();
        places.reserve_exact(*count * columns.layouts.len());
        let mut at = 0;
        while let Some(length) = bytes.get(at..).and_then(|left| left.first_chunk()) {
            let start = at + LENGTH;
            at = start + u32::from_le_bytes(*length) as usize;
            let found = places.len();
            let row = bytes.get(..at).ok_or(Malformed)?;
            find_values(row, start, &columns.layouts, places)
                .inspect_err(|Malformed| places.truncate(found))?;
        }
        Ok(())
    }

    /// The row whose first value's place is the `first`, and that of the next.
    pub(crate) fn row_at(&self, first: usize) -> Option<usize> {
        let next = first + self.columns.layouts.len();
        (next <= self.places.len()).then_some(next)
    }

    /// The bytes of a value of the row at `first`; `None` for NULL.
    #[inline]
    pub(crate) fn raw(&self, first: usize, column: usize) -> Option<&[u8]> {
        let layout = *self.columns.layouts.get(column)?;
        let start = *self.places.get(first + column)?;
        if start == NULL {
            return None;
        }
        let bytes = self.bytes.get(start as usize..)?;
        match layout {
            Layout::Fixed(size) => bytes.get(..size.into()),
            Layout::Counted | Layout::Date | Layout::Time => match bytes.split_first() {
                Some((&length @ 0..=0xfa, bytes)) => bytes.get(..length.into()),
                _ => Bytes::new(bytes).text().ok(),
            },
        }
    }
}

/// Adds to `places` where each value lies of the row that begins `start` bytes in and takes up all
/// behind it.
#[expect(clippy::cast_possible_truncation, reason = "the length of all rows is looked at before")]
fn find_values(
    bytes: &[u8],
    start: usize,
    layouts: &[Layout],
    places: &mut Vec<u32>,
) -> Result<(), Malformed> {
    // A zero byte, then a bit for each column, the first two left free.
    let head = start + 1 + (layouts.len() + 9) / 8;
    let (Some(&OK), Some(nulls)) = (bytes.get(start), bytes.get(start + 1..head)) else {
        return Err(Malformed);
    };
    let mut at = head;
    let mut bits = nulls.iter();
    let (mut eight, mut bit) = (bits.next().copied().unwrap_or_default(), 0b100_u8);
    for layout in layouts {
        if bit == 0 {
            (eight, bit) = (bits.next().copied().unwrap_or_default(), 1);
        }
        let is_null = eight & bit != 0;
        bit <<= 1;
        if is_null {
            places.push(NULL);
            continue;
        }
        places.push(at as u32);
        at += match *layout {
            Layout::Fixed(size) => usize::from(size),
            Layout::Counted => match bytes.get(at) {
                Some(&length @ 0..=0xfa) => 1 + usize::from(length),
                _ => long_text(bytes.get(at..))?,
            },
            Layout::Date => match bytes.get(at) {
                Some(&length @ (0 | 4 | 7 | 11)) => 1 + usize::from(length),
                _ => return Err(Malformed),
            },
            Layout::Time => match bytes.get(at) {
                Some(&length @ (0 | 8 | 12)) => 1 + usize::from(length),
                _ => return Err(Malformed),
            },
        };
    }
    if at == bytes.len() { Ok(()) } else { Err(Malformed) }
}

/// The bytes that a text takes up, its length included.
fn long_text(values: Option<&[u8]>) -> Result<usize, Malformed> {
    let values = values.ok_or(Malformed)?;
    let mut bytes = Bytes::new(values);
    bytes.text()?;
    Ok(values.len() - bytes.left())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUTS: [Layout; 4] = [Layout::Fixed(4), Layout::Counted, Layout::Date, Layout::Time];

    fn places(row: &[u8], layouts: &[Layout]) -> Result<Vec<u32>, Malformed> {
        let mut places = Vec::new();
        find_values(row, 0, layouts, &mut places).map(|()| places)
    }

    #[test]
    fn values_are_found_and_nulls_are_left_out() {
        let row = [0, 0b0000_1000, 1, 2, 3, 4, 4, 0xe4, 7, 2, 29, 0];
        assert_eq!(places(&row, &LAYOUTS), Ok(vec![2, NULL, 6, 11]));
    }

    #[test]
    fn a_row_of_any_other_length_is_malformed() {
        let row = [0, 0, 1, 2, 3, 4, 2, b'h', b'i', 4, 0xe4, 7, 2, 29, 0];
        assert_eq!(places(&row, &LAYOUTS), Ok(vec![2, 6, 9, 14]));
        for length in 0..row.len() {
            assert_eq!(places(&row[..length], &LAYOUTS), Err(Malformed), "{length}");
        }
        let longer = [&row[..], &[0]].concat();
        assert_eq!(places(&longer, &LAYOUTS), Err(Malformed));
    }

    #[test]
    fn many_columns_are_found_too() {
        let layouts = [Layout::Fixed(1); 100];
        let mut row = vec![0; 1 + 109 / 8];
        row.extend(0..100);
        let last = u32::try_from(row.len() - 1).unwrap();
        assert_eq!(places(&row, &layouts).unwrap().last(), Some(&last));
    }
}
