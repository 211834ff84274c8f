//! Everything that calls C, behind safe functions: the only `unsafe` in the workspace.
//!
//! | file | owns |
//! |---|---|
//! | `handle.rs` | a `MYSQL`: connecting, text commands, the status of the session |
//! | `options.rs` | what is set on a `MYSQL` before it connects |
//! | `mariadb.rs`, `mysql.rs` | what only one of the two client libraries knows |
//! | `guard.rs` | what libmariadb must be kept from before it logs in |
//! | `patience.rs` | one limit for all of connecting |
//! | `summary.rs` | what the library was told with its last answer |
//! | `trace.rs` | how libmysqlclient tells that it is connected |
//! | `tick.rs` | the kernel's coarse clock |
//! | `text.rs` | a `MYSQL_RES` of a text query, row by row |
//! | `packets.rs` | single packets, where the library encrypts them |
//! | `version.rs` | a version for the library to look at before there is one |
//! | `local_data.rs` | the callbacks of `LOAD DATA LOCAL` |
//!
//! The client library is libmariadb (Connector/C 3.x) or libmysqlclient (8.0 and later): the one that
//! mysqlclient-sys found.
//!
//! No call is made of `mysql_thread_init`: libmariadb keeps nothing for a thread, and libmysqlclient
//! since 8.0 in debug builds of its own alone (`mysys/my_thr_init.cc`).

mod guard;
mod handle;
mod local_data;
mod mariadb;
mod mysql;
mod options;
mod packets;
mod patience;
mod summary;
mod text;
mod tick;
mod trace;
mod version;

/// Which library mysqlclient-sys has found: only libmysqlclient has an `ssl_mode`.
pub(crate) const IS_MARIADB: bool = !mysqlclient_sys::SUPPORTS_MYSQL_SSL_MODE;

pub(crate) use handle::Handle;
pub(crate) use local_data::LocalData;
pub(crate) use text::{TextRow, TextRows};
pub use tick::recent;
