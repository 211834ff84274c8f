//! A chunk: rows as TSV, compressed with zstd, in one file.
//!
//! Level 1: on 641 MB, level 3 gave a larger file for three times the work (docs/measurements.md).

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use steadfast_connection::RawRow;
use zstd::{Decoder, Encoder};

use super::folder::{Folder, HashedFile};
use super::manifest::{ChunkRecord, ColumnRecord, FileRecord};
use super::names::hex;
use super::row_hash::RowHash;
use super::{BackupError, Damage, tsv};

const LEVEL: i32 = 1;
/// Raw bytes gathered before the compressor gets them.
const GATHERED: usize = 256 * 1024;

/// A chunk being written; in memory are at most 256 KiB of it, and one row.
pub(super) struct ChunkWriter {
    encoder: Encoder<'static, HashedFile>,
    path: PathBuf,
    lines: Vec<u8>,
    rows: u64,
    raw_bytes: u64,
    row_hash: RowHash,
    error_values: u64,
}

impl ChunkWriter {
    pub(super) fn create(folder: &mut Folder, file: &str) -> Result<Self, BackupError> {
        let file = folder.create(file)?;
        let path = file.path().to_owned();
        let encoder = Encoder::new(file, LEVEL).map_err(BackupError::file("compressing", &path))?;
        let lines = Vec::with_capacity(GATHERED + GATHERED / 4);
        let row_hash = RowHash::default();
        Ok(Self { encoder, path, lines, rows: 0, raw_bytes: 0, row_hash, error_values: 0 })
    }

    /// Adds a row.
    pub(super) fn push(
        &mut self,
        row: &RawRow<'_>,
        columns: &[ColumnRecord],
    ) -> Result<(), BackupError> {
        let start = self.lines.len();
        push_line(&mut self.lines, row, columns.len());
        for (at, column) in columns.iter().enumerate() {
            if column.error_value.is_some() && column.error_value.as_deref() == row.get(at) {
                self.error_values += 1;
            }
        }
        self.row_hash.add_row(self.lines.get(start..).unwrap_or_default());
        self.lines.push(b'\n');
        self.raw_bytes += (self.lines.len() - start) as u64;
        self.rows += 1;
        if self.lines.len() >= GATHERED { self.compress() } else { Ok(()) }
    }

    pub(super) fn raw_bytes(&self) -> u64 {
        self.raw_bytes
    }

    fn compress(&mut self) -> Result<(), BackupError> {
        self.encoder.write_all(&self.lines).map_err(BackupError::file("writing", &self.path))?;
        self.lines.clear();
        Ok(())
    }

    /// Ends the file and syncs it.
    pub(super) fn finish(mut self) -> Result<ChunkRecord, BackupError> {
        self.compress()?;
        let file = self.encoder.finish().map_err(BackupError::file("writing", &self.path))?;
        let Self { rows, raw_bytes, row_hash, error_values, .. } = self;
        Ok(ChunkRecord { file: file.finish()?, rows, raw_bytes, row_hash, error_values })
    }
}

/// Appends a row of `columns` columns as a line, without the line break.
pub(super) fn push_line(line: &mut Vec<u8>, row: &RawRow<'_>, columns: usize) {
    // A table of generated columns alone is selected as the number 1.
    for column in 0..columns.max(1) {
        if column > 0 {
            line.push(b'\t');
        }
        tsv::push_field(line, row.get(column));
    }
}

/// A chunk being read: gives the raw lines, and knows afterwards whether the file was as it should be.
pub(super) struct ChunkReader {
    decoder: Decoder<'static, io::BufReader<HashedSource>>,
}

impl ChunkReader {
    pub(super) fn open(dir: &Path, record: &FileRecord) -> Result<Self, BackupError> {
        let source = HashedSource::open(dir, &record.file)?;
        let decoder = Decoder::new(source).map_err(|error| {
            BackupError::damaged(&record.file, Damage::Content(error.to_string()))
        })?;
        Ok(Self { decoder })
    }

    /// To be called after the last line: reads what is left and compares with the manifest.
    pub(super) fn finish(self, record: &FileRecord) -> Result<(), BackupError> {
        self.decoder.finish().into_inner().check(record)
    }
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.decoder.read(buffer)
    }
}

/// A file whose hash is made while it is read.
pub(super) struct HashedSource {
    file: File,
    path: PathBuf,
    bytes: u64,
    hash: Sha256,
}

impl HashedSource {
    pub(super) fn open(dir: &Path, file: &str) -> Result<Self, BackupError> {
        let path = dir.join(file);
        match File::open(&path) {
            Ok(opened) => Ok(Self { file: opened, path, bytes: 0, hash: Sha256::new() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(BackupError::damaged(file, Damage::Missing))
            }
            Err(error) => Err(BackupError::file("reading", path)(error)),
        }
    }

    /// Reads what is left, and compares the whole with the manifest.
    pub(super) fn check(mut self, record: &FileRecord) -> Result<(), BackupError> {
        let mut buffer = vec![0; 128 * 1024];
        while self.read(&mut buffer).map_err(BackupError::file("reading", &self.path))? > 0 {}
        if self.bytes != record.bytes {
            let damage = Damage::Size { expected: record.bytes, found: self.bytes };
            return Err(BackupError::damaged(&record.file, damage));
        }
        let found = hex(&self.hash.finalize());
        if found != record.sha256 {
            let damage = Damage::Hash { expected: record.sha256.clone(), found };
            return Err(BackupError::damaged(&record.file, damage));
        }
        Ok(())
    }
}

impl Read for HashedSource {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.hash.update(buffer.get(..length).unwrap_or_default());
        self.bytes += length as u64;
        Ok(length)
    }
}
