//! Every type of diesel's, bound to a placeholder: into columns of many types, and back at once.

use std::fmt::Write as _;
use std::str::FromStr as _;

use bigdecimal::BigDecimal;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use diesel::dsl::sql;
use diesel::mysql::data_types::{MysqlTime, MysqlTimestampType};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::*;
use serde_json::{Value, json};

use crate::suite::{Case, Ours, Stock, Theme, failure, rows, seen};

const TARGETS: &[&str] = &[
    "TINYINT",
    "INT UNSIGNED",
    "BIGINT",
    "BIGINT UNSIGNED",
    "DECIMAL(65,30)",
    "FLOAT",
    "DOUBLE",
    "BIT(64)",
    "VARCHAR(255)",
    "LONGTEXT",
    "LONGBLOB",
    "CHAR(40) CHARACTER SET latin1",
    "ENUM('1','a','ż','2024-02-29')",
    "SET('1','a','b')",
    "JSON",
    "DATE",
    "TIME(6)",
    "DATETIME(6)",
    "TIMESTAMP(6)",
    "YEAR",
];

pub(crate) fn theme() -> Theme {
    let mut setup = String::new();
    for (number, target) in TARGETS.iter().enumerate() {
        write!(setup, "CREATE TABLE b{number} (v {target} NULL);").unwrap();
    }
    Theme { name: "binds", setup, seed: "", tables: &[], cases: cases() }
}

/// For each value, and for NULL: into each target and back, and back at once, with `sql_query` and
/// with the DSL.
macro_rules! bound {
    ($($sql_type:ty as $rust:ty: [$($value:expr),* $(,)?];)*) => {{
        let mut cases = Vec::new();
        $({
            let values: Vec<Option<$rust>> = vec![$(Some($value),)* None];
            for (number, value) in values.iter().enumerate() {
                let types = concat!(stringify!($sql_type), " from ", stringify!($rust));
                let name = format!("{types} {}", brief(number, value));
                for (table, target) in TARGETS.iter().enumerate() {
                    cases.push(Case::new(
                        format!("{name} into {target}"),
                        bound!(@into Stock, value, table, $sql_type),
                        bound!(@into Ours, value, table, $sql_type),
                    ));
                }
                cases.push(Case::new(
                    format!("{name} with sql_query"),
                    bound!(@raw Stock, value, $sql_type),
                    bound!(@raw Ours, value, $sql_type),
                ));
                cases.push(Case::new(
                    format!("{name} with select"),
                    bound!(@typed Stock, value, $sql_type),
                    bound!(@typed Ours, value, $sql_type),
                ));
            }
        })*
        cases
    }};
    (@into $conn:ty, $value:ident, $table:ident, $sql_type:ty) => {{
        let value = $value.clone();
        move |conn: &mut $conn, _: &_| {
            sql_query(format!("DELETE FROM b{}", $table)).execute(conn).unwrap();
            let insert = sql_query(format!("INSERT INTO b{} VALUES (?)", $table))
                .bind::<Nullable<$sql_type>, _>(value.clone())
                .execute(conn);
            let insert = insert.map_err(|error| failure(&error));
            let query = sql_query(format!("SELECT v, v <=> ? AS same FROM b{}", $table));
            let query = query.bind::<Nullable<$sql_type>, _>(value.clone());
            format!("{insert:?} {}", seen(|| rows(conn, query)))
        }
    }};
    (@raw $conn:ty, $value:ident, $sql_type:ty) => {{
        let value = $value.clone();
        move |conn: &mut $conn, _: &_| {
            let query = sql_query("SELECT ? AS v").bind::<Nullable<$sql_type>, _>(value.clone());
            seen(|| rows(conn, query))
        }
    }};
    (@typed $conn:ty, $value:ident, $sql_type:ty) => {{
        let value = $value.clone();
        move |conn: &mut $conn, _: &_| {
            let value = sql::<Nullable<$sql_type>>("").bind::<Nullable<$sql_type>, _>(value.clone());
            seen(|| rows(conn, diesel::select(value.sql(" AS v"))))
        }
    }};
}

fn brief(number: usize, value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    if text.chars().count() > 60 { format!("number {number}") } else { text }
}

fn cases() -> Vec<Case> {
    bound! {
        Bool as bool: [true, false];
        TinyInt as i8: [i8::MIN, -1, 0, 1, i8::MAX];
        SmallInt as i16: [i16::MIN, -1, 0, i16::MAX];
        Integer as i32: [i32::MIN, -1, 0, 2024, i32::MAX];
        BigInt as i64: [i64::MIN, -1, 0, 20_240_229, i64::MAX];
        Unsigned<TinyInt> as u8: [0, 128, u8::MAX];
        Unsigned<SmallInt> as u16: [0, 32_768, u16::MAX];
        Unsigned<Integer> as u32: [0, 1 << 31, u32::MAX];
        Unsigned<BigInt> as u64: [0, 1 << 63, u64::MAX];
        Float as f32: [0.0, -0.0, 0.1, 1.5, f32::MIN_POSITIVE, f32::MAX, f32::NAN, f32::INFINITY];
        Double as f64: [0.0, -0.0, 0.1, 1e300, 5e-324, f64::MAX, f64::NAN, f64::NEG_INFINITY];
        Numeric as BigDecimal: [
            decimal("0"), decimal("-0.5"), decimal("1e20"), decimal("255.00"),
            decimal("99999999999999999999999999999999999.999999999999999999999999999999"),
            decimal("0.0000000000000000000000000000000000001"),
        ];
        Text as String: [
            String::new(), "a".into(), "1".into(), "żółw 🐢".into(), "a'b\\c\"\0\n".into(),
            "2024-02-29 13:14:15.5".into(), "[1]".into(), " a ".into(), "x".repeat(70_000),
        ];
        Binary as Vec<u8>: [vec![], b"a".to_vec(), vec![0], vec![0xff, 0xfe], vec![7; 70_000]];
        Json as Value: [json!(null), json!({"a": [1, "ż", null]}), json!(1.5), json!("a")];
        Date as NaiveDate: [day(1, 1, 1), day(1000, 1, 1), day(2024, 2, 29), day(9999, 12, 31)];
        Time as NaiveTime: [clock(0, 0, 0, 0), clock(13, 14, 15, 0), clock(23, 59, 59, 999_999)];
        Datetime as NaiveDateTime: [
            day(1000, 1, 1).and_time(clock(0, 0, 0, 0)),
            day(2024, 2, 29).and_time(clock(13, 14, 15, 123_456)),
            day(9999, 12, 31).and_time(clock(23, 59, 59, 999_999)),
        ];
        Timestamp as NaiveDateTime: [
            day(1970, 1, 1).and_time(clock(0, 0, 1, 1)),
            day(2024, 2, 29).and_time(clock(0, 0, 0, 0)),
            day(2038, 1, 19).and_time(clock(3, 14, 7, 999_999)),
        ];
        Date as MysqlTime: [time([0; 6], false), time([2024, 0, 0, 0, 0, 0], false)];
        Time as MysqlTime: [
            time([0, 0, 0, 838, 59, 58], false),
            time([0, 0, 0, 838, 59, 58], true),
            time([0, 0, 2, 1, 2, 3], true),
        ];
        Datetime as MysqlTime: [
            time([0; 6], false),
            time([2024, 2, 30, 0, 0, 0], false),
            time([2024, 2, 29, 25, 61, 61], false),
        ];
        Timestamp as MysqlTime: [time([0; 6], false), time([1969, 12, 31, 0, 0, 0], false)];
    }
}

fn decimal(text: &str) -> BigDecimal {
    BigDecimal::from_str(text).unwrap()
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn clock(hour: u32, minute: u32, second: u32, micro: u32) -> NaiveTime {
    NaiveTime::from_hms_micro_opt(hour, minute, second, micro).unwrap()
}

/// What chrono cannot hold.
fn time(parts: [u32; 6], negative: bool) -> MysqlTime {
    let [year, month, day, hour, minute, second] = parts;
    let kind = MysqlTimestampType::MYSQL_TIMESTAMP_DATETIME;
    MysqlTime::new(year, month, day, hour, minute, second, 5, negative, kind, 0)
}
