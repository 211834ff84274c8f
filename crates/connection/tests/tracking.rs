//! Warnings, and what the server tells of the session's state.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};
use steadfast_connection::{Config, Connection, Level, ServerCursor, SessionChange, Vendor};
use steadfast_testkit::{TestDatabase, server};

#[derive(QueryableByName)]
#[expect(dead_code, reason = "the rows are only counted")]
struct Numbered {
    #[diesel(sql_type = Integer)]
    id: i32,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

fn with_table() -> (TestDatabase, Connection) {
    let database = server().database();
    let mut conn = Connection::open(&Config::from_url(&database.url()).unwrap()).unwrap();
    conn.batch("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(3) NOT NULL)").unwrap();
    (database, conn)
}

#[test]
fn warnings_are_listed_with_their_numbers_as_often_as_asked_for() {
    let (_database, mut conn) = with_table();
    let insert = "INSERT IGNORE INTO t VALUES (1, 'long'), (1, 'b')";
    type Run = fn(&mut Connection, &str);
    let ways: [Run; 2] = [
        |conn, sql| drop(conn.batch(sql).unwrap()),
        |conn, sql| assert_eq!(diesel::sql_query(sql).execute(conn), Ok(1)),
    ];
    for run in ways {
        conn.batch("DELETE FROM t").unwrap();
        run(&mut conn, insert);
        assert_eq!(conn.warnings(), 2);
        for _ in 0..2 {
            let found = conn.warning_list().unwrap();
            assert_eq!(found.iter().map(|found| found.errno).collect::<Vec<_>>(), [1265, 1062]);
            assert!(
                found
                    .iter()
                    .all(|found| found.level == Level::Warning && !found.message.is_empty())
            );
        }
    }
    conn.batch("DROP TABLE IF EXISTS missing").unwrap();
    assert_eq!(conn.warning_list().unwrap()[0].level, Level::Note);
    conn.batch("nonsense").unwrap_err();
    let found = conn.warning_list().unwrap();
    assert_eq!((found[0].level, found[0].errno), (Level::Error, 1064));
    conn.batch("SELECT * FROM t").unwrap();
    assert!(conn.warning_list().unwrap().is_empty());
}

#[test]
fn a_changed_schema_variable_and_transaction_are_told_on_both_ways_to_the_server() {
    let (_database, mut conn) = with_table();
    assert_eq!(conn.session_changes(), []);
    conn.batch("USE information_schema").unwrap();
    let schema = SessionChange::Schema("information_schema".to_owned());
    assert!(conn.session_changes().contains(&schema), "{:?}", conn.session_changes());
    conn.batch("DO 1").unwrap();
    assert_eq!(conn.session_changes(), []);

    let zone = |zone: &str| SessionChange::Variable {
        name: "time_zone".to_owned(),
        value: zone.to_owned(),
    };
    conn.batch("SET time_zone = '+01:00'").unwrap();
    assert!(conn.session_changes().contains(&zone("+01:00")), "{:?}", conn.session_changes());
    diesel::sql_query("SET time_zone = '+02:00'").execute(&mut conn).unwrap();
    assert!(conn.session_changes().contains(&zone("+02:00")), "{:?}", conn.session_changes());
    diesel::sql_query("SELECT 1").execute(&mut conn).unwrap();
    assert_eq!(conn.session_changes(), []);

    conn.batch("SET session_track_transaction_info = 'STATE'").unwrap();
    conn.batch("BEGIN").unwrap();
    let is_open = |change: &SessionChange| matches!(change, SessionChange::Transaction(state) if state.starts_with('T'));
    assert!(conn.session_changes().iter().any(is_open), "{:?}", conn.session_changes());
}

#[test]
fn a_commit_tells_its_gtid() {
    let (_database, mut conn) = with_table();
    conn.batch(match conn.vendor() {
        Vendor::MariaDb => {
            "SET session_track_system_variables = \
             CONCAT(@@session_track_system_variables, ',last_gtid')"
        }
        Vendor::MySql => "SET session_track_gtids = OWN_GTID",
    })
    .unwrap();
    let has_none = conn.vendor() == Vendor::MySql
        && diesel::select(diesel::dsl::sql::<diesel::sql_types::Text>("@@gtid_mode"))
            .get_result::<String>(&mut conn)
            .unwrap()
            != "ON";
    conn.batch("BEGIN; INSERT INTO t VALUES (1, 'a')").unwrap();
    assert_eq!(conn.last_gtid(), None);
    conn.batch("COMMIT").unwrap();
    if has_none {
        assert_eq!(conn.last_gtid(), None);
        return;
    }
    let first = conn.last_gtid().unwrap();
    diesel::sql_query("INSERT INTO t VALUES (2, 'b')").execute(&mut conn).unwrap();
    let second = conn.last_gtid().unwrap();
    assert!(!first.is_empty() && first != second, "{first} {second}");
}

#[test]
fn the_warnings_of_a_cursor_are_those_of_its_statement_also_when_it_is_dropped_early() {
    let (_database, mut conn) = with_table();
    conn.batch("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')").unwrap();
    let query = || diesel::sql_query("SELECT id, CAST(v AS SIGNED) AS number FROM t");
    let all: Vec<Numbered> = query().load(&mut conn).unwrap();
    assert_eq!((all.len(), conn.warnings()), (3, 3));
    for taken in [1, 3] {
        let rows = query().load_iter::<Numbered, ServerCursor<1>>(&mut conn).unwrap();
        assert_eq!(rows.take(taken).map(Result::unwrap).count(), taken);
        assert_eq!(conn.warnings(), 3, "{taken} taken");
    }
}
