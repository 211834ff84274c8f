//! Loading a chunk: all of it, or none.
//!
//! `LOAD DATA LOCAL` turns errors into warnings, as if IGNORE stood there: of a damaged file with 50,000 rows it took
//! 43,473 and said nothing. So the rows it took and its warnings are compared before the commit.

use std::path::Path;

use steadfast_connection::{Connection, Error as ConnectionError};

use super::chunk::ChunkReader;
use super::columns::load_list;
use super::manifest::{ChunkRecord, TableRecord};
use super::names::{literal, quoted};
use super::reader::rows;
use super::{BackupError, Damage};

/// How the server warns of an ENUM's error value.
const TRUNCATED: &str = "1265";

pub(super) fn load_chunk(
    conn: &mut Connection,
    dir: &Path,
    table: &TableRecord,
    chunk: &ChunkRecord,
) -> Result<(), BackupError> {
    let doing = || BackupError::server(format!("loading {}", chunk.file.file));
    conn.begin("BEGIN").map_err(doing())?;
    if let Err(error) = load(conn, dir, table, chunk) {
        if let Err(failure) = conn.rollback() {
            log::debug!(target: "steadfast::backup", error:% = failure; "rollback of a chunk");
        }
        return Err(error);
    }
    conn.commit("").map_err(doing())
}

fn load(
    conn: &mut Connection,
    dir: &Path,
    table: &TableRecord,
    chunk: &ChunkRecord,
) -> Result<(), BackupError> {
    let file = &chunk.file.file;
    let mut reader = ChunkReader::open(dir, &chunk.file)?;
    let sql = statement(table, file);
    let outcome = conn.load_data(&sql, &mut reader).map_err(|error| match error {
        ConnectionError::Source(reason) => BackupError::damaged(file, Damage::Content(reason)),
        other => BackupError::server(format!("loading {file}"))(other),
    })?;
    let warnings = match outcome.warnings {
        0 => Vec::new(),
        _ => rows(conn, "asking for warnings", "SHOW WARNINGS")?,
    };
    // The number is 16 bits wide; beyond that, the comparison at the end finds what is wrong.
    let expected = u64::from(outcome.warnings) <= chunk.error_values
        && warnings.iter().all(|warning| warning.text(1) == TRUNCATED);
    if outcome.affected_rows != chunk.rows || !expected {
        return Err(BackupError::ChunkRefused {
            file: file.into(),
            table: table.name.clone(),
            expected: chunk.rows,
            loaded: outcome.affected_rows,
            warnings: warnings.iter().map(|row| row.text(2)).collect(),
        });
    }
    reader.finish(&chunk.file)
}

/// The dialect is the default one; it is written out because it is the format of the files.
fn statement(table: &TableRecord, file: &str) -> String {
    format!(
        "LOAD DATA LOCAL INFILE {} INTO TABLE {} CHARACTER SET binary FIELDS TERMINATED BY '\\t' ENCLOSED BY '' \
         ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' {}",
        literal(file),
        quoted(&table.name),
        load_list(&table.columns)
    )
}
