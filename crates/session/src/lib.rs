//! Sessions and transactions on MySQL and MariaDB that happen exactly once.
//!
//! Elsewhere a deadlock ends up in the caller's lap, and a lost answer to COMMIT leaves it guessing:
//! whoever simply tries again books some things twice. Here the work is a closure, and what can be put
//! right is put right.
//!
//! ```no_run
//! use diesel::prelude::*;
//! use steadfast_pool::PoolConfig;
//! use steadfast_session::{Error, SessionConfig};
//!
//! diesel::table! { accounts (id) { id -> BigInt, cents -> BigInt, } }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = steadfast_connection::Config::from_url("mysql://app:secret@db.example/shop")?;
//! let sessions = SessionConfig::new().build(PoolConfig::new().build(server)?)?;
//!
//! let left = sessions.transaction(|tx| -> Result<i64, Error> {
//!     let account = accounts::table.find(7);
//!     diesel::update(account).set(accounts::cents.eq(accounts::cents - 100)).execute(tx)?;
//!     Ok(account.select(accounts::cents).first(tx)?)
//! })?;
//! println!("{left} cents are left, and 100 were taken once");
//! # Ok(())
//! # }
//! ```
//!
//! # What happens to a transaction
//! | | |
//! |---|---|
//! | deadlock, lock timeout, lost connection, no room | rolled back and run again, after a pause that grows, until the deadline |
//! | the work swallows a deadlock and goes on | no further statement, no COMMIT: run again |
//! | a duplicate key, a missing column | returned at once |
//! | the work returns an error of its own, or panics | rolled back, and the error or the panic goes on |
//! | the answer to COMMIT is lost | found out on another connection: committed, or aborted for good and run again |
//! | it cannot be found out in time | [`Error::CommitUnknown`], to be asked about [later](Sessions::resolve) |
//! | DDL in it commits half of it | [`Error::EndedInside`] |
//!
//! The error *number* decides, and the first one that the server told, whatever the work makes of it:
//! see [`Fault`](steadfast_connection::Fault).
//!
//! # How a commit is found out
//! Each attempt has an id, and its COMMIT travels in one packet with a row of that id in the table
//! `steadfast_outcome` (one of `migrations/`). The row is there exactly if the attempt was committed. To
//! find out, another connection tries to insert a tombstone under the same primary key: either it goes in,
//! and the attempt can never commit, or the row is there. It costs no round trip as long as nothing goes
//! wrong; [`SessionConfig::exactly_once`] switches it off.
//!
//! # Where to begin
//! [`Sessions::transaction`] for most things; [`TxOptions`] for isolation, read-only and deadline;
//! [`Sessions::transaction_once`] for work that must not run twice; [`Sessions::with_session`] for code
//! that is handed its [`Session`]; [`Session::raw`] for statements as text.

#![forbid(unsafe_code)]

mod attempt;
mod backoff;
mod close;
mod config;
mod error;
mod hand;
#[cfg(test)]
mod hand_clock;
mod health;
mod lender;
mod options;
mod outcome;
mod policy;
mod raw;
mod resolve;
mod retry;
mod roll;
mod row;
mod session;
mod sessions;
mod tx;
mod value;

pub use backoff::Backoff;
pub use close::Closing;
pub use config::SessionConfig;
pub use error::Error;
pub use health::{LastError, Retries, SessionHealth};
pub use options::{Access, Isolation, TxOptions};
pub use outcome::{Attempt, NotAnAttempt, Outcome};
pub use policy::RetryPolicy;
pub use raw::{Params, Raw};
pub use roll::SessionInfo;
pub use row::{Column, Row};
pub use session::Session;
pub use sessions::Sessions;
pub use tx::Tx;
pub use value::{FromValue, Value};

/// The example of the README is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
