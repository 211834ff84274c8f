//! Which of the server's programs are on this machine.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;

/// Folders that hold server programs without being in an ordinary user's PATH.
const FURTHER_FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/libexec", "/usr/local/sbin"];

/// A server program and what it says it is.
#[derive(Debug)]
pub(crate) struct ServerProgram {
    pub(crate) path: PathBuf,
    /// The line that `--version` prints.
    pub(crate) version: String,
}

impl ServerProgram {
    /// `STEADFAST_SERVER`, else `mariadbd`, else `mysqld`.
    pub(crate) fn find() -> Result<Self, Error> {
        let path = match env::var_os("STEADFAST_SERVER") {
            Some(path) => PathBuf::from(path),
            None => find(&["mariadbd", "mysqld"]).ok_or(Error::Missing { program: "mariadbd" })?,
        };
        let output = Command::new(&path)
            .args(["--no-defaults", "--version"])
            .stdin(Stdio::null())
            .output()
            .map_err(Error::io(format!("starting {}", path.display())))?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(Self { path, version })
    }

    pub(crate) fn is_mariadb(&self) -> bool {
        self.version.contains("MariaDB")
    }

    /// The script that creates a data directory, and its `--basedir` if it is not the system's.
    pub(crate) fn installer(&self) -> Result<(PathBuf, Option<PathBuf>), Error> {
        // A server unpacked somewhere has its script beside it: bin/mariadbd, scripts/mariadb-install-db.
        let base = self.path.parent().and_then(Path::parent);
        for name in ["mariadb-install-db", "mysql_install_db"] {
            for folder in ["scripts", "bin"] {
                let Some(base) = base.filter(|base| *base != Path::new("/usr")) else { continue };
                let script = base.join(folder).join(name);
                if script.is_file() {
                    return Ok((script, Some(base.to_owned())));
                }
            }
        }
        let script = find(&["mariadb-install-db", "mysql_install_db"])
            .ok_or(Error::Missing { program: "mariadb-install-db" })?;
        Ok((script, None))
    }
}

/// The command line client.
pub(crate) fn client() -> Result<PathBuf, Error> {
    find(&["mariadb", "mysql"]).ok_or(Error::Missing { program: "mariadb" })
}

/// The first of `names` that is somewhere; an earlier name counts more than an earlier folder.
fn find(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> =
        env::split_paths(&path).chain(FURTHER_FOLDERS.iter().map(PathBuf::from)).collect();
    names.iter().find_map(|name| {
        folders.iter().map(|folder| folder.join(name)).find(|program| program.is_file())
    })
}
