//! Runs one migration.

use std::time::{Duration, Instant};

use diesel::migration::Migration;
use diesel::mysql::Mysql;
use steadfast_connection::{Connection, ServerError};

use crate::Error;
use crate::migrate::journal;
use crate::migrate::plan::{Known, Step, Work};
use crate::migrate::report::{AppliedMigration, MigrationFailure};
use crate::migrate::tail::without_tail;
use crate::name::Name;

/// Runs one migration and records it: running, then done or failed.
///
/// If the connection is lost on the way, the record stays at `running`: nobody here knows whether the
/// statement under way was still carried out.
pub(crate) fn apply(
    conn: &mut Connection,
    step: &Step,
    database: &str,
) -> Result<AppliedMigration, Error> {
    let Known { version, name, .. } = &step.known;
    log::info!(target: "steadfast::manager::migrate", version = version.as_str(), name = name.as_str(); "migration begins");
    let begun = Instant::now();
    journal::begin(conn, &step.known)?;
    if step.in_transaction {
        journal::control(conn, "START TRANSACTION")?;
    }
    let outcome = match &step.work {
        Work::Sql(texts) => run_texts(conn, texts).map(Some).map_err(|(statement, error)| {
            let failure = step.known.failed_with(Some(&error), error.message());
            MigrationFailure { statement: Some(statement), ..failure }
        }),
        Work::Rust(migration) => run_code(conn, &**migration, &step.known).map(|()| None),
    };
    match outcome {
        Ok(statements) => {
            back_home(conn, database)?;
            let took = begun.elapsed();
            journal::done(conn, version, took)?;
            as_new(conn)?;
            log::info!(target: "steadfast::manager::migrate", version = version.as_str(), statements, took_us = journal::microseconds(took); "migration done");
            Ok(AppliedMigration { version: version.clone(), name: name.clone(), statements, took })
        }
        Err(failure) => {
            log::error!(target: "steadfast::manager::migrate", version = version.as_str(), statement = failure.statement, errno = failure.errno; "migration failed");
            if let Err(error) = record_failure(conn, &failure, database, begun.elapsed()) {
                log::error!(target: "steadfast::manager::migrate", version = version.as_str(), error:% = error; "the failure could not be recorded");
            }
            Err(Error::MigrationFailed(Box::new(failure)))
        }
    }
}

fn record_failure(
    conn: &mut Connection,
    failure: &MigrationFailure,
    database: &str,
    took: Duration,
) -> Result<(), Error> {
    if conn.in_transaction() {
        journal::control(conn, "ROLLBACK")?;
    }
    back_home(conn, database)?;
    journal::failed(conn, failure, took)
}

/// The number of statements, or which one failed (the first is 1) and why.
fn run_texts(conn: &mut Connection, texts: &[String]) -> Result<usize, (u32, ServerError)> {
    let mut done = 0;
    for text in texts.iter().map(|text| without_tail(text)).filter(|text| !text.is_empty()) {
        match conn.batch(text) {
            Ok(outcomes) => done += outcomes.len(),
            Err(error) => {
                let statement = u32::try_from(done + error.index() + 1).unwrap_or(u32::MAX);
                return Err((statement, error.into_source_error()));
            }
        }
    }
    Ok(done)
}

fn run_code(
    conn: &mut Connection,
    migration: &dyn Migration<Mysql>,
    known: &Known,
) -> Result<(), MigrationFailure> {
    migration.run(conn).map_err(|error| {
        let server = error.downcast_ref().and_then(ServerError::find);
        known.failed_with(server.as_ref(), &error.to_string())
    })
}

impl Known {
    fn failed_with(&self, error: Option<&ServerError>, message: &str) -> MigrationFailure {
        MigrationFailure {
            version: self.version.clone(),
            name: self.name.clone(),
            statement: None,
            errno: error.map(ServerError::errno),
            sqlstate: error.map(|error| error.sqlstate().to_owned()),
            message: message.to_owned(),
        }
    }
}

/// Back to the database a migration may have left with USE, before anything is recorded.
fn back_home(conn: &mut Connection, database: &str) -> Result<(), Error> {
    journal::control(conn, &format!("USE {}", Name(database)))
}

/// Keeps the session's settings for [`as_new`].
pub(super) fn keep_settings(conn: &mut Connection) -> Result<(), Error> {
    let keep = "SET @steadfast_mode = @@sql_mode, @steadfast_zone = @@time_zone";
    journal::control(conn, keep)
}

/// What a migration set for itself must not reach the next. A reset of the connection would do more,
/// and let go of the lock.
fn as_new(conn: &mut Connection) -> Result<(), Error> {
    journal::control(
        conn,
        "SET autocommit = 1, foreign_key_checks = 1, unique_checks = 1, sql_mode = @steadfast_mode, \
         time_zone = @steadfast_zone",
    )
}
