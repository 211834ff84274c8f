//! Puts the report together: what the thread found, what pool and sessions say, what it amounts to.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use steadfast_pool::Pool;
use steadfast_session::Sessions;

use crate::config::Migrate;
use crate::health::board::Notice;
use crate::health::probe::Findings;
use crate::health::report::{
    Checks, ConnectionCheck, Health, LastFailure, MigrationsCheck, PoolCheck, Reason,
    SessionsCheck, SettingsCheck, Status, WritableCheck,
};
use crate::migrate::{MigrationInfo, MigrationState, MigrationStatus};
use crate::state::{Stage, State};

const HOLDERS: usize = 10;

/// What the report is made of beside the findings.
#[derive(Debug)]
pub(crate) struct Ground<'a> {
    pub(crate) stage: Stage,
    pub(crate) migrate: Migrate,
    pub(crate) pool: &'a Pool,
    pub(crate) sessions: &'a Sessions,
}

/// Puts the report together.
pub(crate) fn assemble(notice: &Notice, ground: &Ground<'_>) -> Health {
    let findings = notice.findings.as_deref();
    let checks = Checks {
        connection: connection(notice, findings),
        writable: writable(findings),
        sessions: sessions(ground.sessions),
        pool: pool(ground.pool),
        migrations: migrations(findings, ground.migrate),
        settings: SettingsCheck {
            status: Status::Up,
            warnings: findings.map(|it| it.warnings.clone()).unwrap_or_default(),
        },
    };
    let mut reasons = reasons(&checks);
    let status = [
        checks.connection.status,
        checks.writable.status,
        checks.pool.status,
        checks.migrations.status,
    ]
    .into_iter()
    .max()
    .unwrap_or(Status::Down);
    let state = match ground.stage {
        Stage::Starting => State::Starting,
        Stage::Open if status == Status::Up => State::Ready,
        Stage::Open => State::Degraded,
        Stage::Draining => State::Draining,
        Stage::Closed => State::Closed,
    };
    if ground.stage != Stage::Open {
        reasons.push(Reason { name: state.as_str(), message: format!("it is {}", state.as_str()) });
    }
    let blocks = |name: &str| !matches!(name, "read_only" | "pool_full");
    let ready = ground.stage == Stage::Open && !reasons.iter().any(|reason| blocks(reason.name));
    let age_ms = findings.map(|findings| milliseconds(findings.at.elapsed()));
    Health { status, state, ready, reasons, age_ms, checks }
}

fn connection(notice: &Notice, findings: Option<&Findings>) -> ConnectionCheck {
    let failure = findings.and_then(|findings| findings.failure.as_ref());
    let error = match (notice.overdue, failure) {
        (Some(waited), _) => Some(format!("no answer within {waited:.1?}")),
        (None, Some(failure)) => Some(failure.message.clone()),
        (None, None) if findings.is_none() => Some("not asked yet".to_owned()),
        (None, None) => None,
    };
    let since = failure.map(|failure| failure.since.elapsed()).or(notice.overdue);
    ConnectionCheck {
        status: if error.is_none() { Status::Up } else { Status::Down },
        latency_us: findings.and_then(|it| it.latency).map(microseconds),
        down_ms: error.as_ref().and(since).map(milliseconds),
        error,
        errno: failure.and_then(|failure| failure.errno),
        uptime_s: findings.and_then(|it| it.uptime_s),
        threads_connected: findings.and_then(|it| it.threads_connected),
        database: findings.and_then(|it| it.server.clone()),
    }
}

fn writable(findings: Option<&Findings>) -> WritableCheck {
    let read_only = findings.and_then(|it| it.server.as_ref()).map(|server| server.read_only);
    let status = if read_only == Some(true) { Status::Degraded } else { Status::Up };
    WritableCheck { status, read_only }
}

fn sessions(sessions: &Sessions) -> SessionsCheck {
    let health = sessions.health();
    let retries = health.retries;
    SessionsCheck {
        status: Status::Up,
        open: health.open,
        limit: health.limit,
        oldest_ms: health.oldest.map(milliseconds),
        committed: health.committed,
        rollbacks: health.rollbacks,
        retries: BTreeMap::from([
            ("transient", retries.transient),
            ("disconnected", retries.disconnected),
            ("busy", retries.busy),
        ]),
        resolved: BTreeMap::from([
            ("committed", health.resolved_committed),
            ("aborted", health.resolved_aborted),
        ]),
        unresolved: health.unresolved,
        last_error: health.last_error.map(|last| LastFailure {
            age_ms: SystemTime::now().duration_since(last.at).map_or(0, milliseconds),
            fault: last.fault.as_str(),
            errno: last.errno,
            message: last.message,
        }),
    }
}

fn pool(pool: &Pool) -> PoolCheck {
    let stats = pool.stats();
    let full = stats.waiting > 0 && stats.idle == 0 && stats.lent >= stats.size + stats.overflow;
    PoolCheck {
        status: if full { Status::Degraded } else { Status::Up },
        name: pool.name().to_owned(),
        idle: stats.idle,
        lent: stats.lent,
        creating: stats.creating,
        waiting: stats.waiting,
        size: stats.size,
        overflow: stats.overflow,
        checkouts: stats.checkouts,
        waits: stats.waits,
        timeouts: stats.timeouts,
        connects: stats.connects,
        connect_failures: stats.connect_failures,
        retired: stats.retired,
        holders: pool.holders().iter().take(HOLDERS).map(ToString::to_string).collect(),
    }
}

fn migrations(findings: Option<&Findings>, migrate: Migrate) -> MigrationsCheck {
    let found = findings.and_then(|findings| findings.migrations.as_ref());
    let none = MigrationStatus::default();
    let known = found.and_then(|found| found.as_ref().ok());
    let error = found.and_then(|found| found.as_ref().err()).cloned();
    let status = known.unwrap_or(&none);
    let versions = |state| status.in_state(state).map(version).collect();
    // Who migrates by other means is told, and left alone, unless something is half done.
    let minds = match migrate {
        Migrate::No => status.unresolved().is_some(),
        Migrate::Check | Migrate::Run => !status.is_current() || error.is_some(),
    };
    MigrationsCheck {
        status: if minds { Status::Degraded } else { Status::Up },
        done: known.map(|status| status.count(MigrationState::Done)),
        pending: versions(MigrationState::Pending),
        running: versions(MigrationState::Running),
        unresolved: status.unresolved(),
        failed: status.migrations.iter().filter_map(|info| info.failure.clone()).collect(),
        changed: status.changed().map(version).collect(),
        unknown: status.unknown.clone(),
        error,
    }
}

fn version(info: &MigrationInfo) -> String {
    info.version.clone()
}

fn reasons(checks: &Checks) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut add = |name, message| reasons.push(Reason { name, message });
    if let Some(error) = &checks.connection.error {
        add("unreachable", error.clone());
    }
    if checks.writable.status != Status::Up {
        add("read_only", "the server takes no writes (read_only is on); reads go on".to_owned());
    }
    if checks.pool.status != Status::Up {
        let PoolCheck { lent, waiting, .. } = &checks.pool;
        add("pool_full", format!("all {lent} connections are lent and {waiting} callers wait"));
    }
    let migrations = &checks.migrations;
    if migrations.status != Status::Up {
        if let Some(stuck) = &migrations.unresolved {
            add("migration_failed", stuck.to_string());
        }
        if !migrations.pending.is_empty() {
            add("migrations_pending", format!("pending: {}", migrations.pending.join(", ")));
        }
        if !migrations.running.is_empty() {
            add("migrations_running", format!("running: {}", migrations.running.join(", ")));
        }
        if let Some(error) = &migrations.error {
            add("migrations_unknown", error.clone());
        }
    }
    reasons
}

pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
