//! Everything that calls C, behind safe functions: the only `unsafe` in the workspace.
//!
//! | file | owns |
//! |---|---|
//! | `handle.rs` | a `MYSQL`: connecting, text commands, the status of the session |
//! | `options.rs` | what is set on a `MYSQL` before it connects |
//! | `text.rs` | a `MYSQL_RES` of a text query, row by row |
//! | `packets.rs` | single packets, where the library encrypts them |
//! | `version.rs` | a version for the library to look at before there is one |
//! | `local_data.rs` | the callbacks of `LOAD DATA LOCAL` |
//!
//! The client library is libmariadb (Connector/C 3.x); the names are those of mysqlclient-sys.

mod handle;
mod local_data;
mod options;
mod packets;
mod text;
mod version;

pub(crate) use handle::Handle;
pub(crate) use local_data::LocalData;
pub(crate) use text::{TextRow, TextRows};
