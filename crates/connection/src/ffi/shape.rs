//! In what form a value travels: which C type carries a column or a parameter of diesel's.

use std::ffi::{c_uint, c_ulong};

use diesel::mysql::MysqlType;
use diesel::mysql::data_types::MysqlTime;
use mysqlclient_sys as ffi;
use mysqlclient_sys::enum_field_types as kind;

pub(super) const UNSIGNED_FLAG: c_uint = 32;
const BINARY_FLAG: c_uint = 128;
const ENUM_FLAG: c_uint = 256;
const SET_FLAG: c_uint = 2048;

/// Text and blob columns begin with this much room, unless they are narrower.
const FIRST_ROOM: usize = 256;

/// In what form a column is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) kind: ffi::enum_field_types,
    pub(super) flags: c_uint,
    /// Bytes to begin with; all that are needed if the size is fixed.
    pub(super) room: usize,
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

    pub(super) fn is_fixed(self) -> bool {
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
pub(super) fn type_of(shape: Shape) -> MysqlType {
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
}
