//! One table: its definition and its rows, seen under one metadata lock.
//!
//! A snapshot pins rows, not definitions. So the table is touched first: from then on no definition of it can change
//! until we let go, and the definition that is read is the one its rows are read with. What was altered between the
//! snapshot and that moment is refused by the storage engine (1412). Letting go is `ROLLBACK TO SAVEPOINT`.

use steadfast_connection::{Error as ConnectionError, Vendor};

use super::BackupError;
use super::catalog::{self, Listed, ListedKind};
use super::chunk::ChunkWriter;
use super::columns::{Column, select_list};
use super::dump::Dump;
use super::manifest::{ChunkRecord, ColumnRecord, Kind, TableRecord};
use super::names::{file_name, quoted};
use super::reader::run;
use super::row_hash::RowHash;
use super::sql_text::{without_auto_increment, without_known_character_set};

pub(super) fn dump(
    dump: &mut Dump<'_>,
    listed: &Listed,
    with_rows: bool,
) -> Result<TableRecord, BackupError> {
    let doing = format!("reading table {:?}", listed.name);
    run(&mut dump.reader.data, &doing, "SAVEPOINT steadfast_table")?;
    let record = dump_held(dump, listed, with_rows, &doing).map_err(|error| changed(error, listed));
    let record = record?;
    run(&mut dump.reader.data, &doing, "ROLLBACK TO SAVEPOINT steadfast_table")?;
    Ok(record)
}

fn dump_held(
    dump: &mut Dump<'_>,
    listed: &Listed,
    with_rows: bool,
    doing: &str,
) -> Result<TableRecord, BackupError> {
    let table = quoted(&listed.name);
    let history = listed.kind == ListedKind::VersionedTable;
    run(&mut dump.reader.data, doing, &format!("SELECT 1 FROM {table} LIMIT 0"))?;
    let mut sql = catalog::table_definition(&mut dump.reader.text, &listed.name)?;
    if dump.kind == Kind::Schema {
        sql = without_auto_increment(&sql);
        if dump.reader.text.vendor() == Vendor::MySql {
            sql = without_known_character_set(&sql);
        }
    }
    let definition = dump.write_definition(&format!("table.{}", file_name(&listed.name)), &sql)?;
    let columns = columns(dump, listed, history)?;
    let chunks = if with_rows { rows(dump, listed, &columns, history)? } else { Vec::new() };
    let mut row_hash = RowHash::default();
    for chunk in &chunks {
        row_hash.add(chunk.row_hash);
    }
    Ok(TableRecord {
        name: listed.name.clone(),
        engine: listed.engine.clone(),
        definition,
        history,
        columns,
        rows: chunks.iter().map(|chunk| chunk.rows).sum(),
        raw_bytes: chunks.iter().map(|chunk| chunk.raw_bytes).sum(),
        row_hash,
        chunks,
    })
}

/// The columns that are dumped: not the generated ones, but the times of a system-versioned table's rows.
fn columns(
    dump: &mut Dump<'_>,
    listed: &Listed,
    history: bool,
) -> Result<Vec<ColumnRecord>, BackupError> {
    let vendor = dump.reader.text.vendor();
    let columns = catalog::columns(&mut dump.reader.text, &listed.name)?;
    let by_transaction = |column: &Column| column.is_row_time() && column.data_type == "bigint";
    if columns.iter().any(by_transaction) {
        return Err(BackupError::Unsupported {
            object: format!("table {:?}", listed.name),
            reason: "a history kept by transaction ids cannot be restored: keep it by TIMESTAMP"
                .to_owned(),
        });
    }
    let named = columns.iter().any(Column::is_row_time);
    let dumped = columns.iter().filter(|column| !column.is_generated() || column.is_row_time());
    let mut records: Vec<ColumnRecord> = dumped.map(|column| column.record(vendor)).collect();
    if history && !named {
        for name in ["row_start", "row_end"] {
            let select = quoted(name);
            records.push(ColumnRecord {
                name: name.to_owned(),
                select,
                load: None,
                error_value: None,
            });
        }
    }
    Ok(records)
}

/// The statement whose rows are the table's, as they are dumped.
pub(super) fn select(table: &str, columns: &[ColumnRecord], history: bool) -> String {
    let history = if history { " FOR SYSTEM_TIME ALL" } else { "" };
    format!("SELECT {} FROM {}{history}", select_list(columns), quoted(table))
}

fn rows(
    dump: &mut Dump<'_>,
    listed: &Listed,
    columns: &[ColumnRecord],
    history: bool,
) -> Result<Vec<ChunkRecord>, BackupError> {
    let doing = || BackupError::server(format!("reading table {:?}", listed.name));
    let Dump { reader, folder, options, files, .. } = dump;
    let files = format!("data/{files}/{}", file_name(&listed.name));
    let sql = select(&listed.name, columns, history);
    let mut answer = reader.data.query(&sql).map_err(doing())?;
    let mut chunks: Vec<ChunkRecord> = Vec::new();
    let mut open: Option<ChunkWriter> = None;
    while let Some(row) = answer.next().map_err(doing())? {
        let mut chunk = match open.take() {
            Some(chunk) => chunk,
            None => ChunkWriter::create(folder, &format!("{files}/{:05}.tsv.zst", chunks.len()))?,
        };
        chunk.push(&row, columns)?;
        if chunk.raw_bytes() >= options.chunk_bytes {
            chunks.push(chunk.finish()?);
        } else {
            open = Some(chunk);
        }
    }
    if let Some(chunk) = open {
        chunks.push(chunk.finish()?);
    }
    Ok(chunks)
}

/// Numbers by which the server tells that a table is no longer what the snapshot knows.
fn changed(error: BackupError, listed: &Listed) -> BackupError {
    const BAD_TABLE: u32 = 1051;
    const BAD_FIELD: u32 = 1054;
    const NO_SUCH_TABLE: u32 = 1146;
    const TABLE_DEF_CHANGED: u32 = 1412;
    const NO_SUCH_TABLE_IN_ENGINE: u32 = 1932;
    let is_change = |source: &ConnectionError| {
        matches!(
            source.errno(),
            Some(
                BAD_TABLE | BAD_FIELD | NO_SUCH_TABLE | TABLE_DEF_CHANGED | NO_SUCH_TABLE_IN_ENGINE
            )
        )
    };
    match error {
        BackupError::Server { source, .. } if is_change(&source) => {
            BackupError::ChangedDuringBackup { table: listed.name.clone(), source }
        }
        other => other,
    }
}
