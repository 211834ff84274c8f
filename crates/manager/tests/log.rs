//! What the log tells of a database's life, and what it never tells.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod ground;

use std::fmt::Write as _;
use std::sync::Mutex;

use ground::{Scripts, TEN_SECONDS, script};
use log::kv::{Key, Value, VisitSource};
use log::{LevelFilter, Log, Metadata, Record};
use steadfast_manager::{Database, DatabaseConfig, Migrate, Task};
use steadfast_testkit::server;

/// Keeps every line of every crate: `LEVEL target message key=value …`.
struct Lines(Mutex<Vec<String>>);

static LINES: Lines = Lines(Mutex::new(Vec::new()));

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let mut line = format!("{} {} {}", record.level(), record.target(), record.args());
        record.key_values().visit(&mut Pairs(&mut line)).unwrap();
        self.0.lock().unwrap().push(line);
    }

    fn flush(&self) {}
}

struct Pairs<'a>(&'a mut String);

impl<'kvs> VisitSource<'kvs> for Pairs<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), log::kv::Error> {
        write!(self.0, " {key}={value}")?;
        Ok(())
    }
}

#[test]
fn events_of_life_are_lines_with_keys_and_no_line_holds_a_secret() {
    log::set_logger(&LINES).unwrap();
    log::set_max_level(LevelFilter::Trace);
    let database = server().database();
    let account = format!("l{}", std::process::id());
    let grant = format!(
        "CREATE USER {account} IDENTIFIED BY 's3cret'; GRANT ALL ON `{}`.* TO {account}",
        database.name()
    );
    database.sql(&grant).unwrap();
    let open = |password: &str, scripts| {
        let url = database.socket_url().replace("root@", &format!("{account}:{password}@"));
        let config = DatabaseConfig::from_url(&url).unwrap().migrations(Scripts(scripts));
        Database::open(config.migrate(Migrate::Run))
    };
    open("wr0ng", vec![]).expect_err("the password is wrong");
    let row =
        "CREATE TABLE t (c VARCHAR(20) PRIMARY KEY); INSERT INTO t VALUES ('pr1vate'), ('pr1vate')";
    open("s3cret", vec![script("1_t", row)]).expect_err("the row is there twice");
    let db = open("s3cret", vec![]).expect_err("it must be resolved");
    drop(db);
    database.sql("DELETE FROM steadfast_migration WHERE version = '1'").unwrap();
    let db = open("s3cret", vec![]).unwrap();
    db.maintain(Task::analyze()).unwrap();
    db.close(TEN_SECONDS);
    database.sql(&format!("DROP USER {account}")).unwrap();

    let lines = LINES.0.lock().unwrap().clone();
    let vendor = if server().is_mariadb() { "vendor=mariadb" } else { "vendor=mysql" };
    for (start, key) in [
        ("ERROR steadfast::manager the database cannot be opened", "errno=1045"),
        ("INFO steadfast::manager connected", vendor),
        ("INFO steadfast::manager::migrate migration begins", "version=1"),
        ("INFO steadfast::manager::migrate migration done", "version=20261124000001"),
        ("ERROR steadfast::manager::migrate migration failed", "errno=1062"),
        ("INFO steadfast::manager::migrate migrations settled", "already=3"),
        ("INFO steadfast::manager::maintain task done", "task=analyze"),
        ("INFO steadfast::manager the database is closed", "finished=true"),
    ] {
        let told = |line: &String| line.starts_with(start) && line.contains(key);
        assert!(lines.iter().any(told), "{start} {key} in {lines:#?}");
    }
    for secret in ["s3cret", "wr0ng", "pr1vate"] {
        let told: Vec<_> = lines.iter().filter(|line| line.contains(secret)).collect();
        assert!(told.is_empty(), "{secret} in {told:#?}");
    }
}
