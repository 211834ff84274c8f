//! What every row type can do: find by key, keep its timestamps, be deleted softly, refuse a lost
//! update, be read page by page.
//!
//! diesel's derives do the mapping, as ever; [`model!`] adds one line to a type that has them and
//! gives it [`Model`], [`AutoKey`], [`Versioned`], [`SoftDelete`] and [`Timestamps`] as far as its
//! table has the columns. Every function takes any diesel connection to MySQL or MariaDB, so a query
//! is tested without a pool, and nothing here opens a connection.
//!
//! ```no_run
//! use diesel::connection::LoadConnection;
//! use diesel::mysql::Mysql;
//! use diesel::prelude::*;
//! use steadfast_models::{AutoKey, Error, Model, Versioned, model};
//!
//! diesel::table! {
//!     accounts (id) { id -> Bigint, owner -> Varchar, cents -> Bigint, version -> Integer }
//! }
//!
//! #[derive(Debug, Queryable, Selectable, Identifiable)]
//! struct Account { id: i64, owner: String, cents: i64, version: i32 }
//!
//! model! { Account => accounts, auto_key = id: i64, version = version }
//!
//! fn pay_in<C: LoadConnection<Backend = Mysql>>(id: i64, cents: i64, conn: &mut C) -> Result<(), Error> {
//!     let account = Account::find(id, conn)?;
//!     // Refused with `Error::StaleObject` if somebody changed the row since `find`.
//!     account.update(accounts::cents.eq(account.cents + cents), conn)
//! }
//!
//! fn open<C: LoadConnection<Backend = Mysql>>(owner: &str, conn: &mut C) -> Result<Account, Error> {
//!     Account::create((accounts::owner.eq(owner), accounts::cents.eq(0)), conn)
//! }
//! ```
//!
//! [`schema`] holds the tables that Steadfast itself keeps in the application's database, and
//! [`OutcomeRecord`], [`MigrationRecord`] and [`MaintenanceRecord`] are their rows.

#![forbid(unsafe_code)]

mod auto_key;
mod cursor;
mod error;
mod macros;
mod model;
mod records;
#[allow(
    missing_docs,
    missing_debug_implementations,
    clippy::wildcard_imports,
    reason = "the file is compared with what `diesel print-schema` writes"
)]
pub mod schema;
mod soft_delete;
mod state;
mod timestamps;
mod versioned;

pub use auto_key::AutoKey;
pub use cursor::{Cursor, MAX_PAGE, Order, Page};
pub use error::Error;
pub use model::Model;
pub use records::{MaintenanceRecord, MigrationRecord, OutcomeRecord};
pub use soft_delete::SoftDelete;
pub use state::{OutcomeState, RunState};
pub use timestamps::Timestamps;
pub use versioned::Versioned;

/// What [`model!`] needs at the place where it is used; no part of the interface.
#[doc(hidden)]
pub mod macro_support {
    pub use chrono::NaiveDateTime;
    pub use diesel;
}

/// The example of the README is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
