//! A value of a statement that is known only at run time.

use diesel::deserialize::FromSql;
use diesel::mysql::data_types::MysqlTime;
use diesel::mysql::{Mysql, MysqlType, MysqlValue};
use diesel::sql_types::{BigInt, Date, Datetime, Double, Time, Unsigned};

/// A value, bound to a statement or read from a row.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// NULL.
    Null,
    /// Bound as 1 or 0. A server's BOOLEAN is a number, so none is ever read.
    Bool(bool),
    /// A signed number of up to 64 bits.
    Int(i64),
    /// An unsigned number of up to 64 bits.
    UInt(u64),
    /// A floating-point number.
    Double(f64),
    /// Text; also what is read of DECIMAL, dates, times, ENUM, SET and JSON: `2026-11-24 09:30:00.250000`.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Value {
    /// The word for its kind in errors.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "a number",
            Self::UInt(_) => "an unsigned number",
            Self::Double(_) => "a floating-point number",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
        }
    }

    /// What the connection read, by the type the server gave the column.
    pub(crate) fn decode(value: MysqlValue<'_>) -> diesel::deserialize::Result<Self> {
        let bytes = value.as_bytes();
        Ok(match value.value_type() {
            MysqlType::Tiny | MysqlType::Short | MysqlType::Long | MysqlType::LongLong => {
                Self::Int(FromSql::<BigInt, Mysql>::from_sql(value)?)
            }
            MysqlType::UnsignedTiny
            | MysqlType::UnsignedShort
            | MysqlType::UnsignedLong
            | MysqlType::UnsignedLongLong => {
                Self::UInt(FromSql::<Unsigned<BigInt>, Mysql>::from_sql(value)?)
            }
            MysqlType::Float | MysqlType::Double => {
                Self::Double(FromSql::<Double, Mysql>::from_sql(value)?)
            }
            MysqlType::Date => Self::Text(date(FromSql::<Date, Mysql>::from_sql(value)?)),
            MysqlType::Time => Self::Text(time(FromSql::<Time, Mysql>::from_sql(value)?)),
            MysqlType::DateTime | MysqlType::Timestamp => {
                let moment: MysqlTime = FromSql::<Datetime, Mysql>::from_sql(value)?;
                Self::Text(format!("{} {}", date(moment), time(moment)))
            }
            MysqlType::Numeric | MysqlType::String | MysqlType::Enum | MysqlType::Set => {
                Self::Text(String::from_utf8(bytes.to_vec())?)
            }
            _ => Self::Bytes(bytes.to_vec()),
        })
    }
}

fn date(moment: MysqlTime) -> String {
    format!("{:04}-{:02}-{:02}", moment.year, moment.month, moment.day)
}

fn time(moment: MysqlTime) -> String {
    let MysqlTime { hour, minute, second, second_part, .. } = moment;
    let seconds = format!("{hour:02}:{minute:02}:{second:02}");
    if second_part == 0 { seconds } else { format!("{seconds}.{second_part:06}") }
}

macro_rules! value_from {
    ($($kind:ident: $($from:ty),+;)*) => {
        $($(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$kind(value.into())
            }
        })+)*
    };
}

value_from! {
    Bool: bool;
    Int: i8, i16, i32, i64;
    UInt: u8, u16, u32, u64;
    Double: f32, f64;
    Text: &str, String;
    Bytes: &[u8], Vec<u8>;
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A type that a [`Value`] can be read as.
pub trait FromValue: Sized {
    /// What it is called in errors.
    const WANTED: &'static str;

    /// The value as this type, or the value back if it does not fit.
    ///
    /// # Errors
    /// The value itself.
    fn from_value(value: Value) -> Result<Self, Value>;
}

macro_rules! integer_from_value {
    ($($number:ty: $wanted:literal;)*) => {
        $(impl FromValue for $number {
            const WANTED: &'static str = $wanted;

            fn from_value(value: Value) -> Result<Self, Value> {
                let fits = match &value {
                    Value::Int(number) => Self::try_from(*number).ok(),
                    Value::UInt(number) => Self::try_from(*number).ok(),
                    // SUM and other arithmetic on whole numbers give DECIMAL.
                    Value::Text(digits) => digits.parse().ok(),
                    _ => None,
                };
                fits.ok_or(value)
            }
        })*
    };
}

integer_from_value! {
    i16: "number of 16 bits";
    u16: "unsigned number of 16 bits";
    i32: "number of 32 bits";
    u32: "unsigned number of 32 bits";
    i64: "number of 64 bits";
    u64: "unsigned number of 64 bits";
}

impl FromValue for bool {
    const WANTED: &'static str = "boolean";

    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Int(0) | Value::UInt(0) => Ok(false),
            Value::Int(1) | Value::UInt(1) => Ok(true),
            Value::Bool(value) => Ok(value),
            other => Err(other),
        }
    }
}

impl FromValue for f64 {
    const WANTED: &'static str = "floating-point number";

    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Double(number) => Ok(number),
            Value::Text(digits) => digits.parse().map_err(|_why| Value::Text(digits)),
            other => Err(other),
        }
    }
}

impl FromValue for String {
    const WANTED: &'static str = "text";

    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Text(text) => Ok(text),
            other => Err(other),
        }
    }
}

impl FromValue for Vec<u8> {
    const WANTED: &'static str = "bytes";

    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Bytes(bytes) => Ok(bytes),
            Value::Text(text) => Ok(text.into_bytes()),
            other => Err(other),
        }
    }
}

impl FromValue for Value {
    const WANTED: &'static str = "value";

    fn from_value(value: Value) -> Result<Self, Value> {
        Ok(value)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    const WANTED: &'static str = T::WANTED;

    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_does_not_fit_is_refused_and_not_cut() {
        assert_eq!(u16::from_value(Value::Int(-1)), Err(Value::Int(-1)));
        assert_eq!(i32::from_value(Value::UInt(1 << 31)), Err(Value::UInt(1 << 31)));
        assert_eq!(u64::from_value(Value::UInt(u64::MAX)), Ok(u64::MAX));
        assert_eq!(i64::from_value(Value::Text("12.50".into())), Err(Value::Text("12.50".into())));
    }

    #[test]
    fn null_is_read_only_by_an_option() {
        assert_eq!(Option::<i64>::from_value(Value::Null), Ok(None));
        assert_eq!(i64::from_value(Value::Null), Err(Value::Null));
        assert_eq!(Value::from(None::<&str>), Value::Null);
    }
}
