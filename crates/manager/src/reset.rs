//! Empties a database and builds it anew: for tests and development, and guarded accordingly.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;
use steadfast_connection::Connection;

use crate::Error;
use crate::answer_rows::rows;
use crate::config::{DatabaseConfig, Environment};
use crate::migrate::{MigrationLock, MigrationReport, Plan, Runner, run_locked};
use crate::name::Name;

/// Somebody's word that this very database is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirm {
    name: String,
}

impl Confirm {
    /// Repeats the database's name.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// Why a reset was refused; nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResetRefusal {
    /// [`DatabaseConfig::allow_reset`] is off.
    #[error("the configuration does not allow it: DatabaseConfig::allow_reset")]
    NotAllowed,
    /// It is production, as everything is that nobody has named otherwise.
    #[error("the environment is production: DatabaseConfig::environment")]
    Production,
    /// Another name was repeated.
    #[error("the database is {database}, and {repeated} was repeated")]
    OtherName {
        /// What it is called.
        database: String,
        /// What was repeated.
        repeated: String,
    },
    /// Others have tables open, in a statement or a transaction.
    #[error("others work in it, on connections {connections:?}")]
    InUse {
        /// The server's ids of connections that are at work or in a transaction.
        connections: Vec<u64>,
    },
}

/// What a reset dropped and built.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ResetReport {
    /// Events that were dropped.
    pub events: Vec<String>,
    /// Triggers that were dropped.
    pub triggers: Vec<String>,
    /// Views that were dropped.
    pub views: Vec<String>,
    /// Tables that were dropped.
    pub tables: Vec<String>,
    /// Sequences that were dropped (MariaDB).
    pub sequences: Vec<String>,
    /// Functions and procedures that were dropped.
    pub routines: Vec<String>,
    /// What was built.
    pub migrations: MigrationReport,
    /// How long all of it took.
    pub took: Duration,
}

/// How long whoever works in the database may take to let go of it before the reset is refused; others
/// queue behind that wait.
const PATIENCE: u32 = 2;
/// The same once tables are dropped, when there is no way back.
const DROP_PATIENCE: u32 = 30;
/// `ER_LOCK_WAIT_TIMEOUT`.
const LOCK_WAIT_TIMEOUT: u32 = 1205;

impl fmt::Display for ResetReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tables, views, migrations, took, .. } = self;
        write!(f, "reset in {took:.1?}: ")?;
        write!(f, "{} tables and {} views dropped; {migrations}", tables.len(), views.len())
    }
}

/// What can be refused without asking the server.
pub(crate) fn check(
    config: &DatabaseConfig,
    database: &str,
    confirm: &Confirm,
) -> Result<(), ResetRefusal> {
    if !config.allow_reset {
        return Err(ResetRefusal::NotAllowed);
    }
    if config.environment == Environment::Production {
        return Err(ResetRefusal::Production);
    }
    if database == confirm.name() {
        return Ok(());
    }
    let (database, repeated) = (database.to_owned(), confirm.name().to_owned());
    Err(ResetRefusal::OtherName { database, repeated })
}

const TABLES: &str = "SELECT TABLE_NAME FROM information_schema.TABLES \
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')";

/// Others who run a statement in the database or hold a transaction open there. A connection that
/// sleeps outside of a transaction, as in a pool, holds nothing, and a statement that does has run for
/// as long as the locks were waited for.
const AT_WORK: &str = "SELECT p.ID FROM information_schema.PROCESSLIST p \
     LEFT JOIN information_schema.INNODB_TRX t ON t.TRX_MYSQL_THREAD_ID = p.ID \
     WHERE p.DB = DATABASE() AND p.ID <> CONNECTION_ID() \
     AND (t.TRX_ID IS NOT NULL OR p.COMMAND NOT IN ('Sleep', 'Daemon') AND p.TIME >= 2) \
     ORDER BY p.ID";

/// Drops everything in the database, and migrates. The database itself stays, with its grants.
pub(crate) fn reset(
    conn: &mut Connection,
    database: &str,
    runner: Runner,
    plan: &Plan,
) -> Result<ResetReport, Error> {
    let begun = Instant::now();
    runner.prepare(conn)?;
    let lock = MigrationLock::take(conn, database, runner.wait)?;
    let tables = names(conn, TABLES)?;
    if is_in_use(conn, &tables)? {
        let connections = names(conn, AT_WORK)?.iter().filter_map(|id| id.parse().ok()).collect();
        return Err(ResetRefusal::InUse { connections }.into());
    }
    log::warn!(target: "steadfast::manager", database; "reset: everything in the database is dropped");
    let mut report = drop_all(conn)?;
    runner.prepare(conn)?;
    report.migrations = run_locked(conn, &lock, plan, database)?;
    report.took = begun.elapsed();
    log::warn!(target: "steadfast::manager", database, tables = report.tables.len(); "reset done");
    Ok(report)
}

/// Whether somebody has a table open in a statement or a transaction: found out by locking all of them,
/// which takes none away. `INNODB_TRX` would not do, since the server does not refresh it while it is
/// being read more often than every 100 ms, by whomever.
fn is_in_use(conn: &mut Connection, tables: &[String]) -> Result<bool, Error> {
    if tables.is_empty() {
        return Ok(false);
    }
    let locks: Vec<String> = tables.iter().map(|table| format!("{} WRITE", Name(table))).collect();
    run(conn, &format!("SET lock_wait_timeout = {PATIENCE}"))?;
    match run(conn, &format!("LOCK TABLES {}", locks.join(", "))) {
        Ok(()) => run(conn, "UNLOCK TABLES").map(|()| false),
        Err(error) if error.errno() == Some(LOCK_WAIT_TIMEOUT) => Ok(true),
        Err(error) => Err(error),
    }
}

fn names(conn: &mut Connection, list: &str) -> Result<Vec<String>, Error> {
    Ok(rows(conn, list)?.iter().map(|row| row.text(0).to_owned()).collect())
}

/// In an order in which nothing stands in the way of anything.
fn drop_all(conn: &mut Connection) -> Result<ResetReport, Error> {
    run(conn, &format!("SET foreign_key_checks = 0, lock_wait_timeout = {DROP_PATIENCE}"))?;
    let mut report = ResetReport::default();
    for (kind, list, dropped) in [
        (
            "EVENT",
            "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()",
            &mut report.events,
        ),
        (
            "TRIGGER",
            "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS \
             WHERE TRIGGER_SCHEMA = DATABASE()",
            &mut report.triggers,
        ),
        (
            "VIEW",
            "SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()",
            &mut report.views,
        ),
        ("TABLE", TABLES, &mut report.tables),
        (
            "SEQUENCE",
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() \
             AND TABLE_TYPE = 'SEQUENCE'",
            &mut report.sequences,
        ),
    ] {
        for name in names(conn, list)? {
            run(conn, &format!("DROP {kind} IF EXISTS {}", Name(&name)))?;
            dropped.push(name);
        }
    }
    let routines = "SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES \
                    WHERE ROUTINE_SCHEMA = DATABASE()";
    for row in rows(conn, routines)? {
        // The type is the server's own word: FUNCTION, PROCEDURE, or MariaDB's PACKAGE.
        let (kind, name) = (row.text(0), row.text(1));
        run(conn, &format!("DROP {kind} IF EXISTS {}", Name(name)))?;
        report.routines.push(name.to_owned());
    }
    run(conn, "SET foreign_key_checks = 1")?;
    Ok(report)
}

fn run(conn: &mut Connection, sql: &str) -> Result<(), Error> {
    conn.batch(sql).map(drop).map_err(|error| error.into_source_error().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guard_refuses_by_itself() -> Result<(), Error> {
        let config = DatabaseConfig::from_url("mysql://root@h/shop")?;
        let right = Confirm::named("shop");
        assert_eq!(check(&config, "shop", &right), Err(ResetRefusal::NotAllowed));
        let allowed = config.clone().allow_reset(true);
        assert_eq!(check(&allowed, "shop", &right), Err(ResetRefusal::Production));
        assert_eq!(
            check(&config.environment(Environment::Test), "shop", &right),
            Err(ResetRefusal::NotAllowed)
        );
        let test = allowed.environment(Environment::Test);
        for wrong in ["", "Shop", "shop2"] {
            let refused = check(&test, "shop", &Confirm::named(wrong));
            assert!(matches!(refused, Err(ResetRefusal::OtherName { .. })), "{wrong}");
        }
        assert_eq!(check(&test, "shop", &right), Ok(()));
        Ok(())
    }
}
