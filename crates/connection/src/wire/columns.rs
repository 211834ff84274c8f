//! The description of a result's columns.

use std::ops::Range;

use diesel::mysql::MysqlType;

use super::parse::{Bytes, Malformed};

const UNSIGNED_FLAG: u16 = 32;
const ZEROFILL_FLAG: u16 = 64;
const BINARY_FLAG: u16 = 128;
const ENUM_FLAG: u16 = 256;
const SET_FLAG: u16 = 2048;

/// The protocol's numbers for types.
pub(crate) mod kind {
    pub(crate) const DECIMAL: u8 = 0;
    pub(crate) const TINY: u8 = 1;
    pub(crate) const SHORT: u8 = 2;
    pub(crate) const LONG: u8 = 3;
    pub(crate) const FLOAT: u8 = 4;
    pub(crate) const DOUBLE: u8 = 5;
    pub(crate) const NULL: u8 = 6;
    pub(crate) const TIMESTAMP: u8 = 7;
    pub(crate) const LONGLONG: u8 = 8;
    pub(crate) const INT24: u8 = 9;
    pub(crate) const DATE: u8 = 10;
    pub(crate) const TIME: u8 = 11;
    pub(crate) const DATETIME: u8 = 12;
    pub(crate) const YEAR: u8 = 13;
    pub(crate) const NEWDATE: u8 = 14;
    pub(crate) const BIT: u8 = 16;
    pub(crate) const JSON: u8 = 245;
    pub(crate) const NEWDECIMAL: u8 = 246;
    pub(crate) const ENUM: u8 = 247;
    pub(crate) const SET: u8 = 248;
    pub(crate) const TINY_BLOB: u8 = 249;
    pub(crate) const BLOB: u8 = 252;
    pub(crate) const VAR_STRING: u8 = 253;
    pub(crate) const STRING: u8 = 254;
    pub(crate) const GEOMETRY: u8 = 255;
}

/// How a value lies in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// So many bytes.
    Fixed(u8),
    /// A count, then that many bytes.
    Counted,
    /// A count of 0, 4, 7 or 11, then a date.
    Date,
    /// A count of 0, 8 or 12, then a time.
    Time,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: u8,
    flags: u16,
    /// Characters that the widest value shows.
    width: u32,
    /// Digits behind the point, of a number or of seconds.
    pub(crate) decimals: u8,
}

impl Column {
    fn read(packet: &[u8]) -> Result<Self, Malformed> {
        // Behind the names, and on MariaDB an extended description, come 13 bytes of fixed form.
        let (names, fixed) = packet.split_last_chunk::<13>().ok_or(Malformed)?;
        let [_, _, _, a, b, c, d, kind, flags_low, flags_high, decimals, _, _] = *fixed;
        let mut names = Bytes::new(names);
        for _catalog_schema_table_original in 0..4 {
            names.text()?;
        }
        let name = String::from_utf8_lossy(names.text()?).into_owned();
        let flags = u16::from_le_bytes([flags_low, flags_high]);
        Ok(Self { name, kind, flags, width: u32::from_le_bytes([a, b, c, d]), decimals })
    }

    pub(crate) fn is_unsigned(&self) -> bool {
        self.flags & UNSIGNED_FLAG != 0
    }

    /// The width to which zeros fill a number up.
    pub(crate) fn zerofill(&self) -> usize {
        if self.flags & ZEROFILL_FLAG == 0 { 0 } else { self.width.min(255) as usize }
    }

    pub(crate) fn layout(&self) -> Layout {
        match self.kind {
            kind::NULL => Layout::Fixed(0),
            kind::TINY => Layout::Fixed(1),
            kind::SHORT | kind::YEAR => Layout::Fixed(2),
            kind::LONG | kind::INT24 | kind::FLOAT => Layout::Fixed(4),
            kind::LONGLONG | kind::DOUBLE => Layout::Fixed(8),
            kind::DATE | kind::DATETIME | kind::TIMESTAMP | kind::NEWDATE => Layout::Date,
            kind::TIME => Layout::Time,
            _ => Layout::Counted,
        }
    }

    /// diesel's type for the values as they come; the rule of `MysqlConnection`.
    pub(crate) fn mysql_type(&self) -> MysqlType {
        let unsigned = self.is_unsigned();
        match self.kind {
            kind::TINY if unsigned => MysqlType::UnsignedTiny,
            kind::TINY => MysqlType::Tiny,
            // YEAR is always unsigned.
            kind::YEAR => MysqlType::UnsignedShort,
            kind::SHORT if unsigned => MysqlType::UnsignedShort,
            kind::SHORT => MysqlType::Short,
            kind::INT24 | kind::LONG if unsigned => MysqlType::UnsignedLong,
            kind::INT24 | kind::LONG => MysqlType::Long,
            kind::LONGLONG if unsigned => MysqlType::UnsignedLongLong,
            kind::LONGLONG => MysqlType::LongLong,
            kind::FLOAT => MysqlType::Float,
            kind::DOUBLE => MysqlType::Double,
            kind::DECIMAL | kind::NEWDECIMAL => MysqlType::Numeric,
            kind::BIT => MysqlType::Bit,
            kind::TIME => MysqlType::Time,
            kind::DATE | kind::NEWDATE => MysqlType::Date,
            kind::DATETIME => MysqlType::DateTime,
            kind::TIMESTAMP => MysqlType::Timestamp,
            kind::JSON => MysqlType::String,
            kind::GEOMETRY => MysqlType::Blob,
            kind::ENUM => MysqlType::Enum,
            kind::SET => MysqlType::Set,
            _ if self.flags & ENUM_FLAG != 0 => MysqlType::Enum,
            _ if self.flags & SET_FLAG != 0 => MysqlType::Set,
            _ if self.flags & BINARY_FLAG != 0 => MysqlType::Blob,
            _ => MysqlType::String,
        }
    }

    pub(crate) fn is_number(&self) -> bool {
        matches!(
            self.kind,
            kind::DECIMAL
                | kind::NEWDECIMAL
                | kind::TINY
                | kind::SHORT
                | kind::INT24
                | kind::LONG
                | kind::LONGLONG
                | kind::FLOAT
                | kind::DOUBLE
        )
    }

    pub(crate) fn is_blob(&self) -> bool {
        (kind::TINY_BLOB..=kind::BLOB).contains(&self.kind)
    }

    pub(crate) fn is_text(&self) -> bool {
        self.is_blob()
            || matches!(self.kind, kind::ENUM | kind::SET | kind::VAR_STRING | kind::STRING)
    }
}

/// The columns of a result.
#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) all: Vec<Column>,
    pub(crate) layouts: Vec<Layout>,
    /// The packets they were read from: the same bytes are the same columns.
    packets: Vec<u8>,
}

impl Columns {
    /// Reads the packets that lie in `received` at `ranges`, one after the other.
    pub(super) fn read(received: &[u8], ranges: &[Range<usize>]) -> Result<Self, Malformed> {
        let read =
            |range: &Range<usize>| Column::read(received.get(range.clone()).ok_or(Malformed)?);
        let all = ranges.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let layouts = all.iter().map(Column::layout).collect();
        let packets = span(received, ranges).ok_or(Malformed)?.to_vec();
        Ok(Self { all, layouts, packets })
    }

    pub(super) fn are(&self, received: &[u8], ranges: &[Range<usize>]) -> bool {
        span(received, ranges) == Some(&self.packets)
    }

    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.all.iter().position(|column| column.name == name)
    }
}

fn span<'a>(received: &'a [u8], ranges: &[Range<usize>]) -> Option<&'a [u8]> {
    received.get(ranges.first()?.start..ranges.last()?.end)
}
