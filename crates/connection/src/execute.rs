//! From one of diesel's queries to an executed statement.

use std::collections::VecDeque;

use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::mysql::{Mysql, MysqlQueryBuilder, MysqlType};
use diesel::query_builder::bind_collector::RawBytesBindCollector;
use diesel::query_builder::{QueryBuilder, QueryFragment, QueryId};
use diesel::result::Error as DieselError;
use diesel::{QueryResult, debug_query};

use crate::cache::{Key, Lent, StatementCache};
use crate::ffi::Handle;
use crate::transaction::TransactionState;
use crate::wire::{Fetch, RowSet, Statement};
use crate::{ServerError, limits};

/// An executed statement with a result at hand.
pub(crate) struct Rows<'conn> {
    pub(crate) statement: Lent<'conn>,
    /// The first rows, if they have come.
    pub(crate) set: RowSet,
    /// And those behind them.
    pub(crate) sets: VecDeque<RowSet>,
    pub(crate) fetch: Fetch,
    /// It may have changed something by itself, outside a transaction.
    pub(crate) is_doubtful: bool,
}

/// The table in which diesel's `MigrationHarness` records a migration, after the migration and in
/// the same transaction, which DDL has ended by then. The record gets one of its own.
const MIGRATIONS: &str = "`__diesel_schema_migrations`";

/// What of a connection a query needs beside the statements that are kept.
pub(crate) struct Parts<'a> {
    pub(crate) handle: &'a mut Handle,
    pub(crate) state: &'a mut TransactionState,
    pub(crate) instrumentation: &'a mut dyn Instrumentation,
}

/// Executes a query and gives the number of rows matched (`CLIENT_FOUND_ROWS` is on, as in diesel),
/// or of those it gave.
pub(crate) fn count<T>(
    parts: &mut Parts<'_>,
    statements: &mut StatementCache,
    source: &T,
) -> QueryResult<usize>
where
    T: QueryFragment<Mysql> + QueryId,
{
    let Executed { mut statement, is_doubtful } = run(parts, statements, source, None)?;
    let outcome = finish_without_rows(parts.handle, statement.get());
    let affected = outcome.map_err(|error| error.in_doubt(is_doubtful))?;
    Ok(usize::try_from(affected).unwrap_or(usize::MAX))
}

/// Rows are read even though nobody wants them: a deadlock may come among them.
fn finish_without_rows(handle: &mut Handle, statement: &mut Statement) -> Result<u64, ServerError> {
    if !statement.has_rows() {
        let affected = handle.affected_rows();
        statement.finish(handle)?;
        return Ok(affected);
    }
    let given = statement.count_rows(handle)?;
    statement.finish(handle)?;
    Ok(given)
}

/// How a query's rows are wanted.
pub(crate) struct Loading<'a> {
    /// diesel's types for the columns.
    pub(crate) types: &'a [Option<MysqlType>],
    pub(crate) fetch: Fetch,
}

/// Executes a query for its rows.
pub(crate) fn rows<'conn, T>(
    parts: &mut Parts<'_>,
    statements: &'conn mut StatementCache,
    source: &T,
    loading: &Loading<'_>,
) -> QueryResult<Rows<'conn>>
where
    T: QueryFragment<Mysql> + QueryId,
{
    let fetch = loading.fetch;
    let Executed { mut statement, is_doubtful } = run(parts, statements, source, Some(fetch))?;
    let handle = &mut *parts.handle;
    let lent = statement.get();
    let Some(set) = lent.row_set(loading.types) else {
        lent.finish(handle)?;
        // It was executed, and may have ended the transaction.
        parts.state.succeeded(parts.handle);
        return Err(no_rows());
    };
    let (set, sets) = match fetch {
        Fetch::All => {
            let sets = lent.read_all(handle, set);
            // A procedure may still fail behind its first result.
            let all = sets.and_then(|sets| lent.finish(handle).map(|()| sets));
            all.map_err(|error| error.in_doubt(is_doubtful))?
        }
        Fetch::Stream | Fetch::Cursor(_) => (set, VecDeque::new()),
    };
    Ok(Rows { statement, set, sets, fetch, is_doubtful })
}

/// Tells the connection's state and the instrumentation how a query went.
pub(crate) fn report<T>(parts: &mut Parts<'_>, source: &T, error: Option<&DieselError>)
where
    T: QueryFragment<Mysql>,
{
    let Parts { handle, state, instrumentation } = parts;
    match error {
        None => state.succeeded(handle),
        // Other errors are of a query that could not be built: the server never saw it.
        Some(error) => match ServerError::find(error) {
            Some(error) => state.failed(&error),
            None => state.ends(),
        },
    }
    let shown = debug_query(source);
    instrumentation.on_connection_event(InstrumentationEvent::finish_query(&shown, error));
}

/// A statement that was executed, with its results still to be read.
pub(crate) struct Executed<'conn> {
    pub(crate) statement: Lent<'conn>,
    /// It may have changed something by itself, outside a transaction.
    pub(crate) is_doubtful: bool,
}

pub(crate) fn run<'conn, T>(
    parts: &mut Parts<'_>,
    statements: &'conn mut StatementCache,
    source: &T,
    rows: Option<Fetch>,
) -> QueryResult<Executed<'conn>>
where
    T: QueryFragment<Mysql> + QueryId,
{
    let Parts { handle, state, instrumentation } = parts;
    // By itself, so that nothing of the statement is in doubt if it fails.
    handle.make_ready()?;
    if let Err(refusal) = state.admit() {
        if !state.is_ended_by_statement() || !text_of(source)?.contains(MIGRATIONS) {
            return Err(refusal.into());
        }
        handle.send_text("BEGIN")?;
        handle.read_answer()?;
        state.begun_again();
    }
    let mut binds = RawBytesBindCollector::<Mysql>::new();
    source.collect_binds(&mut binds, &mut (), &Mysql)?;
    limits::check_values(handle, &binds.metadata, &binds.binds)?;
    // Asked of each query: one of the same type may hold what its type does not tell.
    let key = match T::query_id().map(Key::Type) {
        Some(key) if source.is_safe_to_cache_prepared(&Mysql)? => key,
        _ => Key::Sql(text_of(source)?, binds.metadata.clone()),
    };
    state.begins();
    let keeps = statements.keeps();
    let mut lent = statements.get(handle, key, |key| {
        let sql = match key {
            Key::Type(_) => text_of(source)?,
            Key::Sql(sql, _) => sql.clone(),
        };
        if keeps {
            instrumentation.on_connection_event(InstrumentationEvent::cache_query(&sql));
        }
        Ok(sql)
    })?;
    let statement = lent.get();
    // It would write, and then fail for want of rows.
    if rows.is_some() && statement.footprint.writes {
        return Err(no_rows());
    }
    state.expect(statement.footprint);
    let is_doubtful = state.is_doubtful(statement.footprint, handle);
    let fetch = rows.unwrap_or(Fetch::All);
    let outcome = match statement.execute(handle, &binds.metadata, &binds.binds, fetch) {
        Err(error) if is_stale(&error) => {
            *statement = Statement::prepare(handle, &text_of(source)?)?;
            statement.execute(handle, &binds.metadata, &binds.binds, fetch)
        }
        outcome => outcome,
    };
    outcome.map_err(|error| error.in_doubt(is_doubtful))?;
    Ok(Executed { statement: lent, is_doubtful })
}

fn no_rows() -> DieselError {
    DieselError::DeserializationError("the statement gives no rows to load".into())
}

/// The server no longer knows the statement, or the table changed too much: nothing was executed.
fn is_stale(error: &ServerError) -> bool {
    const UNKNOWN_STMT_HANDLER: u32 = 1243;
    const NEED_REPREPARE: u32 = 1615;
    matches!(error.errno(), UNKNOWN_STMT_HANDLER | NEED_REPREPARE)
}

fn text_of<T: QueryFragment<Mysql>>(source: &T) -> QueryResult<String> {
    let mut builder = MysqlQueryBuilder::default();
    source.to_sql(&mut builder, &Mysql)?;
    Ok(builder.finish())
}
