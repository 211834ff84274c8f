//! Rows as they came, and where each value lies in them.

use std::sync::Arc;

use super::answer::OK;
use super::columns::{Columns, Layout};
use super::parse::{Bytes, Malformed};
use super::value::{Form, Shapes};

/// Where a row lies in a [`RowSet`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    start: usize,
    end: usize,
}

const LENGTH: usize = 4;

/// Rows of one result, in the bytes in which they came.
#[derive(Debug)]
pub(crate) struct RowSet {
    pub(crate) columns: Arc<Columns>,
    pub(crate) shapes: Arc<Shapes>,
    /// Before each row its length, in four bytes.
    bytes: Vec<u8>,
    count: usize,
}

impl RowSet {
    pub(super) fn empty(columns: Arc<Columns>, shapes: Arc<Shapes>) -> Self {
        Self { columns, shapes, bytes: Vec::new(), count: 0 }
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

    /// The row that begins `at` bytes in, and where the next does.
    pub(crate) fn row_at(&self, at: usize) -> Option<(Place, usize)> {
        let length = u32::from_le_bytes(*self.bytes.get(at..)?.first_chunk()?);
        let start = at + LENGTH;
        let end = start + length as usize;
        Some((Place { start, end }, end))
    }

    /// Room for more rows of the same result.
    pub(crate) fn fresh(&self) -> Self {
        Self::empty(Arc::clone(&self.columns), Arc::clone(&self.shapes))
    }

    /// Looks through a row once; afterwards each value is found at once.
    pub(crate) fn offsets(&self, place: Place) -> Result<Offsets, Malformed> {
        let row = self.bytes.get(place.start..place.end).ok_or(Malformed)?;
        Offsets::find(row, &self.columns.layouts)
    }

    /// The bytes of a value; `None` for NULL.
    #[inline]
    pub(crate) fn raw(&self, place: Place, offsets: &Offsets, column: usize) -> Option<&[u8]> {
        let start = place.start + offsets.get(column)?;
        let bytes = self.bytes.get(start..place.end)?;
        match *self.columns.layouts.get(column)? {
            Layout::Fixed(size) => bytes.get(..size.into()),
            Layout::Counted | Layout::Date | Layout::Time => match bytes.split_first() {
                Some((&length @ 0..=0xfa, bytes)) => bytes.get(..length.into()),
                _ => Bytes::new(bytes).text().ok(),
            },
        }
    }

    /// A value in the form in which diesel reads it; `None` for NULL, and where it is
    /// [converted](Shapes::converted).
    #[inline]
    pub(crate) fn form(&self, place: Place, offsets: &Offsets, column: usize) -> Option<Form<'_>> {
        let raw = self.raw(place, offsets, column)?;
        self.shapes.form(&self.columns, column, raw)
    }
}

const FEW: usize = 12;
const NULL: u32 = u32::MAX;

/// Where the values of a row begin, counted from the row's beginning.
#[derive(Clone, Debug)]
pub(crate) struct Offsets {
    few: [u32; FEW],
    /// Used instead for more columns than those.
    many: Vec<u32>,
}

impl Offsets {
    #[expect(clippy::cast_possible_truncation, reason = "the row's length is looked at before")]
    fn find(row: &[u8], layouts: &[Layout]) -> Result<Self, Malformed> {
        let mut offsets = Self { few: [NULL; FEW], many: Vec::new() };
        let places = if layouts.len() <= FEW {
            &mut offsets.few[..]
        } else {
            offsets.many.resize(layouts.len(), NULL);
            &mut offsets.many[..]
        };
        // A zero byte, then a bit for each column, the first two left free.
        let head = 1 + (layouts.len() + 9) / 8;
        let (Some(OK), Some(nulls)) = (row.first().copied(), row.get(1..head)) else {
            return Err(Malformed);
        };
        u32::try_from(row.len()).map_err(|_too_long| Malformed)?;
        let mut at = head;
        let mut bits = nulls.iter();
        let (mut eight, mut bit) = (bits.next().copied().unwrap_or_default(), 0b100_u8);
        for (layout, place) in layouts.iter().zip(places) {
            if bit == 0 {
                (eight, bit) = (bits.next().copied().unwrap_or_default(), 1);
            }
            let is_null = eight & bit != 0;
            bit <<= 1;
            if is_null {
                continue;
            }
            // A row has less than 4 GiB, looked at above.
            *place = at as u32;
            at += match *layout {
                Layout::Fixed(size) => usize::from(size),
                Layout::Counted => match row.get(at) {
                    Some(&length @ 0..=0xfa) => 1 + usize::from(length),
                    _ => long_text(row.get(at..))?,
                },
                Layout::Date => match row.get(at) {
                    Some(&length @ (0 | 4 | 7 | 11)) => 1 + usize::from(length),
                    _ => return Err(Malformed),
                },
                Layout::Time => match row.get(at) {
                    Some(&length @ (0 | 8 | 12)) => 1 + usize::from(length),
                    _ => return Err(Malformed),
                },
            };
        }
        if at == row.len() { Ok(offsets) } else { Err(Malformed) }
    }

    /// `None` for NULL, and for a column that is not there.
    #[inline]
    fn get(&self, column: usize) -> Option<usize> {
        let all = if self.many.is_empty() { &self.few[..] } else { &self.many };
        all.get(column).filter(|offset| **offset != NULL).map(|offset| *offset as usize)
    }
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

    #[test]
    fn values_are_found_and_nulls_are_left_out() {
        let row = [0, 0b0000_1000, 1, 2, 3, 4, 4, 0xe4, 7, 2, 29, 0];
        let offsets = Offsets::find(&row, &LAYOUTS).unwrap();
        assert_eq!(
            [0, 1, 2, 3, 4].map(|column| offsets.get(column)),
            [Some(2), None, Some(6), Some(11), None]
        );
    }

    #[test]
    fn a_row_of_any_other_length_is_malformed() {
        let row = [0, 0, 1, 2, 3, 4, 2, b'h', b'i', 4, 0xe4, 7, 2, 29, 0];
        assert_eq!(Offsets::find(&row, &LAYOUTS).unwrap().get(3), Some(14));
        for length in 0..row.len() {
            assert_eq!(Offsets::find(&row[..length], &LAYOUTS).err(), Some(Malformed), "{length}");
        }
        let longer = [&row[..], &[0]].concat();
        assert_eq!(Offsets::find(&longer, &LAYOUTS).err(), Some(Malformed));
    }

    #[test]
    fn many_columns_are_found_too() {
        let layouts = [Layout::Fixed(1); 100];
        let mut row = vec![0; 1 + 109 / 8];
        row.extend(0..100);
        let offsets = Offsets::find(&row, &layouts).unwrap();
        assert_eq!(offsets.get(99), Some(row.len() - 1));
    }
}
