//! The folder a backup is written into: `NAME.partial`, locked, until `NAME` appears in one step.
//!
//! A process that dies leaves `NAME.partial` behind and its lock is gone with it. The next backup of that name then
//! empties the folder and uses it: an unfinished backup cannot be resumed, its snapshot is gone, so nothing is lost.
//! A folder that is locked, or that holds anything a backup does not write, is never touched.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use steadfast_connection::Invalid;

use super::BackupError;
use super::manifest::{FileRecord, MANIFEST, SUMS};
use super::names::hex;

/// All that stands at the top of a backup.
const ENTRIES: [&str; 5] = ["data", "schema", "schema.sql", MANIFEST, SUMS];

/// A backup being written. Dropped before [`publish`](Self::publish), it is removed.
#[derive(Debug)]
pub(super) struct Folder {
    target: PathBuf,
    partial: PathBuf,
    /// The folder itself, opened and locked with `flock`.
    lock: File,
    /// What must be synced before the name appears.
    folders: BTreeSet<PathBuf>,
    published: bool,
}

impl Folder {
    /// Takes the name `target`, whose parent must exist.
    pub(super) fn claim(target: &Path) -> Result<Self, BackupError> {
        refuse_taken(target)?;
        let partial = partial_of(target)?;
        let in_progress = || BackupError::InProgress { path: partial.clone() };
        match fs::create_dir(&partial) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(BackupError::file("creating", &partial)(error));
            }
            _ => {}
        }
        let lock = File::open(&partial).map_err(BackupError::file("opening", &partial))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_progress()),
            Err(TryLockError::Error(error)) => {
                return Err(BackupError::file("locking", &partial)(error));
            }
        }
        // Whoever held the lock may have published or removed the folder between our open and our lock.
        if !is_still(&lock, &partial) {
            return Err(in_progress());
        }
        refuse_taken(target)?;
        empty(&partial)?;
        let folders = BTreeSet::from([partial.clone()]);
        Ok(Self { target: target.to_owned(), partial, lock, folders, published: false })
    }

    /// Creates a file, whose path is relative to the folder.
    pub(super) fn create(&mut self, file: &str) -> Result<HashedFile, BackupError> {
        let path = self.partial.join(file);
        if let Some(parent) = path.parent()
            && !self.folders.contains(parent)
        {
            fs::create_dir_all(parent).map_err(BackupError::file("creating", parent))?;
            let inside = parent.ancestors().take_while(|folder| *folder != self.partial);
            self.folders.extend(inside.map(Path::to_owned));
        }
        let created = File::create_new(&path).map_err(BackupError::file("creating", &path))?;
        Ok(HashedFile { file: created, path, name: file.to_owned(), bytes: 0, hash: Sha256::new() })
    }

    /// Writes a whole file and syncs it.
    pub(super) fn write(&mut self, file: &str, content: &[u8]) -> Result<FileRecord, BackupError> {
        let mut created = self.create(file)?;
        created.write_all(content).map_err(BackupError::file("writing", &created.path))?;
        created.finish()
    }

    /// Reads a definition that was written before.
    pub(super) fn read(&self, record: &FileRecord) -> Result<String, BackupError> {
        let path = self.partial.join(&record.file);
        fs::read_to_string(&path).map_err(BackupError::file("reading", path))
    }

    /// Syncs all folders and gives the backup its name.
    ///
    /// `rename` replaces nothing but an empty folder, and that only if somebody made one since `claim`.
    pub(super) fn publish(mut self) -> Result<(), BackupError> {
        for folder in self.folders.iter().rev() {
            sync(folder)?;
        }
        refuse_taken(&self.target)?;
        fs::rename(&self.partial, &self.target).map_err(|error| match error.kind() {
            ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists => {
                BackupError::NameTaken { path: self.target.clone() }
            }
            _ => BackupError::file("renaming", &self.partial)(error),
        })?;
        self.published = true;
        sync(parent_of(&self.target))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Still locked: `lock` is closed after this.
        if !self.published
            && let Err(error) = fs::remove_dir_all(&self.partial)
        {
            let path = self.partial.display();
            log::warn!(
                target: "steadfast::backup", path:%, error:%, lock:? = self.lock;
                "an unfinished backup stays"
            );
        }
    }
}

/// A file that knows its own hash.
#[derive(Debug)]
pub(super) struct HashedFile {
    file: File,
    path: PathBuf,
    name: String,
    bytes: u64,
    hash: Sha256,
}

impl HashedFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Syncs and closes it.
    pub(super) fn finish(self) -> Result<FileRecord, BackupError> {
        self.file.sync_all().map_err(BackupError::file("syncing", &self.path))?;
        let sha256 = hex(&self.hash.finalize());
        Ok(FileRecord { file: self.name, bytes: self.bytes, sha256 })
    }
}

impl Write for HashedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn refuse_taken(target: &Path) -> Result<(), BackupError> {
    // Not `exists`, which follows a link and calls a dangling one free.
    match target.symlink_metadata() {
        Ok(_) => Err(BackupError::NameTaken { path: target.to_owned() }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(BackupError::file("looking at", target)(error)),
    }
}

fn partial_of(target: &Path) -> Result<PathBuf, BackupError> {
    let Some(name) = target.file_name() else {
        let invalid = Invalid::new("dir", target, "a path that ends with the backup's name");
        return Err(BackupError::Config(vec![invalid]));
    };
    let mut name = name.to_owned();
    name.push(".partial");
    Ok(target.with_file_name(name))
}

fn parent_of(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn is_still(opened: &File, path: &Path) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (opened.metadata(), path.symlink_metadata()) {
        (Ok(opened), Ok(there)) => identity(opened) == identity(there),
        _ => false,
    }
}

/// Removes what a backup before has left; refuses, before anything is removed, if there is anything else.
fn empty(partial: &Path) -> Result<(), BackupError> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(partial).map_err(BackupError::file("reading", partial))? {
        let entry = entry.map_err(BackupError::file("reading", partial))?;
        let name = entry.file_name();
        if !ENTRIES.iter().any(|known| name == *known) {
            let entry = name.to_string_lossy().into_owned();
            return Err(BackupError::StrangePartial { path: partial.to_owned(), entry });
        }
        entries.push(entry.path());
    }
    for path in entries {
        let is_folder = path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
        let removed = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(BackupError::file("removing", &path))?;
    }
    Ok(())
}

fn sync(folder: &Path) -> Result<(), BackupError> {
    File::open(folder)
        .and_then(|opened| opened.sync_all())
        .map_err(BackupError::file("syncing", folder))
}
