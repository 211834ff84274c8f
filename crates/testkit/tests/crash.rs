//! Nothing of a private server outlives the process it was started for, however that ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use steadfast_testkit::eventually;

const TEN_SECONDS: Duration = Duration::from_secs(10);

/// A process that holds a private server: the program of this crate.
struct Holder {
    process: Child,
    output: BufReader<std::process::ChildStdout>,
    server: String,
    folder: PathBuf,
}

impl Holder {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_private-server"));
        Self::of(&mut command)
    }

    fn of(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.env_remove("STEADFAST_TEST_URL").spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = || {
            let mut line = String::new();
            assert!(output.read_line(&mut line).unwrap() > 0, "it ended early");
            line.trim().to_owned()
        };
        let _url = line();
        let socket_url = line();
        let server = line().rsplit(' ').next().unwrap().to_owned();
        let socket = PathBuf::from(socket_url.rsplit('=').next().unwrap());
        let folder = socket.parent().unwrap().to_owned();
        assert!(folder.join("data").is_dir());
        assert!(fs::exists(format!("/proc/{server}")).unwrap());
        Self { process, output, server, folder }
    }

    fn tell(&mut self, word: &str) {
        writeln!(self.process.stdin.as_ref().unwrap(), "{word}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert!(line.starts_with("done"), "{line}");
    }

    fn fail(&mut self) -> String {
        writeln!(self.process.stdin.as_ref().unwrap(), "fail").unwrap();
        let mut said = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        said
    }

    fn leaves_nothing(mut self) {
        self.process.wait().unwrap();
        let process = format!("/proc/{}", self.server);
        eventually(TEN_SECONDS, || !fs::exists(&process).unwrap());
        eventually(TEN_SECONDS, || !self.folder.exists());
    }
}

#[test]
fn an_orderly_end_leaves_nothing() {
    let mut holder = Holder::start();
    drop(holder.process.stdin.take());
    assert!(holder.process.wait().unwrap().success());
    holder.leaves_nothing();
}

#[test]
fn a_killed_process_leaves_nothing() {
    let mut holder = Holder::start();
    holder.process.kill().unwrap();
    holder.leaves_nothing();
}

#[test]
fn a_killed_process_leaves_nothing_of_a_paused_server() {
    let mut holder = Holder::start();
    holder.tell("pause");
    holder.process.kill().unwrap();
    holder.leaves_nothing();
}

#[test]
fn a_killed_process_leaves_nothing_of_a_killed_server() {
    let mut holder = Holder::start();
    holder.tell("kill");
    holder.process.kill().unwrap();
    holder.leaves_nothing();
}

#[test]
fn the_interrupt_of_a_terminal_leaves_nothing() {
    let holder = Holder::start();
    let pid = holder.process.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(sent.success());
    holder.leaves_nothing();
}

#[test]
fn a_failed_test_says_where_its_database_is_and_leaves_nothing() {
    let mut holder = Holder::start();
    let said = holder.fail();
    assert!(said.contains(&format!("--socket={}/socket", holder.folder.display())), "{said}");
    holder.leaves_nothing();
}

#[test]
fn a_failed_tests_data_is_kept_when_that_is_asked_for() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_private-server"));
    let mut holder = Holder::of(command.env("STEADFAST_KEEP", "1"));
    let said = holder.fail();
    let data = holder.folder.join("data");
    assert!(said.contains(&format!("--datadir={}", data.display())), "{said}");
    holder.process.wait().unwrap();
    eventually(TEN_SECONDS, || !fs::exists(format!("/proc/{}", holder.server)).unwrap());
    drop(Holder::start()); // Whose start removes what nobody lives in.
    assert!(data.join("ibdata1").exists());
    fs::remove_dir_all(&holder.folder).unwrap();
}

#[test]
fn a_process_killed_while_it_starts_its_server_leaves_nothing() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_private-server"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).env_remove("STEADFAST_TEST_URL");
    let mut process = command.spawn().unwrap();
    let id = process.id();
    let mut folder = None;
    eventually(TEN_SECONDS, || {
        folder = folder_of(id);
        folder.as_ref().is_some_and(|folder| folder.join("data/ibdata1").exists())
    });
    process.kill().unwrap();
    process.wait().unwrap();
    // The supervisor was started or was not; in the second case the next server's start removes it.
    let folder = folder.unwrap();
    let next = Holder::start();
    eventually(TEN_SECONDS, || !folder.exists());
    eventually(TEN_SECONDS, || !runs_with(&folder));
    drop(next);
}

fn folder_of(process: u32) -> Option<PathBuf> {
    let home = PathBuf::from(env!("CARGO_BIN_EXE_private-server"));
    let home = home.ancestors().nth(2).unwrap().join("testkit");
    let start = format!("run-{process}-");
    let entries = fs::read_dir(home).ok()?.flatten();
    entries.map(|e| e.path()).find(|p| p.file_name().unwrap().to_str().unwrap().starts_with(&start))
}

fn runs_with(folder: &std::path::Path) -> bool {
    let wanted = format!("--datadir={}", folder.join("data").display());
    fs::read_dir("/proc").unwrap().flatten().any(|process| {
        // A process may end while it is looked at.
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|argument| argument == wanted.as_bytes())
    })
}
