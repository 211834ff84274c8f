//! Several statements in a packet, data from memory, and what never goes through a text command.
#![allow(clippy::unwrap_used, reason = "a test may stop")]
#![allow(missing_docs, reason = "the tables of a test speak for themselves")]

use std::io::{self, Read};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use steadfast_connection::{Config, Connection, Error, ServerError};
use steadfast_testkit::{TestDatabase, server};

diesel::table! { t (id) { id -> Integer, v -> Text, } }

fn config(database: &TestDatabase) -> Config {
    Config::from_url(&database.url()).unwrap()
}

fn with_table() -> (TestDatabase, Connection) {
    let database = server().database();
    let mut conn = Connection::open(&config(&database).local_data(true)).unwrap();
    conn.batch("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(100) NOT NULL)")
        .unwrap();
    (database, conn)
}

#[test]
fn each_statement_of_a_batch_has_its_outcome() {
    let (_database, mut conn) = with_table();
    let done = conn
        .batch("INSERT INTO t (v) VALUES ('a'), ('b'); SELECT * FROM t; UPDATE t SET v = 'c'")
        .unwrap();
    assert_eq!(done.len(), 3);
    assert_eq!((done[0].affected_rows, done[0].last_insert_id), (2, 1));
    assert_eq!(done[2].affected_rows, 2);
}

#[test]
fn a_batch_stops_at_the_statement_that_fails_and_names_it() {
    let (_database, mut conn) = with_table();
    let failure = conn
        .batch("INSERT INTO t VALUES (1, 'a'); INSERT INTO t VALUES (1, 'b'); INSERT INTO t VALUES (2, 'c')")
        .unwrap_err();
    assert_eq!((failure.index(), failure.source_error().errno()), (1, 1062));
    assert_eq!(t::table.count().first(&mut conn), Ok(1_i64));
    // diesel's way to a batch keeps the number too.
    let error = conn.batch_execute("SELECT 1; nonsense").unwrap_err();
    assert_eq!(ServerError::find(&error).unwrap().errno(), 1064);
}

#[test]
fn an_empty_text_is_an_error_everywhere() {
    let (_database, mut conn) = with_table();
    // libmariadb takes the length 0 for "look for the end yourself", and would run what lies behind.
    let behind = String::from("DROP TABLE t\0");
    let empty = behind.get(..0).unwrap();
    assert_eq!(conn.batch(empty).unwrap_err().source_error().errno(), 1065);
    assert_eq!(conn.query(empty).unwrap_err().errno(), Some(1065));
    assert_eq!(conn.begin(empty).unwrap_err().errno(), Some(1065));
    assert_eq!(conn.load_data(empty, &mut io::empty()).unwrap_err().errno(), Some(1065));
    let prepared = diesel::sql_query(empty).execute(&mut conn).unwrap_err();
    assert_eq!(ServerError::find(&prepared).unwrap().errno(), 1065);
    assert_eq!(t::table.count().first(&mut conn), Ok(0_i64));
}

#[test]
fn whatever_a_text_holds_the_next_call_is_in_step() {
    let (_database, mut conn) = with_table();
    conn.batch("CREATE PROCEDURE two() BEGIN SELECT 1; SELECT 2; END").unwrap();
    for sql in ["SELECT 1; SELECT 2", "DO 1; SELECT 2", "CALL two()"] {
        let mut rows = conn.query(sql).unwrap();
        while rows.next().unwrap().is_some() {}
        drop(rows);
        assert_eq!(t::table.count().first(&mut conn), Ok(0_i64), "{sql}");
        drop(conn.query(sql).unwrap());
        assert_eq!(t::table.count().first(&mut conn), Ok(0_i64), "{sql}, dropped");
    }
    let sql = "LOAD DATA LOCAL INFILE 'memory' INTO TABLE t; SELECT 1";
    assert_eq!(conn.load_data(sql, &mut &b"1\ta\n"[..]).unwrap().affected_rows, 1);
    assert_eq!(t::table.count().first(&mut conn), Ok(1_i64));
    drop(conn.query("SELECT 1; nonsense").unwrap());
    assert_eq!(conn.last_error().map(ServerError::errno), Some(1064));
}

#[test]
fn a_role_is_beyond_what_reset_undoes() {
    let (_database, mut conn) = with_table();
    conn.batch("SET ROLE NONE").unwrap();
    assert!(conn.state_touched());
    assert!(matches!(conn.reset(), Err(Error::Misuse(_))));
}

#[test]
fn data_is_loaded_from_memory() {
    let (_database, mut conn) = with_table();
    let lines: String =
        (1..=5000).map(|id| format!("{id}\tline {id}")).collect::<Vec<_>>().join("\n");
    let sql = "LOAD DATA LOCAL INFILE 'memory' INTO TABLE t";
    let done = conn.load_data(sql, &mut lines.as_bytes()).unwrap();
    assert_eq!((done.affected_rows, done.warnings), (5000, 0));
    assert_eq!(t::table.find(4999).select(t::v).first(&mut conn), Ok("line 4999".to_owned()));
}

#[test]
fn a_source_that_fails_or_panics_is_told_and_the_connection_goes_on() {
    struct Failing(bool);
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            assert!(!self.0, "a source that panics");
            Err(io::Error::other("disk gone"))
        }
    }
    let (_database, mut conn) = with_table();
    for panics in [false, true] {
        let sql = "LOAD DATA LOCAL INFILE 'memory' INTO TABLE t";
        let error = conn.load_data(sql, &mut Failing(panics)).unwrap_err();
        assert!(matches!(error, Error::Source(_)), "{error}");
        assert_eq!(t::table.count().first(&mut conn), Ok(0_i64));
    }
}

#[test]
fn a_file_is_never_sent_whoever_asks() {
    let (database, mut conn) = with_table();
    let path = std::env::current_exe().unwrap();
    let sql = format!("LOAD DATA LOCAL INFILE '{}' INTO TABLE t", path.display());
    // Even where data from memory is allowed, a file is not.
    assert_eq!(conn.batch(&sql).unwrap_err().source_error().errno(), 2000);
    assert_eq!(t::table.count().first(&mut conn), Ok(0_i64));

    let mut closed = Connection::open(&config(&database)).unwrap();
    // The server's own refusal, or that of libmysqlclient.
    let errno = closed.batch(&sql).unwrap_err().source_error().errno();
    assert!(matches!(errno, 4166 | 3948 | 2068), "{errno}");
    let refused = closed.load_data(&sql, &mut io::empty()).unwrap_err();
    assert!(matches!(refused, Error::Misuse(_)), "{refused}");
}

#[test]
fn a_value_that_looks_like_sql_stays_a_value() {
    let (_database, mut conn) = with_table();
    let evil = "x'); DROP TABLE t; --";
    diesel::insert_into(t::table).values(t::v.eq(evil)).execute(&mut conn).unwrap();
    diesel::sql_query("INSERT INTO t (v) VALUES (?)")
        .bind::<Text, _>(evil)
        .execute(&mut conn)
        .unwrap();
    assert_eq!(t::table.select(t::v).load::<String>(&mut conn).unwrap(), [evil, evil]);
    // A second statement in a prepared one is refused by the server.
    let stacked =
        diesel::sql_query("INSERT INTO t (v) VALUES ('a'); DROP TABLE t").execute(&mut conn);
    assert_eq!(ServerError::find(&stacked.unwrap_err()).unwrap().errno(), 1064);
}

#[test]
fn a_procedure_can_be_called_and_the_connection_goes_on() {
    let (_database, mut conn) = with_table();
    conn.batch("INSERT INTO t VALUES (1, 'a'), (2, 'b')").unwrap();
    conn.batch(
        "CREATE PROCEDURE both_of_them() BEGIN SELECT v FROM t; SELECT COUNT(*) FROM t; END",
    )
    .unwrap();
    assert_eq!(conn.batch("CALL both_of_them()").unwrap().len(), 3);
    diesel::sql_query("CALL both_of_them()").execute(&mut conn).unwrap();
    assert_eq!(t::table.count().first(&mut conn), Ok(2_i64));
}

#[test]
fn session_state_that_a_statement_leaves_is_noticed_and_reset_undoes_it() {
    let (_database, mut conn) = with_table();
    diesel::insert_into(t::table).values(t::v.eq("a")).execute(&mut conn).unwrap();
    conn.begin("START TRANSACTION").unwrap();
    conn.commit("").unwrap();
    assert!(!conn.state_touched(), "ordinary work leaves no state");
    for sql in [
        "SET SESSION sort_buffer_size = 1000000",
        "CREATE TEMPORARY TABLE temporary_one (id INT)",
        "USE information_schema",
        "SET @mine = 1",
        "DO GET_LOCK('mine', 0)",
        "LOCK TABLES t READ",
        "LOCK  TABLES t READ",
        "FLUSH TABLES WITH READ LOCK",
        "CREATE TEMPORARY TABLE temporary_two SELECT 1",
        "SELECT @mine := 1",
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    ] {
        conn.batch(sql).unwrap();
        assert!(conn.state_touched(), "{sql}");
        conn.reset().unwrap();
        assert!(!conn.state_touched(), "{sql}");
        assert_eq!(t::table.count().first(&mut conn), Ok(1_i64), "{sql}");
    }
}
