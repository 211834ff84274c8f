//! Calls that hang: ended by the time limits, or by another thread.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use std::thread;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use steadfast_connection::{Config, Connection, Fault, ServerError};
use steadfast_testkit::{Rule, Server, eventually, server};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_frozen_server_is_given_up_after_the_read_timeout() {
    let server = Server::start().unwrap();
    let config = Config::from_url(&server.url("")).unwrap().read_timeout(SECOND);
    let mut conn = Connection::open(&config).unwrap();
    server.pause().unwrap();
    let started = Instant::now();

    let error = diesel::sql_query("SELECT 1").execute(&mut conn).unwrap_err();

    let took = started.elapsed();
    server.resume().unwrap();
    assert_eq!(ServerError::find(&error).unwrap().fault(), Fault::Disconnected, "{error}");
    assert!(took >= SECOND && took < SECOND * 2, "{took:?}");
    assert!(conn.is_broken());
}

#[test]
fn opening_is_bounded_by_its_own_limit_to_the_end() {
    let proxy = server().proxy();
    let config = Config::from_url(&server().url_through(&proxy, "")).unwrap();
    let config = config.connect_timeout(SECOND).read_timeout(SECOND * 30);
    proxy.rule(Rule::black_hole().containing("session_track"));
    let started = Instant::now();
    let error = Connection::open(&config).unwrap_err();
    assert_eq!(error.fault(), Fault::Disconnected, "{error}");
    assert!(started.elapsed() < SECOND * 5, "{:?}", started.elapsed());
}

#[test]
fn a_deadline_ends_what_is_under_way_and_tells_whether_it_may_have_happened() {
    let database = server().database();
    let config = Config::from_url(&database.url()).unwrap();
    for (sql, fault) in [
        ("SELECT SLEEP(60)", Fault::Disconnected),
        ("UPDATE t SET n = SLEEP(60)", Fault::Uncertain),
    ] {
        database
            .sql("DROP TABLE IF EXISTS t; CREATE TABLE t (n INT); INSERT INTO t VALUES (1)")
            .unwrap();
        let mut conn = Connection::open(&config).unwrap();
        let started = Instant::now();
        let outcome = conn.within(SECOND, |conn| diesel::sql_query(sql).execute(conn)).unwrap();
        assert!(started.elapsed() < SECOND * 5, "{:?}", started.elapsed());
        let error = outcome.unwrap_err();
        assert_eq!(ServerError::find(&error).unwrap().fault(), fault, "{sql}: {error}");
        assert!(conn.is_broken());
    }
    let mut conn = Connection::open(&config).unwrap();
    let count = conn.within(SECOND * 60, |conn| diesel::sql_query("DO 1").execute(conn)).unwrap();
    assert_eq!(count, Ok(0));
    assert!(!conn.is_broken(), "a deadline that was kept leaves no trace");
}

#[test]
fn another_thread_ends_a_call_that_hangs() {
    let database = server().database();
    let mut conn = Connection::open(&Config::from_url(&database.url()).unwrap()).unwrap();
    let interrupter = conn.interrupter().unwrap();
    let id = conn.thread_id();
    let outcome = thread::scope(|scope| {
        let hanging = scope.spawn(|| diesel::sql_query("DO SLEEP(60)").execute(&mut conn));
        eventually(SECOND * 10, || {
            let query = format!(
                "SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id} AND state = 'User sleep'"
            );
            database.sql(&query).unwrap().trim() == "1"
        });
        interrupter.shutdown();
        hanging.join().unwrap()
    });
    let error = outcome.unwrap_err();
    assert_eq!(ServerError::find(&error).unwrap().fault(), Fault::Disconnected, "{error}");
    assert!(conn.is_broken() && conn.ping().is_err());
    // Once the connection is gone there is nothing to hit.
    drop(conn);
    interrupter.shutdown();
}

#[test]
fn a_server_killed_and_restarted_leaves_a_broken_connection_and_takes_a_new_one() {
    let server = Server::start().unwrap();
    let config = Config::from_url(&server.url("")).unwrap();
    let mut conn = Connection::open(&config).unwrap();
    server.kill().unwrap();

    assert_eq!(conn.ping().unwrap_err().fault(), Fault::Disconnected);
    assert!(conn.is_broken());
    assert_eq!(Connection::open(&config).unwrap_err().fault(), Fault::Disconnected);

    server.restart().unwrap();
    Connection::open(&config).unwrap().ping().unwrap();
}

#[test]
fn a_value_above_the_packet_limit_is_permanent_and_never_sent() {
    let database = server().database();
    let mut conn = Connection::open(&Config::from_url(&database.url()).unwrap()).unwrap();
    let limit: usize = server().sql("", "SELECT @@max_allowed_packet").unwrap().parse().unwrap();
    let huge = "x".repeat(limit + 1000);
    let error = diesel::sql_query("DO LENGTH(?)")
        .bind::<diesel::sql_types::Text, _>(huge)
        .execute(&mut conn)
        .unwrap_err();
    let found = ServerError::find(&error).unwrap();
    assert_eq!((found.sqlstate(), found.fault()), ("54000", Fault::Permanent), "{found}");
    conn.ping().unwrap();
}

/// A packet of 0xffffff bytes is followed by another: a row has five bytes more than the value, a
/// command with it 21.
#[test]
fn values_about_the_size_of_a_packet_go_both_ways() {
    const FULL: usize = 0xff_ffff;
    let server = Server::with(&["--max-allowed-packet=64M"]).unwrap();
    let mut conn = Connection::open(&Config::from_url(&server.url("")).unwrap()).unwrap();
    for length in [FULL - 21, FULL - 5, FULL - 4, FULL, 16 << 20] {
        let value: Vec<u8> = (0_u8..=250).cycle().take(length).collect();
        let query = diesel::select(value.as_slice().into_sql::<diesel::sql_types::Binary>());
        let back: Vec<u8> = query.get_result(&mut conn).unwrap();
        assert!(back == value, "{length}: {} bytes came back", back.len());
    }
    conn.ping().unwrap();
}
