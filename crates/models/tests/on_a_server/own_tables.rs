//! The migrations make the tables of `schema`, twice if need be, and take them away again.

use chrono::{DateTime, NaiveDateTime};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use steadfast_connection::Connection;
use steadfast_models::schema::{steadfast_maintenance, steadfast_migration, steadfast_outcome};
use steadfast_models::{
    AutoKey, MaintenanceRecord, MigrationRecord, Model, OutcomeRecord, OutcomeState, RunState,
};
use steadfast_testkit::TestDatabase;

use crate::account::connect;

macro_rules! migration {
    ($name:literal) => {
        [
            include_str!(concat!("../../../../migrations/", $name, "/up.sql")),
            include_str!(concat!("../../../../migrations/", $name, "/down.sql")),
        ]
    };
}

const MIGRATIONS: [[&str; 2]; 3] = [
    migration!("2026-11-24-000001_steadfast_outcome"),
    migration!("2026-11-24-000002_steadfast_migration"),
    migration!("2026-11-24-000003_steadfast_maintenance"),
];

const TABLES: [&str; 3] = ["steadfast_maintenance", "steadfast_migration", "steadfast_outcome"];

#[test]
fn the_migrations_make_our_tables_and_take_them_away() {
    let (_database, mut conn) = migrated();
    assert_eq!(tables(&mut conn), TABLES);

    for [_, down] in MIGRATIONS.iter().rev() {
        conn.batch_execute(down).unwrap();
    }

    assert_eq!(tables(&mut conn), [""; 0]);
}

#[test]
fn a_migration_that_ran_but_was_not_recorded_runs_again_and_keeps_the_rows() {
    let (_database, mut conn) = migrated();
    OutcomeRecord::insert(outcome(7, OutcomeState::Committed), &mut conn).unwrap();

    for [up, _] in MIGRATIONS {
        conn.batch_execute(up).unwrap();
    }

    assert!(OutcomeRecord::exists(vec![7; 16], &mut conn).unwrap());
}

#[test]
fn no_table_depends_on_the_defaults_of_the_server() {
    #[derive(QueryableByName)]
    struct Options {
        #[diesel(sql_type = Text)]
        engine: String,
        #[diesel(sql_type = Text)]
        collation: String,
    }
    let (_database, mut conn) = migrated();

    let options: Vec<Options> = diesel::sql_query(
        "SELECT engine AS engine, table_collation AS collation FROM information_schema.tables
         WHERE table_schema = DATABASE()",
    )
    .load(&mut conn)
    .unwrap();

    assert_eq!(options.len(), TABLES.len());
    for table in options {
        assert_eq!((table.engine.as_str(), table.collation.as_str()), ("InnoDB", "utf8mb4_bin"));
    }
}

#[test]
fn an_outcome_is_read_as_it_was_written() {
    let (_database, mut conn) = migrated();
    let bare = outcome(1, OutcomeState::Aborted);
    let full = OutcomeRecord {
        idem_key: Some(b"order \x00\xff'".to_vec()),
        result: Some(vec![0xff; 60_000]),
        resolves: u16::MAX,
        ..outcome(2, OutcomeState::Committed)
    };

    OutcomeRecord::insert(vec![bare.clone(), full.clone()], &mut conn).unwrap();

    assert_eq!(OutcomeRecord::find(bare.attempt.clone(), &mut conn).unwrap(), bare);
    assert_eq!(OutcomeRecord::find(full.attempt.clone(), &mut conn).unwrap(), full);
    let committed: Vec<Vec<u8>> = steadfast_outcome::table
        .filter(steadfast_outcome::state.eq(OutcomeState::Committed))
        .select(steadfast_outcome::attempt)
        .load(&mut conn)
        .unwrap();
    assert_eq!(committed, [full.attempt]);
}

#[test]
fn an_attempt_has_one_outcome_and_a_key_of_the_caller_one_attempt() {
    let (_database, mut conn) = migrated();
    let first = OutcomeRecord { idem_key: Some(vec![5]), ..outcome(1, OutcomeState::Committed) };
    OutcomeRecord::insert(&first, &mut conn).unwrap();

    let same_attempt = outcome(1, OutcomeState::Aborted);
    let same_key = OutcomeRecord { idem_key: Some(vec![5]), ..outcome(2, OutcomeState::Committed) };

    for refused in [same_attempt, same_key] {
        assert!(OutcomeRecord::insert(&refused, &mut conn).is_err(), "{refused:?}");
    }
    // Any number of them have none.
    OutcomeRecord::insert(
        vec![outcome(3, OutcomeState::Aborted), outcome(4, OutcomeState::Aborted)],
        &mut conn,
    )
    .unwrap();
    let rows: i64 = steadfast_outcome::table.count().get_result(&mut conn).unwrap();
    assert_eq!(rows, 3);
}

#[test]
fn a_migration_record_goes_from_running_to_failed_with_its_reason() {
    let (_database, mut conn) = migrated();
    let running = MigrationRecord {
        version: "20261124000001".to_owned(),
        name: "2026-11-24-000001_steadfast_outcome".to_owned(),
        state: RunState::Running,
        checksum: "0123456789abcdef".repeat(4),
        statement: None,
        errno: None,
        sqlstate: None,
        error: None,
        started: moment(),
        took_us: None,
        by_user: "app@%".to_owned(),
        by_host: "web-1".to_owned(),
    };
    MigrationRecord::insert(&running, &mut conn).unwrap();
    assert_eq!(running.reload(&mut conn).unwrap(), running);

    diesel::update(steadfast_migration::table.find(&running.version))
        .set((
            steadfast_migration::state.eq(RunState::Failed),
            steadfast_migration::statement.eq(3),
            steadfast_migration::errno.eq(1060),
            steadfast_migration::sqlstate.eq("42S21"),
            steadfast_migration::error.eq("Duplicate column name 'größe'"),
            steadfast_migration::took_us.eq(u64::MAX),
        ))
        .execute(&mut conn)
        .unwrap();

    let failed = MigrationRecord {
        state: RunState::Failed,
        statement: Some(3),
        errno: Some(1060),
        sqlstate: Some("42S21".to_owned()),
        error: Some("Duplicate column name 'größe'".to_owned()),
        took_us: Some(u64::MAX),
        ..running.clone()
    };
    assert_eq!(running.reload(&mut conn).unwrap(), failed);
}

#[test]
fn a_maintenance_run_gets_its_number_and_its_beginning_from_the_server() {
    let (_database, mut conn) = migrated();
    let new = (
        steadfast_maintenance::task.eq("analyze"),
        steadfast_maintenance::target.eq("accounts"),
        steadfast_maintenance::state.eq(RunState::Running),
        steadfast_maintenance::by_host.eq("web-1"),
    );

    let run = MaintenanceRecord::create(new, &mut conn).unwrap();

    assert_eq!((run.state, run.items, run.took_us), (RunState::Running, 0, None));
    diesel::update(&run)
        .set((
            steadfast_maintenance::state.eq(RunState::Done),
            steadfast_maintenance::items.eq(12),
            steadfast_maintenance::took_us.eq(3_400),
        ))
        .execute(&mut conn)
        .unwrap();
    let done = MaintenanceRecord { state: RunState::Done, items: 12, took_us: Some(3_400), ..run };
    assert_eq!(done.reload(&mut conn).unwrap(), done);
}

fn migrated() -> (TestDatabase, Connection) {
    let database = steadfast_testkit::server().database();
    let mut conn = connect(&database);
    for [up, _] in MIGRATIONS {
        conn.batch_execute(up).unwrap();
    }
    (database, conn)
}

fn tables(conn: &mut Connection) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Name {
        #[diesel(sql_type = Text)]
        name: String,
    }
    diesel::sql_query(
        "SELECT table_name AS name FROM information_schema.tables
         WHERE table_schema = DATABASE() ORDER BY table_name",
    )
    .load::<Name>(conn)
    .unwrap()
    .into_iter()
    .map(|table| table.name)
    .collect()
}

fn outcome(attempt: u8, state: OutcomeState) -> OutcomeRecord {
    OutcomeRecord {
        attempt: vec![attempt; 16],
        state,
        idem_key: None,
        result: None,
        resolves: 0,
        at: moment(),
    }
}

fn moment() -> NaiveDateTime {
    DateTime::from_timestamp_micros(1_795_500_000_123_456).unwrap().naive_utc()
}
