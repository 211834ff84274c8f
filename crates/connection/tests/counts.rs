//! What the server counts for a statement, in every language and on every way to it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]
#![allow(missing_docs, reason = "the tables of a test speak for themselves")]

use diesel::prelude::*;
use steadfast_connection::{Config, Connection, Counts};
use steadfast_testkit::{TestDatabase, server};

diesel::table! { t (id) { id -> Integer, v -> Text, } }

fn with_table(locale: &str) -> (TestDatabase, Connection) {
    let database = server().database();
    let config = Config::from_url(&database.url()).unwrap().lc_messages(locale).local_data(true);
    let mut conn = Connection::open(&config).unwrap();
    conn.batch("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9) NOT NULL)").unwrap();
    conn.batch("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'b')").unwrap();
    (database, conn)
}

/// The first two numbers and the last.
fn numbers(counts: Option<Counts>) -> (u64, u64, u64) {
    let counts = counts.unwrap();
    (counts.matched(), counts.changed(), counts.warnings())
}

#[test]
fn rows_matched_and_changed_are_told_apart_in_any_language() {
    for locale in ["en_US", "de_DE", "ja_JP"] {
        let (_database, mut conn) = with_table(locale);
        assert_eq!(diesel::update(t::table).set(t::v.eq("b")).execute(&mut conn), Ok(3));
        assert_eq!(numbers(conn.last_counts()), (3, 1, 0), "{locale}, prepared");
        assert_eq!(diesel::update(t::table).set(t::v.eq("b")).execute(&mut conn), Ok(3));
        assert_eq!(numbers(conn.last_counts()), (3, 0, 0), "{locale}, prepared");

        let done = conn
            .batch("UPDATE t SET v = 'c' WHERE id < 3; DO 1; UPDATE t SET v = 'c'; SELECT * FROM t")
            .unwrap();
        assert_eq!(numbers(done[0].counts), (2, 2, 0), "{locale}");
        assert_eq!(numbers(done[2].counts), (3, 1, 0), "{locale}");
        assert_eq!((done[1].counts, done[3].counts), (None, None), "{locale}");
        assert_eq!(conn.last_counts(), None);

        drop(conn.query("UPDATE t SET v = 'd' WHERE id = 1 OR v = 'd'").unwrap());
        assert_eq!(numbers(conn.last_counts()), (1, 1, 0), "{locale}, query");
        let error = conn.batch("nonsense").unwrap_err();
        assert_eq!(conn.last_counts(), None, "{error}");
    }
}

#[test]
fn records_duplicates_and_skipped_rows_are_told_in_any_language() {
    for locale in ["en_US", "de_DE", "ja_JP"] {
        let (_database, mut conn) = with_table(locale);
        let copy = "INSERT IGNORE INTO t SELECT id + 2, v FROM t";
        assert_eq!(diesel::sql_query(copy).execute(&mut conn), Ok(2));
        assert_eq!(numbers(conn.last_counts()), (3, 1, 1), "{locale}, prepared");
        let done =
            conn.batch("INSERT INTO t VALUES (8, 'h'); CREATE TABLE u SELECT * FROM t").unwrap();
        assert_eq!(done[0].counts, None, "{locale}: one row is no matter to count");
        assert_eq!(numbers(done[1].counts), (6, 0, 0), "{locale}");

        let sql = "LOAD DATA LOCAL INFILE 'memory' INTO TABLE t";
        let loaded = conn.load_data(sql, &mut &b"1\tx\n9\ty\n"[..]).unwrap();
        let counts = loaded.counts.unwrap();
        let told = (counts.records(), counts.duplicates(), counts.skipped(), counts.warnings());
        assert_eq!(told, (2, 0, 1, u64::from(loaded.warnings)), "{locale}");
        assert_eq!((loaded.affected_rows, loaded.rows), (1, None), "{locale}");
    }
}

#[test]
fn a_statement_for_rows_is_told_from_one_that_only_counts() {
    let (_database, mut conn) = with_table("en_US");
    conn.batch("CREATE PROCEDURE two() BEGIN SELECT 1; SELECT 2 FROM t; END").unwrap();
    let done = conn
        .batch(
            "SELECT * FROM t; SELECT * FROM t WHERE id = 7; DELETE FROM t WHERE id = 7; CALL two()",
        )
        .unwrap();
    let rows: Vec<_> = done.iter().map(|outcome| outcome.rows).collect();
    assert_eq!(rows, [Some(3), Some(0), None, Some(1), Some(3), None]);
}

#[test]
fn a_batch_that_fails_tells_what_was_done_before() {
    let (_database, mut conn) = with_table("en_US");
    let failure = conn
        .batch(
            "UPDATE t SET v = 'b'; SELECT * FROM t; INSERT INTO t VALUES (1, 'x'); DELETE FROM t",
        )
        .unwrap_err();
    assert_eq!((failure.index(), failure.source_error().errno()), (2, 1062));
    let [update, select] = failure.outcomes() else { panic!("{failure:?}") };
    assert_eq!((update.affected_rows, numbers(update.counts)), (3, (3, 1, 0)));
    assert_eq!(select.rows, Some(3));
    assert!(conn.batch("nonsense").unwrap_err().outcomes().is_empty());
}
