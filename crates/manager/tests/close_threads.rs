//! A closed database leaves no thread and no file behind, however often.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod ground;

use std::fs;
use std::time::Duration;

use ground::{TEN_SECONDS, config};
use steadfast_manager::{Database, Migrate};
use steadfast_testkit::{eventually, server};

/// Threads of ours; the kernel keeps 15 characters of a name.
fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let name =
        |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    let names = tasks.flatten().map(name);
    names.filter(|name| name.starts_with("steadfast")).collect()
}

fn files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn opening_and_closing_leaves_nothing_behind() {
    let database = server().database();
    let once = || {
        let db = Database::open(config(&database).migrate(Migrate::Run)).unwrap();
        drop(db.pool().get().unwrap());
        assert!(!threads().is_empty(), "it has threads while it is open");
        let report = db.close(Duration::from_secs(5));
        assert!(report.finished, "{report:?}");
    };
    once();
    eventually(TEN_SECONDS, || threads().is_empty());
    let before = files();
    for _ in 0..30 {
        once();
    }
    eventually(TEN_SECONDS, || threads().is_empty());
    assert!(files() <= before + 2, "{before} -> {}", files());
}

#[test]
fn dropping_the_last_handle_closes() {
    let database = server().database();
    let db = Database::open(config(&database).migrate(Migrate::Run)).unwrap();
    let second = db.clone();
    drop(db);
    assert!(second.health().ready, "one handle is left");
    drop(second);
    let list = "SELECT COUNT(*) - 1 FROM information_schema.PROCESSLIST WHERE DB = DATABASE()";
    eventually(TEN_SECONDS, || database.sql(list).unwrap() == "0");
}
