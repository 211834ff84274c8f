//! Encryption is what the mode says: against servers with TLS, with a certificate for another name, and without.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use steadfast_connection::{Config, Connection, Error, Fault, Tls};
use steadfast_testkit::Server;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls").join(name)
}

/// A server that shows this certificate.
fn server_with(certificate: &str) -> Server {
    let flag = |name: &str, path: PathBuf| format!("--ssl-{name}={}", path.display());
    let cert = flag("cert", file(&format!("{certificate}.pem")));
    let key = flag("key", file(&format!("{certificate}-key.pem")));
    Server::with(&[&cert, &key, &flag("ca", file("ca.pem"))]).unwrap()
}

fn open(server: &Server, tls: Tls) -> Result<Connection, Error> {
    Connection::open(&Config::from_url(&server.url("")).unwrap().tls(tls))
}

fn refused(server: &Server, tls: Tls) {
    match open(server, tls) {
        Err(error) => {
            assert_eq!((error.errno(), error.fault()), (Some(2026), Fault::Permanent), "{error}");
        }
        Ok(conn) => panic!("connected: {conn:?}"),
    }
}

#[test]
fn every_mode_but_disabled_encrypts_where_the_server_can() {
    let server = server_with("server");
    assert_eq!(open(&server, Tls::disabled()).unwrap().cipher(), None);
    for tls in [
        Tls::preferred(),
        Tls::required(),
        Tls::verify_ca(file("ca.pem")),
        Tls::verify_identity(file("ca.pem")),
    ] {
        let mut conn = open(&server, tls.clone()).unwrap();
        assert!(conn.cipher().is_some(), "{tls:?}");
        conn.ping().unwrap();
    }
}

#[test]
fn a_connection_lost_under_tls_is_a_lost_connection() {
    let server = server_with("server");
    for all in [false, true] {
        let mut conn = open(&server, Tls::required()).unwrap();
        let killed = if all { server.kill() } else { server.kill_connection(conn.thread_id()) };
        killed.unwrap();
        let failure = conn.batch("SELECT 1").unwrap_err();
        assert_eq!(failure.fault(), Fault::Disconnected, "{failure}");
        assert!(conn.is_broken());
    }
}

#[test]
fn a_password_is_never_sent_as_it_is() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    // A server without TLS that asks for the password in the clear.
    let thief = thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut greeting =
            b"\x0a5.5.5-10.11.19-MariaDB\0\x01\0\0\0abcdefgh\0\xff\xf7\x2d\x02\0\xff\x81\x15"
                .to_vec();
        greeting.extend([0; 10]);
        greeting.extend(b"ijklmnopqrst\0mysql_native_password\0");
        send(&mut peer, 0, &greeting);
        let login = hear(&mut peer);
        send(&mut peer, 2, b"\xfemysql_clear_password\0");
        [login, hear(&mut peer)].concat()
    });
    let config = Config::new().port(port).user("u").password("s3cret-word").tls(Tls::preferred());
    Connection::open(&config).unwrap_err();
    let heard = thief.join().unwrap();
    assert!(heard.windows(2).any(|bytes| bytes == b"u\0"), "it logged in: {heard:?}");
    assert!(!heard.windows(11).any(|bytes| bytes == b"s3cret-word"), "{heard:?}");
}

fn send(peer: &mut impl Write, sequence: u8, payload: &[u8]) {
    let [low, middle, high, _] = u32::try_from(payload.len()).unwrap().to_le_bytes();
    peer.write_all(&[low, middle, high, sequence]).unwrap();
    peer.write_all(payload).unwrap();
}

fn hear(peer: &mut impl Read) -> Vec<u8> {
    let mut heard = vec![0; 4096];
    let length = peer.read(&mut heard).unwrap_or(0);
    heard.truncate(length);
    heard
}

#[test]
fn a_certificate_that_somebody_else_signed_is_refused() {
    let server = server_with("server");
    refused(&server, Tls::verify_ca(file("other-ca.pem")));
    refused(&server, Tls::verify_identity(file("other-ca.pem")));
}

#[test]
fn a_certificate_for_another_name_is_refused_where_the_name_counts() {
    let server = server_with("elsewhere");
    refused(&server, Tls::verify_identity(file("ca.pem")));
    assert!(open(&server, Tls::required()).unwrap().cipher().is_some());
}
