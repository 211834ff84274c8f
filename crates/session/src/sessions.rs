//! The manager of concurrent sessions.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;
use steadfast_pool::Pool;

use crate::attempt::Course;
use crate::health::{Counters, SessionHealth};
use crate::lender::Fresh;
use crate::outcome::OutcomeTable;
use crate::retry::{self, Again, Once};
use crate::roll::{Roll, SessionInfo, Slot};
use crate::{Attempt, Error, Outcome, Session, SessionConfig, Tx, TxOptions, resolve};

/// Sessions and transactions over one pool. Cloning it gives a second handle to the same sessions.
///
/// Made by [`SessionConfig::build`].
#[derive(Clone)]
pub struct Sessions {
    house: Arc<House>,
}

/// What all sessions share.
pub(crate) struct House {
    pub(crate) pool: Pool,
    pub(crate) config: SessionConfig,
    pub(crate) counters: Counters,
    pub(crate) outcomes: OutcomeTable,
    roll: Arc<Roll>,
    /// The thread that keeps deadlines. It knows the roll alone, so it never holds the house.
    watch: Mutex<Option<JoinHandle<()>>>,
}

impl Sessions {
    pub(crate) fn new(pool: Pool, config: SessionConfig) -> Result<Self, Error> {
        let roll = Arc::new(Roll::new(config.limit, Arc::clone(&config.clock)));
        let watched = Arc::clone(&roll);
        let watch = thread::Builder::new()
            .name("steadfast-deadlines".to_owned())
            .spawn(move || watched.watch())
            .map_err(Error::Watch)?;
        let watch = Mutex::new(Some(watch));
        let outcomes = OutcomeTable::of(pool.server().database_name().unwrap_or_default());
        let counters = Counters::default();
        let house = House { pool, config, counters, outcomes, roll, watch };
        Ok(Self { house: Arc::new(house) })
    }

    /// Opens a session: a connection for a while.
    ///
    /// # Blocks
    /// Until the pool lends one, at most the pool's time limit.
    ///
    /// # Errors
    /// [`Error::SessionLimit`] and [`Error::Closed`] at once; [`Error::Pool`].
    #[track_caller]
    pub fn open(&self) -> Result<Session, Error> {
        Session::open(self, None, Location::caller())
    }

    /// Opens a session with a name for logs and lists.
    ///
    /// # Blocks
    /// As [`open`](Self::open) does.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    #[track_caller]
    pub fn open_as(&self, name: impl Into<Cow<'static, str>>) -> Result<Session, Error> {
        Session::open(self, Some(name.into()), Location::caller())
    }

    /// Lends a session to `work` and takes it back whatever happens: for code that is handed its session.
    ///
    /// # Blocks
    /// As [`open`](Self::open) does, and as long as the work takes.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), and what the work returns.
    #[track_caller]
    pub fn with_session<T, E>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        let mut session = self.open()?;
        work(&mut session)
    }

    /// Runs `work` in a transaction, and again if it fails for a reason that may pass: each time from the
    /// beginning and on a fresh connection. It must not do anything outside the database that may not
    /// happen twice; [`Tx::after_commit`] is for that.
    ///
    /// The first failure that the server told decides whether it is run again, whatever error the work
    /// makes of it. An error of the work itself, with no failure before it, is rolled back and returned.
    ///
    /// # Blocks
    /// Until the [deadline](crate::RetryPolicy::deadline), by default 30 s, at which what still runs is cut
    /// off.
    ///
    /// # Errors
    /// What the work returns. Of ours: [`Error::OutOfTime`] and [`Error::OutOfAttempts`] with the last
    /// cause; [`Error::CommitUnknown`] if it is not known whether it was committed, with every other it was
    /// not, except [`Error::EndedInside`]; [`Error::SessionLimit`] and [`Error::Closed`] at once.
    #[track_caller]
    pub fn transaction<T, E>(&self, work: impl FnMut(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.transaction_with(&TxOptions::default(), work)
    }

    /// The same as [`transaction`](Self::transaction), with options.
    ///
    /// # Blocks
    /// As [`transaction`](Self::transaction) does.
    ///
    /// # Errors
    /// Those of [`transaction`](Self::transaction), and [`Error::Config`] if an option is out of range.
    #[track_caller]
    pub fn transaction_with<T, E>(
        &self,
        options: &TxOptions,
        work: impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.house.run(options, &mut Again(work))
    }

    /// Runs `work` in a transaction, once: getting a connection and BEGIN may be tried again, but nothing is
    /// once the work has begun.
    ///
    /// # Blocks
    /// As [`transaction`](Self::transaction) does.
    ///
    /// # Errors
    /// What the work returns, also if the server has undone it; [`Error::CommitAborted`] if the answer to
    /// COMMIT was lost and it is known that nothing was committed; else those of
    /// [`transaction`](Self::transaction).
    #[track_caller]
    pub fn transaction_once<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.transaction_once_with(&TxOptions::default(), work)
    }

    /// The same as [`transaction_once`](Self::transaction_once), with options.
    ///
    /// # Blocks
    /// As [`transaction`](Self::transaction) does.
    ///
    /// # Errors
    /// Those of [`transaction_once`](Self::transaction_once), and [`Error::Config`].
    #[track_caller]
    pub fn transaction_once_with<T, E>(
        &self,
        options: &TxOptions,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.house.run(options, &mut Once(Some(work)))
    }

    /// Finds out what became of an attempt that ended with [`Error::CommitUnknown`], and keeps it so: what
    /// is told to be aborted can never commit.
    ///
    /// The record must still be there: after `Task::outcome_retention` has taken it, a committed attempt
    /// would be told as aborted. Ask within the retention.
    ///
    /// # Blocks
    /// Until the [deadline](crate::RetryPolicy::deadline) of the settings.
    ///
    /// # Errors
    /// [`Error::CommitUnknown`] if it still cannot be told; [`Error::SessionLimit`], [`Error::Closed`].
    #[track_caller]
    pub fn resolve(&self, attempt: Attempt) -> Result<Outcome, Error> {
        let house = &*self.house;
        let deadline = house.config.clock.now() + house.config.retry.deadline;
        let name = Some(Cow::Borrowed("resolve"));
        let slot = house.roll.enter(name, Location::caller(), Some(deadline))?;
        resolve::resolve(house, &mut Fresh::new(&house.pool, &slot), attempt, deadline)
    }

    /// The sessions that are open now, the oldest first; a transaction under way is one.
    pub fn list(&self) -> Vec<SessionInfo> {
        self.house.roll.list()
    }

    /// The sessions in numbers.
    pub fn health(&self) -> SessionHealth {
        let (open, oldest) = self.house.roll.measure();
        self.house.counters.read(open, self.house.config.limit, oldest)
    }

    /// The settings they were built with.
    pub fn config(&self) -> &SessionConfig {
        &self.house.config
    }

    /// The pool they take connections from.
    pub fn pool(&self) -> &Pool {
        &self.house.pool
    }

    pub(crate) fn house(&self) -> &House {
        &self.house
    }

    pub(crate) fn roll(&self) -> &Arc<Roll> {
        &self.house.roll
    }
}

impl House {
    #[track_caller]
    fn run<T, E, W>(&self, options: &TxOptions, work: &mut W) -> Result<T, E>
    where
        E: From<Error>,
        W: crate::attempt::Work<T, E>,
    {
        let deadline = self.deadline(options)?;
        let slot = self.roll.enter(options.name.clone(), Location::caller(), Some(deadline))?;
        let course = self.course(&slot, options, deadline);
        retry::run(&course, &mut Fresh::new(&self.pool, &slot), work)
    }

    /// When a transaction that begins now must have ended.
    pub(crate) fn deadline(&self, options: &TxOptions) -> Result<std::time::Instant, Error> {
        let invalid = options.check();
        if !invalid.is_empty() {
            return Err(Error::Config(invalid));
        }
        let policy = options.retry.as_ref().unwrap_or(&self.config.retry);
        Ok(self.config.clock.now() + options.deadline.unwrap_or(policy.deadline))
    }

    pub(crate) fn course<'a>(
        &'a self,
        slot: &'a Slot,
        options: &'a TxOptions,
        deadline: std::time::Instant,
    ) -> Course<'a> {
        let policy = options.retry.as_ref().unwrap_or(&self.config.retry);
        Course { house: self, slot, options, policy, deadline }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.roll.end();
        if let Some(watch) = self.watch.lock().take()
            && watch.join().is_err()
        {
            log::error!(target: "steadfast::session", pool = self.pool.name(); "the thread for deadlines panicked");
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, _) = self.house.roll.measure();
        f.debug_struct("Sessions")
            .field("open", &open)
            .field("config", &self.house.config)
            .field("pool", &self.house.pool)
            .finish()
    }
}
