//! Whether a backup is as it was written: every file's hash, none missing, none added. No server is asked.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::chunk::HashedSource;
use super::manifest::{FileRecord, MANIFEST, Manifest, SUMS};
use super::names::hex;
use super::report::VerifyReport;
use super::{BackupError, Damage};

use sha2::{Digest, Sha256};

/// Checks the backup in `dir` completely: the manifest against its own checksum, `SHA256SUMS` against the manifest, and
/// every file against both. `sha256sum -c SHA256SUMS` in that folder checks the same, without this library, but for
/// files that do not belong there.
///
/// # Blocks
/// As long as it takes to read all of it.
///
/// # Errors
/// [`Damaged`](BackupError::Damaged) with the first file that is not as it was written;
/// [`NotABackup`](BackupError::NotABackup), [`UnknownFormat`](BackupError::UnknownFormat),
/// [`File`](BackupError::File).
pub fn verify(dir: &Path) -> Result<VerifyReport, BackupError> {
    let manifest = verified(dir)?;
    Ok(VerifyReport {
        path: dir.to_owned(),
        database: manifest.database.name.clone(),
        taken_at: manifest.taken_at.clone(),
        files: manifest.files().count() + 2,
        bytes: manifest.stored_bytes(),
        tables: manifest.tables.len(),
        rows: manifest.rows(),
    })
}

/// The manifest of a backup that is sound.
pub(super) fn verified(dir: &Path) -> Result<Manifest, BackupError> {
    let (manifest, bytes) = Manifest::read(dir)?;
    check_sums(dir, &manifest, &bytes)?;
    check_names(dir, &manifest)?;
    for record in manifest.files() {
        check_size(dir, record)?;
    }
    for record in manifest.files() {
        HashedSource::open(dir, &record.file)?.check(record)?;
    }
    Ok(manifest)
}

fn check_sums(dir: &Path, manifest: &Manifest, bytes: &[u8]) -> Result<(), BackupError> {
    let expected = manifest.sums(bytes);
    let record = FileRecord {
        file: SUMS.to_owned(),
        bytes: expected.len() as u64,
        sha256: hex(&Sha256::digest(&expected)),
    };
    HashedSource::open(dir, SUMS)?.check(&record)
}

/// That nothing is missing and nothing is there that the manifest does not name.
fn check_names(dir: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    let mut known: BTreeSet<PathBuf> =
        manifest.files().map(|record| PathBuf::from(&record.file)).collect();
    known.extend([PathBuf::from(MANIFEST), PathBuf::from(SUMS)]);
    let mut found = BTreeSet::new();
    collect(dir, Path::new(""), &mut found)?;
    if let Some(missing) = known.difference(&found).next() {
        return Err(BackupError::damaged(missing, Damage::Missing));
    }
    match found.difference(&known).next() {
        Some(foreign) => Err(BackupError::damaged(foreign, Damage::Foreign)),
        None => Ok(()),
    }
}

/// All entries below `inside` that are no folders. Links are not followed.
fn collect(dir: &Path, inside: &Path, found: &mut BTreeSet<PathBuf>) -> Result<(), BackupError> {
    let folder = dir.join(inside);
    for entry in fs::read_dir(&folder).map_err(BackupError::file("reading", &folder))? {
        let entry = entry.map_err(BackupError::file("reading", &folder))?;
        let path = inside.join(entry.file_name());
        let kind = entry.file_type().map_err(BackupError::file("reading", &folder))?;
        if kind.is_dir() {
            collect(dir, &path, found)?;
        } else {
            found.insert(path);
        }
    }
    Ok(())
}

fn check_size(dir: &Path, record: &FileRecord) -> Result<(), BackupError> {
    let path = dir.join(&record.file);
    let found = fs::metadata(&path).map_err(BackupError::file("reading", &path))?.len();
    if found == record.bytes {
        return Ok(());
    }
    let damage = Damage::Size { expected: record.bytes, found };
    Err(BackupError::damaged(&record.file, damage))
}
