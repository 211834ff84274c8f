//! The shell process that holds a server, so that it ends with the test process.
//!
//! A `static` is never dropped and SIGKILL runs no code, so nothing in the test process can be relied
//! on to end the server. A pipe can: the kernel closes it. `PR_SET_PDEATHSIG` would need unsafe code
//! and fires when the *thread* that started the server ends (prctl(2)), which in a test is soon.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::Error;
use crate::folder::Folder;

const SCRIPT: &str = include_str!("supervisor.sh");

/// A signal, and after SIGKILL the wait for the end of the process.
const LIMIT: Duration = Duration::from_secs(30);

/// The shell process and the two pipes to it.
#[derive(Debug)]
pub(crate) struct Supervisor {
    shell: Child,
    requests: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Supervisor {
    /// Starts the shell, not yet the server. `inhabited` is the lock on the folder: the shell keeps it.
    pub(crate) fn start(
        folder: &Folder,
        inhabited: File,
        program: &Path,
        arguments: &[String],
    ) -> Result<Self, Error> {
        // From a file, so that `ps` shows a line and not the script.
        let script = folder.path.join("supervisor.sh");
        fs::write(&script, SCRIPT).map_err(Error::io(format!("writing {}", script.display())))?;
        let mut command = Command::new("/bin/sh");
        command.arg(script).arg(&folder.path);
        command.arg(folder.socket_folder.as_deref().unwrap_or(Path::new(""))).arg(folder.log());
        command.arg(program).args(arguments);
        // A group of its own: Ctrl-C in the terminal ends the test process first, then this one. And
        // none of the test's own outputs: a runner that waits for their end would wait for the server.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(inhabited);
        let mut shell = command.spawn().map_err(Error::io("starting /bin/sh"))?;
        let requests = shell.stdin.take();
        let output = BufReader::new(shell.stdout.take().expect("piped above"));
        let (sender, answers) = mpsc::channel();
        thread::Builder::new()
            .name("supervisor".to_owned())
            .spawn(move || {
                for line in output.lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            })
            .map_err(Error::io("starting a thread"))?;
        Ok(Self { shell, requests, answers })
    }

    /// Starts the server and returns its process id.
    pub(crate) fn start_server(&mut self) -> Result<u32, Error> {
        let answer = self.ask("start")?;
        answer.parse().map_err(|_not_a_number| Error::Supervisor { request: "start" })
    }

    /// Sends one request; whether the answer is yes.
    pub(crate) fn is(&mut self, request: &'static str) -> Result<bool, Error> {
        Ok(self.ask(request)? == "yes")
    }

    fn ask(&mut self, request: &'static str) -> Result<String, Error> {
        let silent = Error::Supervisor { request };
        let Some(requests) = &mut self.requests else { return Err(silent) };
        let sent = requests.write_all(format!("{request}\n").as_bytes());
        match sent.map(|()| self.answers.recv_timeout(LIMIT)) {
            Ok(Ok(answer)) => Ok(answer),
            // A late answer would be taken for that of the next request: this is the end.
            Ok(Err(_)) | Err(_) => {
                self.requests = None;
                Err(silent)
            }
        }
    }
}

impl Drop for Supervisor {
    /// Ends the server, and removes its folder unless it is kept.
    fn drop(&mut self) {
        self.requests = None;
        // The shell's output ends with the shell.
        while self.answers.recv_timeout(LIMIT) != Err(RecvTimeoutError::Disconnected) {
            if self.shell.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
        }
        // It has ended, or is ending this moment: nothing follows the close of its output.
        drop(self.shell.wait());
    }
}
