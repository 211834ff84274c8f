//! The values of placeholders.

use diesel::mysql::MysqlType;

use super::columns::kind;
use super::parse::{Malformed, put_text};
use super::time::{Sort, Time};

const UNSIGNED: u8 = 0x80;

/// The values for all placeholders, and their types.
pub(super) struct Parameters<'a> {
    pub(super) types: &'a [MysqlType],
    pub(super) values: &'a [Option<Vec<u8>>],
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

/// diesel gives numbers in the machine's byte order and times as the C struct.
fn put_value(out: &mut Vec<u8>, of: MysqlType, value: &[u8]) -> Result<(), Malformed> {
    let size = match of {
        MysqlType::Tiny | MysqlType::UnsignedTiny => 1,
        MysqlType::Short | MysqlType::UnsignedShort => 2,
        MysqlType::Long | MysqlType::UnsignedLong | MysqlType::Float => 4,
        MysqlType::LongLong | MysqlType::UnsignedLongLong | MysqlType::Double => 8,
        MysqlType::Date => return put_time(out, value, Sort::Date),
        MysqlType::DateTime | MysqlType::Timestamp => return put_time(out, value, Sort::DateTime),
        MysqlType::Time => return put_time(out, value, Sort::Time),
        _ => {
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
}
