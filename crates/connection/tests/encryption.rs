//! Encryption is what the mode says: against servers with TLS, with a certificate for another name, and without.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

use std::path::{Path, PathBuf};

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
