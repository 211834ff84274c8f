//! A database is opened: what is waited for, and what fails at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod ground;

use std::thread;
use std::time::{Duration, Instant};

use ground::{TEN_SECONDS, config};
use steadfast_connection::Config;
use steadfast_manager::{Database, DatabaseConfig, Error, Migrate, State};
use steadfast_pool::PoolConfig;
use steadfast_session::SessionConfig;
use steadfast_testkit::{Rule, eventually, scripted_peer, server, silent_peer};

const LONG: Duration = Duration::from_secs(30);

#[test]
fn a_server_that_comes_up_late_is_waited_for() {
    let database = server().database();
    let proxy = server().proxy();
    // Accepted and lost, as by a server that is starting behind a balancer.
    proxy.black_hole();
    let url = format!("{}?connect_timeout=1", database.url_through(&proxy));
    let config = DatabaseConfig::from_url(&url).unwrap().wait(LONG).migrate(Migrate::Run);
    thread::scope(|scope| {
        let opening = scope.spawn(|| Database::open(config));
        eventually(TEN_SECONDS, || proxy.open() >= 2);
        assert!(!opening.is_finished());
        proxy.heal();
        let db = opening.join().unwrap().expect("the server is up by now");
        assert_eq!(db.state(), State::Ready);
        assert!(db.migrations().unwrap().is_current());
    });
}

#[test]
fn a_server_that_does_not_come_up_is_given_up_at_the_limit() {
    let database = server().database();
    let proxy = server().proxy();
    proxy.refuse();
    let url = database.url_through(&proxy);
    let limit = Duration::from_secs(1);
    let begun = Instant::now();

    let refused = Database::open(DatabaseConfig::from_url(&url).unwrap().wait(limit));

    let Err(Error::Unreachable { attempts, source, .. }) = refused else {
        panic!("expected a refusal, got {refused:?}")
    };
    assert!(attempts >= 3, "{attempts}");
    assert!(matches!(source.errno(), Some(2002 | 2003)), "{source}");
    assert!(begun.elapsed() < TEN_SECONDS, "{:?}", begun.elapsed());
}

#[test]
fn a_silent_host_is_given_up_at_the_limit() {
    let peer = silent_peer();
    let url = format!("mysql://root:s3cret@127.0.0.1:{}/shop", peer.port());
    let begun = Instant::now();

    let refused = Database::open(DatabaseConfig::from_url(&url).unwrap().wait(2 * SECOND));

    assert!(matches!(refused, Err(Error::Unreachable { .. })), "{refused:?}");
    assert!(begun.elapsed() < TEN_SECONDS, "{:?}", begun.elapsed());
    assert!(!format!("{refused:?}").contains("s3cret"));
}

#[test]
fn a_server_that_falls_silent_after_the_greeting_is_given_up_at_the_limit() {
    let database = server().database();
    let proxy = server().proxy();
    let armed = proxy.rule(Rule::black_hole().containing("@@hostname").every_time());
    let url = format!("{}?connect_timeout=1", database.url_through(&proxy));
    let begun = Instant::now();

    let refused = Database::open(DatabaseConfig::from_url(&url).unwrap().wait(2 * SECOND));

    assert!(matches!(refused, Err(Error::Unreachable { .. })), "{refused:?}");
    assert!(begun.elapsed() < TEN_SECONDS, "{:?}", begun.elapsed());
    assert!(armed.fired() >= 1);
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_server_that_is_full_is_waited_for_and_one_that_blocks_us_is_not() {
    // An error packet in place of the greeting: length, number 0, 0xff, errno, text.
    let greeting = |errno: u16| {
        let [low, high] = errno.to_le_bytes();
        let mut packet = vec![8, 0, 0, 0, 0xff, low, high];
        packet.extend(b"later");
        packet
    };
    for (errno, is_waited_for) in [(1040, true), (1129, false)] {
        let peer = scripted_peer(&greeting(errno));
        // With TLS, libmariadb gives every error before the handshake as 2002.
        let url = format!("mysql://root@127.0.0.1:{}/shop?ssl_mode=disabled", peer.port());
        let refused = Database::open(DatabaseConfig::from_url(&url).unwrap().wait(SECOND));
        let error = refused.expect_err("nobody can connect there");
        assert_eq!(error.errno(), Some(u32::from(errno)), "{error:?}");
        assert_eq!(matches!(error, Error::Unreachable { .. }), is_waited_for, "{error:?}");
        assert_eq!(peer.accepted() > 1, is_waited_for, "{errno}");
    }
}

#[test]
fn a_wrong_password_fails_at_once_and_is_never_printed() {
    let database = server().database();
    let account = format!("u{}", std::process::id());
    database.sql(&format!("CREATE USER {account} IDENTIFIED BY 'right'")).unwrap();
    let url = database.socket_url().replace("root@", &format!("{account}:s3cret@"));
    let begun = Instant::now();

    let error = Database::open(DatabaseConfig::from_url(&url).unwrap().wait(LONG))
        .expect_err("the password is wrong");

    assert_eq!(error.errno(), Some(1045), "{error:?}");
    assert_eq!(error.sqlstate(), Some("28000"));
    assert!(begun.elapsed() < TEN_SECONDS, "{:?}", begun.elapsed());
    assert!(!format!("{error} {error:?}").contains("s3cret"));
    database.sql(&format!("DROP USER {account}")).unwrap();
}

#[test]
fn an_unknown_database_fails_at_once() {
    let url = server().url("there_is_no_such_database");
    let begun = Instant::now();
    let error = Database::open(DatabaseConfig::from_url(&url).unwrap().wait(LONG));
    assert_eq!(error.expect_err("there is none").errno(), Some(1049));
    assert!(begun.elapsed() < TEN_SECONDS, "{:?}", begun.elapsed());
}

#[test]
fn all_that_is_wrong_with_any_part_is_told_at_once() {
    let config = DatabaseConfig::new(Config::new().host("a;b").password("s3cret"))
        .pool(PoolConfig::new().size(0).overflow(20_000))
        .sessions(SessionConfig::new().limit(0))
        .wait(Duration::from_secs(7200));

    let error = Database::open(config).expect_err("nothing is right");

    let text = error.to_string();
    for setting in ["host", "database", "pool.size", "pool.overflow", "session.limit", "wait"] {
        assert_eq!(text.matches(&format!("{setting} = ")).count(), 1, "{setting} in {text}");
    }
    assert!(!format!("{text} {error:?}").contains("s3cret"));
}

#[test]
fn a_url_with_an_unknown_parameter_names_it() {
    let error = DatabaseConfig::from_url("mysql://root:s3cret@h/d?retries=3").unwrap_err();
    assert!(error.to_string().contains("retries"), "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cret"));
}

#[test]
fn settings_that_should_be_looked_at_are_named_in_the_report() {
    let server = steadfast_testkit::Server::with(&[
        "--innodb-flush-log-at-trx-commit=2",
        "--sync-binlog=0",
        "--sql-mode=",
        "--max-connections=20",
    ])
    .unwrap();
    server.sql("", "CREATE DATABASE old CHARACTER SET latin1").unwrap();
    server.sql("old", "CREATE TABLE steadfast_outcome (attempt BINARY(16)) ENGINE=MyISAM").unwrap();
    let db = Database::open(DatabaseConfig::from_url(&server.url("old")).unwrap()).unwrap();

    let warnings = db.health().checks.settings.warnings;

    let mut names: Vec<_> = warnings.iter().map(|warning| warning.name).collect();
    names.sort_unstable();
    let mut expected = vec![
        "character_set",
        "engine",
        "innodb_flush_log_at_trx_commit",
        "max_connections",
        "sql_mode",
        "sync_binlog",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected, "{warnings:?}");
}

#[test]
fn a_transaction_runs_on_what_was_opened() {
    use diesel::prelude::*;
    let database = server().database();
    database.sql("CREATE TABLE t (i INT PRIMARY KEY)").unwrap();
    let db = Database::open(config(&database).migrate(Migrate::Run)).unwrap();
    db.transaction(|tx| {
        diesel::sql_query("INSERT INTO t VALUES (7)").execute(tx)?;
        Ok::<_, steadfast_session::Error>(())
    })
    .unwrap();
    assert_eq!(database.sql("SELECT i FROM t").unwrap(), "7");
    assert_eq!(db.health().checks.sessions.committed, 1);
}
