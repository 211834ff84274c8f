//! What all handles of one database share.

use std::sync::Arc;

use steadfast_connection::{Config, Connection};
use steadfast_pool::{Error as PoolError, Pool};
use steadfast_session::{Error as SessionError, Sessions};

use crate::Error;
use crate::close::Closing;
use crate::config::{DatabaseConfig, Migrate};
use crate::health::{Ground, Health, Probe, Watch, assemble};
use crate::jobs::{JobGuard, Jobs};
use crate::migrate::{MigrationReport, Plan};
use crate::start;
use crate::state::{Life, Stage};
use crate::warning::{PoolNumbers, warnings};

pub(crate) struct House {
    pub(crate) config: DatabaseConfig,
    /// As the server calls it: it may fold names to lower case, and the lock is named after this.
    pub(crate) database: String,
    pub(crate) pool: Pool,
    pub(crate) sessions: Sessions,
    pub(crate) life: Life,
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) watch: Watch,
    pub(crate) closing: Closing,
}

impl House {
    pub(crate) fn open(config: DatabaseConfig) -> Result<Self, Error> {
        let (pool, sessions) = build(&config)?;
        let plan = Plan::read(config.source.as_ref())?;
        let numbers = PoolNumbers::of(&pool);
        let (mut conn, server) = start::connect(&config.connection, config.wait)?;
        start::check_floor(&server)?;
        let (vendor, version) = (server.vendor, server.version.as_str());
        log::info!(target: "steadfast::manager", vendor, version, database = server.database.as_str(); "connected");
        if config.migrate == Migrate::Run {
            let mut conn = Connection::open(&config.for_work())?;
            log_report(&config.runner().run(&mut conn, &plan, &server.database)?);
        }
        for warning in warnings(&mut conn, &server, &numbers)? {
            log::warn!(target: "steadfast::manager", setting = warning.name; "{}", warning.message);
        }
        drop(conn);
        let known = plan.known();
        let limit = config.health_limit;
        let probe = Probe::new(&config.connection, known, numbers, limit);
        let watch = Watch::start(probe, config.health_interval, limit)?;
        let house = Self {
            config,
            database: server.database,
            pool,
            sessions,
            life: Life::default(),
            jobs: Arc::default(),
            watch,
            closing: Closing::default(),
        };
        // So that whoever reads the report has one from the beginning.
        house.watch.ask();
        house.life.enter(Stage::Open);
        Ok(house)
    }

    /// How it is now.
    pub(crate) fn health(&self) -> Health {
        assemble(&self.watch.ask(), &self.ground())
    }

    /// How it was when the health thread looked last.
    pub(crate) fn last_health(&self) -> Health {
        assemble(&self.watch.read(), &self.ground())
    }

    fn ground(&self) -> Ground<'_> {
        Ground {
            stage: self.life.stage(),
            migrate: self.config.migrate,
            pool: &self.pool,
            sessions: &self.sessions,
        }
    }

    /// A connection of its own for long work, on the list of what `close` ends.
    pub(crate) fn for_work(&self) -> Result<(Connection, JobGuard), Error> {
        self.at_work(&self.config.for_work())
    }

    /// The same for what should be answered soon.
    pub(crate) fn for_a_look(&self) -> Result<(Connection, JobGuard), Error> {
        self.at_work(&self.config.for_a_look())
    }

    fn at_work(&self, config: &Config) -> Result<(Connection, JobGuard), Error> {
        if self.jobs.is_stopping() {
            return Err(Error::Closed);
        }
        let conn = Connection::open(config)?;
        let job = self.jobs.begin(&conn)?;
        Ok((conn, job))
    }

    pub(crate) fn plan(&self) -> Result<Plan, Error> {
        Plan::read(self.config.source.as_ref())
    }

    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    pub(crate) fn connection(&self) -> &Config {
        &self.config.connection
    }
}

/// Builds pool and sessions, so that all that is wrong with any part is told at once.
fn build(config: &DatabaseConfig) -> Result<(Pool, Sessions), Error> {
    let mut invalid = config.check();
    // The pool checks the connection's settings too; those are in the list already.
    let ours: Vec<&str> = invalid.iter().map(|it| it.setting()).collect();
    let mut more = Vec::new();
    // Without a pool, sessions cannot be built; what is wrong with them is found over any pool.
    let pool = match config.pool.clone().build(config.connection.clone()) {
        Ok(pool) => Some(pool),
        Err(PoolError::Config(wrong)) => {
            more.extend(wrong.into_iter().filter(|it| !ours.contains(&it.setting())));
            None
        }
        Err(error) => return Err(error.into()),
    };
    let any = match &pool {
        Some(pool) => pool.clone(),
        None => steadfast_pool::PoolConfig::new().build(Config::new())?,
    };
    let sessions = match config.sessions.clone().build(any) {
        Ok(sessions) => Some(sessions),
        Err(SessionError::Config(wrong)) => {
            more.extend(wrong);
            None
        }
        Err(error) => return Err(error.into()),
    };
    invalid.extend(more);
    match (pool, sessions) {
        (Some(pool), Some(sessions)) if invalid.is_empty() => Ok((pool, sessions)),
        _ => Err(Error::Config(invalid)),
    }
}

pub(crate) fn log_report(report: &MigrationReport) {
    let (applied, already) = (report.applied.len(), report.already);
    log::info!(target: "steadfast::manager::migrate", applied, already, changed = report.changed.len(), unknown = report.unknown.len(); "migrations settled");
}
