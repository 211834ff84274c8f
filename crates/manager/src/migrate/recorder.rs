//! A connection that only writes down what it is told, to get at the text of a migration.
//!
//! diesel hands a migration's text to nobody but a connection. Whatever a migration does beside
//! `batch_execute` is refused here, and tells that it is written in Rust.

use diesel::connection::{
    CacheSize, ConnectionSealed, Instrumentation, SimpleConnection, TransactionManager,
    TransactionManagerStatus,
};
use diesel::migration::Migration;
use diesel::mysql::Mysql;
use diesel::query_builder::{QueryFragment, QueryId};
use diesel::result::{ConnectionResult, Error as DieselError};
use diesel::{Connection, QueryResult};

/// Writes down the texts.
#[derive(Default)]
pub(crate) struct Recorder {
    texts: Vec<String>,
    silent: Silence,
    status: TransactionManagerStatus,
}

/// An instrumentation for a connection on which nothing happens.
#[derive(Default)]
struct Silence;

impl Instrumentation for Silence {
    fn on_connection_event(&mut self, _: diesel::connection::InstrumentationEvent<'_>) {}
}

impl Recorder {
    /// The texts a migration runs, or `None` if it does anything else.
    pub(crate) fn texts_of(migration: &dyn Migration<Mysql>) -> Option<Vec<String>> {
        let mut recorder = Self::default();
        // Its error is ours, or the migration's own wish for a real connection: it says no more.
        migration.run(&mut recorder).ok().map(|()| recorder.texts)
    }
}

/// The refusal of everything but text.
fn refused<T>() -> QueryResult<T> {
    Err(DieselError::QueryBuilderError("a recorder runs nothing".into()))
}

impl SimpleConnection for Recorder {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        self.texts.push(query.to_owned());
        Ok(())
    }
}

impl ConnectionSealed for Recorder {}

impl Connection for Recorder {
    type Backend = Mysql;
    type TransactionManager = NoTransactions;

    fn establish(_: &str) -> ConnectionResult<Self> {
        Ok(Self::default())
    }

    fn execute_returning_count<T>(&mut self, _: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Self::Backend> + QueryId,
    {
        refused()
    }

    fn transaction_state(&mut self) -> &mut TransactionManagerStatus {
        &mut self.status
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        &mut self.silent
    }

    fn set_instrumentation(&mut self, _: impl Instrumentation) {}

    fn set_prepared_statement_cache_size(&mut self, _: CacheSize) {}
}

/// Refuses every transaction.
pub(crate) struct NoTransactions;

impl TransactionManager<Recorder> for NoTransactions {
    type TransactionStateData = TransactionManagerStatus;

    fn begin_transaction(_: &mut Recorder) -> QueryResult<()> {
        refused()
    }

    fn rollback_transaction(_: &mut Recorder) -> QueryResult<()> {
        refused()
    }

    fn commit_transaction(_: &mut Recorder) -> QueryResult<()> {
        refused()
    }

    fn transaction_manager_status_mut(recorder: &mut Recorder) -> &mut TransactionManagerStatus {
        &mut recorder.status
    }
}
