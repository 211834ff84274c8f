//! A database is emptied and built anew, if everything says that this is meant.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod ground;

use ground::{Scripts, config, script};
use steadfast_connection::{Config, Connection};
use steadfast_manager::{Confirm, Database, Environment, Error, Migrate, ResetRefusal};
use steadfast_testkit::{TestDatabase, server};

fn opened(database: &TestDatabase) -> Database {
    let scripts = Scripts(vec![script("1_a", "CREATE TABLE a (i INT PRIMARY KEY)")]);
    let config = config(database).migrations(scripts).migrate(Migrate::Run);
    Database::open(config.environment(Environment::Test).allow_reset(true)).unwrap()
}

fn refusal(outcome: Result<impl std::fmt::Debug, Error>) -> ResetRefusal {
    match outcome {
        Err(Error::ResetRefused(refusal)) => refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[test]
fn everything_goes_and_is_built_anew() {
    let database = server().database();
    let db = opened(&database);
    let (history, sequence) = if server().is_mariadb() {
        ("WITH SYSTEM VERSIONING", "CREATE SEQUENCE s;")
    } else {
        ("", "")
    };
    database
        .sql(&format!(
            "INSERT INTO a VALUES (1); \
             CREATE TABLE p (id INT PRIMARY KEY, q INT); \
             CREATE TABLE q (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id)); \
             ALTER TABLE p ADD FOREIGN KEY (q) REFERENCES q (id); \
             CREATE TABLE `odd``; name` (i INT) {history}; \
             CREATE VIEW v AS SELECT * FROM p; CREATE VIEW v2 AS SELECT * FROM v; \
             {sequence} CREATE TRIGGER t BEFORE INSERT ON p FOR EACH ROW SET NEW.q = NULL; \
             CREATE PROCEDURE r() SELECT 1; CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1; \
             CREATE EVENT e ON SCHEDULE EVERY 1 YEAR DO SELECT 1"
        ))
        .unwrap();

    let report = db.reset(&Confirm::named(database.name())).unwrap();

    assert_eq!(
        (&report.events[..], &report.triggers[..]),
        (&["e".to_owned()][..], &["t".to_owned()][..])
    );
    let sequences = usize::from(server().is_mariadb());
    assert_eq!(
        (report.views.len(), report.sequences.len(), report.routines.len()),
        (2, sequences, 2)
    );
    assert!(report.tables.iter().any(|table| table == "odd`; name"), "{report:?}");
    assert_eq!(report.migrations.applied.len(), 4);
    assert_eq!(
        database.sql("SHOW TABLES").unwrap(),
        "__diesel_schema_migrations\na\nsteadfast_maintenance\nsteadfast_migration\nsteadfast_outcome"
    );
    assert_eq!(database.sql("SELECT COUNT(*) FROM a").unwrap(), "0");
    let routines =
        "SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()";
    assert_eq!(database.sql(routines).unwrap(), "0");
    assert!(db.health().ready, "{}", db.health().to_json());
}

#[test]
fn each_guard_refuses_and_nothing_is_done() {
    let database = server().database();
    let open = |environment, allowed| {
        let config = config(&database).migrate(Migrate::Run);
        Database::open(config.environment(environment).allow_reset(allowed)).unwrap()
    };
    let right = Confirm::named(database.name());
    open(Environment::Test, true);
    database.sql("CREATE TABLE kept (i INT PRIMARY KEY); INSERT INTO kept VALUES (1)").unwrap();

    let not_allowed = open(Environment::Test, false).reset(&right);
    assert_eq!(refusal(not_allowed), ResetRefusal::NotAllowed);
    let production = open(Environment::Production, true).reset(&right);
    assert_eq!(refusal(production), ResetRefusal::Production);
    let db = open(Environment::Test, true);
    for wrong in ["", "other", &database.name().to_uppercase()] {
        let other_name = refusal(db.reset(&Confirm::named(wrong)));
        assert!(matches!(other_name, ResetRefusal::OtherName { .. }), "{other_name:?}");
    }
    let mut other = Connection::open(&Config::from_url(&database.url()).unwrap()).unwrap();
    other.batch("BEGIN; UPDATE kept SET i = 2").unwrap();
    let in_use = refusal(db.reset(&right));
    assert_eq!(in_use, ResetRefusal::InUse { connections: vec![other.thread_id()] });
    assert_eq!(database.sql("SELECT i FROM kept").unwrap(), "1");

    other.batch("ROLLBACK").unwrap();
    // A session that only sleeps stands in nobody's way.
    let done = db.reset(&right);
    assert!(done.is_ok(), "{done:?}");
}

#[test]
fn a_reset_clears_a_migration_that_failed() {
    let database = server().database();
    let broken = Scripts(vec![script("1_a", "CREATE TABLE a (i INT); CREATE TABLE a (i INT)")]);
    let config = config(&database).environment(Environment::Test).allow_reset(true);
    let db = Database::open(config.clone().migrations(broken)).unwrap();
    assert!(matches!(db.migrate(), Err(Error::MigrationFailed(_))));
    let repaired = Scripts(vec![script("1_a", "CREATE TABLE a (i INT)")]);
    let db = Database::open(config.migrations(repaired)).unwrap();
    assert!(matches!(db.migrate(), Err(Error::NeedsResolve(_))));
    let report = db.reset(&Confirm::named(database.name())).unwrap();
    assert_eq!(report.migrations.applied.len(), 4);
}
