//! Failures to connect, and peers that are no servers.

use std::time::Duration;

use mysqlclient_sys::SUPPORTS_MYSQL_SSL_MODE;
use steadfast_connection::{BatchError, Config, Connection, Error, Tls, Vendor};
use steadfast_testkit::{ScriptedServer, Server, Talk, scripted_peer, server};

use crate::case::On;
use crate::limit;

/// Settings of the server that refuses.
pub(crate) const FLAGS: [&str; 4] = [
    "--max-connections=10",
    "--max-user-connections=4",
    limit::CERTIFICATE[0],
    limit::CERTIFICATE[1],
];

/// The accounts that it refuses.
pub(crate) fn accounts(vendor: Vendor) -> String {
    let both = "CREATE USER plain IDENTIFIED BY 'plain'; \
        CREATE USER once IDENTIFIED BY 'once' WITH MAX_CONNECTIONS_PER_HOUR 1; \
        CREATE USER stale IDENTIFIED BY 'stale' PASSWORD EXPIRE; \
        CREATE USER shut IDENTIFIED BY 'shut' ACCOUNT LOCK;";
    let maria = "CREATE USER socket_only IDENTIFIED VIA unix_socket;";
    if vendor == Vendor::MariaDb { format!("{both} {maria}") } else { both.to_owned() }
}

/// How a connect is refused.
pub(crate) struct Refusal {
    pub(crate) errno: u32,
    pub(crate) on: On,
    pub(crate) make: fn(&Server) -> Option<Error>,
}

const fn refusal(errno: u32, make: fn(&Server) -> Option<Error>) -> Refusal {
    Refusal { errno, on: On::Both, make }
}

const fn maria(errno: u32, make: fn(&Server) -> Option<Error>) -> Refusal {
    Refusal { errno, on: On::MariaDb, make }
}

const fn mysql(errno: u32, make: fn(&Server) -> Option<Error>) -> Refusal {
    Refusal { errno, on: On::MySql, make }
}

/// The last one shuts everybody out.
pub(crate) const REFUSALS: &[Refusal] = &[
    refusal(1045, |server| open(&account(server, "plain").password("wrong"))),
    refusal(1044, |server| open(&account(server, "plain").database("mysql"))),
    refusal(1049, |server| open(&root(server).database("nowhere"))),
    refusal(1226, |server| {
        open(&account(server, "once"));
        open(&account(server, "once"))
    }),
    maria(1820, |server| {
        let mut conn = Connection::open(&account(server, "stale")).unwrap();
        said(conn.batch("DO 1"))
    }),
    maria(1862, |server| {
        server.sql("", "SET GLOBAL disconnect_on_expired_password = 1").unwrap();
        open(&account(server, "stale"))
    }),
    mysql(1862, |server| open(&account(server, "stale"))),
    maria(4151, |server| open(&account(server, "shut"))),
    mysql(3118, |server| open(&account(server, "shut"))),
    maria(4150, |server| {
        server.sql("", "SET GLOBAL max_password_errors = 1").unwrap();
        open(&account(server, "plain").password("wrong"));
        let refused = open(&account(server, "plain"));
        server.sql("", "SET GLOBAL max_password_errors = DEFAULT; FLUSH PRIVILEGES").unwrap();
        refused
    }),
    maria(1698, |server| open(&account(server, "socket_only"))),
    refusal(1203, |server| crowd(&account(server, "plain"))),
    refusal(1040, |server| {
        server.sql("", "SET GLOBAL max_user_connections = 0").unwrap();
        crowd(&account(server, "plain"))
    }),
    maria(1130, |server| {
        server
            .sql("", "DELETE FROM mysql.global_priv WHERE host <> 'localhost'; FLUSH PRIVILEGES")
            .unwrap();
        open(&root(server))
    }),
];

/// Makes one failure.
pub(crate) type Way = fn() -> Option<Error>;

/// What goes wrong on the way to a server, told by the client library.
pub(crate) const WAYS: &[(u32, Way)] = &[
    (2002, || open(&Config::new().unix_socket("/nowhere/socket"))),
    (2005, || open(&Config::new().host("nowhere.invalid"))),
    (2006, || {
        let proxy = server().proxy();
        let mut conn = Connection::open(&root(server()).port(proxy.port())).unwrap();
        proxy.cut();
        said(conn.batch("DO 1"));
        said(conn.batch("DO 1"))
    }),
    (2007, || peer(&greeting(9, "mysql_native_password"))),
    (2013, || peer(b"")),
    (2026, || {
        let stranger = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls/other-ca.pem");
        let server = Server::with(&limit::CERTIFICATE).unwrap();
        open(&root(&server).tls(Tls::verify_ca(stranger)))
    }),
    (2027, || {
        // An OK that ends after its first byte.
        let server = ScriptedServer::start(|talk: &mut Talk| {
            talk.welcome()?;
            let setup = talk.receive()?;
            let answer = talk.honest(&setup);
            talk.send(&answer)?;
            talk.receive()?;
            talk.send(&[vec![0]])
        });
        let config = Config::new().port(server.port()).tls(Tls::disabled());
        said(Connection::open(&config).unwrap().batch("DO 1"))
    }),
    (2068, || {
        let database = server().database();
        database.sql("CREATE TABLE t (id INT)").unwrap();
        let config = Config::from_url(&database.url()).unwrap().local_data(true);
        let mut conn = Connection::open(&config).unwrap();
        said(conn.batch("LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE t"))
    }),
    // It would have us send the password.
    (NOT_ALLOWED, || peer(&greeting(10, "mysql_clear_password"))),
];

/// What a plugin gets that is not allowed; libmysqlclient says that it cannot load it.
pub(crate) const NOT_ALLOWED: u32 = if SUPPORTS_MYSQL_SSL_MODE { 2059 } else { 5010 };

/// A server's first packet: `protocol` is 10 of every server there is.
fn greeting(protocol: u8, plugin: &str) -> Vec<u8> {
    let mut payload = vec![protocol];
    payload.extend(b"10.11.1-MariaDB\0\x01\0\0\x0012345678\0");
    // Capabilities, character set, status, capabilities, and the length of the challenge.
    payload.extend(b"\xff\xf7\x2d\x02\0\xff\x81\x15");
    payload.extend(b"\0\0\0\0\0\0\0\0\0\x00123456789012\0");
    payload.extend(plugin.as_bytes());
    payload.push(0);
    let length = u8::try_from(payload.len()).unwrap();
    [&[length, 0, 0, 0], &payload[..]].concat()
}

/// Connects to whoever begins with these bytes and is silent then.
fn peer(bytes: &[u8]) -> Option<Error> {
    let peer = scripted_peer(bytes);
    let config = Config::new().port(peer.port()).password("x").tls(Tls::disabled());
    open(&config.connect_timeout(Duration::from_secs(1)))
}

fn said<T>(outcome: Result<T, BatchError>) -> Option<Error> {
    outcome.err().map(|failure| failure.into_source_error().into())
}

fn root(server: &Server) -> Config {
    Config::from_url(&server.url("")).unwrap()
}

fn account(server: &Server, name: &str) -> Config {
    // MySQL takes a password no other way.
    root(server).user(name).password(name).tls(Tls::required())
}

fn open(config: &Config) -> Option<Error> {
    Connection::open(config).err()
}

/// The first refusal when many come.
fn crowd(config: &Config) -> Option<Error> {
    let mut inside = Vec::new();
    for _ in 0..20 {
        match Connection::open(config) {
            Ok(conn) => inside.push(conn),
            Err(error) => return Some(error),
        }
    }
    None
}
