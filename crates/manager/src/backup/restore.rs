//! Restoring: the backup is verified, the target looked at, and only then anything is changed.
//!
//! Order: sequences, tables, rows, comparison of the rows, routines, views, triggers, events. Triggers come after the
//! rows, which would set them off; views after the routines they call.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use steadfast_connection::{Config, Connection, Vendor};

use super::compare::compare_rows;
use super::create::Creator;
use super::load::load_chunk;
use super::manifest::{Kind, Manifest};
use super::names::{literal, quoted};
use super::options::Definers;
use super::reader::{LOCK_WAIT, one, rows, run};
use super::report::RestoreReport;
use super::verify::verified;
use super::{BackupError, RestoreOptions};

/// A database that is always there, to connect to.
const ANY_DATABASE: &str = "information_schema";

/// Restores the backup in `dir` into `database` on the server of `config`; the database is created if it is not there.
///
/// A chunk is loaded in one transaction, and only committed if the server took every row of it without a warning. At the
/// end all rows are read back and compared, unless [`RestoreOptions::compare`] says no. Under another name than the
/// original's, views and defaults that name the original are changed; triggers, routines and events that do are created
/// as they are and told in [`RestoreReport::notes`].
///
/// # Blocks
/// As long as it takes. The server may be silent for [`answer_timeout`](RestoreOptions::answer_timeout) at most.
///
/// # Errors
/// Nothing is changed if the backup is [`Damaged`](BackupError::Damaged), the database is
/// [`NotEmpty`](BackupError::NotEmpty), [`accounts are missing`](BackupError::MissingDefiners), or data is not taken at
/// all ([`LocalDataOff`](BackupError::LocalDataOff)). After any other error what was restored so far is left to be
/// looked at: drop the database and start again.
pub fn restore(
    config: &Config,
    dir: &Path,
    database: &str,
    options: &RestoreOptions,
) -> Result<RestoreReport, BackupError> {
    let start = Instant::now();
    options.check()?;
    // Refuses a name that no database can have.
    let target = config.clone().database(database).read_timeout(options.answer_timeout);
    target.validate().map_err(BackupError::server("looking at the settings"))?;
    let manifest = verified(dir)?;
    let mut conn = connect(&target, &manifest)?;
    refuse_unfit(&mut conn, &manifest, database, options)?;
    create_database(&mut conn, &manifest, database)?;

    let mut creator = Creator::new(dir, &manifest, database, options.definers);
    creator.sequences(&mut conn)?;
    creator.tables(&mut conn)?;
    for table in &manifest.tables {
        for chunk in &table.chunks {
            load_chunk(&mut conn, dir, table, chunk)?;
        }
    }
    let compared = options.compare && manifest.kind == Kind::Full;
    if compared {
        prove_equal(&target, &manifest, options)?;
    }
    creator.objects(&mut conn)?;
    let report = RestoreReport {
        path: dir.to_owned(),
        database: database.to_owned(),
        tables: manifest.tables.len(),
        objects: creator.created(),
        rows: manifest.rows(),
        raw_bytes: manifest.raw_bytes(),
        compared,
        notes: creator.into_notes(),
        duration: start.elapsed(),
    };
    log::info!(target: "steadfast::backup", report:%; "backup restored");
    Ok(report)
}

fn connect(target: &Config, manifest: &Manifest) -> Result<Connection, BackupError> {
    let config = target.clone().database(ANY_DATABASE).local_data(true);
    let mut conn = Connection::open(&config).map_err(BackupError::server("connecting"))?;
    let lock_wait = LOCK_WAIT.as_secs();
    // JSON columns of MariaDB are a CHECK; old rows may violate others. Old row formats may not fit innodb_strict_mode.
    let of_vendor = match conn.vendor() {
        Vendor::MariaDb => {
            "max_statement_time=0, check_constraint_checks=0, idle_transaction_timeout=0"
        }
        Vendor::MySql => "max_execution_time=0",
    };
    let sql = format!(
        "SET NAMES utf8mb4; SET sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone='+00:00', \
         foreign_key_checks=0, unique_checks=1, innodb_strict_mode=0, {of_vendor}, net_read_timeout=1800, \
         net_write_timeout=1800, lock_wait_timeout={lock_wait}"
    );
    run(&mut conn, "setting the session up", &sql)?;
    if manifest.tables.iter().any(|table| table.history) {
        let sql = "SET system_versioning_insert_history=1";
        run(&mut conn, "allowing history to be inserted (MariaDB 10.11 and later)", sql)?;
    }
    if conn.vendor() == Vendor::MySql {
        // Where these exist, they would refuse or change a table without a primary key, or refuse a foreign key to a
        // column that is not unique (6125).
        for sql in [
            "SET sql_require_primary_key=0",
            "SET sql_generate_invisible_primary_key=0",
            "SET restrict_fk_on_non_standard_key=0",
        ] {
            if let Err(error) = run(&mut conn, "setting the session up", sql) {
                log::debug!(target: "steadfast::backup", error:%; "setting left as it is");
            }
        }
    }
    Ok(conn)
}

/// Everything that would stop the restore and can be known before it begins.
fn refuse_unfit(
    conn: &mut Connection,
    manifest: &Manifest,
    database: &str,
    options: &RestoreOptions,
) -> Result<(), BackupError> {
    if let Some(example) = something_in(conn, database)? {
        return Err(BackupError::NotEmpty { database: database.to_owned(), example });
    }
    let has_rows = manifest.tables.iter().any(|table| !table.chunks.is_empty());
    if has_rows && one(conn, "asking for local_infile", "SELECT @@GLOBAL.local_infile")? == "0" {
        return Err(BackupError::LocalDataOff);
    }
    match options.definers {
        Definers::Keep => refuse_missing_definers(conn, manifest),
        Definers::Current => Ok(()),
    }
}

/// The first thing a database holds, if it holds any.
fn something_in(conn: &mut Connection, database: &str) -> Result<Option<String>, BackupError> {
    let exactly = |column: &str| {
        let name = literal(database);
        format!("{column} = {name} AND CAST({column} AS BINARY) = CAST({name} AS BINARY)")
    };
    let sql = format!(
        "(SELECT LOWER(TABLE_TYPE), TABLE_NAME FROM information_schema.TABLES WHERE {} LIMIT 1) UNION ALL \
         (SELECT LOWER(ROUTINE_TYPE), ROUTINE_NAME FROM information_schema.ROUTINES WHERE {} LIMIT 1) UNION ALL \
         (SELECT 'event', EVENT_NAME FROM information_schema.EVENTS WHERE {} LIMIT 1)",
        exactly("TABLE_SCHEMA"),
        exactly("ROUTINE_SCHEMA"),
        exactly("EVENT_SCHEMA")
    );
    let found = rows(conn, &format!("looking into database {database:?}"), &sql)?;
    Ok(found.first().map(|row| format!("{} {:?}", row.text(0), row.text(1))))
}

fn refuse_missing_definers(conn: &mut Connection, manifest: &Manifest) -> Result<(), BackupError> {
    const MAY_NOT_LOOK: [u32; 2] = [1142, 1143];
    let definers: BTreeSet<&str> =
        manifest.objects.iter().map(|object| object.definer.as_str()).collect();
    let mut missing = Vec::new();
    for definer in definers {
        // A host has no `@`, a user may have.
        let (user, host) = definer.rsplit_once('@').unwrap_or((definer, ""));
        let sql = format!(
            "SELECT COUNT(*) FROM mysql.user WHERE User = {} AND Host = {}",
            literal(user),
            literal(host)
        );
        match one(conn, "looking for accounts", &sql) {
            Ok(count) if count == "0" => missing.push(definer.to_owned()),
            Ok(_) => {}
            // Then creating the object tells: see `create.rs`.
            Err(error) if error.errno().is_some_and(|errno| MAY_NOT_LOOK.contains(&errno)) => break,
            Err(error) => return Err(error),
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(BackupError::MissingDefiners { accounts: missing })
    }
}

fn create_database(
    conn: &mut Connection,
    manifest: &Manifest,
    database: &str,
) -> Result<(), BackupError> {
    let name = quoted(database);
    let charset = format!(
        "CHARACTER SET {} COLLATE {}",
        manifest.database.character_set, manifest.database.collation
    );
    // An empty one may be there, with another character set.
    let sql = format!(
        "CREATE DATABASE IF NOT EXISTS {name} {charset}; ALTER DATABASE {name} {charset}; USE {name}"
    );
    run(conn, &format!("creating database {database:?}"), &sql)
}

fn prove_equal(
    target: &Config,
    manifest: &Manifest,
    options: &RestoreOptions,
) -> Result<(), BackupError> {
    let comparison = compare_rows(target, manifest, options.answer_timeout)?;
    if comparison.is_equal() {
        return Ok(());
    }
    let different = comparison.different.into_iter().map(|difference| {
        let (found, expected) = (difference.found_rows, difference.expected_rows);
        format!("{} ({found} of {expected} rows)", difference.table)
    });
    let others = comparison.missing.into_iter().chain(comparison.surplus);
    Err(BackupError::Different { tables: different.chain(others).collect() })
}
