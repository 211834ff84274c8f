//! One physical connection to MySQL or MariaDB, for [diesel].
//!
//! [`Connection`] is a drop-in for `diesel::MysqlConnection`, written on the same client library,
//! and gives what that one lacks:
//!
//! - **Error numbers.** [`ServerError::find`] gives errno and SQLSTATE of any
//!   `diesel::result::Error`, and [`Fault`] says what a caller can do about it. Texts are never
//!   looked at.
//! - **Time limits** on connecting, reading and writing ([`Config`]), and an [`Interrupter`] for
//!   what hangs.
//! - **Encryption that is meant** ([`Tls`]): on libmariadb, stock diesel's `ssl_mode` is silently
//!   ignored.
//! - **Streams** ([`Streaming`]): a result of any size in the memory of one row.
//! - **Fewer round trips**: a transaction of one statement takes 3 where stock diesel takes 8,
//!   because UPDATEs are cached too and transaction control is one packet.
//! - **Transactions that tell the truth**: what the server has undone cannot commit, and a COMMIT
//!   whose answer was lost is [`Fault::Uncertain`], not a failure.
//!
//! ```no_run
//! use diesel::prelude::*;
//! use steadfast_connection::{Config, Connection, Fault, ServerError};
//!
//! diesel::table! { accounts (id) { id -> BigInt, balance -> BigInt, } }
//!
//! let mut conn = Connection::open(&Config::from_url("mysql://root@127.0.0.1/shop")?)?;
//! let paid = diesel::update(accounts::table.find(1)).set(accounts::balance.eq(50)).execute(&mut conn);
//! if let Err(error) = paid {
//!     match ServerError::find(&error).map(|error| error.fault()) {
//!         Some(Fault::Transient) => println!("again"),
//!         _ => return Err(error.into()),
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The client library
//! It is libmariadb (Connector/C 3.x) or libmysqlclient (seen with 9.7; its bindings reach back to
//! 8.0): the one that `mysqlclient-sys` finds, by pkg-config, libmysqlclient before libmariadb, or
//! by its variables. Nothing is to be switched on. Where both are installed, this picks
//! libmysqlclient:
//!
//! ```sh
//! MYSQLCLIENT_NO_PKG_CONFIG=1 LIBMARIADB_NO_PKG_CONFIG=1 MYSQLCLIENT_LIB_DIR=/usr/lib/mysql \
//!     MYSQLCLIENT_LIBNAME=mysqlclient MYSQLCLIENT_VERSION=9.5.0 cargo build
//! ```
//!
//! What differs:
//!
//! | | libmariadb | libmysqlclient |
//! |---|---|---|
//! | [`Tls::verify_ca`] | checks the name too, as `verify_identity` | the signature alone |
//! | ways to authenticate | native, ed25519, `caching_sha2_password` | native (its plugin file), `caching_sha2_password` |
//! | [`Config::server_public_key`] | one for each connection | the first one of the process |
//! | nobody listens | errno 2002 | errno 2003 |
//! | a connection lost under TLS | errno 2026 | errno 2013 |
//! | [`Config::local_data`] off | the server refuses (4166, 3948) | the library refuses (2068) |
//!
//! Both have their plugins in files of their own: Debian's libmariadb3 brings them; libmysqlclient
//! looks where it was built for, or in `LIBMYSQL_PLUGIN_DIR`.
#![allow(unsafe_code, reason = "this crate is where C is called, in src/ffi alone")]

mod batch;
mod bulk;
mod cache;
mod cancel;
mod config;
mod connection;
mod counts;
mod deadline;
mod error;
mod execute;
mod fault;
mod ffi;
mod footprint;
mod greeting;
mod holder;
mod interrupter;
mod limits;
mod load;
mod procedure;
mod setup;
mod tls;
mod tracking;
mod transaction;
mod url;
mod wire;

pub use batch::{BatchError, Outcome, RawRow, RawRows};
pub use bulk::BulkError;
pub use cancel::{CancelHandle, Cancelled};
pub use config::{Config, SessionIsolation};
pub use connection::Connection;
pub use counts::Counts;
pub use error::{Error, Invalid, ServerError};
pub use fault::{Fault, Vendor};
pub use ffi::recent;
pub use interrupter::Interrupter;
pub use load::{Cursor, Field, Row, ServerCursor, Streaming};
pub use procedure::Call;
pub use tls::{Tls, TlsVersion};
pub use tracking::{Level, SessionChange, TransactionTracking, Warning};
pub use transaction::{Phase, TransactionState, Transactions};

#[doc(hidden)]
pub use diesel as __diesel;

/// For `fuzz/` alone: there only with `--cfg fuzzing`.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::wire::fuzzing::rows;
}
