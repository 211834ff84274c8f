//! Each test has a database of its own, which goes when the test succeeds and stays when it fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use steadfast_testkit::server;

#[test]
fn a_database_is_named_after_its_test() {
    let database = server().database();
    let name = database.name();
    assert!(name.starts_with("a_database_is_named_after_its_test_"), "{name}");
    assert!(name.len() <= 64, "{name}");
}

#[test]
fn a_long_test_name_is_cut_and_stays_unique() {
    let long = "some::module::".repeat(10) + "Größe";
    let make = || {
        thread::scope(|scope| {
            let builder = thread::Builder::new().name(long.clone());
            builder.spawn_scoped(scope, || server().database()).unwrap().join().unwrap()
        })
    };
    let (one, other) = (make(), make());
    assert_ne!(one.name(), other.name());
    for database in [&one, &other] {
        assert_eq!(database.name().len(), 64);
        assert!(database.name().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        assert_eq!(database.sql("SELECT DATABASE()").unwrap(), database.name());
    }
}

#[test]
fn a_database_is_empty_and_takes_every_character() {
    let database = server().database();
    assert_eq!(database.sql("SHOW TABLES").unwrap(), "");
    database.sql("CREATE TABLE t (s TEXT); INSERT INTO t VALUES ('naïve 🐟')").unwrap();
    assert_eq!(
        database.sql("SELECT s, HEX(s) FROM t").unwrap(),
        "naïve 🐟\t6E61C3AF766520F09F909F"
    );
}

#[test]
fn a_dropped_database_is_gone() {
    let database = server().database();
    let name = database.name().to_owned();
    assert!(exists(&name));
    drop(database);
    assert!(!exists(&name));
}

#[test]
fn a_failed_tests_database_stays() {
    let mut name = String::new();
    let failed = catch_unwind(AssertUnwindSafe(|| {
        let database = server().database();
        database.name().clone_into(&mut name);
        panic!("as a failing test does");
    }));
    assert!(failed.is_err());
    assert!(exists(&name));
    server().sql("", &format!("DROP DATABASE `{name}`")).unwrap();
}

#[test]
fn many_tests_at_once_do_not_meet() {
    thread::scope(|scope| {
        for number in 0..8 {
            scope.spawn(move || {
                let database = server().database();
                let insert = format!("CREATE TABLE t (n INT); INSERT INTO t VALUES ({number})");
                database.sql(&insert).unwrap();
                assert_eq!(database.sql("SELECT n FROM t").unwrap(), number.to_string());
            });
        }
    });
}

#[test]
fn a_refused_statement_carries_its_number() {
    let database = server().database();
    let error = database.sql("SELECT 1; SELECT * FROM nowhere; SELECT 2").unwrap_err();
    assert_eq!(error.errno(), Some(1146), "{error}");
}

fn exists(name: &str) -> bool {
    let query =
        format!("SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{name}'");
    server().sql("", &query).unwrap() == "1"
}
