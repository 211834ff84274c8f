//! Asks the server, on a connection of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use steadfast_connection::{Config, Connection, Error as ConnectError, Interrupter};

use crate::Error;
use crate::answer_rows::rows;
use crate::migrate::{Known, MigrationStatus, status};
use crate::server_info::ServerInfo;
use crate::warning::{PoolNumbers, Warning, warnings};

/// How often the slower checks are made when nobody asks.
const SLOW_RHYTHM: Duration = Duration::from_secs(10);

/// What one round found.
#[derive(Clone, Debug)]
pub(crate) struct Findings {
    pub(crate) at: Instant,
    pub(crate) latency: Option<Duration>,
    pub(crate) failure: Option<Failure>,
    pub(crate) server: Option<ServerInfo>,
    pub(crate) uptime_s: Option<u64>,
    pub(crate) threads_connected: Option<u64>,
    pub(crate) migrations: Option<Result<MigrationStatus, String>>,
    pub(crate) warnings: Vec<Warning>,
}

/// The server did not answer, or refused.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) errno: Option<u32>,
    pub(crate) since: Instant,
}

/// The socket of the probe's connection, so that `close` can end a call that hangs.
pub(crate) type Line = Arc<Mutex<Option<Interrupter>>>;

/// What asks.
pub(crate) struct Probe {
    config: Config,
    known: Vec<Known>,
    pool: PoolNumbers,
    conn: Option<Connection>,
    line: Line,
    last: Option<Findings>,
    slow_at: Option<Instant>,
}

impl Probe {
    /// `limit` bounds a caller's wait. The connection's own limits are whole seconds, so half of it
    /// each, at least one second: a caller never waits for them.
    pub(crate) fn new(
        config: &Config,
        known: Vec<Known>,
        pool: PoolNumbers,
        limit: Duration,
    ) -> Self {
        let each = Duration::from_secs((limit.as_secs() / 2).max(1));
        let config = config.clone().connect_timeout(each).read_timeout(each).write_timeout(each);
        Self { config, known, pool, conn: None, line: Line::default(), last: None, slow_at: None }
    }

    pub(crate) fn line(&self) -> Line {
        Arc::clone(&self.line)
    }

    /// Lets go of a connection that may be out of step.
    pub(crate) fn hang_up(&mut self) {
        *self.line.lock() = None;
        self.conn = None;
    }

    /// Asks; what is slow only if it is due or `full`. If the connection was lost meanwhile, as after a
    /// restart, a new one is tried at once.
    pub(crate) fn round(&mut self, full: bool) -> Findings {
        let had_connection = self.conn.is_some();
        let begun = Instant::now();
        let mut outcome = self.ask(full);
        let quick = begun.elapsed() < Duration::from_millis(500);
        if outcome.is_err() && had_connection && quick {
            self.hang_up();
            outcome = self.ask(full);
        }
        let findings = outcome.unwrap_or_else(|error| {
            self.hang_up();
            self.failed(&error)
        });
        self.last = Some(findings.clone());
        findings
    }

    /// What a round leaves that ended in a panic.
    pub(crate) fn panicked(&mut self) -> Findings {
        self.hang_up();
        let findings = self.failure("the check panicked".to_owned(), None);
        self.last = Some(findings.clone());
        findings
    }

    fn ask(&mut self, full: bool) -> Result<Findings, ConnectError> {
        let slow = full || self.slow_at.is_none_or(|at| at.elapsed() >= SLOW_RHYTHM);
        if self.conn.is_none() {
            let conn = Connection::open(&self.config)?;
            *self.line.lock() = conn.interrupter().ok();
            self.conn = Some(conn);
        }
        let Some(conn) = &mut self.conn else { return Err(ConnectError::Misuse("no connection")) };
        let begun = Instant::now();
        let server = ServerInfo::read(conn)?;
        let latency = begun.elapsed();
        let mut findings = Findings {
            at: Instant::now(),
            latency: Some(latency),
            failure: None,
            uptime_s: None,
            threads_connected: None,
            migrations: self.last.as_ref().and_then(|last| last.migrations.clone()),
            warnings: self.last.as_ref().map(|last| last.warnings.clone()).unwrap_or_default(),
            server: None,
        };
        for row in
            rows(conn, "SHOW GLOBAL STATUS WHERE Variable_name IN ('Uptime', 'Threads_connected')")?
        {
            match row.text(0) {
                "Uptime" => findings.uptime_s = Some(row.number(1)),
                _ => findings.threads_connected = Some(row.number(1)),
            }
        }
        if slow {
            findings.migrations = Some(match status(conn, &self.known, &server.database) {
                // A lost connection says nothing about migrations.
                Err(Error::Connection(error)) if conn.is_broken() => return Err(*error),
                found => found.map_err(|error| error.to_string()),
            });
            findings.warnings = warnings(conn, &server, &self.pool)?;
            self.slow_at = Some(Instant::now());
        }
        findings.server = Some(server);
        findings.at = Instant::now();
        Ok(findings)
    }

    fn failed(&self, error: &ConnectError) -> Findings {
        self.failure(error.to_string(), error.errno())
    }

    fn failure(&self, message: String, errno: Option<u32>) -> Findings {
        let now = Instant::now();
        let before = self.last.as_ref().and_then(|last| last.failure.as_ref());
        let since = before.map_or(now, |failure| failure.since);
        let last = self.last.clone();
        Findings {
            at: now,
            latency: None,
            failure: Some(Failure { message, errno, since }),
            uptime_s: None,
            threads_connected: None,
            server: last.as_ref().and_then(|last| last.server.clone()),
            migrations: last.as_ref().and_then(|last| last.migrations.clone()),
            warnings: last.map(|last| last.warnings).unwrap_or_default(),
        }
    }
}
