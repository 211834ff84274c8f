//! A migration fails or is interrupted: it is recorded, reported, and not run again unasked.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod ground;

use std::thread;
use std::time::Duration;

use ground::{Script, Scripts, TEN_SECONDS, config, script};
use steadfast_manager::{Database, Error, Migrate, MigrationState, Resolution, State, Status};
use steadfast_testkit::{TestDatabase, eventually, server};

fn opened(database: &TestDatabase, scripts: Vec<Script>) -> Database {
    Database::open(config(database).migrations(Scripts(scripts))).unwrap()
}

/// Four statements of which the third fails: a column that is there already.
const BROKEN: &str = "CREATE TABLE a (id INT); CREATE TABLE b (id INT); \
                      ALTER TABLE a ADD COLUMN id INT; CREATE TABLE c (id INT)";

#[test]
fn a_failure_in_the_middle_is_recorded_refused_and_resolved() {
    let database = server().database();
    let db =
        opened(&database, vec![script("1_a", BROKEN), script("2_b", "CREATE TABLE z (i INT)")]);

    let error = db.migrate().unwrap_err();
    let Error::MigrationFailed(failure) = &error else { panic!("{error:?}") };
    assert_eq!((&*failure.version, failure.statement, failure.errno), ("1", Some(3), Some(1060)));
    assert_eq!((error.errno(), error.sqlstate()), (Some(1060), Some("42S21")));

    let recorded = "SELECT state, statement, errno, `sqlstate`, took_us > 0 \
                    FROM steadfast_migration WHERE version = '1'";
    assert_eq!(database.sql(recorded).unwrap(), "failed\t3\t1060\t42S21\t1");
    assert_eq!(database.sql("SHOW TABLES LIKE '_'").unwrap(), "a\nb");

    let health = db.health();
    assert_eq!(
        (health.status, health.state, health.ready),
        (Status::Degraded, State::Degraded, false)
    );
    assert!(health.has_reason("migration_failed"), "{}", health.to_json());
    assert_eq!(health.checks.migrations.failed[0].statement, Some(3));

    // A second run fails differently with diesel: errno 1050, for ever.
    for _ in 0..2 {
        let error = db.migrate().unwrap_err();
        let Error::NeedsResolve(stuck) = &error else { panic!("{error:?}") };
        assert_eq!((stuck.state, stuck.statement), (MigrationState::Failed, Some(3)));
    }
    assert_eq!(database.sql("SHOW TABLES LIKE '_'").unwrap(), "a\nb", "nothing was run");

    database.sql("DROP TABLE a, b").unwrap();
    db.resolve_migration("1", Resolution::Retry).unwrap();
    let repaired = opened(
        &database,
        vec![
            script("1_a", BROKEN.replace("ADD COLUMN id", "ADD COLUMN id2")),
            script("2_b", "CREATE TABLE z (i INT)"),
        ],
    );
    assert_eq!(repaired.migrate().unwrap().applied.len(), 2);
    assert_eq!(database.sql("SHOW TABLES LIKE '_'").unwrap(), "a\nb\nc\nz");
    assert_eq!(repaired.health().status, Status::Up);
}

#[test]
fn what_was_finished_by_hand_counts_as_done() {
    let database = server().database();
    let db = opened(&database, vec![script("1_a", BROKEN)]);
    assert!(matches!(db.migrate(), Err(Error::MigrationFailed(_))));
    database.sql("CREATE TABLE c (id INT)").unwrap();

    db.resolve_migration("1", Resolution::Done).unwrap();

    assert!(db.migrations().unwrap().is_current());
    assert_eq!(db.migrate().unwrap().applied.len(), 0);
    let again = db.resolve_migration("1", Resolution::Done);
    assert!(matches!(again, Err(Error::NothingToResolve { .. })), "{again:?}");
}

#[test]
fn only_what_is_stuck_can_be_resolved() {
    let database = server().database();
    let db = opened(&database, vec![script("1_a", "CREATE TABLE a (i INT)")]);
    for version in ["1", "never"] {
        let refused = db.resolve_migration(version, Resolution::Retry);
        assert!(matches!(refused, Err(Error::NothingToResolve { .. })), "{refused:?}");
    }
}

#[test]
fn rows_of_a_migration_that_fails_are_undone() {
    let database = server().database();
    let rows = "INSERT INTO a VALUES (1); INSERT INTO a VALUES (2); INSERT INTO a VALUES (1)";
    let db = opened(
        &database,
        vec![script("1_a", "CREATE TABLE a (i INT PRIMARY KEY)"), script("2_rows", rows)],
    );
    let error = db.migrate().unwrap_err();
    assert_eq!(error.errno(), Some(1062));
    assert_eq!(database.sql("SELECT COUNT(*) FROM a").unwrap(), "0");
    let state = "SELECT state, statement FROM steadfast_migration WHERE version = '2'";
    assert_eq!(database.sql(state).unwrap(), "failed\t3");
}

#[test]
fn open_tells_of_a_migration_that_fails() {
    let database = server().database();
    let config = config(&database).migrations(Scripts(vec![script("1_a", BROKEN)]));
    let first = Database::open(config.clone().migrate(Migrate::Run));
    assert!(matches!(first, Err(Error::MigrationFailed(_))), "{first:?}");
    let second = Database::open(config.clone().migrate(Migrate::Run));
    assert!(matches!(second, Err(Error::NeedsResolve(_))), "{second:?}");
    let watching = Database::open(config).unwrap();
    assert!(watching.health().has_reason("migration_failed"));
}

#[test]
fn a_runner_whose_connection_dies_leaves_an_interrupted_migration() {
    let database = server().database();
    let db = opened(&database, vec![script("1_slow", "CREATE TABLE a (i INT); DO SLEEP(60)")]);
    thread::scope(|scope| {
        let running = scope.spawn(|| db.migrate());
        let sleeping = format!(
            "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = '{}' AND INFO LIKE 'DO SLEEP%'",
            database.name()
        );
        eventually(TEN_SECONDS, || !database.sql(&sleeping).unwrap().is_empty());
        assert_eq!(db.migrations().unwrap().count(MigrationState::Running), 1);
        let others = Database::open(
            config(&database)
                .migrations(Scripts(vec![script("1_slow", "SELECT 1")]))
                .migration_wait(Duration::ZERO),
        )
        .unwrap();
        let locked = others.migrate().unwrap_err();
        let Error::MigrationsLocked { holder: Some(holder), .. } = locked else {
            panic!("{locked:?}")
        };
        server().kill_connection(holder).unwrap();
        let error = running.join().unwrap().unwrap_err();
        assert!(matches!(error, Error::MigrationFailed(_)), "{error:?}");
    });

    let status = db.migrations().unwrap();
    assert_eq!(status.count(MigrationState::Interrupted), 1, "{status:?}");
    assert!(db.health().has_reason("migration_failed"));
    assert!(matches!(db.migrate(), Err(Error::NeedsResolve(_))));
    db.resolve_migration("1", Resolution::Done).unwrap();
    assert!(db.migrate().unwrap().applied.is_empty());
}

#[test]
fn a_migration_that_lets_go_of_the_lock_stops_the_rest() {
    let database = server().database();
    let db = opened(
        &database,
        vec![script("1_a", "DO RELEASE_ALL_LOCKS()"), script("2_b", "CREATE TABLE b (i INT)")],
    );
    let stopped = db.migrate().unwrap_err();
    assert!(matches!(stopped, Error::MigrationLockLost), "{stopped:?}");
    assert_eq!(database.sql("SHOW TABLES LIKE 'b'").unwrap(), "");
    assert_eq!(db.migrate().unwrap().applied.len(), 1, "the next run goes on");
}
