//! Taking a backup: one snapshot, every table as chunks, every definition, and the name last.

use std::path::Path;
use std::time::Instant;

use steadfast_connection::Config;

use super::catalog::{self, Listed, ListedKind};
use super::folder::Folder;
use super::manifest::{DatabaseRecord, FORMAT, Kind, MANIFEST, Manifest, ObjectKind, SUMS};
use super::names::{file_name, quoted};
use super::reader::{Reader, Snapshot};
use super::report::BackupReport;
use super::{BackupError, BackupOptions, definitions, schema_text, table};

/// Engines whose rows are kept elsewhere, or nowhere.
const DEFINITION_ONLY: [&str; 7] =
    ["FEDERATED", "SPIDER", "CONNECT", "MRG_MyISAM", "BLACKHOLE", "S3", "OQGRAPH"];

/// Backs a database up: the one that `config` names, to the folder `dir`, which appears only when the backup is
/// complete and synced.
///
/// All tables are read in one snapshot, on connections of its own, without a lock on anybody's rows. While a table is
/// read, alterations of it wait. It is written to `NAME.partial` beside `dir`; what an earlier process left there when it
/// died is overwritten. No account's password is in it, unless a FEDERATED or CONNECT table spells one out; the definitions of routines and views are, with the names of the
/// accounts they belong to.
///
/// # Blocks
/// As long as it takes to read the database. The server may be silent for
/// [`answer_timeout`](BackupOptions::answer_timeout) at most, and a table being altered is waited for a minute.
///
/// # Errors
/// Each says what it is about and what helps; after any of them nothing is left under `dir`:
/// [`NameTaken`](BackupError::NameTaken), [`MissingPrivileges`](BackupError::MissingPrivileges),
/// [`NonTransactional`](BackupError::NonTransactional),
/// [`ChangedDuringBackup`](BackupError::ChangedDuringBackup), [`Server`](BackupError::Server),
/// [`File`](BackupError::File) and others.
pub fn backup(
    config: &Config,
    dir: &Path,
    options: &BackupOptions,
) -> Result<BackupReport, BackupError> {
    take(config, dir, options, Kind::Full)
}

/// Backs up what a database is made of, without rows, counters and the values of sequences, and writes `schema.sql`
/// beside it: all definitions in one canonical text, the same for the same schema, for people, version control and the
/// `mariadb` client.
///
/// # Blocks
/// As [`backup`] does.
///
/// # Errors
/// Those of [`backup`].
pub fn backup_schema(config: &Config, dir: &Path) -> Result<BackupReport, BackupError> {
    take(config, dir, &BackupOptions::default(), Kind::Schema)
}

fn take(
    config: &Config,
    dir: &Path,
    options: &BackupOptions,
    kind: Kind,
) -> Result<BackupReport, BackupError> {
    let start = Instant::now();
    options.check()?;
    let database = config.database_name().ok_or(BackupError::NoDatabase)?.to_owned();
    let folder = Folder::claim(dir)?;
    let mut reader = Reader::open(config, options.answer_timeout)?;
    let privileges = catalog::missing_privileges(&mut reader.text)?;
    if !privileges.is_empty() {
        return Err(BackupError::MissingPrivileges { privileges });
    }
    let mut dump = Dump { reader, folder, options, kind, files: file_name(&database) };
    let snapshot = dump.reader.snapshot()?;
    let mut manifest = dump.manifest(database, snapshot)?;
    dump.tables(&mut manifest)?;
    manifest.objects = definitions::objects(&mut dump)?;
    if kind == Kind::Schema {
        let text = schema_text::of(&dump.folder, &manifest)?;
        manifest.papers.push(dump.folder.write("schema.sql", text.as_bytes())?);
    }
    let report = dump.report(&manifest, dir, start);
    dump.publish(&manifest)?;
    let report = BackupReport { duration: start.elapsed(), ..report };
    log::info!(target: "steadfast::backup", report:%; "backup taken");
    Ok(report)
}

/// A backup under way.
pub(super) struct Dump<'a> {
    pub(super) reader: Reader,
    pub(super) folder: Folder,
    pub(super) options: &'a BackupOptions,
    pub(super) kind: Kind,
    /// The database's name as that of a folder.
    pub(super) files: String,
}

impl Dump<'_> {
    /// Everything but tables and objects.
    fn manifest(&mut self, name: String, snapshot: Snapshot) -> Result<Manifest, BackupError> {
        let (character_set, collation) = catalog::charset(&mut self.reader.text)?;
        let sql = format!(
            "CREATE DATABASE {} CHARACTER SET {character_set} COLLATE {collation}",
            quoted(&name)
        );
        let definition = self.write_definition("database", &sql)?;
        Ok(Manifest {
            checksum: String::new(),
            format: FORMAT,
            tool: concat!("steadfast ", env!("CARGO_PKG_VERSION")).to_owned(),
            kind: self.kind,
            taken_at: snapshot.taken_at,
            consistency: snapshot.consistency,
            binlog: snapshot.binlog,
            server: catalog::server(&mut self.reader.text)?,
            database: DatabaseRecord { name, character_set, collation, definition },
            outside_snapshot: Vec::new(),
            definition_only: Vec::new(),
            sequences: Vec::new(),
            tables: Vec::new(),
            objects: Vec::new(),
            papers: Vec::new(),
        })
    }

    fn tables(&mut self, manifest: &mut Manifest) -> Result<(), BackupError> {
        let listed = catalog::tables(&mut self.reader.text)?;
        self.refuse_non_transactional(&listed, manifest)?;
        for listed in &listed {
            match listed.kind {
                ListedKind::Sequence => {
                    manifest.sequences.push(definitions::sequence(self, listed)?);
                }
                ListedKind::Table | ListedKind::VersionedTable => {
                    let with_rows =
                        self.kind == Kind::Full && !manifest.definition_only.contains(&listed.name);
                    manifest.tables.push(table::dump(self, listed, with_rows)?);
                }
                ListedKind::View => {}
            }
        }
        Ok(())
    }

    fn refuse_non_transactional(
        &mut self,
        listed: &[Listed],
        manifest: &mut Manifest,
    ) -> Result<(), BackupError> {
        let transactional = catalog::transactional_engines(&mut self.reader.text)?;
        let among = |engines: &[&str], engine: &str| {
            engines.iter().any(|known| known.eq_ignore_ascii_case(engine))
        };
        let transactional: Vec<&str> = transactional.iter().map(String::as_str).collect();
        let mut refused = Vec::new();
        for table in listed {
            if !matches!(table.kind, ListedKind::Table | ListedKind::VersionedTable) {
                continue;
            }
            if among(&DEFINITION_ONLY, &table.engine) {
                manifest.definition_only.push(table.name.clone());
            } else if !among(&transactional, &table.engine) {
                manifest.outside_snapshot.push(table.name.clone());
                refused.push(format!("{} ({})", table.name, table.engine));
            }
        }
        let allowed = self.options.non_transactional || self.kind == Kind::Schema;
        if refused.is_empty() || allowed {
            Ok(())
        } else {
            Err(BackupError::NonTransactional { tables: refused })
        }
    }

    /// Writes a definition under a name such as `table.T`.
    pub(super) fn write_definition(
        &mut self,
        name: &str,
        sql: &str,
    ) -> Result<super::manifest::FileRecord, BackupError> {
        let file = format!("schema/{}/{name}.sql", self.files);
        self.folder.write(&file, format!("{sql}\n").as_bytes())
    }

    fn report(&self, manifest: &Manifest, dir: &Path, start: Instant) -> BackupReport {
        let outside = manifest.outside_snapshot.iter().map(|name| {
            format!("table {name}: read outside the snapshot, its engine knows no transactions")
        });
        let only = manifest
            .definition_only
            .iter()
            .map(|name| format!("table {name}: definition only, its engine keeps no rows here"));
        let invalid = manifest
            .objects
            .iter()
            .filter(|object| object.kind == ObjectKind::View && object.invalid)
            .map(|view| format!("view {}: invalid in the database", view.name));
        BackupReport {
            path: dir.to_owned(),
            database: manifest.database.name.clone(),
            tables: manifest.tables.len(),
            objects: manifest.objects.len() + manifest.sequences.len(),
            rows: manifest.rows(),
            raw_bytes: manifest.raw_bytes(),
            stored_bytes: manifest.stored_bytes(),
            consistency: manifest.consistency,
            binlog: manifest.binlog.clone(),
            exceptions: outside.chain(only).chain(invalid).collect(),
            alterations_waited: !self.reader.lets_go,
            duration: start.elapsed(),
        }
    }

    fn publish(mut self, manifest: &Manifest) -> Result<(), BackupError> {
        let bytes = manifest.to_bytes()?;
        self.folder.write(SUMS, manifest.sums(&bytes).as_bytes())?;
        self.folder.write(MANIFEST, &bytes)?;
        self.folder.publish()
    }
}
