//! What the stories begin with: a bank of two accounts, and sessions over a pool.
#![allow(dead_code, unreachable_pub, reason = "each story takes what it needs")]

use std::time::Duration;

use steadfast_connection::Config;
use steadfast_pool::{Pool, PoolConfig};
use steadfast_session::{Error, SessionConfig, Sessions, Tx};
use steadfast_testkit::{Proxy, Server, TestDatabase, server};

pub const TEN_SECONDS: Duration = Duration::from_secs(10);

/// The table of ours, as the migrations make it.
pub const OUTCOME: &str =
    include_str!("../../../../migrations/2026-11-24-000001_steadfast_outcome/up.sql");

const BANK: &str = "
    CREATE TABLE account (id INT PRIMARY KEY, cents BIGINT NOT NULL) ENGINE=InnoDB;
    INSERT INTO account VALUES (1, 1000), (2, 1000);
    CREATE TABLE operation (id INT PRIMARY KEY) ENGINE=InnoDB;
    COMMIT;";

pub struct Bank {
    pub sessions: Sessions,
    pub database: TestDatabase,
}

impl Bank {
    pub fn new() -> Self {
        Self::with(SessionConfig::new())
    }

    pub fn with(config: SessionConfig) -> Self {
        Self::on(server(), config, None)
    }

    pub fn through(proxy: &Proxy) -> Self {
        Self::on(server(), SessionConfig::new(), Some(proxy))
    }

    pub fn on(server: &Server, config: SessionConfig, proxy: Option<&Proxy>) -> Self {
        // RUST_LOG=steadfast=debug shows what a failed test has done; the first test of a binary wins.
        let _already = env_logger::builder().is_test(true).try_init().is_err();
        let database = server.database();
        database.sql(BANK).unwrap();
        database.sql(OUTCOME).unwrap();
        let url = proxy.map_or_else(|| database.url(), |proxy| database.url_through(proxy));
        let sessions = config.build(pool(&url)).unwrap();
        Self { sessions, database }
    }

    pub fn sql(&self, text: &str) -> String {
        self.database.sql(text).unwrap()
    }

    /// The cents of both accounts.
    pub fn cents(&self) -> String {
        self.sql("SELECT GROUP_CONCAT(cents ORDER BY id) FROM account")
    }
}

pub fn pool(url: &str) -> Pool {
    pool_of(8, url)
}

pub fn pool_of(size: u32, url: &str) -> Pool {
    PoolConfig::new().size(size).overflow(0).build(Config::from_url(url).unwrap()).unwrap()
}

/// Books some cents on an account.
pub fn book(tx: &mut Tx<'_>, account: i32, cents: i32) -> Result<u64, Error> {
    tx.raw().execute("UPDATE account SET cents = cents + ? WHERE id = ?", (cents, account))
}
