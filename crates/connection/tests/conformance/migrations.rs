//! `MigrationHarness` and `MigrationConnection`.

use std::fs;
use std::path::Path;

use diesel::migration::{MigrationConnection as _, MigrationSource, MigrationVersion};
use diesel::mysql::Mysql;
use diesel::sql_query;
use diesel_migrations::{FileBasedMigrations, HarnessWithOutput, MigrationHarness as _};
use tempfile::TempDir;

use crate::suite::{Theme, cases, rows};

pub(crate) fn theme() -> Theme {
    Theme {
        name: "migrations",
        setup: "DO 0".to_owned(),
        seed: "DROP TABLE IF EXISTS first, second, __diesel_schema_migrations",
        tables: &[],
        cases: cases(),
    }
}

/// Names of what is there, without the table that diesel keeps.
const TABLES: &str = "SELECT CONCAT(table_name) AS t FROM information_schema.tables
    WHERE table_schema = DATABASE() ORDER BY t";
const RECORDED: &str = "SELECT version FROM __diesel_schema_migrations ORDER BY version";

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn folder(second_up: &str) -> (TempDir, FileBasedMigrations) {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "2026-01-01-000000_first",
        "CREATE TABLE first (id INT); INSERT INTO first VALUES (1);",
        "DROP TABLE first;",
    );
    write(folder.path(), "2026-01-02-000000_second", second_up, "DROP TABLE second;");
    let found = FileBasedMigrations::from_path(folder.path()).unwrap();
    (folder, found)
}

fn write(folder: &Path, name: &str, up: &str, down: &str) {
    let folder = folder.join(name);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("up.sql"), up).unwrap();
    fs::write(folder.join("down.sql"), down).unwrap();
}

fn good() -> (TempDir, FileBasedMigrations) {
    folder("CREATE TABLE second (id INT, note VARCHAR(10) DEFAULT 'ż;--');")
}

/// `$run` gives what may fail in the way of migrations; then what is there and what is recorded.
macro_rules! then_tables {
    ($conn:ident, $run:expr) => {{
        let outcome: Result<_, Failure> = (|| $run)();
        let outcome = outcome.map(|done| format!("{done:?}")).map_err(|error| error.to_string());
        Ok((outcome, rows($conn, sql_query(TABLES))?, rows($conn, sql_query(RECORDED)).ok()))
    }};
}

fn versions(all: &[MigrationVersion<'_>]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

fn cases() -> Vec<crate::suite::Case> {
    cases! {
        "setup" => |conn| { conn.setup()?; rows(conn, sql_query("SHOW CREATE TABLE __diesel_schema_migrations")) };
        "setup twice" => |conn| Ok((conn.setup()?, conn.setup()?));
        "all pending" => |conn| { let (_folder, all) = good(); then_tables!(conn, Ok(versions(&conn.run_pending_migrations(all)?))) };
        "all pending, twice" => |conn| { let (_folder, all) = good(); then_tables!(conn, {
            conn.run_pending_migrations(all.clone())?;
            Ok(versions(&conn.run_pending_migrations(all)?))
        }) };
        "has pending" => |conn| { let (_folder, all) = good(); then_tables!(conn, {
            let before = conn.has_pending_migration(all.clone())?;
            conn.run_pending_migrations(all.clone())?;
            Ok((before, conn.has_pending_migration(all)?))
        }) };
        "the next one alone" => |conn| { let (_folder, all) = good(); then_tables!(conn, Ok(conn.run_next_migration(all)?.to_string())) };
        "applied" => |conn| { let (_folder, all) = good(); then_tables!(conn, {
            conn.run_pending_migrations(all)?;
            Ok(versions(&conn.applied_migrations()?))
        }) };
        "pending" => |conn| { let (_folder, all) = good(); then_tables!(conn, {
            conn.run_next_migration(all.clone())?;
            Ok(conn.pending_migrations(all)?.iter().map(|migration| migration.name().to_string()).collect::<Vec<_>>())
        }) };
        "the last one reverted" => |conn| { let (_folder, all) = good(); then_tables!(conn, {
            conn.run_pending_migrations(all.clone())?;
            Ok(conn.revert_last_migration(all)?.to_string())
        }) };
        "all reverted" => |conn| { let (_folder, all) = good(); then_tables!(conn, {
            conn.run_pending_migrations(all.clone())?;
            Ok(versions(&conn.revert_all_migrations(all)?))
        }) };
        "nothing to revert" => |conn| { let (_folder, all) = good(); then_tables!(conn, Ok(conn.revert_last_migration(all)?.to_string())) };
        "one that fails" => |conn| { let (_folder, all) = folder("INSERT INTO first VALUES (2); SELECTED 1;"); then_tables!(conn, Ok(versions(&conn.run_pending_migrations(all)?))) };
        "one that fails after DDL" => |conn| { let (_folder, all) = folder("CREATE TABLE second (id INT); SELECTED 1;"); then_tables!(conn, Ok(versions(&conn.run_pending_migrations(all)?))) };
        "an empty one" => |conn| { let (_folder, all) = folder("-- nothing"); then_tables!(conn, Ok(versions(&conn.run_pending_migrations(all)?))) };
        "with output" => |conn| { let (_folder, all) = good(); then_tables!(conn, {
            let mut said = Vec::new();
            HarnessWithOutput::new(&mut *conn, &mut said).run_pending_migrations(all)?;
            Ok(String::from_utf8(said)?)
        }) };
        "run by hand" => |conn| { let (_folder, all) = good(); then_tables!(conn, {
            let found = MigrationSource::<Mysql>::migrations(&all)?;
            conn.setup()?;
            found.iter().map(|migration| Ok(conn.run_migration(&**migration)?.to_string())).collect::<Result<Vec<_>, Failure>>()
        }) };
    }
}
