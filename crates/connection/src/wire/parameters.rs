//! The values of placeholders.

use diesel::mysql::MysqlType;

use super::columns::kind;
use super::parse::{Malformed, put_text, size_of_number};
use super::time::{Sort, Time};

const UNSIGNED: u8 = 0x80;

/// The values for all placeholders, and their types.
pub(crate) struct Parameters<'a> {
    pub(crate) types: &'a [MysqlType],
    pub(crate) values: &'a [Option<Vec<u8>>],
}

impl Parameters<'_> {
    /// Writes the bits of those that are NULL.
    pub(super) fn put_nulls(&self, out: &mut Vec<u8>) {
        for eight in self.values.chunks(8) {
            let bits =
                eight.iter().rev().fold(0, |bits, value| bits << 1 | u8::from(value.is_none()));
            out.push(bits);
        }
    }

    /// Writes their types, two bytes each, and where they have names that they have none.
    pub(super) fn put_types(&self, out: &mut Vec<u8>, named: bool) {
        for of in self.types {
            let (kind, sign) = form_of(*of);
            out.extend_from_slice(&[kind, sign]);
            if named {
                put_text(out, b"");
            }
        }
    }

    /// Writes those that are not NULL.
    pub(super) fn put_values(&self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        for (of, value) in self.types.iter().zip(self.values) {
            if let Some(value) = value {
                put_value(out, *of, value)?;
            }
        }
        Ok(())
    }

    /// Bytes that an execution has for them, types included, which it leaves out where the server
    /// knows them.
    pub(crate) fn size(&self, named: bool) -> usize {
        let count = self.values.len();
        let names = if named { size_of_number(count) + count } else { 0 };
        let values = self.types.iter().zip(self.values);
        let values = values.map(|(of, value)| value.as_ref().map_or(0, |it| size_of(*of, it)));
        names + count.div_ceil(8) + 1 + 2 * count + values.sum::<usize>()
    }
}

/// The protocol's number for one of diesel's types, and its sign.
fn form_of(of: MysqlType) -> (u8, u8) {
    match of {
        MysqlType::Tiny => (kind::TINY, 0),
        MysqlType::Short => (kind::SHORT, 0),
        MysqlType::Long => (kind::LONG, 0),
        MysqlType::LongLong => (kind::LONGLONG, 0),
        MysqlType::UnsignedTiny => (kind::TINY, UNSIGNED),
        MysqlType::UnsignedShort => (kind::SHORT, UNSIGNED),
        MysqlType::UnsignedLong => (kind::LONG, UNSIGNED),
        MysqlType::UnsignedLongLong => (kind::LONGLONG, UNSIGNED),
        MysqlType::Float => (kind::FLOAT, 0),
        MysqlType::Double => (kind::DOUBLE, 0),
        MysqlType::Numeric => (kind::NEWDECIMAL, 0),
        MysqlType::Time => (kind::TIME, 0),
        MysqlType::Date => (kind::DATE, 0),
        MysqlType::DateTime => (kind::DATETIME, 0),
        MysqlType::Timestamp => (kind::TIMESTAMP, 0),
        MysqlType::Bit => (kind::BIT, 0),
        MysqlType::Blob => (kind::BLOB, 0),
        // Enum, Set, String, and whatever diesel may add: text is what every type can be sent as.
        _ => (kind::STRING, 0),
    }
}

/// How a value is written.
enum Form {
    Number(usize),
    Time(Sort),
    Text,
}

impl Form {
    fn of(of: MysqlType) -> Self {
        match of {
            MysqlType::Tiny | MysqlType::UnsignedTiny => Self::Number(1),
            MysqlType::Short | MysqlType::UnsignedShort => Self::Number(2),
            MysqlType::Long | MysqlType::UnsignedLong | MysqlType::Float => Self::Number(4),
            MysqlType::LongLong | MysqlType::UnsignedLongLong | MysqlType::Double => {
                Self::Number(8)
            }
            MysqlType::Date => Self::Time(Sort::Date),
            MysqlType::DateTime | MysqlType::Timestamp => Self::Time(Sort::DateTime),
            MysqlType::Time => Self::Time(Sort::Time),
            _ => Self::Text,
        }
    }
}

/// Bytes that `put_value` writes; 0 of what it refuses.
fn size_of(of: MysqlType, value: &[u8]) -> usize {
    match Form::of(of) {
        Form::Number(size) => size,
        Form::Text => size_of_number(value.len()) + value.len(),
        Form::Time(sort) => {
            let mut out = Vec::new();
            put_time(&mut out, value, sort).map_or(0, |()| out.len())
        }
    }
}

/// diesel gives numbers in the machine's byte order and times as the C struct.
fn put_value(out: &mut Vec<u8>, of: MysqlType, value: &[u8]) -> Result<(), Malformed> {
    let size = match Form::of(of) {
        Form::Number(size) => size,
        Form::Time(sort) => return put_time(out, value, sort),
        Form::Text => {
            put_text(out, value);
            return Ok(());
        }
    };
    let number = value.get(..size).ok_or(Malformed)?;
    if cfg!(target_endian = "big") {
        out.extend(number.iter().rev());
    } else {
        out.extend_from_slice(number);
    }
    Ok(())
}

fn put_time(out: &mut Vec<u8>, value: &[u8], sort: Sort) -> Result<(), Malformed> {
    Time::of_struct(value, sort)?.put(out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::parse::put_number;
    use super::*;

    #[test]
    fn nulls_have_a_bit_each_and_no_value() {
        let types = [MysqlType::Tiny; 10];
        let values: Vec<_> = (0..10_u8).map(|n| (n != 1 && n != 9).then(|| vec![n])).collect();
        let parameters = Parameters { types: &types, values: &values };
        let mut out = Vec::new();
        parameters.put_nulls(&mut out);
        assert_eq!(out, [0b10, 0b10]);
        parameters.put_values(&mut out).unwrap();
        assert_eq!(out[2..], [0, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn the_size_is_that_of_what_is_written() {
        let midnight = Time::zero(Sort::DateTime);
        let noon = Time { year: 2026, month: 1, day: 1, hour: 12, ..midnight };
        let exact = Time { microsecond: 1, ..noon };
        let (date, span) = (Time { sort: Sort::Date, ..noon }, Time { sort: Sort::Time, ..exact });
        let cases = [
            (MysqlType::Tiny, Some(vec![1])),
            (MysqlType::UnsignedShort, Some(vec![1; 2])),
            (MysqlType::Float, None),
            (MysqlType::Double, Some(vec![1; 8])),
            (MysqlType::Long, Some(vec![1; 4])),
            (MysqlType::Blob, Some(vec![1; 70_000])),
            (MysqlType::String, Some(vec![])),
            (MysqlType::Numeric, Some(vec![b'1'; 300])),
            (MysqlType::DateTime, Some(midnight.to_struct().to_vec())),
            (MysqlType::Timestamp, Some(noon.to_struct().to_vec())),
            (MysqlType::DateTime, Some(exact.to_struct().to_vec())),
            (MysqlType::Date, Some(date.to_struct().to_vec())),
            (MysqlType::Time, Some(span.to_struct().to_vec())),
        ];
        let (types, values): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
        let parameters = Parameters { types: &types, values: &values };
        for named in [false, true] {
            // As an execution writes them.
            let mut out = Vec::new();
            if named {
                put_number(&mut out, types.len());
            }
            parameters.put_nulls(&mut out);
            out.push(1);
            parameters.put_types(&mut out, named);
            parameters.put_values(&mut out).unwrap();
            assert_eq!(parameters.size(named), out.len());
        }
    }
}
