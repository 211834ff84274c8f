//! A server's folder: data, log and socket, under the build's own `target/testkit`.
//!
//! Whoever lives in a folder holds a lock on a file in it, so that the remains of a machine that lost
//! power are told from a server that runs, and removed.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{env, process};

use crate::{Error, port};

/// `sockaddr_un` has 108 bytes, the last is zero.
const LONGEST_SOCKET_PATH: usize = 107;

/// The folder of one server.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    /// A folder of the socket's own, if the path would be too long otherwise.
    pub(crate) socket_folder: Option<PathBuf>,
    pub(crate) socket: PathBuf,
}

impl Folder {
    /// Creates a folder; the locked file is to be held by whoever must be gone before it is removed.
    pub(crate) fn create() -> Result<(Self, File), Error> {
        let home = home()?;
        // Between creating the folder and holding its lock nobody else may look.
        let _home_lock = lock(&home.join("lock"))?;
        sweep(&home);
        let path = home.join(format!("run-{}-{:08x}", process::id(), port::chance() >> 32));
        fs::create_dir_all(path.join("tmp"))
            .map_err(Error::io(format!("creating {}", path.display())))?;
        let inhabited = lock(&path.join("inhabited"))?;
        let (socket_folder, socket) = socket_path(&path)?;
        Ok((Self { path, socket_folder, socket }, inhabited))
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("error.log")
    }

    /// Whether its owner, and so this process, is root.
    pub(crate) fn is_roots(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|metadata| metadata.uid() == 0)
    }

    /// The end of the server's log.
    pub(crate) fn log_end(&self) -> String {
        let log = fs::read(self.log()).unwrap_or_default();
        last_lines(&String::from_utf8_lossy(&log), 15)
    }

    /// Excepts the folder from the next sweep.
    pub(crate) fn mark_kept(&self) {
        // It is only a mark; without it the folder goes with the next test run.
        drop(File::create(self.path.join("kept")));
    }
}

/// Where all servers of this build live: `target/testkit`, or a folder of the user's in the system's
/// temporary one if the program is in no target folder, as doc tests are.
pub(crate) fn home() -> Result<PathBuf, Error> {
    let program = env::current_exe().map_err(Error::io("asking for the program's path"))?;
    let target = program.ancestors().skip(1).find(|folder| {
        folder.file_name().is_some_and(|name| name == "target")
            || folder.join("CACHEDIR.TAG").is_file()
    });
    let home = match target {
        Some(target) => target.join("testkit"),
        None => {
            let user = fs::metadata("/proc/self").map_or(0, |metadata| metadata.uid());
            env::temp_dir().join(format!("steadfast-testkit-{user}"))
        }
    };
    fs::create_dir_all(&home).map_err(Error::io(format!("creating {}", home.display())))?;
    Ok(home)
}

/// Opens and locks a file; waits for whoever holds it, which is never longer than one installation.
pub(crate) fn lock(path: &Path) -> Result<File, Error> {
    let what = || format!("locking {}", path.display());
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).open(path).map_err(Error::io(what()))?;
    file.lock().map_err(Error::io(what()))?;
    Ok(file)
}

/// The last `count` lines of a log.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

fn socket_path(folder: &Path) -> Result<(Option<PathBuf>, PathBuf), Error> {
    let socket = folder.join("socket");
    if socket.as_os_str().len() <= LONGEST_SOCKET_PATH {
        return Ok((None, socket));
    }
    let short = tempfile::Builder::new().prefix("sf-").tempdir_in("/tmp");
    let short = short.map_err(Error::io("creating a folder for the socket"))?.keep();
    let socket = short.join("socket");
    Ok((Some(short), socket))
}

/// Removes folders that nobody lives in any more.
fn sweep(home: &Path) {
    let Ok(entries) = fs::read_dir(home) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_run =
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"run-"));
        if !is_run || path.join("kept").exists() {
            continue;
        }
        let inhabited = File::open(path.join("inhabited"));
        if inhabited.is_ok_and(|file| file.try_lock().is_err()) {
            continue;
        }
        // Another process's supervisor may be removing it at this moment: then there is nothing to do.
        drop(fs::remove_dir_all(&path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_gets_a_short_socket() {
        let (none, near) =
            socket_path(Path::new("/build/target/testkit/run-1")).expect("it is short");
        assert_eq!((none, near), (None, PathBuf::from("/build/target/testkit/run-1/socket")));
        let long = PathBuf::from(format!("/build/{}", "deep/".repeat(30)));
        let (folder, socket) = socket_path(&long).expect("a folder in /tmp");
        assert!(socket.as_os_str().len() <= LONGEST_SOCKET_PATH, "{}", socket.display());
        fs::remove_dir(folder.expect("a folder of its own")).expect("it is empty");
    }

    #[test]
    fn the_sweep_takes_only_what_nobody_lives_in() {
        let home = tempfile::tempdir().expect("a folder");
        let make = |name: &str| {
            let path = home.path().join(name);
            fs::create_dir(&path).expect("a folder");
            (lock(&path.join("inhabited")).expect("a lock"), path)
        };
        let (inhabited, alive) = make("run-1");
        let (gone, dead) = make("run-2");
        let (_, kept) = make("run-3");
        let (_, other) = make("template-4");
        fs::write(kept.join("kept"), "").expect("a mark");
        drop(gone);
        sweep(home.path());
        assert_eq!(
            [&alive, &dead, &kept, &other].map(|path| path.exists()),
            [true, false, true, true]
        );
        drop(inhabited);
        sweep(home.path());
        assert!(!alive.exists());
    }
}
