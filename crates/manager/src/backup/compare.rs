//! Whether a database holds the rows that a backup holds.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use steadfast_connection::Config;

use super::BackupError;
use super::catalog::{self, ListedKind};
use super::chunk::push_line;
use super::manifest::{Manifest, TableRecord};
use super::reader::Reader;
use super::report::{Comparison, TableDifference};
use super::row_hash::RowHash;
use super::table::select;
use super::verify::verified;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(3600);

/// Reads all rows of the database that `config` names, in one snapshot, and compares them with the backup in `dir`: as
/// many, and the same sum of 128-bit hashes. The order of rows does not matter.
///
/// Tables of which the backup holds the definition alone are not compared.
///
/// # Blocks
/// As long as it takes to read the backup's files and the database. The server may be silent for an hour at most.
///
/// # Errors
/// Those of [`verify`](super::verify) and [`Server`](BackupError::Server). Differences are no error: see
/// [`Comparison::is_equal`].
pub fn compare(config: &Config, dir: &Path) -> Result<Comparison, BackupError> {
    config.database_name().ok_or(BackupError::NoDatabase)?;
    compare_rows(config, &verified(dir)?, ANSWER_TIMEOUT)
}

pub(super) fn compare_rows(
    config: &Config,
    manifest: &Manifest,
    answer_timeout: Duration,
) -> Result<Comparison, BackupError> {
    let mut reader = Reader::open(config, answer_timeout)?;
    reader.snapshot()?;
    let listed = catalog::tables(&mut reader.text)?;
    let is_table = |kind| matches!(kind, ListedKind::Table | ListedKind::VersionedTable);
    let mut found: BTreeSet<String> =
        listed.into_iter().filter(|table| is_table(table.kind)).map(|table| table.name).collect();
    let mut comparison = Comparison::default();
    for table in &manifest.tables {
        found.remove(&table.name);
        if !manifest.definition_only.contains(&table.name) {
            compare_table(&mut reader, table, &mut comparison)?;
        }
    }
    comparison.surplus = found.into_iter().collect();
    Ok(comparison)
}

fn compare_table(
    reader: &mut Reader,
    table: &TableRecord,
    comparison: &mut Comparison,
) -> Result<(), BackupError> {
    // No such table; a column is not there, or of another type.
    const OTHER_DEFINITION: [u32; 4] = [1146, 1054, 1932, 4079];
    match read(reader, table) {
        Ok((rows, hash)) if rows == table.rows && hash == table.row_hash => comparison.equal += 1,
        Ok((found_rows, _)) => comparison.different.push(TableDifference {
            table: table.name.clone(),
            expected_rows: table.rows,
            found_rows,
        }),
        Err(error) if error.errno().is_some_and(|errno| OTHER_DEFINITION.contains(&errno)) => {
            comparison.missing.push(table.name.clone());
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

fn read(reader: &mut Reader, table: &TableRecord) -> Result<(u64, RowHash), BackupError> {
    let doing = || BackupError::server(format!("reading table {:?}", table.name));
    let sql = select(&table.name, &table.columns, table.history);
    let mut answer = reader.data.query(&sql).map_err(doing())?;
    let (mut rows, mut hash, mut line) = (0, RowHash::default(), Vec::new());
    while let Some(row) = answer.next().map_err(doing())? {
        line.clear();
        push_line(&mut line, &row, table.columns.len());
        hash.add_row(&line);
        rows += 1;
    }
    Ok((rows, hash))
}
