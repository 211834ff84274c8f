//! A private server starts, gives each test a database, and can be stopped, killed and started again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use steadfast_testkit::{Error, Server, eventually, server};

const TEN_SECONDS: Duration = Duration::from_secs(10);

#[test]
fn the_shared_server_answers_over_both_ways() {
    if server().is_private() {
        assert_eq!(server().sql("", "SELECT USER()").unwrap(), "root@localhost");
        let tcp = Server::external(&server().url("")).unwrap();
        assert_eq!(tcp.sql("", "SELECT USER()").unwrap(), "root@127.0.0.1");
    }
    let socket = Server::external(&server().socket_url("")).unwrap();
    assert_eq!(socket.sql("", "SELECT 1 + 1").unwrap(), "2");
}

#[test]
fn a_server_writes_a_binary_log_by_rows() {
    let settings = "SELECT @@log_bin, @@binlog_format";
    assert_eq!(Server::start().unwrap().sql("", settings).unwrap(), "1\tROW");
}

#[test]
fn two_servers_have_nothing_in_common() {
    let (one, other) = (Server::start().unwrap(), Server::start().unwrap());
    assert_ne!(one.port(), other.port());
    assert_ne!(one.socket(), other.socket());
    one.sql("", "CREATE DATABASE shop").unwrap();
    assert_eq!(other.sql("shop", "SELECT 1").unwrap_err().errno(), Some(1049));
}

#[test]
fn a_dropped_server_is_gone_with_its_folder() {
    let server = Server::start().unwrap();
    let (pid, socket) = (server.pid().unwrap(), server.socket().to_owned());
    assert!(is_alive(pid) && socket.exists());
    drop(server);
    assert!(!is_alive(pid));
    assert!(!socket.parent().unwrap().exists());
}

#[test]
fn a_paused_server_that_is_dropped_is_gone_too() {
    let server = Server::start().unwrap();
    let pid = server.pid().unwrap();
    server.pause().unwrap();
    drop(server);
    assert!(!is_alive(pid));
}

#[test]
fn what_was_committed_survives_a_kill() {
    let server = Server::start().unwrap();
    let database = server.database();
    database.sql("CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB").unwrap();
    database.sql("INSERT INTO t VALUES (1)").unwrap();
    let before = server.pid().unwrap();
    server.kill().unwrap();
    assert!(!is_alive(before));
    assert_eq!(server.pid(), None);
    assert_eq!(database.sql("SELECT 1").unwrap_err().errno(), Some(2002));
    server.restart().unwrap();
    assert_ne!(server.pid(), Some(before));
    assert_eq!(database.sql("SELECT id FROM t").unwrap(), "1");
    let tcp = Server::external(&database.url()).unwrap();
    assert_eq!(tcp.sql(database.name(), "SELECT id FROM t").unwrap(), "1", "the same port");
}

#[test]
fn what_was_not_committed_does_not_survive() {
    let server = Server::start().unwrap();
    let database = server.database();
    database.sql("CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB").unwrap();
    thread::scope(|scope| {
        let open = scope.spawn(|| database.sql("BEGIN; INSERT INTO t VALUES (1); DO SLEEP(60)"));
        // INNODB_TRX would not do: it is not refreshed while it is read more often than ten times a second.
        let sleeping =
            "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE info LIKE 'DO SLEEP%'";
        eventually(TEN_SECONDS, || server.sql("", sleeping).unwrap() == "1");
        server.restart().unwrap();
        assert_eq!(open.join().unwrap().unwrap_err().errno(), Some(2013));
    });
    assert_eq!(database.sql("SELECT COUNT(*) FROM t").unwrap(), "0");
}

#[test]
fn an_orderly_stop_is_possible_also_while_paused() {
    let server = Server::start().unwrap();
    let pid = server.pid().unwrap();
    server.pause().unwrap();
    server.stop().unwrap();
    assert!(!is_alive(pid));
    server.restart().unwrap();
    assert_eq!(server.sql("", "SELECT 1").unwrap(), "1");
}

#[test]
fn a_paused_server_is_silent_until_it_goes_on() {
    let server = Server::start().unwrap();
    server.pause().unwrap();
    server.pause().unwrap(); // Twice is as good as once.
    let (sender, answer) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| sender.send(server.sql("", "SELECT 1")).unwrap());
        let silence = answer.recv_timeout(Duration::from_millis(100)).map(|_| ());
        assert_eq!(silence, Err(RecvTimeoutError::Timeout));
        server.resume().unwrap();
        assert_eq!(answer.recv_timeout(TEN_SECONDS).unwrap().unwrap(), "1");
    });
}

#[test]
fn a_server_that_is_not_there_cannot_be_paused() {
    let server = Server::start().unwrap();
    server.kill().unwrap();
    server.kill().unwrap(); // Twice is as good as once.
    assert!(matches!(server.pause(), Err(Error::NotRunning { .. })));
    assert!(matches!(server.resume(), Err(Error::NotRunning { .. })));
}

#[test]
fn a_killed_connection_is_gone() {
    let database = server().database();
    thread::scope(|scope| {
        let sleeper = scope.spawn(|| database.sql("DO SLEEP(60)"));
        let find = format!(
            "SELECT id FROM information_schema.PROCESSLIST WHERE db = '{}' AND command = 'Query' \
             AND info LIKE 'DO SLEEP%'",
            database.name()
        );
        let mut id = String::new();
        eventually(TEN_SECONDS, || {
            id = server().sql("", &find).unwrap();
            !id.is_empty()
        });
        server().kill_connection(id.parse().unwrap()).unwrap();
        let error = sleeper.join().unwrap().unwrap_err();
        assert!(matches!(error.errno(), Some(1317 | 1927 | 2013 | 2026)), "{error}");
    });
    assert_eq!(server().kill_connection(u64::from(u32::MAX)).unwrap_err().errno(), Some(1094));
}

#[test]
fn a_flag_of_ones_own_is_obeyed_and_an_unknown_one_is_reported() {
    let server = Server::with(&["--max-connections=17"]).unwrap();
    assert_eq!(server.sql("", "SELECT @@max_connections").unwrap(), "17");
    let Err(Error::Ended { log }) = Server::with(&["--no-such-flag"]) else {
        panic!("it cannot have started");
    };
    assert!(log.contains("no-such-flag"), "{log}");
}

fn is_alive(pid: u32) -> bool {
    std::fs::exists(format!("/proc/{pid}")).unwrap()
}
