//! A private server: its flags, its start, and what is done to its process.

use std::fs;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::endpoint::Endpoint;
use crate::eventually::becomes_true;
use crate::folder::Folder;
use crate::programs::ServerProgram;
use crate::supervisor::Supervisor;
use crate::{Error, port, template};

/// From the start of the process to its first greeting; crash recovery is in it.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// From SIGTERM to the end of the process.
const STOP_WITHIN: Duration = Duration::from_secs(60);

/// Between SIGSTOP and the halt of the last thread.
const HALT_WITHIN: Duration = Duration::from_secs(5);

/// Ports to try before the machine is taken for the problem.
const PORTS: u32 = 10;

/// A server of this process's own.
#[derive(Debug)]
pub(crate) struct Private {
    port: u16,
    folder: Folder,
    program: ServerProgram,
    /// Guards the conversation with the supervisor, and with it the server's process.
    process: Mutex<Process>,
}

#[derive(Debug)]
struct Process {
    supervisor: Supervisor,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running(u32),
    Paused(u32),
    Gone,
}

impl Private {
    pub(crate) fn start(flags: &[&str]) -> Result<Self, Error> {
        let mut attempt = 1;
        loop {
            // A port that was free may be taken before the server binds it: then it ends at once.
            let port = port::free();
            match Self::start_at(port, flags) {
                Err(Error::Ended { .. }) if attempt < PORTS && port::is_taken(port) => attempt += 1,
                other => return other,
            }
        }
    }

    fn start_at(port: u16, flags: &[&str]) -> Result<Self, Error> {
        let program = ServerProgram::find()?;
        let (folder, inhabited) = Folder::create()?;
        let as_root = folder.is_roots();
        template::copy_to(&folder.data(), &program, as_root)?;
        let mut arguments = arguments(&folder, port, &program);
        if !flags.iter().any(|flag| flag.starts_with("--ssl")) {
            arguments.push(program.without_encryption().to_owned());
        }
        arguments.extend(as_root.then(|| "--user=root".to_owned()));
        arguments.extend(flags.iter().map(|&flag| flag.to_owned()));
        let supervisor = Supervisor::start(&folder, inhabited, &program.path, &arguments)?;
        let mut process = Process { supervisor, state: State::Gone };
        process.start(&folder)?;
        Ok(Self { port, folder, program, process: Mutex::new(process) })
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::private(self.port, &self.folder.socket)
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        let state = self.process.lock().state;
        match state {
            State::Running(pid) | State::Paused(pid) => Some(pid),
            State::Gone => None,
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self.process.lock().state, State::Running(_))
    }

    pub(crate) fn pause(&self) -> Result<(), Error> {
        let mut process = self.process.lock();
        let (State::Running(pid) | State::Paused(pid)) = process.state else {
            return Err(Error::NotRunning { request: "pause" });
        };
        if !process.supervisor.is("pause")? {
            return Err(Error::NotRunning { request: "pause" });
        }
        process.state = State::Paused(pid);
        // The signal stops one thread, which then stops the others: they may still finish an answer.
        if becomes_true(HALT_WITHIN, || stands_still(pid)) {
            Ok(())
        } else {
            Err(Error::NotRunning { request: "pause" })
        }
    }

    pub(crate) fn resume(&self) -> Result<(), Error> {
        let mut process = self.process.lock();
        let (State::Running(pid) | State::Paused(pid)) = process.state else {
            return Err(Error::NotRunning { request: "resume" });
        };
        if !process.supervisor.is("resume")? {
            return Err(Error::NotRunning { request: "resume" });
        }
        process.state = State::Running(pid);
        Ok(())
    }

    pub(crate) fn kill(&self) -> Result<(), Error> {
        self.process.lock().kill()
    }

    pub(crate) fn stop(&self) -> Result<(), Error> {
        let mut process = self.process.lock();
        process.supervisor.is("stop")?;
        let mut failure = None;
        let gone = becomes_true(STOP_WITHIN, || match process.supervisor.is("running") {
            Ok(running) => !running,
            Err(error) => {
                failure = Some(error);
                true
            }
        });
        match failure {
            Some(error) => Err(error),
            None if gone => {
                process.state = State::Gone;
                Ok(())
            }
            None => Err(Error::Supervisor { request: "stop" }),
        }
    }

    pub(crate) fn restart(&self) -> Result<(), Error> {
        let deadline = Instant::now() + READY_WITHIN;
        let mut process = self.process.lock();
        process.kill()?;
        loop {
            // Somebody may hold the port for a moment; then the server ends at once.
            match process.start(&self.folder) {
                Err(Error::Ended { .. })
                    if port::is_taken(self.port) && Instant::now() < deadline => {}
                other => return other,
            }
        }
    }

    /// Leaves the data directory behind when the process ends; returns the command to start a server
    /// on it.
    pub(crate) fn keep(&self) -> Result<String, Error> {
        self.folder.mark_kept();
        self.process.lock().supervisor.is("keep")?;
        let (data, socket) = (self.folder.data(), &self.folder.socket);
        let user = if self.folder.is_roots() { " --user=root" } else { "" };
        let (data, socket) = (data.display(), socket.display());
        Ok(format!(
            "{} --no-defaults {} --datadir={data} --socket={socket} --skip-networking{user}",
            self.program.path.display(),
            self.program.flags.join(" "),
        ))
    }
}

impl Process {
    fn start(&mut self, folder: &Folder) -> Result<(), Error> {
        let pid = self.supervisor.start_server()?;
        let deadline = Instant::now() + READY_WITHIN;
        let mut failure = None;
        let ready = becomes_true(READY_WITHIN, || {
            greets(folder, deadline)
                || match self.supervisor.is("running") {
                    Ok(true) => false,
                    Ok(false) => {
                        failure = Some(Error::Ended { log: folder.log_end() });
                        true
                    }
                    Err(error) => {
                        failure = Some(error);
                        true
                    }
                }
        });
        match failure {
            Some(error) => Err(error),
            None if ready => {
                self.state = State::Running(pid);
                Ok(())
            }
            None => {
                self.kill()?;
                Err(Error::NotReady { within: READY_WITHIN, log: folder.log_end() })
            }
        }
    }

    fn kill(&mut self) -> Result<(), Error> {
        self.supervisor.is("kill")?;
        self.state = State::Gone;
        Ok(())
    }
}

/// Whether the server sends its first packet. Asked on the socket: the port might be another's.
fn greets(folder: &Folder, deadline: Instant) -> bool {
    let Ok(mut stream) = UnixStream::connect(&folder.socket) else { return false };
    let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    // Three bytes of length, a sequence number, then the protocol's version, 10 (or 0xff, an error).
    let mut greeting = [0; 5];
    stream.set_read_timeout(Some(left)).is_ok()
        && stream.read_exact(&mut greeting).is_ok()
        && greeting[4] == 10
}

/// Whether every thread of a process is stopped; without `/proc` that is taken for granted.
fn stands_still(pid: u32) -> bool {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return true };
    tasks.flatten().all(|task| {
        // `pid (name) state …`, and the name may hold anything.
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
    })
}

fn arguments(folder: &Folder, port: u16, program: &ServerProgram) -> Vec<String> {
    let path = |name: &str| folder.path.join(name).display().to_string();
    let mut arguments = vec![
        // Only valid as the first one.
        "--no-defaults".to_owned(),
        format!("--datadir={}", folder.data().display()),
        format!("--socket={}", folder.socket.display()),
        format!("--pid-file={}", path("pid")),
        format!("--tmpdir={}", path("tmp")),
        format!("--log-error={}", folder.log().display()),
        format!("--port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
    ];
    arguments.extend_from_slice(&program.flags);
    let mut add = |flags: &[&str]| arguments.extend(flags.iter().map(|&flag| flag.to_owned()));
    add(&template::layout(program));
    add(&["--server-id=1", "--log-bin", "--binlog-format=row"]);
    // Written at every commit, forced to disk once a second: a killed process loses nothing.
    add(&["--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=64M"]);
    add(&["--innodb-buffer-pool-dump-at-shutdown=0", "--innodb-buffer-pool-load-at-startup=0"]);
    add(&["--max-connections=200", "--performance-schema=0", "--local-infile=1"]);
    add(&["--skip-name-resolve"]);
    if program.is_mariadb() {
        add(&["--aria-pagecache-buffer-size=8M", "--key-buffer-size=1M"]);
    } else {
        add(&["--mysqlx=OFF"]);
    }
    arguments
}
