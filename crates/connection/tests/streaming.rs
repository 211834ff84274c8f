//! Results of any size: streamed, dropped early, cut, and read raw.
#![allow(clippy::unwrap_used, reason = "a test may stop")]
#![allow(missing_docs, reason = "the tables of a test speak for themselves")]

use std::time::{Duration, Instant};

use diesel::prelude::*;
use steadfast_connection::{Config, Connection, Fault, ServerError, Streaming};
use steadfast_testkit::{TestDatabase, eventually, series, server};

diesel::table! { pages (id) { id -> BigInt, filler -> Text, } }

fn open(database: &TestDatabase) -> Connection {
    Connection::open(&Config::from_url(&database.url()).unwrap()).unwrap()
}

/// 20,000 rows of 1 KiB, 20 MB together.
fn filled() -> TestDatabase {
    let database = server().database();
    let sql = format!(
        "CREATE TABLE pages (id BIGINT PRIMARY KEY, filler VARCHAR(1024) NOT NULL); \
         INSERT INTO pages SELECT seq, REPEAT('x', 1024) FROM {}",
        series(1, 20_000)
    );
    open(&database).batch(&sql).unwrap();
    database
}

/// Resident memory of this process, in KiB.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_stream_takes_the_memory_of_a_row() {
    let database = filled();
    let mut conn = open(&database);
    let before = resident();
    let mut grown = 0;
    let mut ids = 0;
    for row in pages::table.load_iter::<(i64, String), Streaming>(&mut conn).unwrap() {
        let (id, filler) = row.unwrap();
        ids += id;
        assert_eq!(filler.len(), 1024);
        if id % 1000 == 0 {
            grown = grown.max(resident() - before);
        }
    }
    assert_eq!(ids, 20_000 * 20_001 / 2);
    assert!(grown < 8 * 1024, "{grown} KiB more for a stream of 20 MB");
    // The connection is free again.
    assert_eq!(pages::table.count().first(&mut conn), Ok(20_000_i64));
}

#[test]
fn a_stream_dropped_near_its_end_leaves_a_usable_connection() {
    let database = filled();
    let mut conn = open(&database);
    let taken = {
        let query = pages::table.order(pages::id).limit(1500);
        let stream = query.load_iter::<(i64, String), Streaming>(&mut conn).unwrap();
        stream.take(700).count()
    };
    assert_eq!((taken, conn.is_broken()), (700, false));
    assert_eq!(pages::table.count().first(&mut conn), Ok(20_000_i64));
}

#[test]
fn a_stream_dropped_far_from_its_end_cuts_the_connection() {
    let database = filled();
    let mut conn = open(&database);
    pages::table.load_iter::<(i64, String), Streaming>(&mut conn).unwrap().next().unwrap().unwrap();

    assert!(conn.is_broken());
    assert_eq!(conn.last_error().map(ServerError::errno), Some(2013));
    let error = pages::table.count().first::<i64>(&mut conn).unwrap_err();
    assert_eq!(ServerError::find(&error).unwrap().fault(), Fault::Disconnected);
    // The server must let go of it too, and not sit on the rest of the result for its
    // net_write_timeout of 60 s.
    let id = conn.thread_id();
    drop(conn);
    let query = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id}");
    eventually(Duration::from_secs(20), || database.sql(&query).unwrap().trim() == "0");
}

#[test]
fn a_stream_cut_on_its_way_ends_with_an_error_not_early() {
    let database = filled();
    let mut conn = open(&database);
    let id = conn.thread_id();
    let mut stream = pages::table.load_iter::<(i64, String), Streaming>(&mut conn).unwrap();
    stream.next().unwrap().unwrap();
    server().kill_connection(id).unwrap();

    let outcome: QueryResult<Vec<_>> = stream.collect();

    let error = outcome.unwrap_err();
    assert_eq!(ServerError::find(&error).unwrap().fault(), Fault::Disconnected, "{error}");
    assert!(conn.is_broken());
}

#[test]
fn an_error_on_the_way_keeps_its_number_and_the_connection() {
    #[derive(QueryableByName)]
    struct Page {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        id: i64,
    }
    let database = filled();
    let mut conn = open(&database);
    // The second row of the inner query is one too many, which shows when the first rows are sent.
    let query = "SELECT id FROM pages WHERE id < 5 UNION ALL SELECT (SELECT id FROM pages WHERE id < 3 * p.id) FROM pages p";
    let outcome: QueryResult<Vec<i64>> = diesel::sql_query(query)
        .load_iter::<Page, Streaming>(&mut conn)
        .and_then(|rows| rows.map(|row| row.map(|page| page.id)).collect());
    let error = outcome.unwrap_err();
    assert_eq!(ServerError::find(&error).unwrap().errno(), 1242, "{error}");
    assert!(!conn.is_broken());
    conn.ping().unwrap();
}

#[test]
fn dropping_a_stream_takes_no_longer_than_it_says() {
    let database = filled();
    let mut conn = open(&database);
    let mut rows = conn.query("SELECT filler, SLEEP(0.02) FROM pages LIMIT 500").unwrap();
    rows.next().unwrap();
    let started = Instant::now();
    drop(rows);
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert!(conn.is_broken());
}

#[test]
fn raw_rows_are_the_servers_own_bytes() {
    let database = server().database();
    let mut conn = open(&database);
    let mut rows = conn.query("SELECT 1.50 AS number, NULL AS nothing, X'00FF' AS bytes").unwrap();
    assert_eq!(rows.columns(), ["number", "nothing", "bytes"]);
    let row = rows.next().unwrap().unwrap();
    assert_eq!(
        (row.get(0), row.get(1), row.get(2)),
        (Some(&b"1.50"[..]), None, Some(&b"\x00\xff"[..]))
    );
    assert_eq!((row.len(), row.get(3)), (3, None));
    assert!(rows.next().unwrap().is_none());
    drop(rows);

    assert!(conn.query("DO 1").unwrap().next().unwrap().is_none());
    assert_eq!(conn.query("SELECT nonsense").unwrap_err().errno(), Some(1054));
}

#[test]
fn raw_rows_dropped_early_keep_or_cut_the_connection() {
    let database = filled();
    let mut conn = open(&database);
    conn.query("SELECT * FROM pages LIMIT 900").unwrap().next().unwrap();
    assert!(!conn.is_broken());
    conn.query("SELECT * FROM pages").unwrap().next().unwrap();
    assert!(conn.is_broken());
}
