//! A value as diesel wants it.
//!
//! Numbers and texts are given as they come, and diesel makes of them what it needs; that is its
//! own rule for `MysqlConnection`. Dates and times get the form of the C struct. Where a column is of
//! another family than the type asked for, such as a text read as a number, it is converted here.

use diesel::mysql::MysqlType;

use super::columns::{Column, Columns, Layout, kind};
use super::time::{Sort, Time};

/// How the values of one column are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    AsTheyCome,
    AsTime(Sort),
    Converted,
}

/// How the values of all columns are given.
#[derive(Debug)]
pub(crate) struct Shapes {
    /// What was asked for.
    wanted: Vec<Option<MysqlType>>,
    shapes: Vec<(How, MysqlType)>,
    /// The columns whose values are not given as they come.
    pub(crate) converted: Vec<usize>,
}

impl Shapes {
    pub(crate) fn new(columns: &Columns, wanted: &[Option<MysqlType>]) -> Self {
        let asked = wanted.iter().copied().chain(std::iter::repeat(None));
        let shapes: Vec<_> =
            columns.all.iter().zip(asked).map(|(column, wanted)| choose(column, wanted)).collect();
        let is_converted = |(_, (how, _)): &(usize, &(How, _))| *how != How::AsTheyCome;
        let converted = shapes.iter().enumerate().filter(is_converted).map(|(at, _)| at).collect();
        Self { wanted: wanted.to_vec(), shapes, converted }
    }

    pub(crate) fn are(&self, wanted: &[Option<MysqlType>]) -> bool {
        self.wanted == wanted
    }

    /// The value whose bytes are `raw`, if it is not given as it comes: `Some(Err)` if the type asked
    /// for cannot hold it.
    pub(crate) fn converted(
        &self,
        columns: &Columns,
        column: usize,
        raw: &[u8],
    ) -> Option<Result<Vec<u8>, OutOfRange>> {
        let (how, of) = *self.shapes.get(column)?;
        let column = columns.all.get(column)?;
        let converted = match how {
            How::AsTheyCome => return None,
            How::AsTime(sort) => read_time(column, raw, sort).map(|time| time.to_struct().to_vec()),
            How::Converted => convert(column, raw, of),
        };
        Some(converted.ok_or(OutOfRange))
    }

    /// diesel's type for the values of a column.
    #[inline]
    pub(crate) fn of(&self, column: usize) -> MysqlType {
        self.shapes.get(column).map_or(MysqlType::String, |(_, of)| *of)
    }
}

/// A value has no counterpart in the type asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfRange;

fn choose(column: &Column, wanted: Option<MysqlType>) -> (How, MysqlType) {
    let as_sent = (
        match column.layout() {
            Layout::Date if column.kind == kind::DATE => How::AsTime(Sort::Date),
            Layout::Date => How::AsTime(Sort::DateTime),
            Layout::Time => How::AsTime(Sort::Time),
            Layout::Fixed(_) | Layout::Counted => How::AsTheyCome,
        },
        column.mysql_type(),
    );
    let Some(wanted) = wanted.filter(|wanted| !is_taken_as_it_comes(*wanted, column)) else {
        return as_sent;
    };
    let how = match wanted {
        // SELECT NULL has no type of its own.
        _ if column.kind == kind::NULL => How::AsTheyCome,
        MysqlType::Date | MysqlType::Time | MysqlType::DateTime | MysqlType::Timestamp
            if matches!(as_sent.0, How::AsTime(_)) =>
        {
            match wanted {
                MysqlType::Date => How::AsTime(Sort::Date),
                MysqlType::Time => How::AsTime(Sort::Time),
                _ => How::AsTime(Sort::DateTime),
            }
        }
        MysqlType::Double if column.kind == kind::DOUBLE => How::AsTheyCome,
        MysqlType::Blob | MysqlType::Bit | MysqlType::String | MysqlType::Enum | MysqlType::Set
            if column.layout() == Layout::Counted =>
        {
            How::AsTheyCome
        }
        _ => How::Converted,
    };
    // diesel's name for what is no blob of itself.
    (how, if wanted == MysqlType::Blob { MysqlType::String } else { wanted })
}

fn is_taken_as_it_comes(wanted: MysqlType, column: &Column) -> bool {
    use MysqlType as T;
    match wanted {
        T::Tiny | T::UnsignedTiny | T::Short | T::UnsignedShort | T::Long | T::UnsignedLong => {
            column.is_number()
        }
        T::LongLong | T::UnsignedLongLong | T::Float | T::Numeric => column.is_number(),
        T::String => column.is_text() || column.kind == kind::JSON,
        T::Enum | T::Set => column.is_text(),
        T::Blob => column.is_blob(),
        _ => false,
    }
}

/// A date or time, with what the type asked for does not have left out.
fn read_time(column: &Column, raw: &[u8], sort: Sort) -> Option<Time> {
    let time = match column.layout() {
        Layout::Time => Time::of_time(raw),
        _ if column.kind == kind::DATE => Time::of_date(raw, Sort::Date),
        _ => Time::of_date(raw, Sort::DateTime),
    };
    Some(fit(time.ok()?, sort))
}

fn fit(time: Time, sort: Sort) -> Time {
    match sort {
        Sort::Date => {
            Time { year: time.year, month: time.month, day: time.day, ..Time::zero(Sort::Date) }
        }
        Sort::Time => Time { sort, year: 0, month: 0, day: 0, ..time },
        Sort::DateTime => Time { sort, ..time },
    }
}

/// A value of any column, on its way to another family.
enum Value<'a> {
    Signed(i64),
    Unsigned(u64),
    Float(f64, String),
    Text(&'a [u8]),
    Time(Time),
}

fn read<'a>(column: &Column, raw: &'a [u8]) -> Option<Value<'a>> {
    let sign = |signed: i64, unsigned: u64| {
        if column.is_unsigned() { Value::Unsigned(unsigned) } else { Value::Signed(signed) }
    };
    Some(match column.kind {
        kind::TINY => {
            let [byte] = *raw.first_chunk()?;
            sign(i8::from_le_bytes([byte]).into(), byte.into())
        }
        kind::YEAR => Value::Unsigned(u16::from_le_bytes(*raw.first_chunk()?).into()),
        kind::SHORT => {
            let bytes = *raw.first_chunk()?;
            sign(i16::from_le_bytes(bytes).into(), u16::from_le_bytes(bytes).into())
        }
        kind::LONG | kind::INT24 => {
            let bytes = *raw.first_chunk()?;
            sign(i32::from_le_bytes(bytes).into(), u32::from_le_bytes(bytes).into())
        }
        kind::LONGLONG => {
            let bytes = *raw.first_chunk()?;
            sign(i64::from_le_bytes(bytes), u64::from_le_bytes(bytes))
        }
        kind::FLOAT => {
            let number = f32::from_le_bytes(*raw.first_chunk()?);
            let scientific = format!("{number:e}");
            Value::Float(
                number.into(),
                shown(number.into(), &number.to_string(), scientific, column),
            )
        }
        kind::DOUBLE => {
            let number = f64::from_le_bytes(*raw.first_chunk()?);
            let scientific = format!("{number:e}");
            Value::Float(number, shown(number, &number.to_string(), scientific, column))
        }
        kind::BIT => {
            Value::Unsigned(raw.iter().try_fold(0_u64, |number, byte| {
                Some(number.checked_mul(256)? + u64::from(*byte))
            })?)
        }
        _ => match column.layout() {
            Layout::Date | Layout::Time => {
                let sort = match column.kind {
                    kind::DATE => Sort::Date,
                    kind::TIME => Sort::Time,
                    _ => Sort::DateTime,
                };
                Value::Time(read_time(column, raw, sort)?)
            }
            Layout::Fixed(_) | Layout::Counted => Value::Text(raw),
        },
    })
}

/// A number with a point as the server would show it: with the column's digits if they are fixed,
/// else the shortest that reads back the same.
fn shown(number: f64, plain: &str, scientific: String, column: &Column) -> String {
    const NOT_FIXED: u8 = 31;
    let size = number.abs();
    if column.decimals < NOT_FIXED {
        format!("{number:.*}", usize::from(column.decimals))
    } else if size != 0.0 && !(1e-15..1e15).contains(&size) {
        scientific
    } else {
        plain.to_owned()
    }
}

fn convert(column: &Column, raw: &[u8], to: MysqlType) -> Option<Vec<u8>> {
    use MysqlType as T;
    let value = read(column, raw)?;
    match to {
        T::Tiny => whole(&value, i8::try_from).map(|number| number.to_ne_bytes().to_vec()),
        T::Short => whole(&value, i16::try_from).map(|number| number.to_ne_bytes().to_vec()),
        T::Long => whole(&value, i32::try_from).map(|number| number.to_ne_bytes().to_vec()),
        T::LongLong => whole(&value, i64::try_from).map(|number| number.to_ne_bytes().to_vec()),
        T::UnsignedTiny => whole(&value, u8::try_from).map(|number| number.to_ne_bytes().to_vec()),
        T::UnsignedShort => {
            whole(&value, u16::try_from).map(|number| number.to_ne_bytes().to_vec())
        }
        T::UnsignedLong => whole(&value, u32::try_from).map(|number| number.to_ne_bytes().to_vec()),
        T::UnsignedLongLong => {
            whole(&value, u64::try_from).map(|number| number.to_ne_bytes().to_vec())
        }
        #[expect(clippy::cast_possible_truncation, reason = "a FLOAT was asked for")]
        T::Float => number(&value)
            .map(|number| number as f32)
            .filter(|number| number.is_finite())
            .map(|number| number.to_ne_bytes().to_vec()),
        T::Double => number(&value).map(|number| number.to_ne_bytes().to_vec()),
        T::Date | T::Time | T::DateTime | T::Timestamp => {
            let sort = match to {
                T::Date => Sort::Date,
                T::Time => Sort::Time,
                _ => Sort::DateTime,
            };
            let time = match value {
                Value::Time(time) => time,
                Value::Text(text) => Time::of_text(std::str::from_utf8(text).ok()?)?,
                _ => return None,
            };
            Some(fit(time, sort).to_struct().to_vec())
        }
        _ => Some(match value {
            Value::Signed(number) => filled(&number.to_string(), column),
            Value::Unsigned(number) => filled(&number.to_string(), column),
            Value::Float(_, text) => text.into_bytes(),
            Value::Text(text) => text.to_vec(),
            Value::Time(time) => time.to_text(column.decimals).into_bytes(),
        }),
    }
}

fn filled(text: &str, column: &Column) -> Vec<u8> {
    let width = column.zerofill();
    format!("{text:0>width$}").into_bytes()
}

fn whole<N, E>(value: &Value<'_>, fit: impl FnOnce(i128) -> Result<N, E>) -> Option<N> {
    let whole = match value {
        Value::Signed(number) => i128::from(*number),
        Value::Unsigned(number) => i128::from(*number),
        Value::Float(number, _) => rounded(*number)?,
        Value::Text(text) => std::str::from_utf8(text).ok()?.trim().parse().ok()?,
        Value::Time(_) => return None,
    };
    fit(whole).ok()
}

#[expect(clippy::cast_possible_truncation, reason = "the range is looked at before")]
fn rounded(number: f64) -> Option<i128> {
    (number.abs() < 1e20).then(|| number.round() as i128)
}

fn number(value: &Value<'_>) -> Option<f64> {
    Some(match value {
        Value::Signed(number) => *number as f64,
        Value::Unsigned(number) => *number as f64,
        Value::Float(number, _) => *number,
        Value::Text(text) => {
            let number: f64 = std::str::from_utf8(text).ok()?.trim().parse().ok()?;
            return number.is_finite().then_some(number);
        }
        Value::Time(_) => return None,
    })
}
