//! `manifest.json`: what a backup consists of, and where it came from.
//!
//! Written last. Its first member is the SHA-256 of the file itself with that member's digits set to 0, so that damage
//! to the manifest is told from damage to `SHA256SUMS`, which names it too. The format's number rises when an old
//! version could no longer restore what a new one writes; unknown members are ignored.

use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::names::hex;
use super::report::{Binlog, Consistency};
use super::row_hash::RowHash;
use super::{BackupError, Damage};

/// The format written and read here.
pub(super) const FORMAT: u32 = 1;
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const SUMS: &str = "SHA256SUMS";

/// How every manifest begins, in every format.
const HEAD: &[u8] = b"{\n  \"checksum\": \"";
const DIGITS: usize = 64;

/// The whole manifest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) checksum: String,
    pub(super) format: u32,
    pub(super) tool: String,
    pub(super) kind: Kind,
    pub(super) taken_at: String,
    pub(super) consistency: Consistency,
    pub(super) binlog: Option<Binlog>,
    pub(super) server: ServerRecord,
    pub(super) database: DatabaseRecord,
    /// Tables that were read outside the snapshot, because their engine knows none.
    pub(super) outside_snapshot: Vec<String>,
    /// Tables whose data is not theirs (FEDERATED, MERGE …): only the definition is here.
    pub(super) definition_only: Vec<String>,
    pub(super) sequences: Vec<SequenceRecord>,
    pub(super) tables: Vec<TableRecord>,
    /// Routines, views, triggers and events, in the order in which they are created.
    pub(super) objects: Vec<ObjectRecord>,
    /// Files that only people read.
    pub(super) papers: Vec<FileRecord>,
}

/// What a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Full,
    Schema,
}

/// The server it came from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct ServerRecord {
    pub(super) vendor: String,
    pub(super) version: String,
    pub(super) lower_case_table_names: String,
}

/// The database it is of.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct DatabaseRecord {
    pub(super) name: String,
    pub(super) character_set: String,
    pub(super) collation: String,
    pub(super) definition: FileRecord,
}

/// One file, its path relative to the backup's folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileRecord {
    pub(super) file: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// A sequence, and the value it goes on with; none in a backup of the schema alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SequenceRecord {
    pub(super) name: String,
    pub(super) definition: FileRecord,
    pub(super) next: Option<i64>,
    pub(super) cycles: i64,
}

/// A table and its rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TableRecord {
    pub(super) name: String,
    pub(super) engine: String,
    pub(super) definition: FileRecord,
    /// System-versioned: the rows that are no longer current are here too.
    pub(super) history: bool,
    pub(super) columns: Vec<ColumnRecord>,
    pub(super) rows: u64,
    pub(super) raw_bytes: u64,
    pub(super) row_hash: RowHash,
    pub(super) chunks: Vec<ChunkRecord>,
}

/// A column that is dumped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ColumnRecord {
    pub(super) name: String,
    /// The expression that is selected.
    pub(super) select: String,
    /// The expression that is stored, with `@v` for what was read; none if that itself is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) load: Option<String>,
    /// What is selected for an ENUM's error value; known while dumping.
    #[serde(skip)]
    pub(super) error_value: Option<Vec<u8>>,
}

/// A file of rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ChunkRecord {
    #[serde(flatten)]
    pub(super) file: FileRecord,
    pub(super) rows: u64,
    pub(super) raw_bytes: u64,
    pub(super) row_hash: RowHash,
    /// ENUM error values in it: the server warns of each when it loads them.
    #[serde(default)]
    pub(super) error_values: u64,
}

/// What a database holds beside tables and sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ObjectKind {
    Package,
    PackageBody,
    Function,
    Procedure,
    View,
    Trigger,
    Event,
}

impl ObjectKind {
    /// The words for it in SQL.
    pub(super) fn sql(self) -> &'static str {
        match self {
            Self::Package => "PACKAGE",
            Self::PackageBody => "PACKAGE BODY",
            Self::Function => "FUNCTION",
            Self::Procedure => "PROCEDURE",
            Self::View => "VIEW",
            Self::Trigger => "TRIGGER",
            Self::Event => "EVENT",
        }
    }
}

/// A view, routine, trigger or event, and the session it was created in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ObjectRecord {
    pub(super) kind: ObjectKind,
    pub(super) name: String,
    /// `user@host`.
    pub(super) definer: String,
    pub(super) definition: FileRecord,
    pub(super) sql_mode: Option<String>,
    pub(super) character_set_client: String,
    pub(super) collation_connection: String,
    pub(super) database_collation: Option<String>,
    pub(super) time_zone: Option<String>,
    /// The server called this view invalid when it was dumped.
    #[serde(default)]
    pub(super) invalid: bool,
}

impl Manifest {
    /// All files but the manifest itself and `SHA256SUMS`.
    pub(super) fn files(&self) -> impl Iterator<Item = &FileRecord> {
        let tables = self.tables.iter().flat_map(|table| {
            std::iter::once(&table.definition).chain(table.chunks.iter().map(|chunk| &chunk.file))
        });
        std::iter::once(&self.database.definition)
            .chain(self.sequences.iter().map(|sequence| &sequence.definition))
            .chain(tables)
            .chain(self.objects.iter().map(|object| &object.definition))
            .chain(&self.papers)
    }

    pub(super) fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    pub(super) fn raw_bytes(&self) -> u64 {
        self.tables.iter().map(|table| table.raw_bytes).sum()
    }

    pub(super) fn stored_bytes(&self) -> u64 {
        self.files().map(|file| file.bytes).sum()
    }

    /// The bytes of `manifest.json`.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, BackupError> {
        let unsealed = Self { checksum: "0".repeat(DIGITS), ..self.clone() };
        let mut bytes = serde_json::to_vec_pretty(&unsealed)
            .map_err(|error| BackupError::damaged(MANIFEST, Damage::Content(error.to_string())))?;
        bytes.push(b'\n');
        let digits = hex(&Sha256::digest(&bytes));
        if let Some(place) = bytes.get_mut(HEAD.len()..HEAD.len() + DIGITS) {
            place.copy_from_slice(digits.as_bytes());
        }
        Ok(bytes)
    }

    /// Reads the manifest of the backup in `dir`, and gives its bytes too.
    pub(super) fn read(dir: &Path) -> Result<(Self, Vec<u8>), BackupError> {
        let path = dir.join(MANIFEST);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(BackupError::NotABackup { path: dir.to_owned(), missing: MANIFEST });
            }
            Err(error) => return Err(BackupError::file("reading", path)(error)),
        };
        Ok((Self::parse(&path, &bytes)?, bytes))
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, BackupError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let broken = |reason: String| BackupError::damaged(MANIFEST, Damage::Content(reason));
        let (expected, found) =
            checksums(bytes).ok_or_else(|| broken("it does not begin as a manifest".to_owned()))?;
        if expected != found {
            return Err(BackupError::damaged(MANIFEST, Damage::Hash { expected, found }));
        }
        let Format { format } =
            serde_json::from_slice(bytes).map_err(|error| broken(error.to_string()))?;
        if format != FORMAT {
            return Err(BackupError::UnknownFormat {
                path: path.to_owned(),
                found: format,
                known: FORMAT,
            });
        }
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|error| broken(error.to_string()))?;
        let outside = manifest.files().find(|record| !stays_inside(&record.file));
        if let Some(record) = outside {
            return Err(broken(format!("it names {:?}, outside the folder", record.file)));
        }
        Ok(manifest)
    }

    /// The text of `SHA256SUMS`, for `sha256sum -c`.
    pub(super) fn sums(&self, manifest: &[u8]) -> String {
        let mut text = String::new();
        for record in self.files() {
            text.extend([&record.sha256, "  ", &record.file, "\n"]);
        }
        text.extend([&hex(&Sha256::digest(manifest)), "  ", MANIFEST, "\n"]);
        text
    }
}

/// The checksum that stands in the file, and the one it should have.
fn checksums(bytes: &[u8]) -> Option<(String, String)> {
    let (head, rest) = bytes.split_at_checked(HEAD.len())?;
    let (digits, after) = rest.split_at_checked(DIGITS)?;
    if head != HEAD {
        return None;
    }
    let mut hash = Sha256::new();
    hash.update(head);
    hash.update([b'0'; DIGITS]);
    hash.update(after);
    Some((String::from_utf8(digits.to_owned()).ok()?, hex(&hash.finalize())))
}

fn stays_inside(file: &str) -> bool {
    let mut parts = Path::new(file).components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}
