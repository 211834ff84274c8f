//! A backup that dies, or loses its server, leaves nothing under its name.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use steadfast_connection::{Config, Fault};
use steadfast_manager::{BackupError, BackupOptions, backup, verify};
use steadfast_testkit::{Rule, eventually, server};

use crate::ground::Ground;

const URL: &str = "BACKUP_STORY_URL";
const DIR: &str = "BACKUP_STORY_DIR";
const PEAK: &str = "BACKUP_STORY_PEAK";

fn big() -> Ground {
    Ground::new(
        "CREATE TABLE a (id INT PRIMARY KEY, t VARCHAR(300)); CREATE TABLE b LIKE a; CREATE VIEW v AS SELECT 1;
         INSERT INTO a SELECT seq, REPEAT(LEFT(SHA2(seq, 256), 32), 8) FROM seq_1_to_20000;
         INSERT INTO b SELECT seq, REPEAT(LEFT(SHA2(seq, 256), 32), 8) FROM seq_1_to_20000;",
    )
}

/// The body of a process that is to be killed; by itself it has nothing to do.
#[test]
#[ignore = "run by the other stories, in a process of its own"]
fn back_up_as_told() {
    let (Ok(url), Ok(dir)) = (env::var(URL), env::var(DIR)) else { panic!("not told what") };
    let options = BackupOptions::new().chunk_bytes(256 * 1024);
    backup(&Config::from_url(&url).unwrap(), Path::new(&dir), &options).unwrap();
    if let Ok(peak) = env::var(PEAK) {
        fs::write(peak, fs::read_to_string("/proc/self/status").unwrap()).unwrap();
    }
}

fn as_a_process(ground: &Ground) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "killed::back_up_as_told", "--ignored"]);
    command.env(URL, ground.database.socket_url()).env(DIR, ground.dir());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn count(dir: &Path) -> usize {
    // A folder may vanish while it is counted.
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|entry| if entry.path().is_dir() { count(&entry.path()) } else { 1 })
        .sum()
}

#[test]
fn a_backup_killed_at_any_moment_leaves_nothing_under_its_name() {
    let ground = big();
    let mut killed = 0;
    for files in [0, 1, 2, 3, 5, 8, 13, 21, 34, 40, 43, 44, 45, 46, 47, 48, 49, 50] {
        let mut child = as_a_process(&ground).spawn().unwrap();
        let (dir, partial) = (ground.dir(), ground.partial());
        eventually(Duration::from_secs(60), || {
            count(&partial) >= files || dir.exists() || child.try_wait().unwrap().is_some()
        });
        child.kill().unwrap();
        child.wait().unwrap();
        if dir.exists() {
            // It was done before the signal came: then it is whole.
            verify(&dir).unwrap();
            fs::remove_dir_all(&dir).unwrap();
        } else {
            killed += 1;
        }
    }
    assert!(killed >= 8, "only {killed} were killed in the middle");
    // What they left does not stand in the way.
    ground.there_and_back();
    assert!(!ground.partial().exists());
}

#[test]
fn memory_does_not_grow_with_the_table() {
    let ground = Ground::new(
        "CREATE TABLE t (id INT PRIMARY KEY, t VARCHAR(600)) ;
         INSERT INTO t SELECT seq, REPEAT(LEFT(SHA2(seq, 256), 32), 15) FROM seq_1_to_200000;",
    );
    let peak = ground.dir().with_file_name("peak");
    let status = as_a_process(&ground).env(PEAK, &peak).status().unwrap();
    assert!(status.success());
    let status = fs::read_to_string(peak).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    let report = verify(&ground.dir()).unwrap();
    assert_eq!(report.rows, 200_000);
    assert!(count(&ground.dir().join("data")) > 300, "{report}");
    // 98 MB of rows.
    assert!(kib < 40 * 1024, "{kib} KiB");
    ground.restore().unwrap();
    ground.assert_alike();
}

#[test]
fn a_connection_lost_in_the_middle_is_told_and_no_backup_appears() {
    let ground = big();
    let proxy = server().proxy();
    let config = Config::from_url(&ground.database.url_through(&proxy)).unwrap();
    let cut = proxy.rule(Rule::cut_answer().containing("39e5b4830d4d9c14db7368a95b65d546"));
    let lost = backup(&config, &ground.dir(), &BackupOptions::new()).unwrap_err();
    assert_eq!(cut.fired(), 1);
    assert!(matches!(lost, BackupError::Server { .. }), "{lost:?}");
    assert_eq!(lost.fault(), Fault::Disconnected);
    assert!(lost.to_string().contains("\"a\""), "{lost}");
    assert!(!ground.dir().exists() && !ground.partial().exists());
    // The proxy works again, and so does the backup.
    backup(&config, &ground.dir(), &BackupOptions::new()).unwrap();
}

#[test]
fn a_restore_that_loses_its_connection_keeps_no_part_of_a_chunk() {
    let ground = big();
    ground.back_up().unwrap();
    let proxy = server().proxy();
    let config = Config::from_url(&server().url_through(&proxy, "mysql")).unwrap();
    let cut = proxy.rule(Rule::cut_before().nth(200).when(|packet| packet.len() > 3000));
    let options = steadfast_manager::RestoreOptions::new();
    let lost = steadfast_manager::restore(&config, &ground.dir(), ground.copy.name(), &options);
    let lost = lost.unwrap_err();
    assert_eq!((cut.fired(), lost.fault()), (1, Fault::Disconnected), "{lost}");
    let rows = || ground.copy.sql("SELECT COUNT(*) FROM a").unwrap();
    eventually(Duration::from_secs(30), || rows() == "0");
}

#[test]
fn a_silent_server_ends_the_backup_within_the_limit() {
    let ground = big();
    let proxy = server().proxy();
    let config = Config::from_url(&ground.database.url_through(&proxy)).unwrap();
    proxy.rule(Rule::black_hole().containing("SAVEPOINT"));
    let options = BackupOptions::new().answer_timeout(Duration::from_secs(1));
    let start = std::time::Instant::now();
    let silent = backup(&config, &ground.dir(), &options).unwrap_err();
    assert_eq!(silent.fault(), Fault::Disconnected);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(!ground.dir().exists() && !ground.partial().exists());
}
