//! Stored procedures: several results, and what comes out of parameters.

use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use diesel::connection::InstrumentationEvent;
use diesel::deserialize::FromSqlRow;
use diesel::expression::QueryMetadata;
use diesel::mysql::{Mysql, MysqlType};
use diesel::query_builder::{QueryFragment, QueryId};
use diesel::result::Error as DieselError;
use diesel::sql_types::Untyped;
use diesel::{QueryResult, QueryableByName, debug_query};

use crate::cache::Lent;
use crate::execute::{self, Executed, Parts};
use crate::ffi::Handle;
use crate::interrupter::Fuse;
use crate::load::{READ_AWAY_WITHIN, Row};
use crate::transaction::TransactionState;
use crate::wire::RowSet;
use crate::{Connection, ServerError};

impl Connection {
    /// Calls a stored procedure: `CALL` with a placeholder for each parameter. What is bound to an
    /// OUT parameter does not matter; NULL of its type says so best.
    ///
    /// The results are read one after the other, each into a type of its own. In a transaction, a
    /// procedure that commits is noticed as any statement that does.
    ///
    /// ```no_run
    /// use diesel::prelude::*;
    /// use diesel::sql_types::{BigInt, Nullable, Text};
    /// use steadfast_connection::{Config, Connection};
    ///
    /// #[derive(QueryableByName)]
    /// struct Account {
    ///     #[diesel(sql_type = Text)]
    ///     owner: String,
    /// }
    ///
    /// // CREATE PROCEDURE transfer(IN amount BIGINT, OUT rest BIGINT) BEGIN
    /// //     …; SELECT owner FROM accounts; SELECT COUNT(*) FROM accounts; SELECT … INTO rest; END
    /// let mut conn = Connection::open(&Config::from_url("mysql://root@127.0.0.1/shop")?)?;
    /// let transfer = diesel::sql_query("CALL transfer(?, ?)")
    ///     .bind::<BigInt, _>(100)
    ///     .bind::<Nullable<BigInt>, _>(None::<i64>);
    /// let mut call = conn.call(transfer)?;
    /// let accounts = call.next_set::<Account>()?.unwrap_or_default();
    /// let counts = call.next_set_as::<BigInt, i64>()?.unwrap_or_default();
    /// let rest = call.out_as::<BigInt, i64>()?;
    /// call.finish()?;
    /// # drop((accounts, counts, rest));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Blocks
    /// Until the first result comes, at most the read timeout.
    ///
    /// # Errors
    /// What the procedure fails with before its first result.
    pub fn call<T>(&mut self, source: T) -> QueryResult<Call<'_>>
    where
        T: QueryFragment<Mysql> + QueryId,
    {
        let Self { handle, statements, state, instrumentation, .. } = self;
        let shown = debug_query(&source);
        instrumentation.on_connection_event(InstrumentationEvent::start_query(&shown));
        let instrumentation = &mut **instrumentation;
        let mut parts = Parts { handle: &mut *handle, state: &mut *state, instrumentation };
        let outcome = execute::run(&mut parts, statements, &source, None);
        if outcome.is_ok() {
            parts.state.goes_on();
        }
        execute::report(&mut parts, &source, outcome.as_ref().err());
        let Executed { statement, is_doubtful } = outcome?;
        Ok(Call {
            statement,
            is_doubtful,
            handle,
            state,
            is_at_hand: true,
            out: None,
            ended: false,
        })
    }
}

/// A procedure under way.
///
/// The connection is busy until it ends: drop it, or [`finish`](Self::finish) it to learn of
/// failures after the results wanted. Dropped earlier, the rest is read away for at most 100 ms; if
/// that was not all, the connection is cut and [broken](Connection::is_broken).
pub struct Call<'conn> {
    statement: Lent<'conn>,
    is_doubtful: bool,
    handle: &'conn mut Handle,
    state: &'conn mut TransactionState,
    /// A result was begun, and nothing of it read.
    is_at_hand: bool,
    /// The parameters that came out, if they came before they were asked for.
    out: Option<VecDeque<RowSet>>,
    ended: bool,
}

/// Which of the results is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Set,
    Out,
}

impl Call<'_> {
    /// The rows of the next SELECT, by their columns' names; `None` if there is none before the
    /// procedure's end.
    ///
    /// # Blocks
    /// Until its last row has come; at most the read timeout between two packets.
    ///
    /// # Errors
    /// What the procedure fails with, which ends it; a row that does not fit `U`.
    pub fn next_set<U>(&mut self) -> QueryResult<Option<Vec<U>>>
    where
        U: QueryableByName<Mysql>,
    {
        self.next_set_as::<Untyped, U>()
    }

    /// The same by position, with the columns' types `ST`, such as `(BigInt, Text)`.
    ///
    /// # Blocks
    /// As [`next_set`](Self::next_set) does.
    ///
    /// # Errors
    /// Those of [`next_set`](Self::next_set).
    pub fn next_set_as<ST, U>(&mut self) -> QueryResult<Option<Vec<U>>>
    where
        Mysql: QueryMetadata<ST>,
        U: FromSqlRow<ST, Mysql>,
    {
        let Some(rows) = self.rows(&types_of::<ST>(), Wanted::Set)? else { return Ok(None) };
        rows.into_iter().map(|row| build(&row?)).collect::<QueryResult<_>>().map(Some)
    }

    /// The rows of the next SELECT as they came, to be asked for their fields.
    ///
    /// # Blocks
    /// As [`next_set`](Self::next_set) does.
    ///
    /// # Errors
    /// Those of [`next_set`](Self::next_set).
    pub fn next_rows(&mut self) -> QueryResult<Option<Vec<Row>>> {
        let Some(rows) = self.rows(&[], Wanted::Set)? else { return Ok(None) };
        rows.into_iter().collect::<QueryResult<_>>().map(Some)
    }

    /// The OUT and INOUT parameters by their names, past all results not yet read; `None` if there
    /// are none.
    ///
    /// # Blocks
    /// Until the procedure ends; at most the read timeout between two packets.
    ///
    /// # Errors
    /// Those of [`next_set`](Self::next_set).
    pub fn out<U>(&mut self) -> QueryResult<Option<U>>
    where
        U: QueryableByName<Mysql>,
    {
        self.out_as::<Untyped, U>()
    }

    /// The same by position, with the parameters' types `ST`.
    ///
    /// # Blocks
    /// As [`out`](Self::out) does.
    ///
    /// # Errors
    /// Those of [`next_set`](Self::next_set).
    pub fn out_as<ST, U>(&mut self) -> QueryResult<Option<U>>
    where
        Mysql: QueryMetadata<ST>,
        U: FromSqlRow<ST, Mysql>,
    {
        let rows = self.rows(&types_of::<ST>(), Wanted::Out)?;
        rows.and_then(|rows| rows.into_iter().next()).map(|row| build(&row?)).transpose()
    }

    /// Reads what is left away.
    ///
    /// # Blocks
    /// Until the procedure ends; at most the read timeout between two packets.
    ///
    /// # Errors
    /// What the procedure fails with.
    pub fn finish(mut self) -> QueryResult<()> {
        while !self.ended {
            self.is_at_hand = false;
            self.advance()?;
        }
        Ok(())
    }

    fn rows(
        &mut self,
        types: &[Option<MysqlType>],
        wanted: Wanted,
    ) -> QueryResult<Option<Vec<QueryResult<Row>>>> {
        while self.out.is_none() && self.advance()? {
            // MySQL tells before the rows, or where nothing stands between, behind them.
            let is_out = self.handle.has_out_parameters();
            let sets = self.read(types)?;
            if is_out || self.handle.has_out_parameters() {
                self.out = Some(sets);
            } else if wanted == Wanted::Set {
                return self.split(sets).map(Some);
            }
        }
        let Some(mut sets) = self.out.take_if(|_| wanted == Wanted::Out) else { return Ok(None) };
        // They may have come when other types were asked for.
        if let Some(asked) = self.statement.get().row_set(types) {
            for set in &mut sets {
                set.shapes = Arc::clone(&asked.shapes);
            }
        }
        self.split(sets).map(Some)
    }

    /// All rows of the result at hand.
    fn read(&mut self, types: &[Option<MysqlType>]) -> QueryResult<VecDeque<RowSet>> {
        self.is_at_hand = false;
        let statement = self.statement.get();
        let Some(set) = statement.row_set(types) else { return Ok(VecDeque::new()) };
        let outcome = statement.read_all(self.handle, set);
        let (first, mut sets) = self.noted(outcome)?;
        sets.push_front(first);
        Ok(sets)
    }

    fn split(&mut self, sets: VecDeque<RowSet>) -> QueryResult<Vec<QueryResult<Row>>> {
        let mut rows = Vec::new();
        for mut set in sets {
            let looked_through = set.look_through();
            self.noted(looked_through.map_err(|malformed| self.handle.malformed(malformed)))?;
            let set = Rc::new(set);
            let mut at = 0;
            while let Some(next) = set.row_at(at) {
                rows.push(Row::at(&set, at));
                at = next;
            }
        }
        Ok(rows)
    }

    /// Goes on to the next result with rows, unless one is at hand; false behind the last.
    fn advance(&mut self) -> QueryResult<bool> {
        while !self.ended {
            if self.is_at_hand && self.statement.get().has_rows() {
                return Ok(true);
            }
            // What is at hand without rows is the answer to a statement that gave none.
            let outcome = self.statement.get().next_result(self.handle);
            self.is_at_hand = self.noted(outcome)?;
            if !self.is_at_hand {
                self.ended = true;
                self.state.succeeded(self.handle);
            }
        }
        Ok(false)
    }

    fn noted<T>(&mut self, outcome: Result<T, ServerError>) -> QueryResult<T> {
        outcome.map_err(|error| {
            let error = error.in_doubt(self.is_doubtful);
            self.ended = true;
            self.state.failed(&error);
            error.into()
        })
    }
}

fn types_of<ST>() -> Vec<Option<MysqlType>>
where
    Mysql: QueryMetadata<ST>,
{
    let mut types = Vec::new();
    Mysql::row_metadata(&mut (), &mut types);
    types
}

fn build<ST, U: FromSqlRow<ST, Mysql>>(row: &Row) -> QueryResult<U> {
    U::build_from_row(row).map_err(DieselError::DeserializationError)
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut fuse = Fuse::light(self.handle.socket(), READ_AWAY_WITHIN);
        let outcome = self.statement.get().finish(self.handle);
        if fuse.has_burnt() {
            self.state.cut();
            fuse.shut_down();
            return;
        }
        match outcome {
            Ok(()) => self.state.succeeded(self.handle),
            Err(error) => self.state.failed(&error.in_doubt(self.is_doubtful)),
        }
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("ended", &self.ended).finish_non_exhaustive()
    }
}
