//! Every type of column, read as every type of diesel's.

use std::fmt::Write as _;

use diesel::connection::LoadConnection;
use diesel::dsl::sql;
use diesel::mysql::Mysql;
use diesel::sql_types::{
    BigInt, Binary, Bool, Date, Datetime, Double, Float, Integer, Json, Nullable, Numeric,
    SmallInt, SqlType, Text, Time, Timestamp, TinyInt, Unsigned,
};
use diesel::{QueryResult, select, sql_query};

use crate::columns::{
    Column, EXPRESSIONS_OF_NUMBERS, EXPRESSIONS_OF_TEXTS, EXPRESSIONS_OF_TIMES, MARIADB, NUMERIC,
    OTHER, TEXT, TIME,
};
use crate::suite::{Case, Ours, Stock, Theme, is_mariadb, rows, seen};

/// Types that diesel leaves to its users to declare.
mod declared {
    #[derive(diesel::query_builder::QueryId, diesel::sql_types::SqlType)]
    #[diesel(mysql_type(name = "Enum"))]
    pub(crate) struct Enumerated;

    #[derive(diesel::query_builder::QueryId, diesel::sql_types::SqlType)]
    #[diesel(mysql_type(name = "Set"))]
    pub(crate) struct SetOf;

    #[derive(diesel::query_builder::QueryId, diesel::sql_types::SqlType)]
    #[diesel(mysql_type(name = "Bit"))]
    pub(crate) struct Bits;
}

pub(crate) fn themes() -> Vec<Theme> {
    let mut themes = vec![
        reading("numbers", NUMERIC),
        reading("texts", TEXT),
        reading("times", TIME),
        reading("other types", OTHER),
        expressions("number expressions", EXPRESSIONS_OF_NUMBERS),
        expressions("text expressions", EXPRESSIONS_OF_TEXTS),
        expressions("time expressions", EXPRESSIONS_OF_TIMES),
    ];
    if is_mariadb() {
        themes.push(reading("MariaDB's types", MARIADB));
    }
    themes
}

/// Each value of each column, read in each way.
fn reading(name: &'static str, columns: &'static [Column]) -> Theme {
    let mut setup = String::new();
    let mut cases = Vec::new();
    for (table, column) in columns.iter().enumerate() {
        let kind = column.kind;
        write!(setup, "CREATE TABLE t{table} (id INT PRIMARY KEY, v {kind} NULL);").unwrap();
        for (id, value) in column.values.iter().chain(&["NULL"]).enumerate() {
            write!(setup, "INSERT INTO t{table} VALUES ({id}, {value});").unwrap();
            read_in_each_way(
                &mut cases,
                &format!("{kind} {value}"),
                &format!("v FROM t{table} WHERE id = {id}"),
            );
        }
        // All rows at once: buffers grow, shrink and are used again.
        read_in_each_way(
            &mut cases,
            &format!("{kind}, all"),
            &format!("v FROM t{table} ORDER BY id"),
        );
    }
    Theme { name, setup, seed: "", tables: &[], cases }
}

fn expressions(name: &'static str, expressions: &'static [&'static str]) -> Theme {
    let mut cases = Vec::new();
    for expression in expressions {
        read_in_each_way(&mut cases, expression, &format!("{expression} AS v"));
    }
    Theme { name, setup: "DO 0".into(), seed: "", tables: &[], cases }
}

/// `what` is all behind SELECT.
fn read_in_each_way(cases: &mut Vec<Case>, name: &str, what: &str) {
    for ((way, stock), (_, ours)) in ways::<Stock>().into_iter().zip(ways::<Ours>()) {
        let (for_stock, for_ours) = (what.to_owned(), what.to_owned());
        cases.push(Case::new(
            format!("{name} as {way}"),
            move |conn, _| seen(|| stock(conn, &for_stock)),
            move |conn, _| seen(|| ours(conn, &for_ours)),
        ));
    }
}

type Read<C> = fn(&mut C, &str) -> QueryResult<Vec<String>>;

/// diesel tells what type it expects, or nothing with `sql_query`.
fn ways<C>() -> Vec<(&'static str, Read<C>)>
where
    C: diesel::Connection<Backend = Mysql> + LoadConnection,
{
    vec![
        ("it comes", |conn, what| rows(conn, sql_query(format!("SELECT {what}")))),
        ("Bool", read::<C, Bool>),
        ("TinyInt", read::<C, TinyInt>),
        ("SmallInt", read::<C, SmallInt>),
        ("Integer", read::<C, Integer>),
        ("BigInt", read::<C, BigInt>),
        ("Unsigned<TinyInt>", read::<C, Unsigned<TinyInt>>),
        ("Unsigned<SmallInt>", read::<C, Unsigned<SmallInt>>),
        ("Unsigned<Integer>", read::<C, Unsigned<Integer>>),
        ("Unsigned<BigInt>", read::<C, Unsigned<BigInt>>),
        ("Float", read::<C, Float>),
        ("Double", read::<C, Double>),
        ("Numeric", read::<C, Numeric>),
        ("Text", read::<C, Text>),
        ("Binary", read::<C, Binary>),
        ("Json", read::<C, Json>),
        ("Date", read::<C, Date>),
        ("Time", read::<C, Time>),
        ("Datetime", read::<C, Datetime>),
        ("Timestamp", read::<C, Timestamp>),
        ("an enum", read::<C, declared::Enumerated>),
        ("a set", read::<C, declared::SetOf>),
        ("bits", read::<C, declared::Bits>),
    ]
}

fn read<C, ST>(conn: &mut C, what: &str) -> QueryResult<Vec<String>>
where
    C: diesel::Connection<Backend = Mysql> + LoadConnection,
    ST: SqlType<IsNull = diesel::sql_types::is_nullable::NotNull> + 'static,
    Mysql: diesel::expression::QueryMetadata<Nullable<ST>>,
    Nullable<ST>: diesel::sql_types::SingleValue + diesel::query_builder::QueryId,
    diesel::expression::SqlLiteral<Nullable<ST>>: diesel::query_builder::QueryId,
{
    rows(conn, select(sql::<Nullable<ST>>(what)))
}
