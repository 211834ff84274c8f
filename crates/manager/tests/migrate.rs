//! Migrations: each once, in order, recorded for us and for diesel.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod ground;

use diesel::migration::{Migration, MigrationSource, Result as MigrationResult};
use diesel::mysql::Mysql;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use ground::{Script, Scripts, config, script};
use steadfast_connection::{Config, Connection};
use steadfast_manager::{Database, Error, Migrate, MigrationState};
use steadfast_testkit::{TestDatabase, server};

fn opened(database: &TestDatabase, scripts: Vec<Script>) -> Database {
    Database::open(config(database).migrations(Scripts(scripts))).unwrap()
}

const OURS: usize = 3;

#[test]
fn ours_run_first_then_the_applications_and_diesel_knows_all() {
    let database = server().database();
    let db = opened(
        &database,
        vec![
            script(
                "20200102_b",
                "INSERT INTO a VALUES (1); INSERT INTO a VALUES (2);\n-- the end\n",
            ),
            script("20200101_a", "CREATE TABLE a (i INT PRIMARY KEY);"),
        ],
    );
    assert_eq!(db.migrations().unwrap().count(MigrationState::Pending), OURS + 2);

    let report = db.migrate().unwrap();

    let run: Vec<_> = report.applied.iter().map(|it| (&*it.version, it.statements)).collect();
    assert_eq!(run.len(), OURS + 2);
    assert_eq!(run[OURS..], [("20200101", Some(1)), ("20200102", Some(2))]);
    assert!(run[..OURS].iter().all(|(version, _)| version.starts_with("2026")), "{run:?}");
    assert_eq!(database.sql("SELECT COUNT(*) FROM a").unwrap(), "2");
    assert_eq!(
        database
            .sql("SELECT version FROM __diesel_schema_migrations ORDER BY run_on, version")
            .unwrap()
            .lines()
            .count(),
        OURS + 2
    );
    assert_eq!(
        database
            .sql(
                "SELECT COUNT(*) FROM steadfast_migration WHERE state = 'done' AND took_us > 0 \
                  AND CHAR_LENGTH(checksum) = 64 AND by_user LIKE '%@%' AND by_host <> ''"
            )
            .unwrap(),
        (OURS + 2).to_string()
    );
    assert!(db.migrations().unwrap().is_current());

    let again = db.migrate().unwrap();
    assert_eq!((again.applied.len(), again.already), (0, OURS + 2));
}

#[test]
fn diesels_own_harness_finds_nothing_left_to_do() {
    use diesel_migrations::MigrationHarness;
    let database = server().database();
    let scripts = vec![script("20200101_a", "CREATE TABLE a (i INT)")];
    opened(&database, scripts.clone()).migrate().unwrap();
    let url = Config::from_url(&database.url()).unwrap();
    let mut conn = Connection::open(&url).unwrap();
    assert!(!conn.has_pending_migration(Scripts(scripts)).unwrap());
}

#[test]
fn what_diesel_embeds_is_taken_as_it_is() {
    const EMBEDDED: EmbeddedMigrations = embed_migrations!("tests/migrations");
    let database = server().database();
    let db = Database::open(config(&database).migrations(EMBEDDED).migrate(Migrate::Run)).unwrap();
    assert_eq!(database.sql("SELECT word FROM greeting").unwrap(), "hello; -- world");
    assert!(db.health().ready, "{}", db.health().to_json());
}

#[test]
fn asking_for_the_status_writes_nothing() {
    let database = server().database();
    let db = opened(&database, vec![script("1_a", "CREATE TABLE a (i INT)")]);
    let status = db.migrations().unwrap();
    assert_eq!(status.count(MigrationState::Pending), OURS + 1);
    assert_eq!(database.sql("SHOW TABLES").unwrap(), "");
}

#[test]
fn a_changed_text_of_what_was_applied_is_told() {
    let database = server().database();
    opened(&database, vec![script("1_a", "CREATE TABLE a (i INT)")]).migrate().unwrap();

    let db = opened(&database, vec![script("1_a", "CREATE TABLE a (i BIGINT)")]);

    assert_eq!(db.migrate().unwrap().changed, ["1"]);
    assert_eq!(db.health().checks.migrations.changed, ["1"]);
}

#[test]
fn versions_that_a_newer_program_applied_are_told_and_left_alone() {
    let database = server().database();
    let both =
        vec![script("1_a", "CREATE TABLE a (i INT)"), script("2_b", "CREATE TABLE b (i INT)")];
    opened(&database, both).migrate().unwrap();

    let older = opened(&database, vec![script("1_a", "CREATE TABLE a (i INT)")]);

    assert_eq!(older.migrations().unwrap().unknown, ["2"]);
    assert_eq!(older.migrate().unwrap().unknown, ["2"]);
}

#[test]
fn what_a_migration_sets_for_itself_does_not_reach_the_next() {
    let database = server().database();
    let other = server().database();
    let db = opened(
        &database,
        vec![
            script(
                "1_a",
                format!("SET foreign_key_checks = 0, autocommit = 0; USE {}", other.name()),
            ),
            script(
                "2_b",
                "CREATE TABLE here (f INT, a INT); INSERT INTO here SELECT @@foreign_key_checks, @@autocommit",
            ),
        ],
    );
    db.migrate().unwrap();
    assert_eq!(database.sql("SELECT f, a FROM here").unwrap(), "1\t1");
    assert_eq!(other.sql("SHOW TABLES").unwrap(), "");
}

#[test]
fn two_migrations_with_one_version_are_refused_before_anything_runs() {
    let database = server().database();
    let config = config(&database).migrate(Migrate::Run);
    let scripts =
        vec![script("1_a", "CREATE TABLE a (i INT)"), script("1_b", "CREATE TABLE b (i INT)")];
    let refused = Database::open(config.migrations(Scripts(scripts)));
    assert!(matches!(refused, Err(Error::Source(_))), "{refused:?}");
    assert_eq!(database.sql("SHOW TABLES").unwrap(), "");
}

/// A migration that computes what it writes.
struct Code;

impl MigrationSource<Mysql> for Code {
    fn migrations(&self) -> MigrationResult<Vec<Box<dyn Migration<Mysql>>>> {
        Ok(vec![Box::new(InRust(script("1_code", "")))])
    }
}

struct InRust(Script);

impl Migration<Mysql> for InRust {
    fn run(
        &self,
        conn: &mut dyn diesel::connection::BoxableConnection<Mysql>,
    ) -> MigrationResult<()> {
        use diesel::RunQueryDsl;
        let conn = conn.downcast_mut::<Connection>().ok_or("a real connection is needed")?;
        diesel::sql_query("CREATE TABLE a (i INT)").execute(conn)?;
        for i in 0..3 {
            diesel::sql_query(format!("INSERT INTO a VALUES ({i})")).execute(conn)?;
        }
        Ok(())
    }

    fn revert(
        &self,
        _: &mut dyn diesel::connection::BoxableConnection<Mysql>,
    ) -> MigrationResult<()> {
        Ok(())
    }

    fn metadata(&self) -> &dyn diesel::migration::MigrationMetadata {
        &self.0
    }

    fn name(&self) -> &dyn diesel::migration::MigrationName {
        &self.0
    }
}

#[test]
fn a_migration_in_rust_runs_on_the_real_connection() {
    let database = server().database();
    let db = Database::open(config(&database).migrations(Code)).unwrap();
    let report = db.migrate().unwrap();
    assert_eq!(report.applied.last().map(|it| it.statements), Some(None));
    assert_eq!(database.sql("SELECT COUNT(*) FROM a").unwrap(), "3");
    assert!(db.migrations().unwrap().is_current());
}

#[test]
fn what_one_migration_sets_for_itself_does_not_reach_the_next() {
    let database = server().database();
    let loose = "SET sql_mode = '', time_zone = '+05:00'; CREATE TABLE a (v VARCHAR(2))";
    let strict = "CREATE TABLE b AS SELECT @@sql_mode AS mode, @@time_zone AS zone";
    let scripts = vec![script("20200101_a", loose), script("20200102_b", strict)];
    opened(&database, scripts).migrate().unwrap();
    let settings = database.sql("SELECT mode LIKE '%STRICT%', zone FROM b").unwrap();
    assert_eq!(settings, "1\t+00:00");
}
