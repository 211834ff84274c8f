//! What a backup, a restore, a verification and a comparison tell.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

/// What is known of the moment a backup shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Consistency {
    /// One snapshot of the storage engine, and the place in the binary log that belongs to it.
    SnapshotPosition,
    /// One snapshot of the storage engine.
    Snapshot,
}

impl Consistency {
    /// The word for it in the manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SnapshotPosition => "snapshot-position",
            Self::Snapshot => "snapshot",
        }
    }
}

/// A place in the server's binary log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Binlog {
    /// The log's file.
    pub file: String,
    /// The byte in it at which the next event begins.
    pub position: u64,
    /// The same place as a global transaction id, if the server tells one.
    pub gtid: Option<String>,
}

/// A backup that is complete, synced and has its name.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct BackupReport {
    /// Where it is.
    pub path: PathBuf,
    /// The database.
    pub database: String,
    /// Tables in it.
    pub tables: usize,
    /// Views, routines, triggers, events and sequences in it.
    pub objects: usize,
    /// Rows in all tables.
    pub rows: u64,
    /// Bytes of the rows before they were compressed.
    pub raw_bytes: u64,
    /// Bytes of all files.
    pub stored_bytes: u64,
    /// How the tables belong together.
    pub consistency: Consistency,
    /// The place in the binary log that the backup shows.
    pub binlog: Option<Binlog>,
    /// Tables read outside the snapshot, by wish; and those of which only the definition is in it.
    pub exceptions: Vec<String>,
    /// True if alterations of a table had to wait until the backup had read it and all that followed, because the
    /// account may not switch `sql_log_bin` off.
    pub alterations_waited: bool,
    /// Time taken.
    #[serde(serialize_with = "seconds")]
    pub duration: Duration,
}

impl fmt::Display for BackupReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "database {:?} backed up to {} in {:.1?}: {} tables, {} rows, {} as {}, consistency {}",
            self.database,
            self.path.display(),
            self.duration,
            self.tables,
            self.rows,
            Size(self.raw_bytes),
            Size(self.stored_bytes),
            self.consistency.as_str()
        )
    }
}

/// A database that holds what the backup holds.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RestoreReport {
    /// The backup.
    pub path: PathBuf,
    /// The database restored into.
    pub database: String,
    /// Tables created.
    pub tables: usize,
    /// Views, routines, triggers, events and sequences created.
    pub objects: usize,
    /// Rows loaded.
    pub rows: u64,
    /// Bytes of the rows before they were compressed.
    pub raw_bytes: u64,
    /// True if all rows were read back and compared with the backup.
    pub compared: bool,
    /// What somebody should look at: bodies that name the old database, views that were invalid before.
    pub notes: Vec<String>,
    /// Time taken.
    #[serde(serialize_with = "seconds")]
    pub duration: Duration,
}

impl fmt::Display for RestoreReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} restored into database {:?} in {:.1?}: {} tables, {} rows, {}, {}",
            self.path.display(),
            self.database,
            self.duration,
            self.tables,
            self.rows,
            Size(self.raw_bytes),
            if self.compared { "compared and equal" } else { "not compared" }
        )?;
        if self.notes.is_empty() { Ok(()) } else { write!(f, ", {} notes", self.notes.len()) }
    }
}

/// A backup whose every file is as it was written.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The backup.
    pub path: PathBuf,
    /// The database it is of.
    pub database: String,
    /// When its snapshot was taken, in UTC, such as `2026-08-01T03:00:00Z`.
    pub taken_at: String,
    /// Files checked.
    pub files: usize,
    /// Bytes read.
    pub bytes: u64,
    /// Tables in it.
    pub tables: usize,
    /// Rows in it.
    pub rows: u64,
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is sound: database {:?} of {}, {} files, {}, {} tables, {} rows",
            self.path.display(),
            self.database,
            self.taken_at,
            self.files,
            Size(self.bytes),
            self.tables,
            self.rows
        )
    }
}

/// How a database's tables differ from a backup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// Tables with the same rows.
    pub equal: usize,
    /// Tables whose rows differ.
    pub different: Vec<TableDifference>,
    /// Tables of the backup that the database does not have, or not with those columns.
    pub missing: Vec<String>,
    /// Tables of the database that the backup does not have.
    pub surplus: Vec<String>,
}

/// One table that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TableDifference {
    /// The table.
    pub table: String,
    /// Rows in the backup.
    pub expected_rows: u64,
    /// Rows in the database; if there are as many, their content differs.
    pub found_rows: u64,
}

impl Comparison {
    /// True if the database has the backup's tables, no others, and exactly their rows.
    pub fn is_equal(&self) -> bool {
        self.different.is_empty() && self.missing.is_empty() && self.surplus.is_empty()
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} tables equal, {} different, {} missing, {} surplus",
            self.equal,
            self.different.len(),
            self.missing.len(),
            self.surplus.len()
        )
    }
}

/// Bytes for people.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
        let mut size = self.0 as f64;
        let mut unit = "bytes";
        for larger in UNITS {
            if size < 1024.0 {
                break;
            }
            size /= 1024.0;
            unit = larger;
        }
        if unit == "bytes" { write!(f, "{} bytes", self.0) } else { write!(f, "{size:.1} {unit}") }
    }
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_the_unit_that_fits() {
        for (bytes, text) in
            [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (32 << 20, "32.0 MiB")]
        {
            assert_eq!(Size(bytes).to_string(), text);
        }
    }
}
