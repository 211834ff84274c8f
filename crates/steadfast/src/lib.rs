//! The MySQL and MariaDB layer a Rust service stands on.
//!
//! You write queries with [diesel]. Steadfast is what lies between them and a server that restarts,
//! deadlocks, fills up and loses answers: a connection that tells error numbers and keeps to time
//! limits, a pool that is fair and recovers at once, transactions that are retried and happen exactly
//! once, models with timestamps, versions and soft delete, and a manager that migrates, watches,
//! maintains, backs up and restores.
//!
//! ```
//! use std::time::Duration;
//! use steadfast::prelude::*;
//!
//! diesel::table! { accounts (id) { id -> BigInt, balance -> BigInt, } }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let database = steadfast_testkit::server().database();
//! # database.sql("CREATE TABLE accounts (id BIGINT PRIMARY KEY, balance BIGINT NOT NULL)")?;
//! # database.sql("INSERT INTO accounts VALUES (1, 100), (2, 0)")?;
//! # let url = database.url();
//! // url is "mysql://shop:secret@db1/shop"
//! let db = Database::open(DatabaseConfig::from_url(&url)?.migrate(Migrate::Run))?;
//!
//! // Run again after a deadlock or a lost connection, and committed exactly once.
//! let pay = |from: i64, to: i64, amount: i64| {
//!     db.transaction(|tx| -> Result<(), steadfast::Error> {
//!         diesel::update(accounts::table.find(from))
//!             .set(accounts::balance.eq(accounts::balance - amount))
//!             .execute(tx)?;
//!         diesel::update(accounts::table.find(to))
//!             .set(accounts::balance.eq(accounts::balance + amount))
//!             .execute(tx)?;
//!         Ok(())
//!     })
//! };
//! pay(1, 2, 40)?;
//!
//! // Of any size, in the memory of one row.
//! let total: i64 = db.with_session(|session| -> Result<i64, steadfast::Error> {
//!     let rows = accounts::table.load_iter::<(i64, i64), Streaming>(session)?;
//!     rows.map(|row| Ok(row?.1)).sum()
//! })?;
//! assert_eq!(total, 100);
//!
//! assert_eq!(db.health().status.as_str(), "up");
//! db.close(Duration::from_secs(20));
//! # Ok(())
//! # }
//! ```
//!
//! # Why not diesel and r2d2 alone?
//!
//! Each line was measured or seen on a real server; docs/decisions.md and docs/measurements.md in the
//! repository say how.
//!
//! | | diesel 2.3 + r2d2 0.8 | Steadfast |
//! |---|---|---|
//! | error numbers | none: a text in the server's language | errno, SQLSTATE, and what to do ([`Fault`]) |
//! | deadlock in a savepoint | "SAVEPOINT does not exist" | 1213, and the transaction runs again |
//! | a swallowed deadlock | the second half is committed | nothing is |
//! | the answer to COMMIT is lost | an error, whatever happened | resolved: it happened, or it runs again |
//! | a server that never answers | waits for ever | ends at the limit that you set |
//! | TLS `required` on libmariadb | plain text, silently | encrypted, or refused |
//! | waiting for a connection | the luckiest first | the oldest first |
//! | after an outage | up to 15 s more | half a second more at most |
//! | a result of 300 MB | 300 MB in memory | one row in memory |
//! | a migration that fails half-way | forgotten, and run again from its top | recorded, reported, asked about |
//!
//! # The rooms
//!
//! Each is a crate of its own, usable alone, and a feature of this one:
//!
//! | module | crate | what it is for |
//! |---|---|---|
//! | [`connection`] | `steadfast-connection` | one physical connection: diesel's `Connection` |
//! | [`pool`] | `steadfast-pool` | lending connections, fairly and within limits |
//! | [`session`] | `steadfast-session` | units of work: transactions, retry, raw SQL |
//! | [`models`] | `steadfast-models` | what every row type can do |
//! | [`manager`] | `steadfast-manager` | the database's life, from opening to closing |
//!
//! Your own `Cargo.toml` also names diesel, because its `table!` macro looks for it there:
//!
//! ```toml
//! steadfast = { path = "…/crates/steadfast" }  # not on crates.io yet
//! diesel = { version = "~2.3", default-features = false }
//! ```

#![forbid(unsafe_code)]

#[doc(inline)]
pub use steadfast_connection as connection;
#[cfg(feature = "manager")]
#[doc(inline)]
pub use steadfast_manager as manager;
#[cfg(feature = "models")]
#[doc(inline)]
pub use steadfast_models as models;
#[cfg(feature = "pool")]
#[doc(inline)]
pub use steadfast_pool as pool;
#[cfg(feature = "session")]
#[doc(inline)]
pub use steadfast_session as session;

pub use diesel;
pub use steadfast_connection::{Config, Connection, Fault, ServerError, Streaming, Tls};
#[cfg(feature = "manager")]
pub use steadfast_manager::{Database, DatabaseConfig, Error, Migrate, Task};
#[cfg(feature = "pool")]
pub use steadfast_pool::{Pool, PoolConfig, PoolListener};
#[cfg(feature = "session")]
pub use steadfast_session::{
    Access, Isolation, RetryPolicy, Session, SessionConfig, Sessions, Tx, TxOptions,
};

/// What most files need: `use steadfast::prelude::*;`. It includes diesel's prelude.
pub mod prelude {
    pub use diesel::prelude::*;
    pub use steadfast_connection::{Fault, Streaming};
    #[cfg(feature = "manager")]
    pub use steadfast_manager::{Database, DatabaseConfig, Migrate, Task};
    #[cfg(feature = "models")]
    pub use steadfast_models::{Model, SoftDelete, Timestamps, Versioned};
    #[cfg(feature = "session")]
    pub use steadfast_session::{Session, Tx, TxOptions};
}

/// The example of the README is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
