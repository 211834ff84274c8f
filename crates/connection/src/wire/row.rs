//! Rows as they came, and where each value lies in them.

use std::sync::Arc;

use super::columns::{Columns, Layout};
use super::parse::{Bytes, Malformed};

/// Where a row lies in a [`RowSet`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Rows of one result, in the bytes in which they came.
#[derive(Debug)]
pub(crate) struct RowSet {
    pub(crate) columns: Arc<Columns>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) rows: Vec<Place>,
}

impl RowSet {
    pub(crate) fn empty(columns: Arc<Columns>) -> Self {
        Self { columns, bytes: Vec::new(), rows: Vec::new() }
    }

    /// Looks through a row once; afterwards each value is found at once.
    pub(crate) fn offsets(&self, place: Place) -> Result<Offsets, Malformed> {
        let row = self.bytes.get(place.start..place.end).ok_or(Malformed)?;
        Offsets::find(row, &self.columns.layouts)
    }

    /// The bytes of a value; `None` for NULL.
    pub(crate) fn value(&self, place: Place, offsets: &Offsets, column: usize) -> Option<&[u8]> {
        let start = place.start + offsets.get(column)?;
        let bytes = self.bytes.get(start..place.end)?;
        match *self.columns.layouts.get(column)? {
            Layout::Fixed(size) => bytes.get(..size.into()),
            Layout::Counted | Layout::Date | Layout::Time => Bytes::new(bytes).text().ok(),
        }
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
    fn find(row: &[u8], layouts: &[Layout]) -> Result<Self, Malformed> {
        let mut offsets = Self { few: [NULL; FEW], many: Vec::new() };
        let places = if layouts.len() <= FEW {
            &mut offsets.few[..]
        } else {
            offsets.many.resize(layouts.len(), NULL);
            &mut offsets.many[..]
        };
        // A zero byte, then a bit for each column, the first two left free.
        let (head, mut values) =
            row.split_at_checked(1 + (layouts.len() + 9) / 8).ok_or(Malformed)?;
        let (&zero, nulls) = head.split_first().ok_or(Malformed)?;
        if zero != 0 {
            return Err(Malformed);
        }
        for (index, (layout, place)) in layouts.iter().zip(places).enumerate() {
            let bit = index + 2;
            if nulls.get(bit / 8).ok_or(Malformed)? & 1 << (bit % 8) != 0 {
                continue;
            }
            *place = u32::try_from(row.len() - values.len()).map_err(|_too_long| Malformed)?;
            values = match *layout {
                Layout::Fixed(size) => values.get(size.into()..).ok_or(Malformed)?,
                Layout::Counted => behind_text(values)?,
                Layout::Date => behind_time(values, [0, 4, 7, 11])?,
                Layout::Time => behind_time(values, [0, 8, 12, 0])?,
            };
        }
        if values.is_empty() { Ok(offsets) } else { Err(Malformed) }
    }

    /// `None` for NULL, and for a column that is not there.
    pub(crate) fn get(&self, column: usize) -> Option<usize> {
        let all = if self.many.is_empty() { &self.few[..] } else { &self.many };
        all.get(column).filter(|offset| **offset != NULL).map(|offset| *offset as usize)
    }
}

fn behind_text(values: &[u8]) -> Result<&[u8], Malformed> {
    let mut bytes = Bytes::new(values);
    bytes.text()?;
    Ok(bytes.rest())
}

fn behind_time(values: &[u8], lengths: [u8; 4]) -> Result<&[u8], Malformed> {
    let (&length, values) = values.split_first().ok_or(Malformed)?;
    if lengths.contains(&length) {
        values.get(length.into()..).ok_or(Malformed)
    } else {
        Err(Malformed)
    }
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
