//! Bad settings and unreachable servers: refused within the limit, with what is wrong and without
//! the password.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::{Connection as _, ConnectionError};
use steadfast_connection::{Config, Connection, Error, Fault, ServerError, Tls, Vendor};
use steadfast_testkit::{ScriptedServer, Server, Talk, packet, scripted_peer, server, silent_peer};

const SECRET: &str = "s3cret-word";

/// To the test server, as root over TCP.
fn config() -> Config {
    Config::from_url(&server().url("")).unwrap()
}

/// Opens, expects a refusal, and that the password shows nowhere.
fn refused(config: &Config) -> Error {
    let error = match Connection::open(config) {
        Ok(conn) => panic!("connected: {conn:?}"),
        Err(error) => error,
    };
    let everything = format!("{error} {error:?} {config:?}");
    assert!(!everything.contains(SECRET), "{everything}");
    error
}

#[test]
fn a_wrong_password_is_permanent_and_told_at_once() {
    // Over the socket: in clear over TCP, MySQL's way to authenticate would be refused before.
    let config = Config::from_url(&server().socket_url("")).unwrap();
    let error = refused(&config.user("root").password(SECRET));
    assert_eq!((error.errno(), error.fault()), (Some(1045), Fault::Permanent));
    assert_eq!(error.sqlstate(), Some("28000"));
}

#[test]
fn settings_accepted_once_are_not_waited_for_again_and_their_refusal_is_told_by_the_first_statement()
 {
    let openings = AtomicUsize::new(0);
    let server = ScriptedServer::start(move |talk: &mut Talk| {
        talk.welcome()?;
        let setup = talk.receive()?;
        if openings.fetch_add(1, Ordering::Relaxed) == 0 {
            let answer = talk.honest(&setup);
            talk.send(&answer)?;
        } else {
            talk.send(&[packet::err(1298, "HY000", "unknown time zone")])?;
        }
        talk.serve()
    });
    let config = Config::new().port(server.port()).tls(Tls::disabled());
    let mut first = Connection::open(&config).unwrap();
    first.ping().unwrap();

    let mut second = Connection::open(&config.clone()).unwrap();
    for _ in 0..2 {
        assert_eq!(second.ping().unwrap_err().errno(), Some(1298));
    }
    assert!(second.is_broken(), "without its settings it must not be used");

    // Of other settings nothing is known yet.
    let error = Connection::open(&config.time_zone("+01:00")).unwrap_err();
    assert_eq!(error.errno(), Some(1298));
}

#[test]
fn an_unknown_database_is_named() {
    let error = refused(&config().database("no_such_database"));
    assert_eq!((error.errno(), error.fault()), (Some(1049), Fault::Permanent));
    assert!(error.to_string().contains(&config().endpoint()), "{error}");
}

#[test]
fn a_port_where_nobody_listens_is_told_at_once() {
    // Bound and released: nobody listens there now.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let started = Instant::now();
    let error = refused(&Config::new().port(port).password(SECRET));
    // 2002 of libmariadb, 2003 of libmysqlclient.
    assert!(matches!(error.errno(), Some(2002 | 2003)), "{error}");
    assert_eq!(error.fault(), Fault::Disconnected);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

#[test]
fn a_server_that_is_full_says_so_whatever_is_wanted_of_tls() {
    // 10 is the least that the server takes, and one more for an administrator, such as root.
    let server = Server::with(&["--max-connections=10"]).unwrap();
    let config = Config::from_url(&server.url("")).unwrap();
    let held: Vec<_> =
        std::iter::repeat_with(|| Connection::open(&config)).map_while(Result::ok).collect();
    assert!((10..=11).contains(&held.len()), "{}", held.len());
    for tls in [Tls::disabled(), Tls::preferred(), Tls::required()] {
        let error = refused(&config.clone().tls(tls.clone()));
        assert_eq!((error.errno(), error.fault()), (Some(1040), Fault::Busy), "{tls:?}: {error}");
    }
}

#[test]
fn a_name_that_does_not_exist_is_told_within_the_limit() {
    let config = Config::new().host("no-such-host.invalid").password(SECRET);
    let error = refused(&config);
    assert_eq!(error.fault(), Fault::Disconnected, "{error}");
}

#[test]
fn a_server_that_accepts_and_never_speaks_is_given_up_within_the_limit() {
    let peer = silent_peer();
    let limit = Duration::from_secs(1);
    let started = Instant::now();
    let error = refused(&Config::new().port(peer.port()).connect_timeout(limit).password(SECRET));
    assert_eq!(error.fault(), Fault::Disconnected, "{error}");
    assert!(started.elapsed() < limit * 3, "{:?}", started.elapsed());
}

#[test]
fn a_peer_that_is_no_server_is_refused() {
    let peer = scripted_peer(b"SSH-2.0-OpenSSH_9.2\r\n");
    let config = Config::new().port(peer.port()).connect_timeout(Duration::from_secs(1));
    let error = refused(&config);
    assert!(error.errno().is_some(), "{error}");
}

#[test]
fn settings_out_of_range_never_reach_the_network() {
    let error = refused(&Config::new().host("127.0.0.1;port=1").read_timeout(Duration::ZERO));
    assert!(matches!(&error, Error::Config(invalid) if invalid.len() == 2), "{error}");
}

#[test]
fn diesels_way_in_gives_numbers_too_and_hides_the_url() {
    let url = server().socket_url("").replace("root@", &format!("root:{SECRET}@"));
    let error = match Connection::establish(&url) {
        Err(error) => error,
        Ok(conn) => panic!("connected: {conn:?}"),
    };
    assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
    let ConnectionError::CouldntSetupConfiguration(error) = error else { panic!("{error:?}") };
    assert_eq!(ServerError::find(&error).map(|found| found.errno()), Some(1045));
}

#[test]
fn the_session_is_what_was_asked_for() {
    #[derive(diesel::QueryableByName)]
    struct Session {
        #[diesel(sql_type = diesel::sql_types::Text)]
        all: String,
    }
    let config = config()
        .time_zone("+02:00")
        .sql_mode("STRICT_ALL_TABLES")
        .lock_wait_timeout(Duration::from_secs(7))
        .program_name("settings test");
    let mut conn = Connection::open(&config).unwrap();
    let query = "SELECT CONCAT_WS('|', @@time_zone, @@sql_mode, @@innodb_lock_wait_timeout, \
                 @@character_set_client, @@character_set_results) AS `all`";
    for _ in 0..2 {
        let seen: Session =
            diesel::RunQueryDsl::get_result(diesel::sql_query(query), &mut conn).unwrap();
        assert_eq!(seen.all, "+02:00|STRICT_ALL_TABLES|7|utf8mb4|utf8mb4");
        // The second time round after a reset: the settings are set up again.
        conn.reset().unwrap();
    }
    assert!(conn.server_version().contains('.'));
}

#[derive(diesel::QueryableByName)]
struct Text {
    #[diesel(sql_type = diesel::sql_types::Text)]
    value: String,
}

fn text(conn: &mut Connection, query: &str) -> String {
    use diesel::RunQueryDsl;
    diesel::sql_query(query).get_result::<Text>(conn).unwrap().value
}

#[test]
fn every_setting_of_the_session_is_kept_through_a_reset() {
    let url = server().url("").trim_end_matches('/').to_owned();
    let config = Config::from_url(&format!(
        "{url}/?isolation=read-committed&lc_messages=de_DE&statement_limit=1.5&wait_timeout=77\
         &collation=utf8mb4_bin"
    ))
    .unwrap();
    let mut conn = Connection::open(&config).unwrap();
    let (query, expected) = match conn.vendor() {
        Vendor::MariaDb => ("@@tx_isolation, @@max_statement_time", "READ-COMMITTED|1.500000"),
        Vendor::MySql => ("@@transaction_isolation, @@max_execution_time", "READ-COMMITTED|1500"),
    };
    let query = format!(
        "SELECT CONCAT_WS('|', {query}, @@lc_messages, @@wait_timeout, @@collation_connection) AS value"
    );
    for _ in 0..2 {
        assert_eq!(text(&mut conn, &query), format!("{expected}|de_DE|77|utf8mb4_bin"));
        conn.reset().unwrap();
    }
}

#[test]
fn a_statement_above_its_limit_is_ended_by_the_server() {
    let mut conn = Connection::open(&config().statement_limit(Duration::from_millis(100))).unwrap();
    // MySQL ends a SELECT alone, and a sleep in it by its answer.
    let endless = "SELECT COUNT(*) FROM information_schema.columns a, information_schema.columns b, \
                   information_schema.columns c";
    let error = conn.batch(endless).unwrap_err();
    assert!(matches!(error.source_error().errno(), 1969 | 3024), "{error}");
    conn.ping().unwrap();
}

#[test]
fn attributes_are_shown_by_the_server() {
    let server = Server::with(&["--performance-schema=ON"]).unwrap();
    let url = format!("{}?attribute.deploy=blue%2042&program_name=shop", server.url(""));
    let config = Config::from_url(&url).unwrap().attribute("shard", "old").attribute("shard", "7");
    let mut conn = Connection::open(&config).unwrap();
    let query = "SELECT CAST(GROUP_CONCAT(ATTR_NAME, '=', ATTR_VALUE ORDER BY ATTR_NAME) AS CHAR) AS value \
                 FROM performance_schema.session_account_connect_attrs \
                 WHERE PROCESSLIST_ID = CONNECTION_ID() AND ATTR_NAME IN ('deploy', 'shard', 'program_name')";
    assert_eq!(text(&mut conn, query), "deploy=blue 42,program_name=shop,shard=7");
    for (name, value) in [("", "x"), ("_os", "x"), ("a", &"x".repeat(1025)), ("program_name", "x")]
    {
        let error = refused(&config.clone().attribute(name, value));
        assert!(error.to_string().contains("attribute"), "{error}");
    }
}

#[test]
fn a_compressed_connection_carries_rows_and_statements() {
    use diesel::RunQueryDsl;
    let url = format!("{}?compress=true", server().url(""));
    let mut conn = Connection::open(&Config::from_url(&url).unwrap()).unwrap();
    let query = "SHOW SESSION STATUS LIKE 'Compression'";
    #[derive(diesel::QueryableByName)]
    struct Status {
        #[diesel(sql_type = diesel::sql_types::Text, column_name = "Value")]
        value: String,
    }
    let status: Status = diesel::sql_query(query).get_result(&mut conn).unwrap();
    assert_eq!(status.value, "ON");
    let long = text(&mut conn, "SELECT REPEAT('abc', 100000) AS value");
    assert_eq!(long.len(), 300_000);
}

#[test]
fn a_url_with_any_mistake_names_the_setting_and_hides_the_password() {
    for (wrong, named) in [
        ("compress=yes", "compress"),
        ("allow_cleartext=1", "allow_cleartext"),
        ("allow_cleartext=true", "allow_cleartext"),
        ("collation=latin1_bin", "collation"),
        ("collation=utf8mb4_bin'", "collation"),
        ("isolation=snapshot", "isolation"),
        ("lc_messages=de%27", "lc_messages"),
        ("statement_limit=-1", "statement_limit"),
        ("statement_limit=1e300", "statement_limit"),
        ("statement_limit=0.0001", "statement_limit"),
        ("wait_timeout=0", "wait_timeout"),
        ("wait_timeout=1.5", "wait_timeout"),
        ("attribute._x=1", "attribute"),
        ("tls_min_version=1.1", "tls_min_version"),
        ("server_public_key=/no/such/file", "server_public_key"),
        ("server_public_key=/etc/passwd", "server_public_key"),
        ("sslmode=required", "url parameter"),
    ] {
        let error = Config::from_url(&format!("mysql://u:{SECRET}@h/d?{wrong}")).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains(named) && !text.contains(SECRET), "{wrong}: {text}");
    }
}

#[test]
fn a_database_can_be_given_up_again() {
    let config = config().database("mysql").no_database();
    let mut conn = Connection::open(&config).unwrap();
    assert_eq!(text(&mut conn, "SELECT COALESCE(DATABASE(), 'none') AS value"), "none");
}
