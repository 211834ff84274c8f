//! Warnings, and what the server tells of the session's state.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};
use steadfast_connection::{Config, Connection, Level, ServerCursor, SessionChange};
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

/// The test database's URL with these keys, and a table.
fn tracked(keys: &str) -> (TestDatabase, Connection) {
    let database = server().database();
    database.sql("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(3) NOT NULL)").unwrap();
    let url = format!("{}?{keys}", database.url());
    let conn = Connection::open(&Config::from_url(&url).unwrap()).unwrap();
    (database, conn)
}

#[test]
fn a_commit_tells_its_gtid_where_the_config_asks_for_it_and_leaves_the_session_untouched() {
    let (_database, mut conn) = tracked("track_gtids=true");
    let has_gtids = has_gtids(&mut conn);
    for round in 0..2 {
        conn.batch(&format!("BEGIN; INSERT INTO t VALUES ({round}, 'a')")).unwrap();
        assert_eq!(conn.last_gtid(), None);
        conn.batch("COMMIT").unwrap();
        let first = conn.last_gtid();
        diesel::sql_query("UPDATE t SET v = CONCAT(v, 'b')").execute(&mut conn).unwrap();
        let second = conn.last_gtid();
        drop(conn.query(&format!("INSERT INTO t VALUES ({round} + 10, 'c')")).unwrap());
        let third = conn.last_gtid();
        assert_eq!(first.is_some(), has_gtids, "{first:?}");
        if has_gtids {
            assert!(first != second && second != third, "{first:?} {second:?} {third:?}");
        }
        assert!(!conn.state_touched());
        diesel::sql_query("DO 1").execute(&mut conn).unwrap();
        assert_eq!(conn.last_gtid(), None);
        // A reset asks for it again.
        conn.batch("SET time_zone = '+01:00'").unwrap();
        assert!(conn.state_touched());
        conn.reset().unwrap();
    }
}

#[test]
fn a_load_tells_its_counts_and_its_gtid() {
    let (database, _) = tracked("");
    let config = Config::from_url(&database.url()).unwrap().local_data(true).track_gtids(true);
    let mut conn = Connection::open(&config).unwrap();
    let sql = "LOAD DATA LOCAL INFILE 'memory' INTO TABLE t";
    let loaded = conn.load_data(sql, &mut &b"1\ta\n2\tb\n"[..]).unwrap();
    let counts = loaded.counts.unwrap();
    assert_eq!((counts.records(), counts.skipped(), counts.warnings()), (2, 0, 0));
    let gtid = conn.last_gtid();
    assert_eq!(gtid.is_some(), has_gtids(&mut conn), "{gtid:?}");
}

#[test]
fn what_becomes_of_a_transaction_is_told_where_the_config_asks_for_it() {
    for (what, tells_how_to_open_it) in [("state", false), ("characteristics", true)] {
        let (_database, mut conn) = tracked(&format!("track_transactions={what}"));
        let told = |conn: &Connection| {
            let (mut letters, mut opened) = (None, None);
            for change in conn.session_changes() {
                match change {
                    SessionChange::Transaction(state) => letters = Some(state),
                    SessionChange::Characteristics(sql) => opened = Some(sql),
                    _ => {}
                }
            }
            (letters, opened)
        };
        conn.batch("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; START TRANSACTION").unwrap();
        let (letters, opened) = told(&conn);
        assert_eq!(letters.as_deref(), Some("T_______"), "{what}");
        assert_eq!(opened.is_some(), tells_how_to_open_it, "{what}: {opened:?}");
        if let Some(sql) = opened {
            assert!(sql.contains("SERIALIZABLE") && sql.contains("START TRANSACTION"), "{sql}");
        }
        diesel::sql_query("INSERT INTO t VALUES (1, 'a')").execute(&mut conn).unwrap();
        assert_eq!(told(&conn).0.as_deref(), Some("T___W___"), "{what}");
        conn.batch("COMMIT").unwrap();
        assert_eq!(told(&conn).0.as_deref(), Some("________"), "{what}");
    }
}

/// The tests' servers write a binary log.
fn has_gtids(conn: &mut Connection) -> bool {
    let mode = diesel::dsl::sql::<diesel::sql_types::Text>("@@gtid_mode");
    server().is_mariadb() || diesel::select(mode).get_result(conn) == Ok("ON".to_owned())
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
