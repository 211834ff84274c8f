//! Peers in other languages, each a process that stays for all rounds: `--peers`.
//!
//! `scripts/bench` installs them and says where they are. Each reads a line with the seconds of a round and
//! answers with the round's values in a line, so that it is interleaved like everybody else.

use std::env;
use std::io::{self, BufRead as _, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::ground::Ground;
use crate::harness::{Contestant, Failure};

/// A peer, how to start it, and what it is called.
struct Peer {
    name: &'static str,
    /// The variable in which `scripts/bench` says where it is.
    variable: &'static str,
    start: fn(found: &str) -> Command,
}

const PYTHON: &str = "STEADFAST_BENCH_SQLALCHEMY";

const PEERS: [Peer; 3] = [
    // Its default driver, which is written in C; and the one in Python alone.
    Peer { name: "sqlalchemy", variable: PYTHON, start: |python| sqlalchemy(python, "mysqldb") },
    Peer {
        name: "sqlalchemy_pymysql",
        variable: PYTHON,
        start: |python| sqlalchemy(python, "pymysql"),
    },
    Peer { name: "hikaricp", variable: "STEADFAST_BENCH_HIKARICP", start: hikaricp },
];

/// `python` is an interpreter that knows SQLAlchemy, mysqlclient and `PyMySQL`.
fn sqlalchemy(python: &str, driver: &str) -> Command {
    let mut command = Command::new(python);
    command.arg(script("sqlalchemy_pool.py")).arg(driver);
    command
}

/// `classes` is where Java finds HikariCP and its driver.
fn hikaricp(classes: &str) -> Command {
    let mut command = Command::new("java");
    command.args(["--class-path", classes]).arg(script("HikariPeer.java"));
    command
}

fn script(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

/// The peers that take part in `metric`, if they were asked for; `around` does a round of one with the
/// seconds it lasts, and may add what only this side sees.
pub(super) fn peers(
    ground: &Ground,
    metric: &'static str,
    url: &str,
    around: impl Fn(&mut Running) -> Result<Vec<f64>, Failure> + Clone + 'static,
) -> Result<Vec<Contestant>, Failure> {
    if !ground.plan().peers {
        return Ok(Vec::new());
    }
    let mut all = Vec::new();
    for Peer { name, variable, start } in PEERS {
        let Some(found) = env::var(variable).ok().filter(|found| !found.is_empty()) else {
            writeln!(
                io::stderr(),
                "{name} takes no part: scripts/bench found it not, {variable} is empty"
            )?;
            continue;
        };
        let (mut peer, greeting) = Running::start(start(&found).args([metric, url]))?;
        writeln!(io::stderr(), "{name} is {greeting}")?;
        let around = around.clone();
        all.push(Contestant::of_many(name, move || around(&mut peer)));
    }
    Ok(all)
}

/// A peer at work. It ends when this is dropped.
pub(super) struct Running {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Running {
    fn start(command: &mut Command) -> Result<(Self, String), Failure> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let requests = child.stdin.take().ok_or("a child without input")?;
        let answers = BufReader::new(child.stdout.take().ok_or("a child without output")?);
        let mut peer = Self { child, requests, answers };
        let greeting = peer.line()?;
        Ok((peer, greeting))
    }

    /// One round that takes `time`, or as long as it takes: its values.
    pub(super) fn round(&mut self, time: Duration) -> Result<Vec<f64>, Failure> {
        writeln!(self.requests, "{}", time.as_secs_f64())?;
        let line = self.line()?;
        line.split_whitespace().map(|value| Ok(value.parse()?)).collect()
    }

    /// Its next line; that it has ended is an error.
    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err("a peer has ended; what it said stands above".into());
        }
        Ok(line.trim().to_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Either fails only if it has ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_asked_for_one_round_after_the_other_and_its_end_is_told() -> Result<(), Failure> {
        let script =
            "echo a peer; for round in 1 2; do read -r seconds; echo $round $seconds; done";
        let (mut peer, greeting) = Running::start(Command::new("sh").args(["-c", script]))?;
        let time = Duration::from_millis(250);

        assert_eq!(greeting, "a peer");
        assert_eq!(peer.round(time)?, [1.0, 0.25]);
        assert_eq!(peer.round(time)?, [2.0, 0.25]);
        peer.round(time).unwrap_err();
        Ok(())
    }
}
