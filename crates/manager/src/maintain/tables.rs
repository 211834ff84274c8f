//! ANALYZE, OPTIMIZE and CHECK, table by table.

use std::time::Instant;

use steadfast_connection::{Connection, Error as ConnectError};

use crate::Error;
use crate::answer_rows::rows;
use crate::jobs::Jobs;
use crate::maintain::report::{MaintenanceReport, TableNote};
use crate::maintain::task::{TaskRefusal, Verb};
use crate::name::Name;

const TABLES: &str = "SELECT TABLE_NAME FROM information_schema.TABLES \
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY TABLE_NAME";

/// One statement a table, so that each is bounded by itself and one that fails does not hide the rest.
pub(crate) fn run(
    conn: &mut Connection,
    verb: Verb,
    tables: Option<&[String]>,
    jobs: &Jobs,
    report: &mut MaintenanceReport,
) -> Result<(), Error> {
    let there = all(conn)?;
    if let Some(missing) = tables.unwrap_or_default().iter().find(|it| !there.contains(it)) {
        return Err(TaskRefusal::NoTable { table: missing.clone() }.into());
    }
    for table in tables.unwrap_or(&there) {
        if jobs.is_stopping() {
            report.finished = false;
            return Ok(());
        }
        let begun = Instant::now();
        one(conn, verb, table, report)?;
        report.step(1, begun.elapsed());
    }
    Ok(())
}

fn all(conn: &mut Connection) -> Result<Vec<String>, ConnectError> {
    Ok(rows(conn, TABLES)?.iter().map(|row| row.text(0).to_owned()).collect())
}

fn one(
    conn: &mut Connection,
    verb: Verb,
    table: &str,
    report: &mut MaintenanceReport,
) -> Result<(), ConnectError> {
    let table_name = Name(table);
    // The replicas decide for themselves when they are analysed.
    let sql = match verb {
        Verb::Analyze => format!("ANALYZE NO_WRITE_TO_BINLOG TABLE {table_name}"),
        Verb::Optimize => format!("OPTIMIZE NO_WRITE_TO_BINLOG TABLE {table_name}"),
        Verb::Check => format!("CHECK TABLE {table_name}"),
    };
    for row in rows(conn, &sql)? {
        let (kind, message) = (row.text(2).to_lowercase(), row.text(3));
        // InnoDB says in a note that it rebuilds where MyISAM would optimize; the status follows.
        if !(kind == "status" && matches!(message, "OK" | "Table is already up to date")) {
            let (table, message) = (table.to_owned(), message.to_owned());
            report.notes.push(TableNote { table, kind, message });
        }
    }
    Ok(())
}
