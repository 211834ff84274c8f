//! Backup and restore of a database: consistent, streamed, verified, without any external program.
//!
//! A backup that has its name is complete, synced to the disk and described by a manifest with the SHA-256 of every
//! file; a restore that returns `Ok` has read everything back and compared it. All else is a [`BackupError`] that names
//! the object, the file and what helps. Memory is bounded: one row, and some buffers.
//!
//! ```text
//! NAME/manifest.json                              written last: what there is, with rows, bytes and hashes
//!      SHA256SUMS                                 the same hashes, for `sha256sum -c`
//!      schema/<db>/{database,table.T,view.V,…}.sql
//!      data/<db>/<table>/00000.tsv.zst …          LOAD DATA's default dialect, zstd; 32 MiB of rows each
//!      schema.sql                                 in a backup of the schema alone
//! ```
//!
//! | file | to change … |
//! |---|---|
//! | `dump.rs`, `table.rs`, `reader.rs` | how a backup is taken, and in which snapshot |
//! | `columns.rs`, `tsv.rs` | how values become text |
//! | `catalog.rs`, `definitions.rs` | which definitions are taken |
//! | `folder.rs`, `chunk.rs`, `manifest.rs` | files, hashes, the name that appears at the end |
//! | `restore.rs`, `load.rs`, `create.rs`, `sql_text.rs` | how it comes back, under another name too |
//! | `verify.rs`, `compare.rs`, `row_hash.rs` | how equality is proved |

mod catalog;
mod chunk;
mod columns;
mod compare;
mod create;
mod definitions;
mod dump;
mod error;
mod folder;
mod load;
mod manifest;
mod names;
mod options;
mod reader;
mod report;
mod restore;
mod row_hash;
mod schema_text;
mod sql_text;
mod table;
mod tsv;
mod verify;

pub use compare::compare;
pub use dump::{backup, backup_schema};
pub use error::{BackupError, Damage};
pub use options::{BackupOptions, Definers, RestoreOptions};
pub use report::{
    BackupReport, Binlog, Comparison, Consistency, RestoreReport, TableDifference, VerifyReport,
};
pub use restore::restore;
pub use verify::verify;
