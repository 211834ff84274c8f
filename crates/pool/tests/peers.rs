//! What the tests of other pools guard, by their ideas, on a real server.
//!
//! Each test names the peer's test whose idea it is; the peers' own mocks and clocks are not needed here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

#[path = "peers/db_connection.rs"]
mod db_connection;
mod given;
#[path = "peers/hikaricp.rs"]
mod hikaricp;
#[path = "peers/sqlalchemy.rs"]
mod sqlalchemy;

use std::thread;

use steadfast_connection::Config;
use steadfast_pool::{Pool, PoolConfig};
use steadfast_testkit::{Proxy, TestDatabase};

/// A pool behind a proxy.
fn far(config: PoolConfig, database: &TestDatabase, proxy: &Proxy) -> Pool {
    config.build(Config::from_url(&database.url_through(proxy)).unwrap()).unwrap()
}

/// Runs `life` on `n` threads, each with its number.
fn people(n: usize, life: impl Fn(usize) + Sync) {
    thread::scope(|scope| {
        for number in 0..n {
            let life = &life;
            scope.spawn(move || life(number));
        }
    });
}
