//! Encryption is what the mode says: against servers with TLS, with a certificate for another name, and without.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use diesel::prelude::*;
use mysqlclient_sys::SUPPORTS_MYSQL_SSL_MODE;
use steadfast_connection::{Config, Connection, Error, Fault, Tls, TlsVersion};
use steadfast_testkit::{Server, server};

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
fn each_mode_takes_the_certificates_it_promises_to() {
    let (plain, encrypted, refused) = ("plain", "encrypted", "refused");
    // libmariadb cannot check the signature without the name.
    let other_name = if SUPPORTS_MYSQL_SSL_MODE { encrypted } else { refused };
    let ca = file("ca.pem");
    let modes = [
        Tls::disabled(),
        Tls::preferred(),
        Tls::required(),
        Tls::verify_ca(&ca),
        Tls::verify_identity(&ca),
    ];
    let table = [
        ("server", [plain, encrypted, encrypted, encrypted, encrypted]),
        ("elsewhere", [plain, encrypted, encrypted, other_name, refused]),
        ("expired", [plain, encrypted, encrypted, refused, refused]),
        ("self-signed", [plain, encrypted, encrypted, refused, refused]),
        ("none", [plain, plain, refused, refused, refused]),
    ];
    for (certificate, expected) in table {
        let server = match certificate {
            "none" => Server::with(&[without_tls()]).unwrap(),
            _ => server_with(certificate),
        };
        for (tls, expected) in modes.iter().zip(expected) {
            let outcome = match open(&server, tls.clone()) {
                Ok(mut conn) => {
                    conn.ping().unwrap();
                    diesel::sql_query("DO 1").execute(&mut conn).unwrap();
                    if conn.cipher().is_some() { encrypted } else { plain }
                }
                Err(error) => {
                    assert_eq!(error.fault(), Fault::Permanent, "{error}");
                    let is_tls = matches!(error, Error::Tls { .. });
                    assert!(is_tls || error.errno() == Some(2026), "{error}");
                    refused
                }
            };
            assert_eq!(outcome, expected, "{} with the certificate {certificate}", tls.mode());
        }
    }
}

fn without_tls() -> &'static str {
    let is_mariadb = server().sql("", "SELECT VERSION()").unwrap().contains("MariaDB");
    if is_mariadb { "--skip-ssl" } else { "--tls-version=" }
}

#[test]
fn the_oldest_version_of_tls_is_kept_to() {
    let server = server_with("server");
    for (version, expected) in [(TlsVersion::V1_2, "TLSv1.3"), (TlsVersion::V1_3, "TLSv1.3")] {
        let mut conn = open(&server, Tls::required().min_version(version)).unwrap();
        assert_eq!(status(&mut conn, "Ssl_version"), expected);
    }
    let cert = format!("--ssl-cert={}", file("server.pem").display());
    let key = format!("--ssl-key={}", file("server-key.pem").display());
    let old = Server::with(&[&cert, &key, "--tls-version=TLSv1.2"]).unwrap();
    let mut conn = open(&old, Tls::required()).unwrap();
    assert_eq!(status(&mut conn, "Ssl_version"), "TLSv1.2");
    refused(&old, Tls::required().min_version(TlsVersion::V1_3));
}

fn status(conn: &mut Connection, name: &str) -> String {
    #[derive(QueryableByName)]
    struct Status {
        #[diesel(sql_type = diesel::sql_types::Text, column_name = "Value")]
        value: String,
    }
    let query = format!("SHOW SESSION STATUS LIKE '{name}'");
    diesel::sql_query(query).get_result::<Status>(conn).unwrap().value
}

#[test]
fn a_greeting_whose_offer_of_tls_was_taken_out_gets_no_login() {
    let server = server_with("server");
    let ca = file("ca.pem");
    for tls in [Tls::required(), Tls::verify_ca(&ca), Tls::verify_identity(&ca)] {
        let (port, heard) = without_offer(&server);
        let config = Config::from_url(&server.url("")).unwrap().port(port).tls(tls.clone());
        let error = Connection::open(&config).unwrap_err();
        assert_eq!(error.fault(), Fault::Permanent, "{error}");
        assert_eq!(heard.join().unwrap(), b"", "{tls:?}");
    }
    let (port, heard) = without_offer(&server);
    let config = Config::from_url(&server.url("")).unwrap().port(port);
    let conn = Connection::open(&config.tls(Tls::preferred())).unwrap();
    assert_eq!(conn.cipher(), None);
    drop(conn);
    assert!(heard.join().unwrap().windows(5).any(|bytes| bytes == b"root\0"));
}

/// Stands between client and server, takes the server's offer of TLS out of its greeting, and gives
/// what the client has sent.
fn without_offer(server: &Server) -> (u16, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = (server.host(), server.port()).to_socket_addrs().unwrap().next().unwrap();
    let mut upstream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap();
    let thread = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut greeting = hear(&mut upstream);
        let version = greeting.iter().skip(5).position(|byte| *byte == 0).unwrap() + 6;
        // Behind the version come the id, half of the scramble and a zero; CLIENT_SSL is bit 11.
        greeting[version + 14] &= !0x08;
        client.write_all(&greeting).unwrap();
        let mut back = (upstream.try_clone().unwrap(), client.try_clone().unwrap());
        let pump = thread::spawn(move || std::io::copy(&mut back.0, &mut back.1));
        let mut heard = Vec::new();
        loop {
            let bytes = hear(&mut client);
            if bytes.is_empty() || upstream.write_all(&bytes).is_err() {
                break;
            }
            heard.extend(bytes);
        }
        drop(upstream.shutdown(Shutdown::Both));
        drop(pump.join().unwrap());
        heard
    });
    (port, thread)
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
