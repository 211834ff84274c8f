//! Statements through the `mariadb` command line client: a second opinion, independent of the code
//! under test.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;
use crate::endpoint::Endpoint;
use crate::programs;

/// No statement of a test takes longer; a client that hangs on a stopped server is killed then.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs `text`, any number of statements, and returns what they printed: rows as lines, columns
/// separated by tabs, no headings, no line break at the end.
pub(crate) fn sql(endpoint: &Endpoint, database: &str, text: &str) -> Result<String, Error> {
    let mut command = Command::new(programs::client()?);
    command.args(["--no-defaults", "--batch", "--skip-column-names", "--connect-timeout=30"]);
    command.arg("--default-character-set=utf8mb4");
    endpoint.tell(&mut command);
    if !database.is_empty() {
        command.arg(format!("--database={database}"));
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(Error::io("starting the mariadb client"))?;
    let result = converse(&mut child, text);
    if result.is_err() {
        // Fails only when it has ended by itself.
        drop(child.kill());
    }
    let status = child.wait().map_err(Error::io("waiting for the mariadb client"))?;
    let (printed, complaints) = result?;
    if status.success() {
        Ok(printed.strip_suffix('\n').unwrap_or(&printed).to_owned())
    } else {
        let message = complaints.trim().to_owned();
        Err(Error::Sql { errno: errno(&message), message })
    }
}

/// Writes and reads at once: a client whose output nobody takes stops reading its input.
fn converse(child: &mut Child, text: &str) -> Result<(String, String), Error> {
    let deadline = Instant::now() + LIMIT;
    let mut stdin = child.stdin.take().expect("piped above");
    let printed = collect(child.stdout.take().expect("piped above"));
    let complaints = collect(child.stderr.take().expect("piped above"));
    let text = text.to_owned();
    // A client that gave up closes its input; its message says why, so the failed write does not.
    let writer = thread::spawn(move || drop(stdin.write_all(text.as_bytes())));
    let take = |from: &Receiver<String>| {
        let left = deadline.saturating_duration_since(Instant::now());
        from.recv_timeout(left).map_err(|_over| Error::ClientTimeout { within: LIMIT })
    };
    let both = (take(&printed)?, take(&complaints)?);
    writer.join().expect("the writer does not panic");
    Ok(both)
}

fn collect(mut from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before a failed read is still worth showing.
        drop(from.read_to_end(&mut bytes));
        drop(sender.send(String::from_utf8_lossy(&bytes).into_owned()));
    });
    receiver
}

/// The number in `ERROR 1094 (HY000) at line 1: …`, the client's documented form.
fn errno(message: &str) -> Option<u32> {
    let (_, rest) = message.split_once("ERROR ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
