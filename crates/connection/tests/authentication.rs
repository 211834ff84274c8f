//! Each way to authenticate, and what is never sent.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mysqlclient_sys::SUPPORTS_MYSQL_SSL_MODE;
use steadfast_connection::{Config, Connection, Error, Fault, Tls};
use steadfast_testkit::{Server, Vendor, server};
use thief::thief;

#[path = "authentication/thief.rs"]
mod thief;

const SECRET: &str = "s3cret-word";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls").join(name)
}

fn is_mariadb() -> bool {
    server().version().is_mariadb()
}

fn account(server: &Server, name: &str) -> Config {
    Config::from_url(&server.url("")).unwrap().user(name).password(SECRET)
}

#[test]
fn a_native_password_is_taken_and_a_wrong_one_refused() {
    let server = server();
    if !server.version().runs(Vendor::MariaDb, "MySQL has given the plugin up with 9.0") {
        return;
    }
    let sql = format!(
        "CREATE USER native_user IDENTIFIED VIA mysql_native_password USING PASSWORD('{SECRET}')"
    );
    server.sql("", &sql).unwrap();
    let config = account(server, "native_user");
    Connection::open(&config).unwrap().ping().unwrap();
    assert_eq!(Connection::open(&config.password("wrong")).unwrap_err().errno(), Some(1045));
    server.sql("", "DROP USER native_user").unwrap();
}

/// The server's plugin is in Debian's package mariadb-server, and in none of those that the tests
/// need otherwise: `scripts/test` unpacks it and names its folder.
#[test]
fn ed25519_is_spoken_where_the_library_and_the_server_can() {
    if !server().version().runs(Vendor::MariaDb, "MySQL has no ed25519") {
        return;
    }
    let plugins = ["/usr/lib/mysql/plugin", "/usr/lib64/mariadb/plugin"];
    let found = std::env::var("STEADFAST_PLUGIN_DIR").ok();
    let mut folders = found.iter().map(String::as_str).chain(plugins);
    let folder = folders.find(|folder| Path::new(folder).join("auth_ed25519.so").is_file());
    let Some(folder) = folder else {
        server()
            .version()
            .skip("no auth_ed25519.so in STEADFAST_PLUGIN_DIR or /usr/lib/mysql/plugin");
        return;
    };
    let server = Server::with(&[&format!("--plugin-dir={folder}")]).unwrap();
    let sql = format!(
        "INSTALL SONAME 'auth_ed25519'; \
         CREATE USER ed_user IDENTIFIED VIA ed25519 USING PASSWORD('{SECRET}')"
    );
    server.sql("", &sql).unwrap();
    let config = account(&server, "ed_user");
    if SUPPORTS_MYSQL_SSL_MODE {
        // libmysqlclient has no such plugin.
        assert_eq!(Connection::open(&config).unwrap_err().errno(), Some(2059));
    } else {
        Connection::open(&config).unwrap().ping().unwrap();
        assert_eq!(Connection::open(&config.password("wrong")).unwrap_err().errno(), Some(1045));
    }
}

#[test]
fn the_user_of_the_system_needs_no_password_over_the_socket() {
    let server = Server::start().unwrap();
    let names = fs::read_to_string("/etc/passwd").unwrap();
    let id = fs::read_to_string("/proc/self/status").unwrap();
    let id = id.lines().find_map(|line| line.strip_prefix("Uid:\t")?.split('\t').next()).unwrap();
    let line = |line: &&str| line.split(':').nth(2) == Some(id);
    let me = names.lines().find(line).and_then(|line| line.split(':').next()).unwrap();
    let (plugin, refusal) =
        if is_mariadb() { ("VIA unix_socket", 1698) } else { ("WITH auth_socket", 1698) };
    if !is_mariadb()
        && server.sql("", "INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'").is_err()
    {
        return;
    }
    let sql = format!(
        "DROP USER IF EXISTS '{me}'@localhost; CREATE USER '{me}'@localhost IDENTIFIED {plugin}; \
         CREATE USER stranger@localhost IDENTIFIED {plugin}"
    );
    server.sql("", &sql).unwrap();
    let config = Config::from_url(&server.socket_url("")).unwrap();
    Connection::open(&config.clone().user(me)).unwrap().ping().unwrap();
    // Whatever the host is called.
    Connection::open(&config.clone().user(me).host("db1")).unwrap().ping().unwrap();
    let refused = Connection::open(&config.user("stranger")).unwrap_err();
    assert_eq!(refused.errno(), Some(refusal), "{refused}");
}

#[test]
fn caching_sha2_goes_over_tls_and_not_in_plain_without_the_key() {
    if !server().version().runs(Vendor::MySql, "caching_sha2_password is its own") {
        return;
    }
    let (cert, key) = (file("server.pem"), file("server-key.pem"));
    let flags = [format!("--ssl-cert={}", cert.display()), format!("--ssl-key={}", key.display())];
    let server = &Server::with(&flags.each_ref().map(String::as_str)).unwrap();
    let create =
        format!("CREATE USER sha2_user IDENTIFIED WITH caching_sha2_password BY '{SECRET}'");
    server.sql("", &create).unwrap();
    let forget = || server.sql("", "FLUSH PRIVILEGES").unwrap();
    let config = account(server, "sha2_user");

    forget();
    assert!(Connection::open(&config.clone().tls(Tls::required())).unwrap().cipher().is_some());

    // What the server has forgotten cannot be proven without the password.
    forget();
    let refused = Connection::open(&config.tls(Tls::disabled())).unwrap_err();
    assert_eq!((refused.errno(), refused.fault()), (Some(2061), Fault::Permanent), "{refused}");
}

fn hears_no_secret(
    config: &Config,
    in_greeting: bool,
    plugin: &'static str,
    replies: &'static [&'static [u8]],
) -> Error {
    let (port, thief) = thief(in_greeting, plugin, replies);
    let error = Connection::open(&config.clone().port(port)).unwrap_err();
    let heard = thief.join().unwrap();
    let found = heard.windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes());
    assert!(!found, "{plugin}: {heard:?}");
    // A packet of one byte that asks for the server's key.
    assert!(!heard.windows(5).any(|bytes| matches!(bytes, [1, 0, 0, _, 2])), "{plugin}: {heard:?}");
    assert_eq!(error.fault(), Fault::Permanent, "{error}");
    error
}

#[test]
fn a_password_is_never_sent_where_it_could_be_read() {
    let config = Config::new().user("u").password(SECRET).connect_timeout(Duration::from_secs(2));
    let ca = file("ca.pem");
    for tls in [Tls::disabled(), Tls::preferred(), Tls::required(), Tls::verify_ca(&ca)] {
        let is_strict = !matches!(tls.mode(), "disabled" | "preferred");
        let config = config.clone().tls(tls);
        for in_greeting in [false, true] {
            let error = hears_no_secret(&config, in_greeting, "mysql_clear_password", &[]);
            assert!(is_strict || error.errno().is_some(), "{error}");
            // "Prove it in full", which takes the password.
            let error =
                hears_no_secret(&config, in_greeting, "caching_sha2_password", &[b"\x01\x04"]);
            assert!(is_strict || error.errno() == Some(2061), "{error}");
        }
    }
}

#[test]
fn the_password_in_the_clear_is_allowed_only_where_nobody_listens() {
    let open = Config::new().allow_cleartext(true);
    for tls in [Tls::disabled(), Tls::preferred(), Tls::required()] {
        let error = Connection::open(&open.clone().tls(tls)).unwrap_err();
        let Error::Config(invalid) = error else { panic!("{error}") };
        assert_eq!(invalid.first().map(|it| it.setting()), Some("allow_cleartext"));
    }
    open.clone().tls(Tls::verify_identity(file("ca.pem"))).validate().unwrap();
    open.unix_socket("/run/mysqld/mysqld.sock").validate().unwrap();
}
