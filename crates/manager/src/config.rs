//! The settings of a database: the connection's, the pool's, the sessions', and what `open` does.

use std::time::Duration;

use diesel::migration::MigrationSource;
use diesel::mysql::Mysql;
use steadfast_connection::{Config, Error as ConnectError, Invalid};
use steadfast_pool::PoolConfig;
use steadfast_session::SessionConfig;

use crate::Error;
use crate::migrate::{Runner, Source};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What [`Database::open`](crate::Database::open) does about migrations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Migrate {
    /// Nothing; health tells what is pending, and is not bothered by it.
    No,
    /// Nothing; but as long as something is pending the database is degraded and not ready, which lets
    /// a rollout wait for whoever migrates.
    #[default]
    Check,
    /// Runs what is pending, or waits for another process that does.
    Run,
}

/// Whose data it is, which decides what may be done to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Environment {
    /// Real data. What nobody has named otherwise is this.
    #[default]
    Production,
    /// A copy for trying releases.
    Staging,
    /// Somebody's own.
    Development,
    /// Made by a test, for a test.
    Test,
}

/// How to open a database and how to live with it.
///
/// ```no_run
/// use std::time::Duration;
/// use steadfast_manager::{Database, DatabaseConfig, Migrate};
///
/// let config = DatabaseConfig::from_url("mysql://shop:secret@db1/shop")?
///     .wait(Duration::from_secs(60))
///     .migrate(Migrate::Run);
/// let db = Database::open(config)?;
/// # Ok::<(), steadfast_manager::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    pub(crate) connection: Config,
    pub(crate) pool: PoolConfig,
    pub(crate) sessions: SessionConfig,
    pub(crate) wait: Duration,
    pub(crate) migrate: Migrate,
    pub(crate) source: Option<Source>,
    pub(crate) migration_wait: Duration,
    pub(crate) statement_limit: Duration,
    pub(crate) environment: Environment,
    pub(crate) allow_reset: bool,
    pub(crate) http_details: bool,
    pub(crate) health_interval: Duration,
    pub(crate) health_limit: Duration,
}

impl DatabaseConfig {
    /// Whatever is not set is the documented default; the connection must name a database.
    pub fn new(connection: Config) -> Self {
        Self {
            connection,
            pool: PoolConfig::new(),
            sessions: SessionConfig::new(),
            wait: Duration::from_secs(30),
            migrate: Migrate::default(),
            source: None,
            migration_wait: Duration::from_secs(120),
            statement_limit: HOUR,
            environment: Environment::default(),
            allow_reset: false,
            http_details: false,
            health_interval: SECOND,
            health_limit: 2 * SECOND,
        }
    }

    /// From a URL, with the keys of [`Config::from_url`](steadfast_connection::Config::from_url).
    ///
    /// # Errors
    /// [`Error::Config`] names everything that is wrong with the URL, and never shows its password.
    pub fn from_url(url: &str) -> Result<Self, Error> {
        Ok(Self::new(Config::from_url(url)?))
    }

    /// From the URL in the environment variable `STEADFAST_URL`.
    ///
    /// # Errors
    /// [`Error::Config`] if it is not set, or as [`from_url`](Self::from_url).
    pub fn from_env() -> Result<Self, Error> {
        const VARIABLE: &str = "STEADFAST_URL";
        let url = std::env::var(VARIABLE).unwrap_or_default();
        if url.is_empty() {
            let allowed = "mysql://user:password@host:port/database";
            return Err(Error::Config(vec![Invalid::new(VARIABLE, None::<&str>, allowed)]));
        }
        Self::from_url(&url)
    }

    /// How to connect.
    #[must_use]
    pub fn connection(mut self, connection: Config) -> Self {
        self.connection = connection;
        self
    }

    /// How connections are kept and lent.
    #[must_use]
    pub fn pool(mut self, pool: PoolConfig) -> Self {
        self.pool = pool;
        self
    }

    /// How sessions and transactions behave.
    #[must_use]
    pub fn sessions(mut self, sessions: SessionConfig) -> Self {
        self.sessions = sessions;
        self
    }

    /// How long `open` waits for a server that is not up yet, zero (one attempt) to an hour. Default
    /// 30 s.
    #[must_use]
    pub fn wait(mut self, limit: Duration) -> Self {
        self.wait = limit;
        self
    }

    /// What `open` does about migrations. Default [`Migrate::Check`].
    #[must_use]
    pub fn migrate(mut self, migrate: Migrate) -> Self {
        self.migrate = migrate;
        self
    }

    /// The application's migrations, such as the value of diesel's `embed_migrations!`. They run after
    /// Steadfast's own. Default none.
    ///
    /// A migration written in Rust must not do anything but use the connection it is given: it is
    /// called once more, with a connection that refuses, to find out that it is no text.
    #[must_use]
    pub fn migrations(
        mut self,
        source: impl MigrationSource<Mysql> + Send + Sync + 'static,
    ) -> Self {
        self.source = Some(Source::new(source));
        self
    }

    /// How long another process that migrates is waited for, zero to 24 h. Default 2 minutes.
    #[must_use]
    pub fn migration_wait(mut self, limit: Duration) -> Self {
        self.migration_wait = limit;
        self
    }

    /// How long one statement of a migration, a task or a reset may take, 1 s to 24 h in whole
    /// seconds. Default an hour.
    #[must_use]
    pub fn statement_limit(mut self, limit: Duration) -> Self {
        self.statement_limit = limit;
        self
    }

    /// Whose data it is. Default [`Environment::Production`].
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Whether [`Database::reset`](crate::Database::reset) may be called at all; in
    /// [`Environment::Production`] it never may. Default false.
    #[must_use]
    pub fn allow_reset(mut self, allowed: bool) -> Self {
        self.allow_reset = allowed;
        self
    }

    /// Whether the HTTP answer of `/health` shows more than the status: versions, settings, errors.
    /// Default false, since whoever may ask may be anybody.
    #[must_use]
    pub fn http_details(mut self, shown: bool) -> Self {
        self.http_details = shown;
        self
    }

    /// How often the health thread looks, 100 ms to an hour. Default 1 s.
    #[must_use]
    pub fn health_interval(mut self, interval: Duration) -> Self {
        self.health_interval = interval;
        self
    }

    /// How long [`Database::health`](crate::Database::health) waits for an answer, 100 ms to a minute.
    /// Default 2 s.
    #[must_use]
    pub fn health_limit(mut self, limit: Duration) -> Self {
        self.health_limit = limit;
        self
    }

    /// What is wrong with these settings and the connection's; pool and sessions check their own when
    /// they are built.
    pub(crate) fn check(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        if let Err(ConnectError::Config(more)) = self.connection.validate() {
            invalid.extend(more);
        }
        if self.connection.database_name().is_none() {
            invalid.push(Invalid::new("database", None::<&str>, "the name of a database"));
        }
        let mut time = |setting, value: Duration, least, most, allowed: &str| {
            if value < least || value > most {
                invalid.push(Invalid::new(setting, value, allowed));
            }
        };
        let tenth = Duration::from_millis(100);
        time("wait", self.wait, Duration::ZERO, HOUR, "zero to an hour");
        time("migration_wait", self.migration_wait, Duration::ZERO, DAY, "zero to 24 h");
        time("health_interval", self.health_interval, tenth, HOUR, "100 ms to an hour");
        time("health_limit", self.health_limit, tenth, 60 * SECOND, "100 ms to a minute");
        let limit = self.statement_limit;
        if limit < SECOND || limit > DAY || limit.subsec_nanos() != 0 {
            invalid.push(Invalid::new("statement_limit", limit, "1 s to 24 h in whole seconds"));
        }
        invalid
    }

    /// The limits under which migrations run.
    pub(crate) fn runner(&self) -> Runner {
        Runner { wait: self.migration_wait, statement: self.statement_limit }
    }

    /// How to connect for long work outside the pool.
    pub(crate) fn for_work(&self) -> Config {
        self.connection.clone().read_timeout(self.statement_limit)
    }

    /// How to connect for what should be answered soon; longer than the server waits for a lock at a
    /// time.
    pub(crate) fn for_a_look(&self) -> Config {
        let limit = self.connection.connect_limit().max(Duration::from_secs(10));
        self.connection.clone().read_timeout(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let config = DatabaseConfig::new(Config::new().port(0).password("s3cret"))
            .wait(2 * HOUR)
            .migration_wait(2 * DAY)
            .statement_limit(Duration::from_millis(1500))
            .health_interval(Duration::ZERO)
            .health_limit(HOUR);
        let invalid = config.check();
        let told: Vec<_> = invalid.iter().map(Invalid::setting).collect();
        let expected = [
            "port",
            "database",
            "wait",
            "migration_wait",
            "health_interval",
            "health_limit",
            "statement_limit",
        ];
        assert_eq!(told, expected);
        assert!(!format!("{config:?} {invalid:?}").contains("s3cret"));
    }
}
