//! Dates and times: in a packet, in diesel's form, and as text.

use std::ffi::{c_uint, c_ulong};
use std::fmt::Write as _;
use std::mem::offset_of;

use diesel::mysql::data_types::MysqlTime;
use mysqlclient_sys::MYSQL_TIME;

use super::parse::{Bytes, Malformed};

/// The larger of the client library's struct and diesel's own. diesel asks for at least the one,
/// and lays the other over the bytes.
pub(crate) const SIZE: usize = if size_of::<MYSQL_TIME>() > size_of::<MysqlTime>() {
    size_of::<MYSQL_TIME>()
} else {
    size_of::<MysqlTime>()
};

/// What a [`Time`] is, by the numbers of `enum_mysql_timestamp_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Date = 0,
    DateTime = 1,
    Time = 2,
}

/// A date, a time, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time {
    pub(crate) sort: Sort,
    pub(crate) is_negative: bool,
    pub(crate) year: u32,
    pub(crate) month: u32,
    pub(crate) day: u32,
    pub(crate) hour: u32,
    pub(crate) minute: u32,
    pub(crate) second: u32,
    pub(crate) microsecond: u32,
}

impl Time {
    pub(crate) const fn zero(sort: Sort) -> Self {
        Self {
            sort,
            is_negative: false,
            year: 0,
            month: 0,
            day: 0,
            hour: 0,
            minute: 0,
            second: 0,
            microsecond: 0,
        }
    }

    /// A date or a date with time, of 0, 4, 7 or 11 bytes.
    pub(crate) fn of_date(bytes: &[u8], sort: Sort) -> Result<Self, Malformed> {
        let mut time = Self::zero(sort);
        let mut bytes = Bytes::new(bytes);
        if bytes.left() == 0 {
            return Ok(time);
        }
        time.year = bytes.u16()?.into();
        time.month = bytes.u8()?.into();
        time.day = bytes.u8()?.into();
        time.clock(bytes)?;
        Ok(time)
    }

    /// A time, of 0, 8 or 12 bytes. Its days are counted as hours, as the client library does.
    pub(crate) fn of_time(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut time = Self::zero(Sort::Time);
        let mut bytes = Bytes::new(bytes);
        if bytes.left() == 0 {
            return Ok(time);
        }
        time.is_negative = bytes.u8()? != 0;
        let days = bytes.u32()?;
        time.clock(bytes)?;
        time.hour = days.saturating_mul(24).saturating_add(time.hour);
        Ok(time)
    }

    fn clock(&mut self, mut bytes: Bytes<'_>) -> Result<(), Malformed> {
        if bytes.left() > 0 {
            self.hour = bytes.u8()?.into();
            self.minute = bytes.u8()?.into();
            self.second = bytes.u8()?.into();
        }
        if bytes.left() > 0 {
            self.microsecond = bytes.u32()?;
        }
        if bytes.left() > 0 { Err(Malformed) } else { Ok(()) }
    }

    /// Writes it as a parameter: a count, then the bytes.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let count = out.len();
        out.push(0);
        if self.sort == Sort::Time {
            out.push(self.is_negative.into());
            out.extend_from_slice(&self.day.saturating_add(self.hour / 24).to_le_bytes());
        } else {
            let [low, high, ..] = self.year.to_le_bytes();
            out.extend_from_slice(&[low, high, low_byte(self.month), low_byte(self.day)]);
        }
        if self.sort != Sort::Date {
            let hour = if self.sort == Sort::Time { self.hour % 24 } else { self.hour };
            out.extend_from_slice(&[low_byte(hour), low_byte(self.minute), low_byte(self.second)]);
            if self.microsecond > 0 {
                out.extend_from_slice(&self.microsecond.to_le_bytes());
            }
        }
        let length = out.len() - count - 1;
        if let Some(count) = out.get_mut(count) {
            *count = length.to_le_bytes()[0];
        }
    }

    /// In the form of the C struct, which diesel copies bytes out of.
    pub(crate) fn to_struct(self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        let mut put = |at: usize, field: &[u8]| {
            if let Some(place) = bytes.get_mut(at..at + field.len()) {
                place.copy_from_slice(field);
            }
        };
        put(offset_of!(MYSQL_TIME, year), &c_uint::to_ne_bytes(self.year));
        put(offset_of!(MYSQL_TIME, month), &c_uint::to_ne_bytes(self.month));
        put(offset_of!(MYSQL_TIME, day), &c_uint::to_ne_bytes(self.day));
        put(offset_of!(MYSQL_TIME, hour), &c_uint::to_ne_bytes(self.hour));
        put(offset_of!(MYSQL_TIME, minute), &c_uint::to_ne_bytes(self.minute));
        put(offset_of!(MYSQL_TIME, second), &c_uint::to_ne_bytes(self.second));
        let microsecond = c_ulong::from(self.microsecond);
        put(offset_of!(MYSQL_TIME, second_part), &microsecond.to_ne_bytes());
        put(offset_of!(MYSQL_TIME, neg), &[self.is_negative.into()]);
        put(offset_of!(MYSQL_TIME, time_type), &(self.sort as c_uint).to_ne_bytes());
        bytes
    }

    /// From diesel's struct, which it gives as bytes.
    pub(crate) fn of_struct(bytes: &[u8], sort: Sort) -> Result<Self, Malformed> {
        fn field<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Malformed> {
            bytes.get(at..).and_then(|bytes| bytes.first_chunk()).copied().ok_or(Malformed)
        }
        let number = |at| field(bytes, at).map(c_uint::from_ne_bytes);
        let microsecond = c_ulong::from_ne_bytes(field(bytes, offset_of!(MysqlTime, second_part))?);
        let time = Self {
            sort,
            year: number(offset_of!(MysqlTime, year))?,
            month: number(offset_of!(MysqlTime, month))?,
            day: number(offset_of!(MysqlTime, day))?,
            hour: number(offset_of!(MysqlTime, hour))?,
            minute: number(offset_of!(MysqlTime, minute))?,
            second: number(offset_of!(MysqlTime, second))?,
            microsecond: u32::try_from(microsecond).map_err(|_too_large| Malformed)?,
            is_negative: field(bytes, offset_of!(MysqlTime, neg))? != [0],
        };
        // What has no room in a packet; whether there is such a day is for the server to say.
        let has_room = time.year <= 0xffff
            && [time.month, time.minute, time.second].iter().all(|part| *part <= 0xff)
            && (sort == Sort::Time || time.day.max(time.hour) <= 0xff);
        if has_room { Ok(time) } else { Err(Malformed) }
    }

    /// As text, with `decimals` digits behind the second.
    pub(crate) fn to_text(self, decimals: u8) -> String {
        let Self { year, month, day, hour, minute, second, microsecond, .. } = self;
        let mut text = match self.sort {
            Sort::Date => return format!("{year:04}-{month:02}-{day:02}"),
            Sort::DateTime => {
                format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
            }
            Sort::Time => {
                let sign = if self.is_negative { "-" } else { "" };
                format!("{sign}{hour:02}:{minute:02}:{second:02}")
            }
        };
        // More than 6 means "not known", as of a value that was computed.
        let decimals = match decimals {
            0..=6 => usize::from(decimals),
            _ if microsecond > 0 => 6,
            _ => 0,
        };
        if decimals > 0 {
            let digits = format!("{microsecond:06}");
            let shown = digits.get(..decimals).unwrap_or_default();
            // Writing to a String cannot fail.
            if write!(text, ".{shown}").is_err() {
                return digits;
            }
        }
        text
    }

    /// From text such as `2020-02-29`, `2020-02-29 12:30:00.5` or `-838:59:59`.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let (date, clock) = match text.split_once([' ', 'T']) {
            Some((date, clock)) => (Some(date), Some(clock)),
            None if text.contains(':') => (None, Some(text)),
            None => (Some(text), None),
        };
        let sort = match (date, clock) {
            (Some(_), None) => Sort::Date,
            (Some(_), Some(_)) => Sort::DateTime,
            _ => Sort::Time,
        };
        let mut time = Self::zero(sort);
        if let Some(date) = date {
            let mut parts = date.splitn(3, '-');
            time.year = parts.next()?.parse().ok()?;
            time.month = parts.next()?.parse().ok()?;
            time.day = parts.next()?.parse().ok()?;
        }
        if let Some(clock) = clock {
            let unsigned = clock.strip_prefix('-');
            time.is_negative = unsigned.is_some();
            let (clock, fraction) = match unsigned.unwrap_or(clock).split_once('.') {
                Some((clock, fraction)) => (clock, fraction),
                None => (unsigned.unwrap_or(clock), ""),
            };
            let mut parts = clock.splitn(3, ':');
            time.hour = parts.next()?.parse().ok()?;
            time.minute = parts.next()?.parse().ok()?;
            time.second = parts.next().unwrap_or("0").parse().ok()?;
            time.microsecond = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
        }
        Some(time)
    }
}

/// Of a number that is checked elsewhere to be small.
fn low_byte(number: u32) -> u8 {
    number.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_of_a_date_and_a_time_is_read_and_others_are_malformed() {
        let full = [0xe4, 0x07, 2, 29, 12, 30, 1, 0x40, 0xe2, 0x01, 0];
        let expected = Time { year: 2020, month: 2, day: 29, ..Time::zero(Sort::DateTime) };
        for length in 0..=full.len() {
            let read = Time::of_date(&full[..length], Sort::DateTime);
            match length {
                0 => assert_eq!(read, Ok(Time::zero(Sort::DateTime))),
                4 => assert_eq!(read, Ok(expected)),
                7 => assert_eq!(read, Ok(Time { hour: 12, minute: 30, second: 1, ..expected })),
                11 => assert_eq!(read.unwrap().microsecond, 123_456),
                _ => assert_eq!(read, Err(Malformed), "{length}"),
            }
        }
        let time = Time::of_time(&[1, 34, 0, 0, 0, 22, 59, 59, 1, 0, 0, 0]).unwrap();
        assert_eq!((time.is_negative, time.hour, time.microsecond), (true, 838, 1));
        assert_eq!(time.to_text(6), "-838:59:59.000001");
    }

    #[test]
    fn what_is_put_is_read_back() {
        for (text, sort) in [
            ("2020-02-29", Sort::Date),
            ("2020-02-29 12:30:00.000005", Sort::DateTime),
            ("-838:59:59.5", Sort::Time),
        ] {
            let time = Time::of_text(text).unwrap();
            assert_eq!(time.sort, sort);
            let mut out = Vec::new();
            time.put(&mut out);
            assert_eq!(usize::from(out[0]), out.len() - 1);
            let read = match sort {
                Sort::Time => Time::of_time(&out[1..]),
                _ => Time::of_date(&out[1..], sort),
            };
            assert_eq!(read, Ok(time));
            assert_eq!(Time::of_struct(&time.to_struct(), sort), Ok(time));
        }
    }
}
