//! What about a server's settings is not as it should be: told, never fatal.

use std::fmt;

use serde::Serialize;
use steadfast_connection::{Connection, Error};
use steadfast_pool::Pool;

use crate::answer_rows::rows;
use crate::server_info::ServerInfo;

/// A setting that works, and should be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Warning {
    /// What it is about; stable, for alerts.
    pub name: &'static str,
    /// What was found and what to do about it.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}

/// Our own tables; exactly-once and the migration record rest on transactions.
const OUR_TABLES_NOT_INNODB: &str = "SELECT TABLE_NAME, ENGINE FROM information_schema.TABLES \
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' AND ENGINE <> 'InnoDB' \
     AND TABLE_NAME IN ('steadfast_outcome', 'steadfast_migration', 'steadfast_maintenance', \
     '__diesel_schema_migrations') ORDER BY TABLE_NAME";

/// Looks at everything that `open` promises to look at.
pub(crate) fn warnings(
    conn: &mut Connection,
    server: &ServerInfo,
    pool: &PoolNumbers,
) -> Result<Vec<Warning>, Error> {
    let mut found = of_settings(server, pool);
    for row in rows(conn, OUR_TABLES_NOT_INNODB)? {
        let (table, engine) = (row.text(0), row.text(1));
        let message = format!(
            "table {table} has engine {engine}, which has no transactions: \
             ALTER TABLE {table} ENGINE = InnoDB"
        );
        found.push(Warning { name: "engine", message });
    }
    Ok(found)
}

/// The pool's settings that depend on the server's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolNumbers {
    pub(crate) recycle_s: u64,
    pub(crate) most: u64,
}

impl PoolNumbers {
    pub(crate) fn of(pool: &Pool) -> Self {
        Self { recycle_s: pool.recycle().as_secs(), most: pool.limit().into() }
    }
}

fn of_settings(server: &ServerInfo, pool: &PoolNumbers) -> Vec<Warning> {
    let mut found = Vec::new();
    let mut warn = |name, message| found.push(Warning { name, message });
    if !server.character_set.starts_with("utf8mb4") {
        let (database, set) = (&server.database, &server.character_set);
        warn(
            "character_set",
            format!(
                "database {database} is {set}: texts beyond it are refused or bent; use utf8mb4"
            ),
        );
    }
    if !server.is_strict() {
        warn(
            "sql_mode",
            "not strict: values that do not fit are bent silently; set STRICT_TRANS_TABLES"
                .to_owned(),
        );
    }
    let wait = server.wait_timeout_s;
    let recycle = pool.recycle_s;
    if recycle >= wait {
        warn(
            "wait_timeout",
            format!(
                "the server drops idle connections after {wait} s, pool.recycle is {recycle} s: set it below"
            ),
        );
    }
    if pool.most > server.max_connections {
        let (most, max) = (pool.most, server.max_connections);
        warn(
            "max_connections",
            format!("pool.size and pool.overflow make {most}, the server takes {max} in all"),
        );
    }
    if server.innodb_flush_log_at_trx_commit != 1 {
        let value = server.innodb_flush_log_at_trx_commit;
        warn(
            "innodb_flush_log_at_trx_commit",
            format!("is {value}: a power cut may lose commits that were acknowledged; set 1"),
        );
    }
    if server.log_bin && server.sync_binlog != 1 {
        let value = server.sync_binlog;
        warn(
            "sync_binlog",
            format!("is {value}: a power cut may leave binary log and tables different; set 1"),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_that_keeps_connections_longer_than_the_server_is_told() {
        let server = ServerInfo { wait_timeout_s: 600, ..ServerInfo::default() };
        let named = |recycle_s| {
            let found = of_settings(&server, &PoolNumbers { recycle_s, most: 1 });
            found.iter().any(|warning| warning.name == "wait_timeout")
        };
        assert_eq!([599, 600].map(named), [false, true]);
    }
}
