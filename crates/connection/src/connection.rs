//! One physical connection, as diesel sees it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::{
    CacheSize, ConnectionSealed, DynInstrumentation, Instrumentation, InstrumentationEvent,
    LoadConnection, MultiConnectionHelper, SimpleConnection, StrQueryHelper,
};
use diesel::expression::QueryMetadata;
use diesel::mysql::Mysql;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::result::{ConnectionError, ConnectionResult};
use diesel::{QueryResult, debug_query};

use crate::cache::StatementCache;
use crate::counts::Counts;
use crate::execute::{self, Loading, Parts};
use crate::fault::Vendor;
use crate::ffi::Handle;
use crate::greeting;
use crate::load::{Cursor, Row, ServerCursor, Streaming};
use crate::setup;
use crate::tls::Mode;
use crate::transaction::{Phase, TransactionState, Transactions};
use crate::wire::Fetch;
use crate::{Config, Error, Interrupter, ServerError};

/// One connection to a server.
///
/// A drop-in for `diesel::MysqlConnection`: all of diesel's DSL works on it. It also knows error
/// numbers, keeps to time limits, streams, and tells what state it is in.
pub struct Connection {
    pub(crate) handle: Handle,
    pub(crate) statements: StatementCache,
    pub(crate) state: TransactionState,
    pub(crate) instrumentation: DynInstrumentation,
    setup: String,
    pub(crate) config: Arc<Config>,
}

impl Connection {
    /// Connects, encrypts, authenticates, and sets the session up: the greeting and one round trip.
    ///
    /// # Blocks
    /// For [`Config::connect_timeout`], up to the login, and again for the answer to the session's
    /// settings. Where a name stands for several addresses, each has that time, and the greeting
    /// once more. The system's name lookup has limits of its own.
    ///
    /// # Errors
    /// [`Error::Config`] if a setting is out of range, [`Error::Connect`], [`Error::Tls`] if
    /// encryption is required and the server has none, [`Error::Server`] if the session's settings
    /// are refused. Settings that a server has accepted from the same [`Config`] (or a clone of it)
    /// before are not waited for: should they be refused now, the first statement fails with that,
    /// and the connection is broken.
    pub fn open(config: &Config) -> Result<Self, Error> {
        config.validate()?;
        let started = Instant::now();
        let handle = Handle::connect(config)
            .map_err(|error| if is_prompt(started) { told_apart(error, config) } else { error })?;
        if config.tls.mode >= Mode::Required && handle.cipher().is_none() {
            return Err(Error::Tls { mode: config.tls.mode(), endpoint: config.endpoint() });
        }
        let vendor = handle.vendor();
        let mut conn = Self {
            state: TransactionState::new(vendor),
            handle,
            statements: StatementCache::new(config.statement_cache),
            instrumentation: DynInstrumentation::none(),
            setup: setup::statement(config, vendor),
            config: Arc::new(config.clone()),
        };
        conn.set_up(config)?;
        Ok(conn)
    }

    /// Sends the session's settings. Their answer is waited for only until a server has accepted
    /// them once from this [`Config`]; afterwards it is read with that to the first statement.
    fn set_up(&mut self, config: &Config) -> Result<(), Error> {
        let sent = self.handle.set_up(&self.setup, config.read_timeout);
        self.note(sent)?;
        let settings = (config.endpoint(), self.setup.clone());
        if !config.accepted.holds(&settings) {
            self.handle.settle()?;
            config.accepted.keep(settings);
        }
        self.state.forget();
        Ok(())
    }

    /// Asks the server for a sign of life: `COM_PING`.
    ///
    /// # Blocks
    /// For one round trip, at most the read timeout; an [`Interrupter`] ends it earlier.
    ///
    /// # Errors
    /// [`Error::Server`]; the connection is then [broken](Self::is_broken).
    pub fn ping(&mut self) -> Result<(), Error> {
        let outcome = self.handle.ping();
        Ok(self.note(outcome)?)
    }

    /// Makes the session as good as new: `COM_RESET_CONNECTION`, then the session's settings. An
    /// open transaction is rolled back; temporary tables, user locks, variables and prepared
    /// statements are gone.
    ///
    /// # Blocks
    /// For two round trips, each at most the read timeout.
    ///
    /// # Errors
    /// [`Error::Server`]; [`Error::Misuse`] if a role was set, or a database chosen and the
    /// [`Config`] has none: no command undoes those.
    pub fn reset(&mut self) -> Result<(), Error> {
        if self.state.is_beyond_reset() {
            return Err(Error::Misuse("reset: a role was set, which no command undoes"));
        }
        // The server keeps the database that `USE` chose.
        let sql = match &self.config.database {
            Some(name) => format!("USE `{}`; {}", name.replace('`', "``"), self.setup),
            None if self.handle.database().is_none() => self.setup.clone(),
            None => return Err(Error::Misuse("reset: the database chosen cannot be given up")),
        };
        self.statements.clear();
        let outcome = self.handle.reset();
        self.note(outcome)?;
        if let Err(error) = self.control(&sql) {
            // It has the server's settings now instead of ours.
            if let Some(error) = error.server() {
                self.handle.refuse(error.clone());
            }
            return Err(error);
        }
        self.state.forget();
        Ok(())
    }

    /// Counts the session, as it is now, as [untouched](Self::state_touched): for whoever has set it
    /// up further, and does so again after each [`reset`](Self::reset).
    pub fn accept_state(&mut self) {
        self.state.accept();
    }

    /// A handle by which another thread can end a call that hangs.
    ///
    /// # Errors
    /// [`Error::Misuse`] if the connection is closed or no file descriptor is left.
    pub fn interrupter(&self) -> Result<Interrupter, Error> {
        Interrupter::new(self.handle.socket())
    }

    /// True as soon as the connection was seen to be lost, or to have lost its step.
    pub fn is_broken(&self) -> bool {
        self.state.is_broken() || self.handle.is_refused()
    }

    /// True if a transaction is open, by our own count or by what the server said in its last
    /// answer.
    pub fn in_transaction(&self) -> bool {
        self.state.is_open(&self.handle)
    }

    /// True in a transaction opened by diesel's `begin_test_transaction`, which a pool leaves open.
    pub fn in_test_transaction(&self) -> bool {
        self.state.is_test()
    }

    /// How far the transaction under way has come.
    pub fn phase(&self) -> Phase {
        self.state.phase()
    }

    /// True if the session may differ from a new one: the server told of changed variables, schema
    /// or temporary tables, or a statement took user locks or locked tables. [`reset`](Self::reset)
    /// undoes all of it.
    pub fn state_touched(&self) -> bool {
        self.state.is_touched()
    }

    /// The first failure since the last BEGIN, whatever became of it.
    pub fn first_error(&self) -> Option<&ServerError> {
        self.state.first_error()
    }

    /// The last failure on this connection.
    pub fn last_error(&self) -> Option<&ServerError> {
        self.state.last_error()
    }

    /// Why the transaction can no longer commit, if the server has undone it or a statement has
    /// ended it.
    pub fn undone(&self) -> Option<&ServerError> {
        self.state.undone()
    }

    /// The server's id of this connection, for `KILL`.
    pub fn thread_id(&self) -> u64 {
        self.handle.thread_id()
    }

    /// The version the server greeted with, such as `10.11.19-MariaDB`.
    pub fn server_version(&self) -> String {
        self.handle.server_version()
    }

    /// Whose server it is.
    pub fn vendor(&self) -> Vendor {
        self.handle.vendor()
    }

    /// The cipher in use; `None` if the connection is not encrypted.
    pub fn cipher(&self) -> Option<String> {
        self.handle.cipher()
    }

    /// The `AUTO_INCREMENT` value of the last INSERT, from its answer; 0 if there was none.
    pub fn last_insert_id(&self) -> u64 {
        self.handle.insert_id()
    }

    /// What else the server counted for the last statement, such as the rows that an UPDATE matched
    /// and those it changed; `None` where it tells of nothing.
    ///
    /// ```no_run
    /// use diesel::prelude::*;
    /// use steadfast_connection::{Config, Connection, Counts};
    ///
    /// diesel::table! { orders (id) { id -> BigInt, total -> BigInt, } }
    ///
    /// let mut conn = Connection::open(&Config::from_url("mysql://root@127.0.0.1/shop")?)?;
    /// let found = diesel::update(orders::table).set(orders::total.eq(0)).execute(&mut conn)?;
    /// let changed = conn.last_counts().map(|counts: Counts| counts.changed());
    /// println!("{found} orders, of which {changed:?} were not 0 before");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn last_counts(&self) -> Option<Counts> {
        self.handle.counts()
    }

    /// How many warnings the last statement gave.
    pub fn warnings(&self) -> u32 {
        self.handle.warnings()
    }

    /// How many prepared statements are kept.
    pub fn cached_statements(&self) -> usize {
        self.statements.len()
    }

    /// Records an outcome in the connection's state.
    pub(crate) fn note<T>(&mut self, outcome: Result<T, ServerError>) -> Result<T, ServerError> {
        match &outcome {
            Ok(_) => {
                self.state.succeeded(&self.handle);
            }
            Err(error) => self.state.failed(error),
        }
        outcome
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("thread_id", &self.thread_id())
            .field("server_version", &self.server_version())
            .field("phase", &self.phase())
            .field("is_broken", &self.is_broken())
            .finish_non_exhaustive()
    }
}

impl AsMut<Self> for Connection {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

/// A refusal comes at once; a silent server is not asked a second time.
fn is_prompt(started: Instant) -> bool {
    started.elapsed() < Duration::from_millis(500)
}

/// Finds the server's own number behind the client library's 2002.
fn told_apart(error: Error, config: &Config) -> Error {
    const CR_CONNECTION_ERROR: u32 = 2002;
    match error {
        Error::Connect { endpoint, source } if source.errno() == CR_CONNECTION_ERROR => {
            let source = greeting::refusal(config).map_or(source, Box::new);
            Error::Connect { endpoint, source }
        }
        other => other,
    }
}

impl SimpleConnection for Connection {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        let shown = StrQueryHelper::new(query);
        self.instrumentation.on_connection_event(InstrumentationEvent::start_query(&shown));
        let outcome =
            self.batch(query).map(drop).map_err(|failure| failure.into_source_error().into());
        let event = InstrumentationEvent::finish_query(&shown, outcome.as_ref().err());
        self.instrumentation.on_connection_event(event);
        outcome
    }
}

impl ConnectionSealed for Connection {}

impl diesel::Connection for Connection {
    type Backend = Mysql;
    type TransactionManager = Transactions;

    fn establish(database_url: &str) -> ConnectionResult<Self> {
        let mut instrumentation = DynInstrumentation::default_instrumentation();
        // The URL is not shown to the instrumentation: it may hold the password.
        let shown = "mysql://…";
        let event = InstrumentationEvent::start_establish_connection(shown);
        instrumentation.on_connection_event(event);
        let opened = Config::from_url(database_url).and_then(|config| Self::open(&config));
        let outcome = opened.map_err(|error| match error {
            Error::Config(_) => ConnectionError::InvalidConnectionUrl(error.to_string()),
            Error::Connect { source, .. } | Error::Server(source) => {
                ConnectionError::CouldntSetupConfiguration((*source).into())
            }
            other => ConnectionError::BadConnection(other.to_string()),
        });
        let error = outcome.as_ref().err();
        let event = InstrumentationEvent::finish_establish_connection(shown, error);
        instrumentation.on_connection_event(event);
        let mut conn = outcome?;
        conn.instrumentation = instrumentation;
        Ok(conn)
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Self::Backend> + QueryId,
    {
        let Self { handle, statements, state, instrumentation, .. } = self;
        let shown = debug_query(source);
        instrumentation.on_connection_event(InstrumentationEvent::start_query(&shown));
        let mut parts = Parts { handle, state, instrumentation: &mut **instrumentation };
        let outcome = execute::count(&mut parts, statements, source);
        execute::report(&mut parts, source, outcome.as_ref().err());
        outcome
    }

    fn transaction_state(&mut self) -> &mut TransactionState {
        &mut self.state
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        &mut *self.instrumentation
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.instrumentation = instrumentation.into();
    }

    /// `Unbounded` brings back the bound of [`Config::statement_cache`].
    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        self.statements.set_room(match size {
            CacheSize::Disabled => 0,
            _ => self.config.statement_cache,
        });
    }
}

impl Connection {
    fn load_rows<'conn, T>(&'conn mut self, source: &T, fetch: Fetch) -> QueryResult<Cursor<'conn>>
    where
        T: Query + QueryFragment<Mysql> + QueryId,
        Mysql: QueryMetadata<T::SqlType>,
    {
        let Self { handle, statements, state, instrumentation, .. } = self;
        let shown = debug_query(source);
        instrumentation.on_connection_event(InstrumentationEvent::start_query(&shown));
        let mut types = Vec::new();
        Mysql::row_metadata(&mut (), &mut types);
        let loading = Loading { types: &types, fetch };
        let instrumentation = &mut **instrumentation;
        let mut parts = Parts { handle: &mut *handle, state: &mut *state, instrumentation };
        let outcome = execute::rows(&mut parts, statements, source, &loading);
        if fetch != Fetch::All && outcome.is_ok() {
            parts.state.goes_on();
        }
        execute::report(&mut parts, source, outcome.as_ref().err());
        Ok(Cursor::new(outcome?, handle, state))
    }
}

impl LoadConnection for Connection {
    type Cursor<'conn, 'query> = Cursor<'conn>;
    type Row<'conn, 'query> = Row;

    fn load<'conn, 'query, T>(
        &'conn mut self,
        source: T,
    ) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Self::Backend> + QueryId + 'query,
        Self::Backend: QueryMetadata<T::SqlType>,
    {
        self.load_rows(&source, Fetch::All)
    }
}

impl LoadConnection<Streaming> for Connection {
    type Cursor<'conn, 'query> = Cursor<'conn>;
    type Row<'conn, 'query> = Row;

    fn load<'conn, 'query, T>(
        &'conn mut self,
        source: T,
    ) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Self::Backend> + QueryId + 'query,
        Self::Backend: QueryMetadata<T::SqlType>,
    {
        self.load_rows(&source, Fetch::Stream)
    }
}

impl<const PREFETCH: u32> LoadConnection<ServerCursor<PREFETCH>> for Connection {
    type Cursor<'conn, 'query> = Cursor<'conn>;
    type Row<'conn, 'query> = Row;

    fn load<'conn, 'query, T>(
        &'conn mut self,
        source: T,
    ) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Self::Backend> + QueryId + 'query,
        Self::Backend: QueryMetadata<T::SqlType>,
    {
        const { assert!(PREFETCH > 0, "ServerCursor fetches at least one row at a time") };
        self.load_rows(&source, Fetch::Cursor(PREFETCH))
    }
}

impl diesel::r2d2::R2D2Connection for Connection {
    fn ping(&mut self) -> QueryResult<()> {
        Ok(Self::ping(self)?)
    }

    fn is_broken(&mut self) -> bool {
        Self::is_broken(self) || self.in_transaction() && !self.in_test_transaction()
    }
}

impl MultiConnectionHelper for Connection {
    fn to_any<'a>(lookup: &mut ()) -> &mut (dyn std::any::Any + 'a) {
        lookup
    }

    fn from_any(lookup: &mut dyn std::any::Any) -> Option<&mut ()> {
        lookup.downcast_mut()
    }
}
