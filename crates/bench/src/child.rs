//! The same program as a child process: `steadfast-bench --child WORK WHO URL COUNT`.
//!
//! For what can only be measured of a whole process: its memory, and its instructions under valgrind.
//! It does one contestant's work so many times and prints one number.

use std::env;
use std::io::{self, Write};
use std::process::{Command, Stdio};

use crate::areas;
use crate::harness::Failure;

/// Does the work of `who` on the server at `url`, `count` times, and gives what is to be printed.
pub(crate) type Work = fn(who: &str, url: &str, count: u64) -> Result<f64, Failure>;

/// First on the command line of a child.
pub(crate) const SIGN: &str = "--child";

/// What is to be done, and by whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task<'a> {
    pub(crate) work: &'a str,
    pub(crate) who: &'a str,
    pub(crate) url: &'a str,
    pub(crate) count: u64,
}

impl Task<'_> {
    /// Runs it in a child of its own, behind the words of `wrapper` if there are any; what it printed.
    ///
    /// # Blocks
    /// Until the child has ended.
    pub(crate) fn run(&self, wrapper: &[&str]) -> Result<f64, Failure> {
        let program = env::current_exe()?;
        let count = self.count.to_string();
        let mut command = match wrapper {
            [] => Command::new(&program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(&program);
                command
            }
        };
        command.args([SIGN, self.work, self.who, self.url, &count]).stdin(Stdio::null());
        let output = command.output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(
                format!("{} ended with {}: {}", self.work, output.status, said.trim()).into()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
    }
}

/// What a child does: the words are those after [`SIGN`].
pub(crate) fn serve(words: impl IntoIterator<Item = String>) -> Result<(), Failure> {
    let mut words = words.into_iter();
    let (Some(work), Some(who), Some(url), Some(count), None) =
        (words.next(), words.next(), words.next(), words.next(), words.next())
    else {
        return Err(format!("{SIGN} wants WORK WHO URL COUNT").into());
    };
    let work = areas::work(&work).ok_or_else(|| format!("no work is called {work}"))?;
    let result = work(&who, &url, count.parse()?)?;
    Ok(writeln!(io::stdout(), "{result}")?)
}
