//! Whole tables of five columns into structs: 100,000 rows, and a million.
//!
//! The `mysql` crate takes part twice: `mysql` with a prepared statement, as the others, and
//! `mysql_text` with a text query, which it has a shorter way for.

use diesel::connection::LoadConnection;
use diesel::mysql::Mysql;
use diesel::prelude::*;
use mysql::prelude::Queryable as _;

use super::accounts::{Account, Columns, account, big_account};
use super::{benchmark, expect_same, line};
use crate::areas::{Benchmark, Entry};
use crate::ground::{BIG_ROWS, Ground, ROWS};
use crate::harness::{Better, Contestant, Failure, per_second};

/// The texts that diesel builds for the two tables.
const LOAD: &str = "SELECT `account`.`id`, `account`.`owner`, `account`.`cents`, `account`.`rating`, \
                    `account`.`note` FROM `account`";
const LOAD_BIG: &str = "SELECT `big_account`.`id`, `big_account`.`owner`, `big_account`.`cents`, \
                        `big_account`.`rating`, `big_account`.`note` FROM `big_account`";

pub(super) fn benchmarks() -> Vec<Benchmark> {
    vec![
        benchmark("connection.load", "rows/s", Better::Higher, |ground| {
            let url = ground.url();
            let (ours, diesel) = (line::ours(&url)?, line::diesel(&url)?);
            Ok(Entry {
                ours: rows("ours", ground, ROWS, ours, small),
                peers: vec![
                    rows("diesel", ground, ROWS, diesel, small),
                    by_mysql("mysql", ground, ROWS, prepared(LOAD))?,
                    by_mysql("mysql_text", ground, ROWS, text(LOAD))?,
                ],
            })
        }),
        benchmark("connection.load_1m", "rows/s", Better::Higher, |ground| {
            ground.fill_big_account()?;
            let url = ground.url();
            let (ours, diesel) = (line::ours(&url)?, line::diesel(&url)?);
            Ok(Entry {
                ours: rows("ours", ground, BIG_ROWS, ours, big),
                peers: vec![
                    rows("diesel", ground, BIG_ROWS, diesel, big),
                    by_mysql("mysql", ground, BIG_ROWS, prepared(LOAD_BIG))?,
                    by_mysql("mysql_text", ground, BIG_ROWS, text(LOAD_BIG))?,
                ],
            })
        }),
    ]
}

/// The table of 100,000 rows.
fn small<C: LoadConnection<Backend = Mysql>>(connection: &mut C) -> Result<Vec<Account>, Failure> {
    Ok(account::table.load(connection)?)
}

/// The table of a million rows.
fn big<C: LoadConnection<Backend = Mysql>>(connection: &mut C) -> Result<Vec<Account>, Failure> {
    Ok(big_account::table.load(connection)?)
}

fn by_mysql(
    name: &'static str,
    ground: &Ground,
    count: i64,
    load: impl Fn(&mut mysql::Conn) -> Result<Vec<Account>, Failure> + 'static,
) -> Result<Contestant, Failure> {
    Ok(rows(name, ground, count, line::mysql(&ground.url())?, load))
}

/// By the `mysql` crate, prepared.
fn prepared(sql: &'static str) -> impl Fn(&mut mysql::Conn) -> Result<Vec<Account>, Failure> {
    move |connection| Ok(connection.exec_map(sql, (), |row: Columns| Account::of(row))?)
}

/// By the `mysql` crate, as text.
fn text(sql: &'static str) -> impl Fn(&mut mysql::Conn) -> Result<Vec<Account>, Failure> {
    move |connection| Ok(connection.query_map(sql, |row: Columns| Account::of(row))?)
}

/// How many rows a second `load` gives, when the table has `count`. The structs are freed in that time.
fn rows<C: 'static>(
    name: &'static str,
    ground: &Ground,
    count: i64,
    mut connection: C,
    load: impl Fn(&mut C) -> Result<Vec<Account>, Failure> + 'static,
) -> Contestant {
    let round = ground.round();
    Contestant::new(name, move || {
        let tables = per_second(round, || look_at(&load(&mut connection)?, count))?;
        Ok(tables * count as f64)
    })
}

/// Whether all rows are there, with all that is in them.
fn look_at(all: &[Account], count: i64) -> Result<(), Failure> {
    let whole = all.iter().filter(|account| account.is_whole()).count();
    expect_same(usize::try_from(count)?, whole)
}

#[cfg(test)]
mod tests {
    use diesel::query_builder::AsQuery as _;

    use super::*;

    #[test]
    fn the_mysql_crate_gets_the_text_that_diesel_builds() {
        let small = diesel::debug_query::<Mysql, _>(&account::table.as_query()).to_string();
        let big = diesel::debug_query::<Mysql, _>(&big_account::table.as_query()).to_string();

        assert_eq!(small, format!("{LOAD} -- binds: []"));
        assert_eq!(big, format!("{LOAD_BIG} -- binds: []"));
    }
}
