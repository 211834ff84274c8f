//! Every MySQL type that diesel knows, written and read back through diesel's DSL.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use std::str::FromStr;

use bigdecimal::BigDecimal;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use diesel::prelude::*;
use serde_json::json;
use steadfast_connection::{Config, Connection};
use steadfast_testkit::{TestDatabase, server};

/// A test: a table with one column of a type, whose values come back as they went in, and NULL as
/// NULL.
macro_rules! round_trip {
    ($name:ident: $column:literal as $sql_type:ident$(<$inner:ident>)? of $rust:ty, $values:expr) => {
        #[test]
        fn $name() {
            diesel::table! {
                t (id) { id -> Integer, v -> Nullable<$sql_type$(<$inner>)?>, }
            }
            let database = server().database();
            let mut conn = open(&database);
            let column = $column;
            conn.batch(&format!("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v {column} NULL)"))
                .unwrap();
            let mut values: Vec<Option<$rust>> = $values.into_iter().map(Some).collect();
            values.push(None);
            for value in &values {
                diesel::insert_into(t::table).values(t::v.eq(value)).execute(&mut conn).unwrap();
            }
            let read: Vec<Option<$rust>> =
                t::table.order(t::id).select(t::v).load(&mut conn).unwrap();
            assert_eq!(read, values);
        }
    };
}

fn open(database: &TestDatabase) -> Connection {
    Connection::open(&Config::from_url(&database.url()).unwrap()).unwrap()
}

round_trip!(tinyint: "TINYINT" as TinyInt of i8, [i8::MIN, -1, 0, i8::MAX]);
round_trip!(smallint: "SMALLINT" as SmallInt of i16, [i16::MIN, -1, 0, i16::MAX]);
round_trip!(mediumint: "MEDIUMINT" as Integer of i32, [-8_388_608, -1, 0, 8_388_607]);
round_trip!(int: "INT" as Integer of i32, [i32::MIN, -1, 0, i32::MAX]);
round_trip!(bigint: "BIGINT" as BigInt of i64, [i64::MIN, -1, 0, i64::MAX]);
round_trip!(unsigned_tinyint: "TINYINT UNSIGNED" as Unsigned<TinyInt> of u8, [0, 128, u8::MAX]);
round_trip!(unsigned_smallint: "SMALLINT UNSIGNED" as Unsigned<SmallInt> of u16, [0, 32_768, u16::MAX]);
round_trip!(unsigned_int: "INT UNSIGNED" as Unsigned<Integer> of u32, [0, 1 << 31, u32::MAX]);
round_trip!(unsigned_bigint: "BIGINT UNSIGNED" as Unsigned<BigInt> of u64, [0, 1 << 63, u64::MAX]);
round_trip!(boolean: "TINYINT(1)" as Bool of bool, [true, false]);
round_trip!(float: "FLOAT" as Float of f32, [0.0, -1.5, 1.0e-30, 3.0e38]);
round_trip!(double: "DOUBLE" as Double of f64, [0.0, -0.1, f64::MIN_POSITIVE, f64::MAX]);
round_trip!(decimal: "DECIMAL(65,30)" as Numeric of BigDecimal, [
    BigDecimal::from_str("0.000000000000000000000000000000").unwrap(),
    BigDecimal::from_str("-99999999999999999999999999999999999.123456789012345678901234567890").unwrap(),
]);
round_trip!(varchar: "VARCHAR(200)" as Text of String, [String::new(), "a'b\\c\"".into(), "żółw 🐢".into()]);
round_trip!(longtext: "LONGTEXT" as Text of String, ["x".into(), "🐢".repeat(100_000), "short again".into()]);
round_trip!(blob: "LONGBLOB" as Blob of Vec<u8>, [vec![], vec![0, 255, 0], vec![7; 300_000], vec![1]]);
round_trip!(varbinary: "VARBINARY(16)" as Binary of Vec<u8>, [vec![], vec![0; 16]]);
round_trip!(json: "JSON" as Json of serde_json::Value, [json!(null), json!({"a": [1, "ż", null]})]);
round_trip!(enumeration: "ENUM('small','żółty')" as Text of String, ["small".into(), "żółty".into()]);
round_trip!(set: "SET('a','b','c')" as Text of String, [String::new(), "a,c".into()]);
round_trip!(date: "DATE" as Date of NaiveDate, [day(1000, 1, 1), day(2024, 2, 29), day(9999, 12, 31)]);
round_trip!(time: "TIME(6)" as Time of NaiveTime, [
    NaiveTime::from_hms_opt(0, 0, 0).unwrap(),
    NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap(),
]);
round_trip!(datetime: "DATETIME(6)" as Datetime of NaiveDateTime, [
    day(1000, 1, 1).and_hms_opt(0, 0, 0).unwrap(),
    day(2026, 11, 24).and_hms_micro_opt(13, 37, 59, 123_456).unwrap(),
]);
round_trip!(timestamp: "TIMESTAMP(6)" as Timestamp of NaiveDateTime, [
    day(1970, 1, 2).and_hms_opt(0, 0, 1).unwrap(),
    day(2038, 1, 18).and_hms_micro_opt(3, 14, 7, 999_999).unwrap(),
]);

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

#[test]
fn a_year_is_read_as_a_number_and_bits_as_bytes() {
    diesel::table! { t (id) { id -> Integer, y -> Unsigned<SmallInt>, b -> Binary, } }
    let database = server().database();
    let mut conn = open(&database);
    conn.batch("CREATE TABLE t (id INT PRIMARY KEY, y YEAR NOT NULL, b BIT(12) NOT NULL)").unwrap();
    conn.batch("INSERT INTO t VALUES (1, 2155, b'101000000011')").unwrap();

    let read: (i32, u16, Vec<u8>) = t::table.first(&mut conn).unwrap();

    assert_eq!(read, (1, 2155, vec![0b1010, 0b11]));
}

#[test]
fn a_number_out_of_its_range_is_an_error_and_the_connection_goes_on() {
    diesel::table! { t (id) { id -> Integer, v -> SmallInt, } }
    let database = server().database();
    let mut conn = open(&database);
    conn.batch(
        "CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 70000), (2, 7)",
    )
    .unwrap();

    let overflow = t::table.select(t::v).order(t::id).load::<i16>(&mut conn).unwrap_err();
    assert!(matches!(overflow, diesel::result::Error::DeserializationError(_)), "{overflow:?}");
    assert_eq!(t::table.find(2).select(t::v).first::<i16>(&mut conn), Ok(7));
}

#[test]
fn columns_are_found_by_name_and_rows_can_be_kept() {
    #[derive(QueryableByName, Debug, PartialEq)]
    struct Named {
        #[diesel(sql_type = diesel::sql_types::Text)]
        word: String,
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        number: i64,
    }
    let database = server().database();
    let mut conn = open(&database);

    let query = "SELECT 1 AS number, 'one' AS word UNION SELECT 2, 'two' ORDER BY number";
    let named: Vec<Named> = diesel::sql_query(query).load(&mut conn).unwrap();
    assert_eq!(named[1], Named { word: "two".into(), number: 2 });

    // Rows kept while further ones are fetched keep their values.
    use diesel::connection::LoadConnection;
    use diesel::row::{NamedRow, Row as _};
    let rows = <Connection as LoadConnection>::load(&mut conn, diesel::sql_query(query)).unwrap();
    let kept: Vec<_> = rows.map(Result::unwrap).collect();
    let words: Vec<String> = kept
        .iter()
        .map(|row| NamedRow::get::<diesel::sql_types::Text, _>(row, "word").unwrap())
        .collect();
    assert_eq!((words, kept[0].field_count()), (vec!["one".into(), "two".into()], 2));
}

#[test]
fn a_column_that_changes_its_type_is_read_anew_by_the_same_statement() {
    diesel::table! { t (id) { id -> Integer, v -> Text, } }
    let database = server().database();
    let mut conn = open(&database);
    conn.batch(
        "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(3)); INSERT INTO t VALUES (1, 'abc')",
    )
    .unwrap();
    assert_eq!(t::table.select(t::v).first::<String>(&mut conn).unwrap(), "abc");

    let longer = "x".repeat(5000);
    conn.batch(&format!("ALTER TABLE t MODIFY v LONGTEXT; UPDATE t SET v = '{longer}'")).unwrap();

    assert_eq!(t::table.select(t::v).first::<String>(&mut conn).unwrap(), longer);
}
