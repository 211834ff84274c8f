//! The way in for fuzzers: bytes as a hostile server could send them, through all that reads them.

use std::sync::Arc;

use diesel::deserialize::FromSql;
use diesel::mysql::data_types::MysqlTime;
use diesel::mysql::{Mysql, MysqlType, MysqlValue};
use diesel::sql_types::{BigInt, Binary, Date, Datetime, Double, Integer, Text, Time, TinyInt};

use super::answer::{Refusal, Summary};
use super::columns::Columns;
use super::parse::{Bytes, Malformed, put_text};
use super::row::RowSet;
use super::value::{OutOfRange, Shapes};

const WANTED: [Option<MysqlType>; 15] = [
    None,
    Some(MysqlType::Tiny),
    Some(MysqlType::UnsignedTiny),
    Some(MysqlType::Short),
    Some(MysqlType::Long),
    Some(MysqlType::UnsignedLongLong),
    Some(MysqlType::Float),
    Some(MysqlType::Double),
    Some(MysqlType::Numeric),
    Some(MysqlType::Time),
    Some(MysqlType::Date),
    Some(MysqlType::DateTime),
    Some(MysqlType::Bit),
    Some(MysqlType::String),
    Some(MysqlType::Blob),
];

/// Reads `data` as an answer, as a column, and as columns with a row behind them.
#[cfg_attr(test, expect(unreachable_pub, reason = "fuzz/ calls it, a test build does not"))]
pub fn rows(data: &[u8]) {
    let whole = 0..data.len();
    drop(Columns::read(data, std::slice::from_ref(&whole)));
    drop(Summary::of_eof(data));
    drop(Refusal::read(data));
    for tracks in [false, true] {
        if let Ok(summary) = Summary::of_ok(data, tracks) {
            std::hint::black_box((summary.schema().is_ok(), summary.session_changed().is_ok()));
        }
    }
    std::hint::black_box(row(data).is_ok());
}

/// A count of columns, 9 bytes for each, and the row.
fn row(data: &[u8]) -> Result<(), Malformed> {
    let mut data = Bytes::new(data);
    let count = usize::from(data.u8()? % 20) + 1;
    let (mut packets, mut ranges, mut wanted) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..count {
        let start = packets.len();
        for text in [&b"def"[..], b"shop", b"t", b"t", b"name", b"name"] {
            put_text(&mut packets, text);
        }
        let described = data.take(8)?;
        packets.extend_from_slice(&[12, 45, 0]);
        packets.extend_from_slice(described);
        packets.extend_from_slice(&[0, 0]);
        ranges.push(start..packets.len());
        wanted.push(WANTED.get(usize::from(data.u8()?) % WANTED.len()).copied().flatten());
    }
    let columns = Arc::new(Columns::read(&packets, &ranges)?);
    let shapes = Arc::new(Shapes::new(&columns, &wanted));
    let mut set = RowSet::empty(Arc::clone(&columns), Arc::clone(&shapes));
    set.add_one(data.rest());
    set.look_through()?;
    for column in 0..=count {
        let Some(raw) = set.raw(0, column) else { continue };
        match shapes.converted(&columns, column, raw) {
            None => read_as_all(raw, shapes.of(column)),
            Some(Ok(bytes)) => read_as_all(&bytes, shapes.of(column)),
            Some(Err(OutOfRange)) => {}
        }
    }
    Ok(())
}

/// What is given must also be safe for diesel to read, as whatever the caller asks for.
fn read_as_all(bytes: &[u8], of: MysqlType) {
    let value = || MysqlValue::new(bytes, of);
    drop(<i8 as FromSql<TinyInt, Mysql>>::from_sql(value()));
    drop(<i32 as FromSql<Integer, Mysql>>::from_sql(value()));
    drop(<i64 as FromSql<BigInt, Mysql>>::from_sql(value()));
    drop(<f64 as FromSql<Double, Mysql>>::from_sql(value()));
    drop(<String as FromSql<Text, Mysql>>::from_sql(value()));
    drop(<Vec<u8> as FromSql<Binary, Mysql>>::from_sql(value()));
    drop(<MysqlTime as FromSql<Time, Mysql>>::from_sql(value()));
    drop(<MysqlTime as FromSql<Date, Mysql>>::from_sql(value()));
    drop(<MysqlTime as FromSql<Datetime, Mysql>>::from_sql(value()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_survived() {
        let mut state = 7_u64;
        for length in 0..if cfg!(miri) { 40 } else { 300 } {
            let next = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()[3]
            };
            let noise: Vec<u8> = std::iter::repeat_with(next).take(length).collect();
            rows(&noise);
        }
    }

    #[test]
    fn every_kind_is_read_as_every_type() {
        let kinds = (0..=255_u8).step_by(if cfg!(miri) { 40 } else { 1 });
        for kind in kinds {
            for wanted in 0..15 {
                let mut data = vec![0, 20, 0, 0, 0, kind, 0, 0, 6, wanted, 0, 0];
                data.extend_from_slice(&[11, 0xea, 7, 5, 4, 3, 2, 1, 9, 0, 0, 0]);
                rows(&data);
                rows(&data[..20]);
                rows(&[&data[..12], b"\x051.5e9"].concat());
            }
        }
    }
}
