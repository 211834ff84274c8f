//! What can go wrong with a backup, and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use steadfast_connection::{Error as ConnectionError, Fault, Invalid};

/// A backup, restore, verification or comparison that did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// Settings are out of range; nothing was tried.
    #[error("{}", .0.iter().map(Invalid::to_string).collect::<Vec<_>>().join("; "))]
    Config(Vec<Invalid>),
    /// The server refused something, or the connection to it broke.
    #[error("{doing}: {source}")]
    Server {
        /// What was being done, with the object's name.
        doing: String,
        /// What the connection said.
        source: ConnectionError,
    },
    /// A file or folder could not be read or written.
    #[error("{doing} {}: {source}", .path.display())]
    File {
        /// What was being done with it.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The configuration names no database.
    #[error("the configuration names no database: set one with Config::database")]
    NoDatabase,
    /// The backup's name is taken; nothing was touched.
    #[error("{} exists already: choose another name, or move it away", .path.display())]
    NameTaken {
        /// The name asked for.
        path: PathBuf,
    },
    /// Another process is writing a backup of that name now.
    #[error("{} is being written by another process: wait for it, or choose another name", .path.display())]
    InProgress {
        /// The folder that is locked.
        path: PathBuf,
    },
    /// The folder for the unfinished backup holds something that no backup has written.
    #[error("{} holds {entry:?}, which is not part of a backup: move the folder away", .path.display())]
    StrangePartial {
        /// The folder `NAME.partial`.
        path: PathBuf,
        /// The first strange entry in it.
        entry: String,
    },
    /// The account does not see everything: the server hides what it has no right to, and a backup
    /// would lack it without a word.
    #[error("the account lacks {} on the database: a backup would silently lack what they show", list(.privileges))]
    MissingPrivileges {
        /// As in GRANT.
        privileges: Vec<String>,
    },
    /// Tables that know no transactions cannot be read as of the snapshot.
    #[error(
        "no consistent copy of {} is possible, their engine knows no transactions: convert them to InnoDB, or allow it \
         with BackupOptions::non_transactional",
        list(.tables)
    )]
    NonTransactional {
        /// The tables, with their engines.
        tables: Vec<String>,
    },
    /// A table was altered, renamed or dropped after the snapshot: take the backup again.
    #[error("table {table:?} was changed while the backup was under way: take it again ({source})")]
    ChangedDuringBackup {
        /// The table.
        table: String,
        /// What the server said.
        source: ConnectionError,
    },
    /// Something that cannot be backed up or restored faithfully.
    #[error("{object}: {reason}")]
    Unsupported {
        /// What it is and its name.
        object: String,
        /// Why not, and what helps.
        reason: String,
    },
    /// There is no backup at that place.
    #[error("{} is no complete backup: it has no {missing}", .path.display())]
    NotABackup {
        /// The folder.
        path: PathBuf,
        /// The file that every backup has.
        missing: &'static str,
    },
    /// The backup was written by a later version.
    #[error("{} has format {found}, and this version reads format {known}: restore it with a later version", .path.display())]
    UnknownFormat {
        /// The manifest.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The format that is known here.
        known: u32,
    },
    /// The backup is damaged.
    #[error("the backup is damaged: {} {damage}", .file.display())]
    Damaged {
        /// The first file that is not as it was written, relative to the backup's folder.
        file: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// The database to restore into holds something already; nothing was changed.
    #[error(
        "database {database:?} is not empty, it holds {example}: restore into another, or drop it first"
    )]
    NotEmpty {
        /// The database.
        database: String,
        /// One object it holds.
        example: String,
    },
    /// The server takes no data from clients.
    #[error("the server has local_infile off: SET GLOBAL local_infile=1 for the restore")]
    LocalDataOff,
    /// Views, routines, triggers or events belong to accounts that the server does not have; nothing was changed.
    #[error("accounts {} are missing: create them, or restore with Definers::Current", list(.accounts))]
    MissingDefiners {
        /// The accounts, as `user@host`.
        accounts: Vec<String>,
    },
    /// The server did not take a chunk exactly as it was dumped; the chunk was rolled back.
    #[error(
        "{}: table {table:?} took {loaded} of {expected} rows with {} warnings ({}): the database is incomplete, drop it",
        .file.display(), .warnings.len(), list(.warnings)
    )]
    ChunkRefused {
        /// The chunk's file, relative to the backup's folder.
        file: PathBuf,
        /// The table.
        table: String,
        /// Rows in the chunk.
        expected: u64,
        /// Rows the server took.
        loaded: u64,
        /// The server's first warnings.
        warnings: Vec<String>,
    },
    /// After the restore, tables differ from what was dumped.
    #[error("restored, but not equal to the backup: {}", list(.tables))]
    Different {
        /// The tables.
        tables: Vec<String>,
    },
}

/// What is wrong with a file of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// It is not there.
    Missing,
    /// It is there and the manifest does not know it.
    Foreign,
    /// It is longer or shorter than it was written.
    Size {
        /// Bytes written.
        expected: u64,
        /// Bytes found.
        found: u64,
    },
    /// Its content is not what was written.
    Hash {
        /// SHA-256 of what was written, in hex.
        expected: String,
        /// SHA-256 of what is there, in hex.
        found: String,
    },
    /// It cannot be read as what it should be.
    Content(String),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is missing"),
            Self::Foreign => f.write_str("does not belong to it"),
            Self::Size { expected, found } => write!(f, "has {found} bytes and not {expected}"),
            Self::Hash { expected, found } => {
                write!(f, "has SHA-256 {found} and not {expected}")
            }
            Self::Content(reason) => write!(f, "cannot be read: {reason}"),
        }
    }
}

impl BackupError {
    /// What the caller can do about it.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Server { source, .. } => source.fault(),
            Self::File { source, .. } if source.kind() == io::ErrorKind::StorageFull => Fault::Busy,
            Self::InProgress { .. } => Fault::Busy,
            Self::ChangedDuringBackup { .. } => Fault::Transient,
            _ => Fault::Permanent,
        }
    }

    /// The number, if the server or the client library gave one.
    pub fn errno(&self) -> Option<u32> {
        self.connection_error().and_then(ConnectionError::errno)
    }

    /// SQLSTATE, if the server or the client library gave one.
    pub fn sqlstate(&self) -> Option<&str> {
        self.connection_error().and_then(ConnectionError::sqlstate)
    }

    fn connection_error(&self) -> Option<&ConnectionError> {
        match self {
            Self::Server { source, .. } | Self::ChangedDuringBackup { source, .. } => Some(source),
            _ => None,
        }
    }

    /// For `map_err` at a call to the server.
    pub(super) fn server<E: Into<ConnectionError>>(
        doing: impl Into<String>,
    ) -> impl FnOnce(E) -> Self {
        move |source| Self::Server { doing: doing.into(), source: source.into() }
    }

    /// For `map_err` at a call to the file system.
    pub(super) fn file(
        doing: &'static str,
        path: impl AsRef<Path>,
    ) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { doing, path: path.as_ref().to_owned(), source }
    }

    pub(super) fn damaged(file: impl AsRef<Path>, damage: Damage) -> Self {
        Self::Damaged { file: file.as_ref().to_owned(), damage }
    }
}

/// At most five, and how many there are beyond.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}
