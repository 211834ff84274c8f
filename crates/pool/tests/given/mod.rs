//! What the stories of a pool begin with.
#![allow(dead_code, unreachable_pub, reason = "each story takes what it needs")]

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use steadfast_connection::Config;
use steadfast_pool::{Lease, Pool, PoolConfig};
use steadfast_testkit::TestDatabase;

pub const LONG: Duration = Duration::from_secs(20);

pub fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Whether every call returns between `limit` and 50 ms after it. The machine may be busy with other
/// things, so one of five attempts has to be on time; all have to be within a second.
pub fn on_time(limit: Duration, mut calls: impl FnMut() -> Vec<Duration>) {
    let late: Vec<Duration> = (0..5)
        .map(|_| calls())
        .inspect(|took| assert!(took.iter().all(|&took| took >= limit), "too early: {took:?}"))
        .map(|took| took.into_iter().max().unwrap().saturating_sub(limit))
        .take_while(|&late| late > ms(50))
        .collect();
    assert!(late.len() < 5 && late.iter().all(|&late| late < ms(1_000)), "late by {late:?}");
}

/// A pool of one connection and no overflow that waits for as long as a test may take.
pub fn one() -> PoolConfig {
    PoolConfig::new().size(1).overflow(0).timeout(LONG)
}

pub fn server(database: &TestDatabase) -> Config {
    Config::from_url(&database.url()).unwrap()
}

pub fn pool(config: PoolConfig, database: &TestDatabase) -> Pool {
    // Shown if a test fails and RUST_LOG asks for it; a second test finds it set already.
    drop(env_logger::builder().is_test(true).try_init());
    config.build(server(database)).unwrap()
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// The one number that an expression gives.
pub fn try_value(lease: &mut Lease, expression: &str) -> QueryResult<i64> {
    let sql = format!("SELECT CAST({expression} AS SIGNED) AS number");
    diesel::sql_query(sql).get_result(lease).map(|Number { number }| number)
}

pub fn value(lease: &mut Lease, expression: &str) -> i64 {
    try_value(lease, expression).unwrap()
}

pub fn execute(lease: &mut Lease, sql: &str) {
    diesel::sql_query(sql).execute(lease).unwrap();
}
