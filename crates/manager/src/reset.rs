//! Empties a database and builds it anew: for tests and development, and guarded accordingly.

use std::time::{Duration, Instant};

use serde::Serialize;
use steadfast_connection::Connection;
use steadfast_pool::{Clock, SystemClock};

use crate::Error;
use crate::answer_rows::rows;
use crate::config::{DatabaseConfig, Environment};
use crate::migrate::{MigrationLock, MigrationReport, Plan, run_locked};
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
    /// Others work in it at this moment.
    #[error("{} connections work in it: {connections:?}", .connections.len())]
    InUse {
        /// The server's ids of their connections.
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

const LOOKS: u32 = 3;
const BETWEEN_LOOKS: Duration = Duration::from_millis(150);

/// What can be refused without asking the server.
pub(crate) fn check(config: &DatabaseConfig, confirm: &Confirm) -> Result<(), ResetRefusal> {
    if !config.allow_reset {
        return Err(ResetRefusal::NotAllowed);
    }
    if config.environment == Environment::Production {
        return Err(ResetRefusal::Production);
    }
    same_name(config.connection.database_name().unwrap_or_default(), confirm)
}

fn same_name(database: &str, confirm: &Confirm) -> Result<(), ResetRefusal> {
    if database == confirm.name() {
        return Ok(());
    }
    let (database, repeated) = (database.to_owned(), confirm.name().to_owned());
    Err(ResetRefusal::OtherName { database, repeated })
}

/// Others who run a statement in the database or hold a transaction open there. A connection that
/// sleeps outside of a transaction, as in a pool, holds nothing.
const AT_WORK: &str = "SELECT p.ID FROM information_schema.PROCESSLIST p \
     LEFT JOIN information_schema.INNODB_TRX t ON t.TRX_MYSQL_THREAD_ID = p.ID \
     WHERE p.DB = DATABASE() AND p.ID <> CONNECTION_ID() \
     AND (p.COMMAND NOT IN ('Sleep', 'Daemon') OR t.TRX_ID IS NOT NULL) ORDER BY p.ID";

/// Drops everything in the database, and migrates. The database itself stays, with its grants.
pub(crate) fn reset(
    conn: &mut Connection,
    config: &DatabaseConfig,
    plan: &Plan,
) -> Result<ResetReport, Error> {
    let begun = Instant::now();
    let database = config.connection.database_name().unwrap_or_default();
    let runner = config.runner();
    runner.prepare(conn)?;
    let lock = MigrationLock::take(conn, database, runner.wait)?;
    let connections = at_work(conn)?;
    if !connections.is_empty() {
        return Err(ResetRefusal::InUse { connections }.into());
    }
    log::warn!(target: "steadfast::manager", database; "reset: everything in the database is dropped");
    let mut report = drop_all(conn)?;
    report.migrations = run_locked(conn, &lock, plan, database)?;
    report.took = begun.elapsed();
    log::warn!(target: "steadfast::manager", database, tables = report.tables.len(); "reset done");
    Ok(report)
}

/// Those who are at work in every look: a health probe that comes by is no reason to refuse, and what
/// `INNODB_TRX` tells may be 100 ms old.
fn at_work(conn: &mut Connection) -> Result<Vec<u64>, Error> {
    let mut connections = None::<Vec<u64>>;
    for _ in 0..LOOKS {
        let found: Vec<u64> = rows(conn, AT_WORK)?.iter().map(|row| row.number(0)).collect();
        let still = connections.map_or(found.clone(), |before| {
            before.into_iter().filter(|id| found.contains(id)).collect()
        });
        if still.is_empty() {
            return Ok(still);
        }
        connections = Some(still);
        SystemClock.sleep(BETWEEN_LOOKS);
    }
    Ok(connections.unwrap_or_default())
}

/// In an order in which nothing stands in the way of anything.
fn drop_all(conn: &mut Connection) -> Result<ResetReport, Error> {
    run(conn, "SET foreign_key_checks = 0")?;
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
        (
            "TABLE",
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() \
             AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')",
            &mut report.tables,
        ),
        (
            "SEQUENCE",
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() \
             AND TABLE_TYPE = 'SEQUENCE'",
            &mut report.sequences,
        ),
    ] {
        for name in rows(conn, list)?.iter().map(|row| row.text(0)) {
            run(conn, &format!("DROP {kind} IF EXISTS {}", Name(name)))?;
            dropped.push(name.to_owned());
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
        assert_eq!(check(&config, &right), Err(ResetRefusal::NotAllowed));
        let allowed = config.clone().allow_reset(true);
        assert_eq!(check(&allowed, &right), Err(ResetRefusal::Production));
        assert_eq!(
            check(&config.environment(Environment::Test), &right),
            Err(ResetRefusal::NotAllowed)
        );
        let test = allowed.environment(Environment::Test);
        for wrong in ["", "Shop", "shop2"] {
            let refused = check(&test, &Confirm::named(wrong));
            assert!(matches!(refused, Err(ResetRefusal::OtherName { .. })), "{wrong}");
        }
        assert_eq!(check(&test, &right), Ok(()));
        Ok(())
    }
}
