//! A server that somebody else runs is used, and neither stopped nor killed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

use std::process::{Command, Stdio};

use steadfast_testkit::{Error, Server};

/// A private server that plays somebody else's, with an account that has a difficult password. On
/// MySQL it offers encryption: without it, the `mariadb` client cannot log in with a password.
fn somebody_elses() -> (Server, String) {
    let server = Server::with(&["--tls-version=TLSv1.2,TLSv1.3"]).unwrap();
    let account =
        "CREATE USER 'te st'@'%' IDENTIFIED BY 'p@:/+ %'; GRANT ALL ON *.* TO 'te st'@'%'";
    server.sql("", account).unwrap();
    let url = format!("mysql://te%20st:p%40%3A%2F+%20%25@127.0.0.1:{}/", server.port());
    (server, url)
}

#[test]
fn databases_are_made_with_the_account_of_the_url() {
    let (owner, url) = somebody_elses();
    let server = Server::external(&url).unwrap();
    assert_eq!(server.sql("", "SELECT CURRENT_USER()").unwrap(), "te st@%");
    let database = server.database();
    assert_eq!(database.url(), format!("{url}{}", database.name()));
    assert_eq!(database.socket_url(), database.url(), "there is no socket to be known");
    database.sql("CREATE TABLE t (id INT)").unwrap();
    let proxy = server.proxy();
    let through = Server::external(&database.url_through(&proxy)).unwrap();
    assert_eq!(through.sql(database.name(), "SHOW TABLES").unwrap(), "t");
    let name = database.name().to_owned();
    drop(database);
    assert_eq!(owner.sql(&name, "SELECT 1").unwrap_err().errno(), Some(1049));
}

#[test]
fn faults_of_the_process_are_refused_and_the_server_goes_on() {
    let (owner, url) = somebody_elses();
    let server = Server::external(&url).unwrap();
    assert!(!server.is_private() && owner.is_private());
    assert_eq!(server.pid(), None);
    for fault in [Server::pause, Server::resume, Server::kill, Server::stop, Server::restart] {
        assert!(matches!(fault(&server), Err(Error::NotPrivate)));
    }
    drop(server);
    assert_eq!(owner.sql("", "SELECT 1").unwrap(), "1");
}

#[test]
fn the_shared_server_is_the_one_of_the_environment() {
    let (owner, url) = somebody_elses();
    let program = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_private-server"));
        command.env("STEADFAST_TEST_URL", &url).stdin(Stdio::null());
        command
    };
    let output = program().output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, format!("{url}\n{url}\nprocess 0\n").as_bytes());
    assert_eq!(owner.sql("", "SELECT 1").unwrap(), "1");
    let output = program().env("STEADFAST_TEST_URL", "mysql://").output().unwrap();
    assert!(!output.status.success());
}

#[test]
fn an_unknown_server_program_is_an_error_that_names_it() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_private-server"));
    command.env_remove("STEADFAST_TEST_URL").env("STEADFAST_SERVER", "/no/such/mariadbd");
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("/no/such/mariadbd"), "{said}");
}
