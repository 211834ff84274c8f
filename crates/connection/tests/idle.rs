//! A connection that the server closes while nobody uses it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

use std::time::Duration;

use diesel::prelude::*;
use steadfast_connection::{Config, Connection, Error, Fault, ServerError};
use steadfast_testkit::{Server, TestDatabase, eventually, server};

const SOON: Duration = Duration::from_secs(30);
const UPDATE: &str = "UPDATE t SET v = v + 1";

type Run = fn(&mut Connection) -> Result<(), ServerError>;

/// Each way on which a statement that changes something can be sent.
const WAYS: [(&str, Run); 4] = [
    ("prepared", |conn| {
        let outcome = diesel::sql_query(UPDATE).execute(conn);
        outcome.map(drop).map_err(|error| ServerError::find(&error).unwrap())
    }),
    ("batch", |conn| conn.batch(UPDATE).map(drop).map_err(|error| error.into_source_error())),
    ("query", |conn| conn.query(UPDATE).map(drop).map_err(|error| numbered(&error))),
    ("load", |conn| {
        let sql = "LOAD DATA LOCAL INFILE 'memory' INTO TABLE t";
        conn.load_data(sql, &mut &b"1\n"[..]).map(drop).map_err(|error| numbered(&error))
    }),
];

fn numbered(error: &Error) -> ServerError {
    error.server().unwrap_or_else(|| panic!("{error}")).clone()
}

fn with_table() -> (TestDatabase, Config) {
    let database = server().database();
    database.sql("CREATE TABLE t (v INT); INSERT INTO t VALUES (1)").unwrap();
    let config = Config::from_url(&database.url()).unwrap().local_data(true);
    (database, config)
}

fn state(database: &TestDatabase) -> String {
    database.sql("SELECT COUNT(*), SUM(v) FROM t").unwrap()
}

fn wait_until_closed(id: u64) {
    let sql = format!("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = {id}");
    eventually(SOON, || server().sql("", &sql).unwrap().trim() == "0");
}

fn kill(conn: &Connection) {
    server().kill_connection(conn.thread_id()).unwrap();
    wait_until_closed(conn.thread_id());
}

#[test]
fn a_statement_that_was_not_sent_is_in_no_doubt() {
    let (database, config) = with_table();
    for config in [config.clone(), config.compress(true)] {
        for (name, run) in WAYS {
            let mut conn = Connection::open(&config).unwrap();
            run(&mut conn).unwrap();
            kill(&conn);
            let before = state(&database);

            let error = run(&mut conn).unwrap_err();

            assert_eq!(error.fault(), Fault::Disconnected, "{name}: {error}");
            assert!(conn.is_broken(), "{name}");
            assert_eq!(state(&database), before, "{name}");
        }
    }
}

#[test]
fn a_commit_that_was_not_sent_is_in_no_doubt() {
    let (database, config) = with_table();
    let before = state(&database);
    let mut conn = Connection::open(&config).unwrap();
    conn.begin("BEGIN").unwrap();
    conn.batch(UPDATE).unwrap();
    kill(&conn);
    let error = conn.commit("").unwrap_err();
    assert_eq!(error.fault(), Fault::Disconnected, "{error}");
    assert!(conn.is_broken());
    assert_eq!(state(&database), before);
}

#[test]
fn a_server_that_closes_for_want_of_work_says_so() {
    let (database, config) = with_table();
    let mut conn = Connection::open(&config.wait_timeout(Duration::from_secs(1))).unwrap();
    wait_until_closed(conn.thread_id());
    let error = conn.batch(UPDATE).unwrap_err();
    assert_eq!(error.fault(), Fault::Disconnected, "{error}");
    assert!(database.sql("SELECT v FROM t").unwrap().contains('1'));
    if !server().version().is_mariadb() {
        assert_eq!(error.source_error().errno(), 4031, "the server's own number");
    }
}

#[test]
fn a_server_that_was_killed_leaves_no_doubt_either() {
    let server = Server::start().unwrap();
    let mut conn = Connection::open(&Config::from_url(&server.url("")).unwrap()).unwrap();
    conn.batch("CREATE DATABASE shop; CREATE TABLE shop.t (v INT)").unwrap();
    server.kill().unwrap();
    let error = conn.batch("INSERT INTO shop.t VALUES (1)").unwrap_err();
    assert_eq!(error.fault(), Fault::Disconnected, "{error}");
}
