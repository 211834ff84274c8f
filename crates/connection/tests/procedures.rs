//! Stored procedures: several results, parameters that come out, and failures on the way.
#![allow(clippy::unwrap_used, reason = "a test may stop")]
#![allow(missing_docs, reason = "the tables of a test speak for themselves")]

use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::row::{Field as _, Row as _};
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use steadfast_connection::{Config, Connection, ServerError};
use steadfast_testkit::{TestDatabase, server};

diesel::table! { t (id) { id -> Integer, v -> Text, } }

#[derive(QueryableByName, Debug, PartialEq)]
struct Line {
    #[diesel(sql_type = Integer)]
    id: i32,
    #[diesel(sql_type = Text)]
    v: String,
}

#[derive(QueryableByName, Debug, PartialEq)]
struct Out {
    #[diesel(sql_type = Nullable<Integer>)]
    doubled: Option<i32>,
    #[diesel(sql_type = Nullable<Text>)]
    told: Option<String>,
}

const PROCEDURES: [&str; 6] = [
    "CREATE PROCEDURE sets(IN least INT) BEGIN \
     SELECT id, v FROM t WHERE id >= least ORDER BY id; UPDATE t SET v = v; \
     SELECT COUNT(*) FROM t; SELECT 'last' v, 7 id; END",
    "CREATE PROCEDURE gives(IN n INT, INOUT doubled INT, OUT told TEXT) BEGIN \
     SELECT id, v FROM t WHERE id = n; SET doubled = doubled * 2; SET told = CONCAT('id ', n); END",
    "CREATE PROCEDURE none() BEGIN UPDATE t SET v = 'z'; END",
    "CREATE PROCEDURE fails() BEGIN SELECT id, v FROM t; \
     SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1644; SELECT 1; END",
    "CREATE PROCEDURE commits() BEGIN SELECT id, v FROM t; COMMIT; END",
    "CREATE PROCEDURE slow() BEGIN SELECT id, v FROM t; DO SLEEP(60); SELECT 1; END",
];

fn with_procedures() -> (TestDatabase, Connection) {
    let database = server().database();
    let mut conn = Connection::open(&Config::from_url(&database.url()).unwrap()).unwrap();
    conn.batch("CREATE TABLE t (id INT PRIMARY KEY, v TEXT NOT NULL)").unwrap();
    conn.batch("INSERT INTO t VALUES (1, 'a'), (2, 'b')").unwrap();
    for procedure in PROCEDURES {
        conn.batch(procedure).unwrap();
    }
    (database, conn)
}

fn line(id: i32, v: &str) -> Line {
    Line { id, v: v.to_owned() }
}

fn is_usable(conn: &mut Connection) {
    assert_eq!(t::table.count().first(conn), Ok(2_i64));
}

#[test]
fn each_result_is_read_into_its_own_type() {
    let (_database, mut conn) = with_procedures();
    for _ in 0..3 {
        let mut call = conn.call(diesel::sql_query("CALL sets(?)").bind::<Integer, _>(1)).unwrap();
        assert_eq!(call.next_set::<Line>().unwrap().unwrap(), [line(1, "a"), line(2, "b")]);
        assert_eq!(call.next_set_as::<BigInt, i64>().unwrap().unwrap(), [2]);
        let rows = call.next_rows().unwrap().unwrap();
        let fields: Vec<_> = (0..2)
            .map(|index| rows[0].get(index).unwrap())
            .map(|field| (field.field_name().unwrap().to_owned(), field.is_null()))
            .collect();
        assert_eq!(fields, [("v".to_owned(), false), ("id".to_owned(), false)]);
        assert!(call.next_set::<Line>().unwrap().is_none());
        assert!(call.out::<Out>().unwrap().is_none());
        call.finish().unwrap();
        is_usable(&mut conn);
    }
}

#[test]
fn parameters_come_out_by_name_and_by_position_whether_or_not_the_results_were_read() {
    let (_database, mut conn) = with_procedures();
    let gives = || {
        diesel::sql_query("CALL gives(?, ?, ?)")
            .bind::<Integer, _>(2)
            .bind::<Integer, _>(21)
            .bind::<Nullable<Text>, _>(None::<String>)
    };
    let mut call = conn.call(gives()).unwrap();
    assert_eq!(call.next_set::<Line>().unwrap().unwrap(), [line(2, "b")]);
    assert!(call.next_set::<Line>().unwrap().is_none());
    let expected = Out { doubled: Some(42), told: Some("id 2".to_owned()) };
    assert_eq!(call.out::<Out>().unwrap(), Some(expected));
    assert!(call.next_set::<Line>().unwrap().is_none());
    drop(call);

    let mut call = conn.call(gives()).unwrap();
    let out = call.out_as::<(Integer, Text), (i32, String)>().unwrap();
    assert_eq!(out, Some((42, "id 2".to_owned())));
    assert!(call.out::<Out>().unwrap().is_none(), "they are given once");
    drop(call);
    is_usable(&mut conn);
}

#[test]
fn a_procedure_without_results_runs_and_gives_none() {
    let (_database, mut conn) = with_procedures();
    let mut call = conn.call(diesel::sql_query("CALL none()")).unwrap();
    assert!(call.next_rows().unwrap().is_none());
    drop(call);
    assert_eq!(t::table.select(t::v).first(&mut conn), Ok("z".to_owned()));
}

#[test]
fn a_failure_after_the_first_result_is_told_by_whoever_reads_on() {
    let (_database, mut conn) = with_procedures();
    let fails = || diesel::sql_query("CALL fails()");
    let number = |error| ServerError::find(&error).unwrap().errno();
    let mut call = conn.call(fails()).unwrap();
    assert_eq!(call.next_set::<Line>().unwrap().unwrap().len(), 2);
    assert_eq!(number(call.next_set::<Line>().unwrap_err()), 1644);
    assert!(call.next_set::<Line>().unwrap().is_none());
    drop(call);
    assert_eq!(number(conn.call(fails()).unwrap().out::<Out>().unwrap_err()), 1644);
    assert_eq!(number(conn.call(fails()).unwrap().finish().unwrap_err()), 1644);
    drop(conn.call(fails()).unwrap());
    assert_eq!(conn.last_error().map(ServerError::errno), Some(1644));
    is_usable(&mut conn);
    let missing = conn.call(diesel::sql_query("CALL missing()")).map(drop).unwrap_err();
    assert_eq!(number(missing), 1305);
}

#[test]
fn a_call_dropped_early_leaves_a_usable_connection_or_a_broken_one() {
    let (database, mut conn) = with_procedures();
    for read in 0..3 {
        let is_kept = |_attempt| {
            let sets = diesel::sql_query("CALL sets(?)").bind::<Integer, _>(1);
            let mut call = conn.call(sets).unwrap();
            for _ in 0..read {
                call.next_rows().unwrap().unwrap();
            }
            let started = Instant::now();
            drop(call);
            if conn.is_broken() {
                // A server that has other things to do is not waited for.
                assert!(started.elapsed() >= Duration::from_millis(100), "{:?}", started.elapsed());
                conn = Connection::open(&Config::from_url(&database.url()).unwrap()).unwrap();
                return false;
            }
            is_usable(&mut conn);
            true
        };
        assert!((0..20).any(is_kept), "never usable after {read} results");
    }
    let started = Instant::now();
    drop(conn.call(diesel::sql_query("CALL slow()")).unwrap());
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(conn.is_broken());
    let error = t::table.count().first::<i64>(&mut conn).unwrap_err();
    assert_eq!(ServerError::find(&error).unwrap().errno(), 2006);
}

#[test]
fn a_procedure_that_commits_ends_the_transaction() {
    let (_database, mut conn) = with_procedures();
    conn.begin("BEGIN").unwrap();
    let mut call = conn.call(diesel::sql_query("CALL commits()")).unwrap();
    while call.next_rows().unwrap().is_some() {}
    drop(call);
    assert_eq!(conn.undone().map(ServerError::sqlstate), Some("25000"));
    conn.rollback().unwrap();
    is_usable(&mut conn);
}
