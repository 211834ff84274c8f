//! From one of diesel's queries to an executed statement.

use std::sync::Arc;

use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::mysql::{Mysql, MysqlQueryBuilder, MysqlType};
use diesel::query_builder::bind_collector::RawBytesBindCollector;
use diesel::query_builder::{QueryBuilder, QueryFragment, QueryId};
use diesel::result::Error as DieselError;
use diesel::{QueryResult, debug_query};

use crate::ServerError;
use crate::cache::{Key, Lent, StatementCache};
use crate::ffi::{Columns, Handle, RowBuffer};
use crate::transaction::TransactionState;

/// An executed statement with a result at hand.
pub(crate) struct Rows<'conn> {
    pub(crate) statement: Lent<'conn>,
    pub(crate) columns: Arc<Columns>,
    pub(crate) row: Arc<RowBuffer>,
    /// Rows in the client library's memory; `None` if they are still on their way.
    pub(crate) stored: Option<usize>,
}

/// Executes a query and gives the number of rows matched (`CLIENT_FOUND_ROWS` is on, as in diesel).
pub(crate) fn count<T>(
    handle: &mut Handle,
    statements: &mut StatementCache,
    state: &mut TransactionState,
    source: &T,
) -> QueryResult<usize>
where
    T: QueryFragment<Mysql> + QueryId,
{
    let mut lent = run(handle, statements, state, source)?;
    let statement = lent.get();
    let affected = statement.affected_rows();
    if statement.has_rows() {
        statement.discard();
    }
    Ok(usize::try_from(affected).unwrap_or(usize::MAX))
}

/// How a query's rows are wanted.
pub(crate) struct Loading<'a> {
    /// diesel's types for the columns.
    pub(crate) types: &'a [Option<MysqlType>],
    /// Leave the rows on their way instead of reading them all at once.
    pub(crate) stream: bool,
}

/// Executes a query for its rows.
pub(crate) fn rows<'conn, T>(
    handle: &mut Handle,
    statements: &'conn mut StatementCache,
    state: &mut TransactionState,
    source: &T,
    loading: &Loading<'_>,
) -> QueryResult<Rows<'conn>>
where
    T: QueryFragment<Mysql> + QueryId,
{
    let mut lent = run(handle, statements, state, source)?;
    let statement = lent.get();
    if !statement.has_rows() {
        return Err(DieselError::DeserializationError("the statement gave no rows to load".into()));
    }
    let (columns, mut row) = statement.row_buffer(loading.types)?;
    if let Some(row) = Arc::get_mut(&mut row) {
        statement.bind(row)?;
    }
    let stored = if loading.stream { None } else { Some(statement.store()?) };
    Ok(Rows { statement: lent, columns, row, stored })
}

/// Tells the connection's state and the instrumentation how a query went.
pub(crate) fn report<T>(
    handle: &Handle,
    state: &mut TransactionState,
    instrumentation: &mut dyn Instrumentation,
    source: &T,
    error: Option<&DieselError>,
) where
    T: QueryFragment<Mysql>,
{
    match error {
        None => state.succeeded(handle),
        // Other errors are of a query that could not be built: the server never saw it.
        Some(error) => {
            if let Some(error) = ServerError::find(error) {
                state.failed(&error);
            }
        }
    }
    let shown = debug_query(source);
    instrumentation.on_connection_event(InstrumentationEvent::finish_query(&shown, error));
}

fn run<'conn, T>(
    handle: &mut Handle,
    statements: &'conn mut StatementCache,
    state: &mut TransactionState,
    source: &T,
) -> QueryResult<Lent<'conn>>
where
    T: QueryFragment<Mysql> + QueryId,
{
    state.admit()?;
    let mut binds = RawBytesBindCollector::<Mysql>::new();
    source.collect_binds(&mut binds, &mut (), &Mysql)?;
    // Asking whether the type alone decides the text is a walk through the query: only where it is
    // not known yet.
    let key = match T::query_id().map(Key::Type) {
        Some(key) if statements.has(&key) || source.is_safe_to_cache_prepared(&Mysql)? => key,
        _ => Key::Sql(text_of(source)?),
    };
    let mut lent = statements.get(handle, key, |key| {
        let sql = match key {
            Key::Type(_) => text_of(source)?,
            Key::Sql(sql) => sql.clone(),
        };
        if locks_beyond_the_transaction(&sql) {
            state.touch();
        }
        Ok(sql)
    })?;
    let statement = lent.get();
    match statement.execute(&binds.metadata, &mut binds.binds) {
        Err(error) if is_stale(&error) => {
            *statement = crate::ffi::Statement::prepare(handle, &text_of(source)?)?;
            statement.execute(&binds.metadata, &mut binds.binds)?;
        }
        outcome => outcome?,
    }
    Ok(lent)
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

/// User locks and LOCK TABLES: session state that the server's tracking does not tell of.
pub(crate) fn locks_beyond_the_transaction(sql: &str) -> bool {
    [&b"get_lock"[..], b"lock table"].into_iter().any(|word| {
        sql.as_bytes().windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
    })
}
