//! The handle.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use steadfast_pool::Pool;
use steadfast_session::{Error as SessionError, Session, Sessions, Tx, TxOptions};

use crate::Error;
use crate::backup::{
    self, BackupOptions, BackupReport, Comparison, RestoreOptions, RestoreReport, VerifyReport,
};
use crate::close::DrainReport;
use crate::config::DatabaseConfig;
use crate::health::Health;
use crate::house::{House, log_report};
use crate::http::{Answer, answer};
use crate::maintain::{self, MaintenanceReport, Task};
use crate::migrate::{self, MigrationReport, MigrationStatus, Resolution};
use crate::reset::{self, Confirm, ResetReport};
use crate::state::State;

/// How long the last handle waits when it is dropped.
const DROP_LIMIT: Duration = Duration::from_secs(2);

/// A database, from opening to closing. Cloning it gives a second handle to the same one; when the
/// last handle is dropped, it is closed within two seconds.
///
/// ```no_run
/// use std::time::Duration;
/// use diesel::prelude::*;
/// use steadfast_manager::{Database, DatabaseConfig, Migrate};
///
/// let config = DatabaseConfig::from_url("mysql://shop:secret@db1/shop")?.migrate(Migrate::Run);
/// let db = Database::open(config)?;
/// db.transaction(|tx| {
///     diesel::sql_query("UPDATE stock SET pieces = pieces - 1 WHERE id = 7").execute(tx)?;
///     Ok::<_, steadfast_session::Error>(())
/// })?;
/// println!("{}", db.health().to_json());
/// db.close(Duration::from_secs(20));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Database {
    owner: Arc<Owner>,
}

/// Closes the database when the last handle goes.
struct Owner(House);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close(DROP_LIMIT);
    }
}

impl Database {
    /// Opens a database: checks every setting, waits for the server, checks its version, migrates if
    /// asked, and begins to watch over it. Settings of the server that should be looked at become
    /// warnings in the [health report](Self::health).
    ///
    /// # Blocks
    /// For a server that is not up yet at most [`DatabaseConfig::wait`]; then for migrations, at most
    /// [`DatabaseConfig::migration_wait`] and as long as they take, each statement at most
    /// [`DatabaseConfig::statement_limit`].
    ///
    /// # Errors
    /// [`Error::Config`] names every setting that is out of range. [`Error::Unreachable`] when the
    /// limit is over. At once, whatever waiting does not heal: [`Error::Connection`] (wrong password,
    /// unknown database, no TLS), [`Error::TooOld`], [`Error::Source`], and those of
    /// [`migrate`](Self::migrate).
    pub fn open(config: DatabaseConfig) -> Result<Self, Error> {
        Ok(Self { owner: Arc::new(Owner(House::open(config)?)) })
    }

    /// Runs the migrations that are pending, Steadfast's own and then the application's, each at most
    /// once however many processes call this at the same time.
    ///
    /// # Blocks
    /// As long as they take, each statement at most [`DatabaseConfig::statement_limit`]; for another
    /// process that migrates at most [`DatabaseConfig::migration_wait`].
    ///
    /// # Errors
    /// [`Error::MigrationFailed`] with the statement that failed; it is recorded, and from then on
    /// [`Error::NeedsResolve`] until [`resolve_migration`](Self::resolve_migration) is called.
    /// [`Error::MigrationsLocked`], [`Error::Source`], [`Error::Connection`], [`Error::Closed`].
    pub fn migrate(&self) -> Result<MigrationReport, Error> {
        let plan = self.house().plan()?;
        let (mut conn, _job) = self.house().for_work()?;
        let runner = self.house().config.runner();
        let report = runner.run(&mut conn, &plan, self.house().database())?;
        log_report(&report);
        Ok(report)
    }

    /// How far the migrations came. Writes nothing, so an account that may only read can ask.
    ///
    /// # Blocks
    /// For a connection and a few round trips.
    ///
    /// # Errors
    /// [`Error::Source`], [`Error::Connection`], [`Error::Closed`].
    pub fn migrations(&self) -> Result<MigrationStatus, Error> {
        let plan = self.house().plan()?;
        let (mut conn, _job) = self.house().for_a_look()?;
        migrate::status(&mut conn, &plan.known(), self.house().database())
    }

    /// Says what became of a migration that failed or was interrupted, so that the next
    /// [`migrate`](Self::migrate) goes on.
    ///
    /// # Blocks
    /// For a process that migrates at most [`DatabaseConfig::migration_wait`].
    ///
    /// # Errors
    /// [`Error::NothingToResolve`], [`Error::MigrationsLocked`], [`Error::Connection`],
    /// [`Error::Closed`].
    pub fn resolve_migration(&self, version: &str, resolution: Resolution) -> Result<(), Error> {
        let (mut conn, _job) = self.house().for_a_look()?;
        let wait = self.house().config.migration_wait;
        migrate::resolve(&mut conn, self.house().database(), version, resolution, wait)
    }

    /// How the database is now. All who ask at the same time share one look.
    ///
    /// # Blocks
    /// Until the server has answered, at most [`DatabaseConfig::health_limit`], also if it is frozen:
    /// then the report says so, and shows what was known before.
    pub fn health(&self) -> Health {
        self.house().health()
    }

    /// How the database was when the health thread looked last, at most
    /// [`DatabaseConfig::health_interval`] ago if all is well. Sends nothing and waits for nothing.
    pub fn last_health(&self) -> Health {
        self.house().last_health()
    }

    /// Where the database is in its life, as of [`last_health`](Self::last_health).
    pub fn state(&self) -> State {
        self.last_health().state
    }

    /// The answer for an HTTP request: `/health/live`, `/health/ready`, `/health`, `/metrics`
    /// (Prometheus text); 404 for everything else. It is read from
    /// [`last_health`](Self::last_health): probes cost no query.
    pub fn http_answer(&self, path: &str) -> Answer {
        answer(path, self.house().config.http_details, || self.last_health())
    }

    /// Runs a piece of maintenance and records it in `steadfast_maintenance`.
    ///
    /// # Blocks
    /// As long as it takes, each statement at most [`DatabaseConfig::statement_limit`]; a purge at most
    /// [`Purge::within`](crate::Purge::within) and one step. [`close`](Self::close) ends it after the
    /// step under way.
    ///
    /// # Errors
    /// [`Error::TaskRefused`], [`Error::Connection`], [`Error::Closed`]. What was done before a failure
    /// is done.
    pub fn maintain(&self, task: impl Into<Task>) -> Result<MaintenanceReport, Error> {
        let task = task.into();
        task.check_settings()?;
        let house = self.house();
        let (mut conn, _job) = house.for_work()?;
        maintain::run(&mut conn, &task, house.database(), &house.jobs)
    }

    /// Drops everything in the database and builds it anew by migrations. The database itself stays,
    /// with its grants.
    ///
    /// # Blocks
    /// As [`migrate`](Self::migrate) does.
    ///
    /// # Errors
    /// [`Error::ResetRefused`], and nothing was done, unless the configuration
    /// [allows it](DatabaseConfig::allow_reset), the [environment](DatabaseConfig::environment) is not
    /// production, the name is this database's, and nobody works in it. Else those of
    /// [`migrate`](Self::migrate).
    pub fn reset(&self, confirm: &Confirm) -> Result<ResetReport, Error> {
        let house = self.house();
        reset::check(&house.config, house.database(), confirm)?;
        let plan = house.plan()?;
        let (mut conn, _job) = house.for_work()?;
        reset::reset(&mut conn, house.database(), house.config.runner(), &plan)
    }

    /// Saves the database into the folder `dir`, which must not be there yet; see [`backup()`](crate::backup()).
    ///
    /// # Blocks
    /// As long as it takes to read the database.
    ///
    /// # Errors
    /// [`Error::Backup`]; [`Error::Closed`].
    pub fn backup(&self, dir: impl AsRef<Path>) -> Result<BackupReport, Error> {
        self.backup_with(dir, &BackupOptions::default())
    }

    /// The same with options.
    ///
    /// # Blocks
    /// As [`backup`](Self::backup) does.
    ///
    /// # Errors
    /// Those of [`backup`](Self::backup).
    pub fn backup_with(
        &self,
        dir: impl AsRef<Path>,
        options: &BackupOptions,
    ) -> Result<BackupReport, Error> {
        let _job = self.house().jobs.enter()?;
        Ok(backup::backup(self.house().connection(), dir.as_ref(), options)?)
    }

    /// Saves what the database is made of, without rows; see [`backup_schema()`](crate::backup_schema()).
    ///
    /// # Blocks
    /// As [`backup`](Self::backup) does.
    ///
    /// # Errors
    /// Those of [`backup`](Self::backup).
    pub fn backup_schema(&self, dir: impl AsRef<Path>) -> Result<BackupReport, Error> {
        let _job = self.house().jobs.enter()?;
        Ok(backup::backup_schema(self.house().connection(), dir.as_ref())?)
    }

    /// Brings a backup back into `database` on this server, which must be empty or not there; see
    /// [`restore()`](crate::restore()).
    ///
    /// # Blocks
    /// As long as it takes.
    ///
    /// # Errors
    /// [`Error::Backup`]; [`Error::Closed`].
    pub fn restore(&self, dir: impl AsRef<Path>, database: &str) -> Result<RestoreReport, Error> {
        self.restore_with(dir, database, &RestoreOptions::default())
    }

    /// The same with options.
    ///
    /// # Blocks
    /// As [`restore`](Self::restore) does.
    ///
    /// # Errors
    /// Those of [`restore`](Self::restore).
    pub fn restore_with(
        &self,
        dir: impl AsRef<Path>,
        database: &str,
        options: &RestoreOptions,
    ) -> Result<RestoreReport, Error> {
        let _job = self.house().jobs.enter()?;
        Ok(backup::restore(self.house().connection(), dir.as_ref(), database, options)?)
    }

    /// Checks every file of a backup; asks no server. See [`verify()`](crate::verify()).
    ///
    /// # Blocks
    /// As long as it takes to read all of it.
    ///
    /// # Errors
    /// [`Error::Backup`] with the first file that is not as it was written.
    #[expect(
        clippy::unused_self,
        reason = "it stands beside the others, where a user looks for it"
    )]
    pub fn verify(&self, dir: impl AsRef<Path>) -> Result<VerifyReport, Error> {
        Ok(backup::verify(dir.as_ref())?)
    }

    /// Compares all rows of `database` on this server with a backup; see [`compare()`](crate::compare()).
    ///
    /// # Blocks
    /// As long as it takes to read both.
    ///
    /// # Errors
    /// [`Error::Backup`]; [`Error::Closed`]. Differences are no error.
    pub fn compare(&self, dir: impl AsRef<Path>, database: &str) -> Result<Comparison, Error> {
        let _job = self.house().jobs.enter()?;
        let config = self.house().connection().clone().database(database);
        Ok(backup::compare(&config, dir.as_ref())?)
    }

    /// Opens sessions and runs transactions.
    pub fn sessions(&self) -> &Sessions {
        &self.house().sessions
    }

    /// Lends connections.
    pub fn pool(&self) -> &Pool {
        &self.house().pool
    }

    /// The settings it was opened with.
    pub fn config(&self) -> &DatabaseConfig {
        &self.house().config
    }

    /// Runs `work` in a transaction, and again if it fails for a reason that may pass: see
    /// [`Sessions::transaction`].
    ///
    /// # Blocks
    /// As [`Sessions::transaction`] does.
    ///
    /// # Errors
    /// Those of [`Sessions::transaction`].
    #[track_caller]
    pub fn transaction<T, E: From<SessionError>>(
        &self,
        work: impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.sessions().transaction(work)
    }

    /// The same with options: see [`Sessions::transaction_with`].
    ///
    /// # Blocks
    /// As [`Sessions::transaction`] does.
    ///
    /// # Errors
    /// Those of [`Sessions::transaction_with`].
    #[track_caller]
    pub fn transaction_with<T, E: From<SessionError>>(
        &self,
        options: &TxOptions,
        work: impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.sessions().transaction_with(options, work)
    }

    /// Runs `work` in a transaction, once: see [`Sessions::transaction_once`].
    ///
    /// # Blocks
    /// As [`Sessions::transaction`] does.
    ///
    /// # Errors
    /// Those of [`Sessions::transaction_once`].
    #[track_caller]
    pub fn transaction_once<T, E: From<SessionError>>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.sessions().transaction_once(work)
    }

    /// Lends a session to `work`: see [`Sessions::with_session`].
    ///
    /// # Blocks
    /// As [`Sessions::open`] does, and as long as the work takes.
    ///
    /// # Errors
    /// Those of [`Sessions::with_session`].
    #[track_caller]
    pub fn with_session<T, E: From<SessionError>>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T, E>,
    ) -> Result<T, E> {
        self.sessions().with_session(work)
    }

    /// Closes the database: new work is refused, what is under way may finish, and what is left shortly
    /// before the limit is cut off, except a COMMIT that was sent. Then the pool is closed and the
    /// threads are joined. A second call returns the first one's report.
    ///
    /// # Blocks
    /// At most `limit` and about a second.
    pub fn close(&self, limit: Duration) -> DrainReport {
        DrainReport::clone(&self.house().close(limit))
    }

    fn house(&self) -> &House {
        &self.owner.0
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("endpoint", &self.house().connection().endpoint())
            .field("database", &self.house().database())
            .field("pool", self.pool())
            .finish_non_exhaustive()
    }
}
