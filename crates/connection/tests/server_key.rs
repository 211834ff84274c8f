//! `caching_sha2_password` in plain, with the server's public key.
//!
//! A test file of its own: libmysqlclient reads one such file in a process and keeps to it, also
//! for those who give none. So there is one pair of keys here, and who has none is tested elsewhere.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use steadfast_connection::{Config, Connection, Tls};
use steadfast_testkit::{Server, Vendor, server};
use thief::thief;

#[path = "authentication/thief.rs"]
mod thief;

const SECRET: &str = "s3cret-word";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls").join(name)
}

#[test]
fn with_the_key_who_is_unknown_to_the_server_logs_in() {
    if !server().version().runs(Vendor::MySql, "caching_sha2_password is its own") {
        return;
    }
    let (public, private) = (file("login-public.pem"), file("login-key.pem"));
    let server = Server::with(&[
        &format!("--caching-sha2-password-public-key-path={}", public.display()),
        &format!("--caching-sha2-password-private-key-path={}", private.display()),
    ])
    .unwrap();
    // Made and not used yet: the server has to be given the password.
    let create =
        format!("CREATE USER sha2_user IDENTIFIED WITH caching_sha2_password BY '{SECRET}'");
    server.sql("", &create).unwrap();
    let config = Config::from_url(&server.url("")).unwrap().user("sha2_user").password(SECRET);
    let config = config.tls(Tls::disabled()).server_public_key(public);
    let mut conn = Connection::open(&config).unwrap();
    assert_eq!(conn.cipher(), None);
    conn.ping().unwrap();
    server.sql("", "FLUSH PRIVILEGES").unwrap();
    assert_eq!(Connection::open(&config.password("wrong")).unwrap_err().errno(), Some(1045));
}

#[test]
fn with_the_key_the_password_is_sent_encrypted() {
    // With certificates libmariadb would take the connection for an encrypted one.
    let config = Config::new().user("u").password(SECRET).connect_timeout(Duration::from_secs(2));
    let config = config.server_public_key(file("login-public.pem"));
    for tls in [Tls::disabled(), Tls::preferred()] {
        let (port, thief) = thief(false, "caching_sha2_password", &[b"\x01\x04"]);
        Connection::open(&config.clone().port(port).tls(tls)).unwrap_err();
        let heard = thief.join().unwrap();
        assert!(heard.windows(4).any(|bytes| bytes[..3] == [0, 1, 0]), "256 bytes: {heard:?}");
        assert!(!heard.windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes()));
    }
}
