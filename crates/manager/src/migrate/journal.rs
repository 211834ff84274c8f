//! The two tables in which migrations are recorded, and every statement on them.

use std::collections::BTreeMap;
use std::time::Duration;

use diesel::migration::MigrationConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Unsigned};
use steadfast_connection::{Connection, ServerError};

use crate::Error;
use crate::migrate::plan::{Known, Plan};
use crate::migrate::report::MigrationFailure;
use crate::origin::machine;

/// What the tables say.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// Versions in diesel's table.
    pub(crate) applied: Vec<String>,
    /// Our record of each version.
    pub(crate) records: BTreeMap<String, Record>,
}

/// One row of `steadfast_migration`.
#[derive(Clone, Debug, QueryableByName)]
pub(crate) struct Record {
    #[diesel(sql_type = Text)]
    pub(crate) version: String,
    #[diesel(sql_type = Text)]
    pub(crate) name: String,
    #[diesel(sql_type = Text)]
    pub(crate) state: String,
    #[diesel(sql_type = Text)]
    pub(crate) checksum: String,
    #[diesel(sql_type = Nullable<Unsigned<BigInt>>)]
    pub(crate) statement: Option<u64>,
    #[diesel(sql_type = Nullable<Unsigned<BigInt>>)]
    pub(crate) errno: Option<u64>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(crate) sqlstate: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(crate) error: Option<String>,
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

const DONE: &str = "done";

impl Record {
    pub(crate) fn is_done(&self) -> bool {
        self.state == DONE
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.state == "failed"
    }

    pub(crate) fn statement(&self) -> Option<u32> {
        self.statement.and_then(|number| u32::try_from(number).ok())
    }

    pub(crate) fn errno(&self) -> Option<u32> {
        self.errno.and_then(|number| u32::try_from(number).ok())
    }
}

/// `ER_NO_SUCH_TABLE`.
const NO_SUCH_TABLE: u32 = 1146;

impl Journal {
    /// Reads both tables. One that is not there is empty: nothing is written, so that an account that
    /// may only read can ask.
    pub(crate) fn read(conn: &mut Connection) -> Result<Self, Error> {
        let applied: Vec<Version> = missing_is_empty(
            diesel::sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version")
                .load(conn),
        )?;
        let records: Vec<Record> = missing_is_empty(
            diesel::sql_query(
                "SELECT version, name, CAST(state AS CHAR) AS state, checksum, \
                 CAST(statement AS UNSIGNED) AS statement, CAST(errno AS UNSIGNED) AS errno, \
                 `sqlstate` AS `sqlstate`, error FROM steadfast_migration ORDER BY version",
            )
            .load(conn),
        )?;
        Ok(Self {
            applied: applied.into_iter().map(|row| row.version).collect(),
            records: records.into_iter().map(|record| (record.version.clone(), record)).collect(),
        })
    }

    pub(crate) fn is_applied(&self, version: &str) -> bool {
        self.applied.iter().any(|applied| applied == version)
    }
}

fn missing_is_empty<T>(rows: QueryResult<Vec<T>>) -> Result<Vec<T>, Error> {
    match rows {
        Err(error) if ServerError::find(&error).is_some_and(|it| it.errno() == NO_SUCH_TABLE) => {
            Ok(Vec::new())
        }
        rows => Ok(rows?),
    }
}

/// Makes both tables. They must be there before the first migration, the one that makes ours included;
/// both texts say IF NOT EXISTS.
pub(crate) fn make(conn: &mut Connection, plan: &Plan) -> Result<(), Error> {
    conn.setup()?;
    if let Some(text) = plan.journal_text() {
        conn.batch(text).map_err(|error| Error::from(error.into_source_error()))?;
    }
    Ok(())
}

/// Records that a migration begins; by itself, so that it is known whatever happens then.
pub(crate) fn begin(conn: &mut Connection, known: &Known) -> Result<(), Error> {
    // A row that says `done` may be left from before diesel's command line reverted it.
    diesel::sql_query(
        "REPLACE INTO steadfast_migration (version, name, state, checksum, by_user, by_host) \
         VALUES (?, ?, 'running', ?, CURRENT_USER(), ?)",
    )
    .bind::<Text, _>(&known.version)
    .bind::<Text, _>(&known.name)
    .bind::<Text, _>(&known.checksum)
    .bind::<Text, _>(machine())
    .execute(conn)?;
    Ok(())
}

/// Records that a migration is done, in both tables or in none. Goes on with the transaction that is
/// open, so that a migration of rows alone is recorded in the transaction that changed them.
pub(crate) fn done(conn: &mut Connection, version: &str, took: Duration) -> Result<(), Error> {
    if !conn.in_transaction() {
        control(conn, "START TRANSACTION")?;
    }
    diesel::sql_query(
        "UPDATE steadfast_migration SET state = 'done', took_us = ?, statement = NULL, \
         errno = NULL, `sqlstate` = NULL, error = NULL WHERE version = ?",
    )
    .bind::<Unsigned<BigInt>, _>(microseconds(took))
    .bind::<Text, _>(version)
    .execute(conn)?;
    diesel::sql_query("INSERT INTO __diesel_schema_migrations (version) VALUES (?)")
        .bind::<Text, _>(version)
        .execute(conn)?;
    control(conn, "COMMIT")
}

/// Records that a migration failed.
pub(crate) fn failed(
    conn: &mut Connection,
    failure: &MigrationFailure,
    took: Duration,
) -> Result<(), Error> {
    let error: String = failure.message.chars().take(1000).collect();
    diesel::sql_query(
        "UPDATE steadfast_migration SET state = 'failed', took_us = ?, statement = ?, errno = ?, \
         `sqlstate` = ?, error = ? WHERE version = ?",
    )
    .bind::<Unsigned<BigInt>, _>(microseconds(took))
    .bind::<Nullable<Unsigned<BigInt>>, _>(failure.statement.map(u64::from))
    .bind::<Nullable<Unsigned<BigInt>>, _>(failure.errno.map(u64::from))
    .bind::<Nullable<Text>, _>(failure.sqlstate.as_deref())
    .bind::<Text, _>(error)
    .bind::<Text, _>(&failure.version)
    .execute(conn)?;
    Ok(())
}

/// Forgets the record of a migration, which makes it pending.
pub(crate) fn forget(conn: &mut Connection, version: &str) -> Result<(), Error> {
    diesel::sql_query("DELETE FROM steadfast_migration WHERE version = ?")
        .bind::<Text, _>(version)
        .execute(conn)?;
    Ok(())
}

/// One fixed statement, as text. Not [`Connection::begin`]: the DDL of a migration ends a transaction,
/// and the connection would then refuse the rest.
pub(crate) fn control(conn: &mut Connection, sql: &str) -> Result<(), Error> {
    conn.batch(sql).map(drop).map_err(|error| error.into_source_error().into())
}

pub(crate) fn microseconds(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
