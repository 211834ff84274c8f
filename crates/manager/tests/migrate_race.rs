//! Many processes migrate at once: each migration runs once, and all go on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod ground;

use std::env;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;

use ground::{Scripts, TEN_SECONDS, config, script};
use steadfast_manager::{Database, DatabaseConfig, Error, Migrate, MigrationState, State};
use steadfast_testkit::{eventually, server};

const RACERS: usize = 8;
const URL: &str = "STEADFAST_RACER_URL";

/// The second fails if it runs twice, and the third leaves a trace of each run.
fn scripts() -> Scripts {
    Scripts(vec![
        script("1_trace", "CREATE TABLE trace (run INT AUTO_INCREMENT PRIMARY KEY)"),
        script("2_a", "CREATE TABLE a (i INT); ALTER TABLE a ADD COLUMN j INT"),
        script("3_run", "INSERT INTO trace VALUES (NULL)"),
        script("4_run", "INSERT INTO trace VALUES (NULL)"),
    ])
}

#[test]
fn eight_threads_run_each_migration_once() {
    let database = server().database();
    let start = Barrier::new(RACERS);
    let applied: usize = thread::scope(|scope| {
        let racers: Vec<_> = (0..RACERS)
            .map(|_| {
                scope.spawn(|| {
                    let db = Database::open(config(&database).migrations(scripts())).unwrap();
                    start.wait();
                    let report = db.migrate().unwrap();
                    assert_eq!(db.health().state, State::Ready, "{}", db.health().to_json());
                    report.applied.len()
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).sum()
    });
    assert_eq!(applied, 3 + scripts().0.len());
    assert_eq!(database.sql("SELECT COUNT(*) FROM trace").unwrap(), "2");
}

#[test]
fn eight_processes_run_each_migration_once() {
    if let Ok(url) = env::var(URL) {
        return race(&url);
    }
    let database = server().database();
    let mut racers: Vec<_> = (0..RACERS)
        .map(|_| {
            Command::new(env::current_exe().unwrap())
                .args(["--exact", "eight_processes_run_each_migration_once"])
                .env(URL, database.url())
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for racer in &mut racers {
        assert!(racer.wait().unwrap().success(), "a racer failed; its words are above");
    }
    assert_eq!(database.sql("SELECT COUNT(*) FROM trace").unwrap(), "2");
    assert_eq!(database.sql("SELECT COUNT(*) FROM __diesel_schema_migrations").unwrap(), "7");
}

#[test]
fn nobody_starts_beside_the_statement_of_a_runner_that_was_killed() {
    const NAME: &str = "nobody_starts_beside_the_statement_of_a_runner_that_was_killed";
    let slow = || Scripts(vec![script("1_slow", "DO SLEEP(3); CREATE TABLE late (i INT)")]);
    if let Ok(url) = env::var(URL) {
        let config = DatabaseConfig::from_url(&url).unwrap().migrations(slow());
        drop(Database::open(config.migrate(Migrate::Run)));
        return;
    }
    let database = server().database();
    let mut runner = Command::new(env::current_exe().unwrap())
        .args(["--exact", NAME])
        .env(URL, database.url())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let orphan = "SELECT COUNT(*) FROM information_schema.PROCESSLIST \
                  WHERE DB = DATABASE() AND INFO LIKE 'DO SLEEP(3)%'";
    eventually(TEN_SECONDS, || database.sql(orphan).unwrap() == "1");
    runner.kill().unwrap();
    runner.wait().unwrap();
    // The server has not noticed, and works on.
    assert_eq!(database.sql(orphan).unwrap(), "1");

    let db = Database::open(config(&database).migrations(slow())).unwrap();
    let refused = db.migrate();

    assert_eq!(database.sql(orphan).unwrap(), "0", "it was waited for");
    let Err(Error::NeedsResolve(stuck)) = refused else { panic!("{refused:?}") };
    assert_eq!(stuck.state, MigrationState::Interrupted);
}

/// What each process does.
fn race(url: &str) {
    let config = DatabaseConfig::from_url(url).unwrap().migrations(scripts());
    let db = Database::open(config.migrate(Migrate::Run)).unwrap();
    assert_eq!(db.state(), State::Ready, "{}", db.health().to_json());
}
