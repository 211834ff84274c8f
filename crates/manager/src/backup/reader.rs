//! The connections a backup reads through: one holds the snapshot and gives the data, the other reads definitions.
//!
//! They are opened outside any pool, so that a long backup neither takes a place there nor is bound by its limits. The
//! data comes in each column's own bytes (`character_set_results=NULL`), definitions come in utf8mb4; hence two.

use std::time::Duration;

use steadfast_connection::{Config, Connection, Vendor};

use super::BackupError;
use super::report::{Binlog, Consistency};

/// How long a statement waits for a table that somebody alters; the server's own default is a day.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(60);

/// How long the server waits for us while we write to a slow disk.
const SERVER_WAITS: u32 = 1800;

pub(super) struct Reader {
    pub(super) data: Connection,
    pub(super) text: Connection,
    /// Whether `ROLLBACK TO SAVEPOINT` lets go of a table: on MariaDB only outside the binary log.
    pub(super) lets_go: bool,
}

/// The moment a backup shows.
pub(super) struct Snapshot {
    pub(super) taken_at: String,
    pub(super) consistency: Consistency,
    pub(super) binlog: Option<Binlog>,
}

impl Reader {
    /// Connects to the configuration's database.
    pub(super) fn open(config: &Config, answer_timeout: Duration) -> Result<Self, BackupError> {
        let config = config.clone().read_timeout(answer_timeout);
        let open = || Connection::open(&config).map_err(BackupError::server("connecting"));
        let (mut data, mut text) = (open()?, open()?);
        set_up(&mut data, "character_set_results=NULL")?;
        set_up(&mut text, "character_set_results=utf8mb4")?;
        let lets_go = data.vendor() == Vendor::MySql || data.batch("SET sql_log_bin=0").is_ok();
        Ok(Self { data, text, lets_go })
    }

    /// Opens the snapshot. It ends with the connection.
    pub(super) fn snapshot(&mut self) -> Result<Snapshot, BackupError> {
        self.data
            .begin(
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
            )
            .map_err(BackupError::server("opening a snapshot"))?;
        let binlog = self.binlog()?;
        let consistency = match binlog {
            Some(_) => Consistency::SnapshotPosition,
            None => Consistency::Snapshot,
        };
        let now = "SELECT DATE_FORMAT(UTC_TIMESTAMP(), '%Y-%m-%dT%H:%i:%sZ')";
        let taken_at = one(&mut self.text, "asking for the time", now)?;
        Ok(Snapshot { taken_at, consistency, binlog })
    }

    /// MariaDB's snapshots carry their own place in the binary log.
    fn binlog(&mut self) -> Result<Option<Binlog>, BackupError> {
        let doing = "asking for the snapshot's place in the binary log";
        let status = rows(&mut self.data, doing, "SHOW SESSION STATUS LIKE 'binlog_snapshot_%'")?;
        let value = |name: &str| {
            let mut found = status.iter().filter(|row| row.text(0).eq_ignore_ascii_case(name));
            found.next().map(|row| row.text(1)).filter(|value| !value.is_empty())
        };
        let (Some(file), Some(position)) = (
            value("binlog_snapshot_file"),
            value("binlog_snapshot_position").and_then(|position| position.parse().ok()),
        ) else {
            return Ok(None);
        };
        let gtid = format!("SELECT BINLOG_GTID_POS({}, {position})", super::names::literal(&file));
        let gtid = rows(&mut self.text, doing, &gtid)?;
        let gtid = gtid.first().map(|row| row.text(0)).filter(|gtid| !gtid.is_empty());
        Ok(Some(Binlog { file, position, gtid }))
    }
}

/// The session of every connection that reads; also that of a comparison.
fn set_up(conn: &mut Connection, results: &str) -> Result<(), BackupError> {
    let limits = match conn.vendor() {
        Vendor::MariaDb => {
            "max_statement_time=0, idle_transaction_timeout=0, idle_readonly_transaction_timeout=0"
        }
        Vendor::MySql => "max_execution_time=0, information_schema_stats_expiry=0",
    };
    let lock_wait = LOCK_WAIT.as_secs();
    // Without ANSI_QUOTES, NO_BACKSLASH_ESCAPES and PAD_CHAR_TO_FULL_LENGTH.
    let sql = format!(
        "SET sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone='+00:00', {results}, {limits}, \
         net_write_timeout={SERVER_WAITS}, net_read_timeout={SERVER_WAITS}, lock_wait_timeout={lock_wait}, \
         sql_select_limit=DEFAULT, sql_quote_show_create=1"
    );
    run(conn, "setting the session up", &sql)
}

/// One row of a small answer.
#[derive(Clone, Debug)]
pub(super) struct TextRow(Vec<Option<String>>);

impl TextRow {
    /// A column; empty if it is NULL or not there.
    pub(super) fn text(&self, column: usize) -> String {
        self.optional(column).unwrap_or_default()
    }

    pub(super) fn optional(&self, column: usize) -> Option<String> {
        self.0.get(column).cloned().flatten()
    }
}

/// Runs a statement, or several, whose rows are of no interest.
pub(super) fn run(conn: &mut Connection, doing: &str, sql: &str) -> Result<(), BackupError> {
    conn.batch(sql)
        .map(drop)
        .map_err(|failure| BackupError::server(doing)(failure.into_source_error()))
}

/// All rows of a small answer.
pub(super) fn rows(
    conn: &mut Connection,
    doing: &str,
    sql: &str,
) -> Result<Vec<TextRow>, BackupError> {
    let mut answer = conn.query(sql).map_err(BackupError::server(doing))?;
    let mut found = Vec::new();
    while let Some(row) = answer.next().map_err(BackupError::server(doing))? {
        let columns = (0..row.len()).map(|column| match row.get(column) {
            None => Ok(None),
            Some(bytes) => String::from_utf8(bytes.to_owned()).map(Some).map_err(|error| {
                let reason = format!("the server's answer is not UTF-8: {error}");
                BackupError::Unsupported { object: doing.to_owned(), reason }
            }),
        });
        found.push(TextRow(columns.collect::<Result<_, _>>()?));
    }
    Ok(found)
}

/// The only value of a small answer; empty if there is none.
pub(super) fn one(conn: &mut Connection, doing: &str, sql: &str) -> Result<String, BackupError> {
    Ok(rows(conn, doing, sql)?.first().map(|row| row.text(0)).unwrap_or_default())
}
