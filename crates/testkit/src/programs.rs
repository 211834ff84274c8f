//! Which of the server's programs are on this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use crate::{Error, folder};

/// Folders that hold server programs without being in an ordinary user's PATH.
const FURTHER_FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/libexec", "/usr/local/sbin"];

/// The names that `STEADFAST_TEST_SERVER` may have. The first is whatever this machine has installed.
const NAMES: [&str; 3] = ["mariadb-10.11", "mariadb-11.8", "mysql-9"];

/// A server program and what it says it is.
#[derive(Debug)]
pub(crate) struct ServerProgram {
    pub(crate) path: PathBuf,
    /// The line that `--version` prints.
    pub(crate) version: String,
    /// What it must be told because it is not where it was built for. `scripts/servers` writes them
    /// into `server.flags`, one a line, beside the program's folder.
    pub(crate) flags: Vec<String>,
}

impl ServerProgram {
    /// The program of `STEADFAST_SERVER`, else the kind of `STEADFAST_TEST_SERVER`, else `mariadbd`,
    /// else `mysqld`.
    pub(crate) fn find() -> Result<Self, Error> {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        let path = match (set("STEADFAST_SERVER"), set("STEADFAST_TEST_SERVER")) {
            (Some(path), _) => PathBuf::from(path),
            (None, Some(name)) if name != NAMES[0] => unpacked(&name.to_string_lossy())?,
            (None, _) => {
                find(&["mariadbd", "mysqld"]).ok_or(Error::Missing { program: "mariadbd" })?
            }
        };
        let output = Command::new(&path)
            .args(["--no-defaults", "--version"])
            .stdin(Stdio::null())
            .output()
            .map_err(Error::io(format!("starting {}", path.display())))?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let flags = path.parent().and_then(Path::parent).map(|base| base.join("server.flags"));
        let flags = flags.and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default();
        let flags = flags.lines().map(str::to_owned).collect();
        Ok(Self { path, version, flags })
    }

    pub(crate) fn is_mariadb(&self) -> bool {
        self.version.contains("MariaDB")
    }

    /// The flag that leaves encryption off. MySQL and MariaDB 11.4 offer it to everyone by themselves,
    /// libmariadb takes it wherever it is offered, and the proxy could read nothing any more.
    pub(crate) fn without_encryption(&self) -> &'static str {
        if self.is_mariadb() { "--skip-ssl" } else { "--tls-version=" }
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

/// The program of a server that `scripts/servers` has unpacked.
fn unpacked(name: &str) -> Result<PathBuf, Error> {
    if !NAMES.contains(&name) {
        return Err(Error::UnknownServer { name: name.to_owned(), known: NAMES.join(", ") });
    }
    let servers = match env::var_os("STEADFAST_SERVERS_DIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => folder::home()?.with_file_name("servers"),
    };
    let base = servers.join(name);
    let program = base.join("bin").join(if name == "mysql-9" { "mysqld" } else { "mariadbd" });
    // Written last: without it the rest is not complete.
    if base.join("server.flags").is_file() && program.is_file() {
        Ok(program)
    } else {
        Err(Error::NotUnpacked { name: name.to_owned(), folder: base })
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
