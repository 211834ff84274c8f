//! What can go wrong around a test server.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a server could not be had, asked or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program of MariaDB is not on this machine.
    #[error(
        "{program} was not found in PATH, /usr/sbin or /usr/libexec; on Debian and Ubuntu: apt-get \
         install --no-install-recommends mariadb-server-core mariadb-client libmariadb-dev \
         pkg-config; a server of your own: STEADFAST_SERVER=/path/to/mariadbd or STEADFAST_TEST_URL"
    )]
    Missing {
        /// Name of the program that was looked for.
        program: &'static str,
    },
    /// `STEADFAST_TEST_SERVER` names no kind of server.
    #[error(
        "STEADFAST_TEST_SERVER={name} is unknown: one of {known}, or unset for the installed one"
    )]
    UnknownServer {
        /// What it names.
        name: String,
        /// What it may name.
        known: String,
    },
    /// The server of `STEADFAST_TEST_SERVER` has not been unpacked.
    #[error(
        "the server {name} is not in {}: run scripts/servers unpack {name}, or set \
         STEADFAST_SERVERS_DIR to the folder that holds it", folder.display()
    )]
    NotUnpacked {
        /// The kind of server.
        name: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// The data directory could not be created.
    #[error("the data directory could not be created by {program}: {output}")]
    Install {
        /// The program that was to create it.
        program: String,
        /// The end of what it printed.
        output: String,
    },
    /// The server ended instead of serving.
    #[error("the server ended while it was starting; its log: {log}")]
    Ended {
        /// The end of the server's log.
        log: String,
    },
    /// The server did not answer in time.
    #[error("the server did not answer within {within:?}; its log: {log}")]
    NotReady {
        /// How long it was waited for.
        within: Duration,
        /// The end of the server's log.
        log: String,
    },
    /// The server is not ours, so it is neither stopped nor killed.
    #[error("the server of STEADFAST_TEST_URL is not private: it is neither stopped nor killed")]
    NotPrivate,
    /// There is no running server process to do this to.
    #[error("cannot {request} the server: its process is not there")]
    NotRunning {
        /// What was asked for.
        request: &'static str,
    },
    /// The process that watches over the server gave no answer.
    #[error("the server's supervisor did not answer {request:?}")]
    Supervisor {
        /// What was asked for.
        request: &'static str,
    },
    /// The server refused a statement, or could not be reached.
    #[error("{message}")]
    Sql {
        /// The server's or client's error number.
        errno: Option<u32>,
        /// The client's message, number and SQLSTATE included.
        message: String,
    },
    /// The client did not end in time; it was killed.
    #[error("the client did not end within {within:?}")]
    ClientTimeout {
        /// How long it was waited for.
        within: Duration,
    },
    /// A server's URL is not usable. The URL is not repeated: it may hold a password.
    #[error("the server's URL is not usable: {reason}")]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system refused something.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The system's reason.
        source: io::Error,
    },
}

impl Error {
    /// The error number, if the server or the client gave one.
    pub fn errno(&self) -> Option<u32> {
        match self {
            Self::Sql { errno, .. } => *errno,
            _ => None,
        }
    }

    /// For `map_err`: an [`Error::Io`] that says what was being done.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what: what.into(), source }
    }
}
