//! Statements as text, with bound parameters.
//!
//! Values go beside the text, never into it: each `?` takes one. The statement is prepared, and kept by
//! the connection for the next time, so the text of a statement should not vary.

use std::fmt;
use std::sync::Arc;

use diesel::connection::{DefaultLoadingMode, LoadConnection};
use diesel::mysql::Mysql;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::row::{Field, Row as _};
use diesel::sql_types::{BigInt, Binary, Bool, Double, Nullable, Text, Unsigned};
use diesel::{QueryResult, RunQueryDsl};
use steadfast_connection::{Connection, Cursor, Row as Fetched, Streaming};

use crate::Error;
use crate::row::Row;
use crate::value::{FromValue, Value};

/// Statements as text on one connection. Made by [`Session::raw`](crate::Session::raw) and
/// [`Tx::raw`](crate::Tx::raw).
///
/// ```no_run
/// # fn example(session: &mut steadfast_session::Session) -> Result<(), steadfast_session::Error> {
/// session.raw().execute("UPDATE stock SET pieces = pieces - ? WHERE id = ?", (1, 7))?;
/// let left: i64 = session.raw().value("SELECT pieces FROM stock WHERE id = ?", [7])?;
/// for row in session.raw().rows("SELECT id, name FROM stock", ())? {
///     println!("{}: {}", row.get::<i64>("id")?, row.get::<String>(1)?);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Raw<'a> {
    conn: &'a mut Connection,
}

impl<'a> Raw<'a> {
    pub(crate) fn new(conn: &'a mut Connection) -> Self {
        Self { conn }
    }

    /// Runs a statement and gives the number of rows it matched.
    ///
    /// # Blocks
    /// For a round trip (two the first time), and as long as the statement takes.
    ///
    /// # Errors
    /// [`Error::Connection`].
    pub fn execute(&mut self, sql: &str, params: impl Params) -> Result<u64, Error> {
        let affected = query(sql, params).execute(self.conn)?;
        Ok(affected as u64)
    }

    /// Runs a statement and gives its rows, all of them in memory.
    ///
    /// # Blocks
    /// As [`execute`](Self::execute) does.
    ///
    /// # Errors
    /// [`Error::Connection`]; [`Error::Diesel`] if it gives no rows.
    pub fn rows(&mut self, sql: &str, params: impl Params) -> Result<Vec<Row>, Error> {
        let cursor = LoadConnection::<DefaultLoadingMode>::load(self.conn, query(sql, params))?;
        Rows::new(cursor).collect()
    }

    /// Runs a statement and gives one value, the first column of its first row.
    ///
    /// # Blocks
    /// As [`execute`](Self::execute) does.
    ///
    /// # Errors
    /// [`Error::Connection`]; [`Error::Diesel`] with `NotFound` if there is no row; [`Error::Decode`] if
    /// the value is no `T`.
    pub fn value<T: FromValue>(&mut self, sql: &str, params: impl Params) -> Result<T, Error> {
        let cursor = LoadConnection::<DefaultLoadingMode>::load(self.conn, query(sql, params))?;
        let first = Rows::new(cursor).next();
        first.ok_or(Error::Diesel(diesel::result::Error::NotFound))??.get(0)
    }

    /// Runs a statement and calls `each` for every row as it comes, in the memory of one; an error of
    /// `each` ends it. Gives the number of rows.
    ///
    /// A stream that is ended early reads up to 1,000 further rows away. If there are more, the connection
    /// is cut, and a transaction on it is lost: use LIMIT.
    ///
    /// # Blocks
    /// Until the last row.
    ///
    /// # Errors
    /// What `each` returns; [`Error::Connection`]; [`Error::Diesel`] if it gives no rows.
    pub fn stream<E>(
        &mut self,
        sql: &str,
        params: impl Params,
        mut each: impl FnMut(Row) -> Result<(), E>,
    ) -> Result<u64, E>
    where
        E: From<Error>,
    {
        let cursor = LoadConnection::<Streaming>::load(self.conn, query(sql, params))
            .map_err(Error::from)?;
        let mut count = 0;
        for row in Rows::new(cursor) {
            each(row?)?;
            count += 1;
        }
        Ok(count)
    }
}

impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Raw").field("conn", &self.conn).finish()
    }
}

type RawQuery = BoxedSqlQuery<'static, Mysql, SqlQuery>;

fn query(sql: &str, params: impl Params) -> RawQuery {
    let query = diesel::sql_query(sql).into_boxed::<Mysql>();
    params.into_values().into_iter().fold(query, |query, value| match value {
        Value::Null => query.bind::<Nullable<Text>, _>(None::<String>),
        Value::Bool(value) => query.bind::<Bool, _>(value),
        Value::Int(value) => query.bind::<BigInt, _>(value),
        Value::UInt(value) => query.bind::<Unsigned<BigInt>, _>(value),
        Value::Double(value) => query.bind::<Double, _>(value),
        Value::Text(value) => query.bind::<Text, _>(value),
        Value::Bytes(value) => query.bind::<Binary, _>(value),
    })
}

/// Rows on their way from the connection to ours.
struct Rows<'conn> {
    cursor: Cursor<'conn>,
    columns: Option<Arc<[String]>>,
}

impl<'conn> Rows<'conn> {
    fn new(cursor: Cursor<'conn>) -> Self {
        Self { cursor, columns: None }
    }

    fn read(&mut self, fetched: QueryResult<Fetched>) -> Result<Row, Error> {
        let fetched = fetched?;
        let fields = || (0..fetched.field_count()).filter_map(|index| fetched.get(index));
        let columns = self.columns.get_or_insert_with(|| {
            fields().map(|field| field.field_name().unwrap_or_default().to_owned()).collect()
        });
        let values = fields()
            .map(|field| field.value().map_or(Ok(Value::Null), Value::decode))
            .collect::<Result<_, _>>()
            .map_err(|error| Error::Diesel(diesel::result::Error::DeserializationError(error)))?;
        Ok(Row::new(Arc::clone(columns), values))
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let fetched = self.cursor.next()?;
        Some(self.read(fetched))
    }
}

/// The values for the `?` of a statement: a tuple `(7, "x")`, an array `[1, 2]`, a `Vec`, or `()`.
pub trait Params {
    /// The values, in the order of the `?`.
    fn into_values(self) -> Vec<Value>;
}

impl Params for () {
    fn into_values(self) -> Vec<Value> {
        Vec::new()
    }
}

impl<V: Into<Value>> Params for Vec<V> {
    fn into_values(self) -> Vec<Value> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<V: Into<Value>, const N: usize> Params for [V; N] {
    fn into_values(self) -> Vec<Value> {
        self.into_iter().map(Into::into).collect()
    }
}

impl Params for &[Value] {
    fn into_values(self) -> Vec<Value> {
        self.to_vec()
    }
}

macro_rules! params_of_tuples {
    ($($(($kind:ident $value:ident))+;)*) => {
        $(impl<$($kind: Into<Value>),+> Params for ($($kind,)+) {
            fn into_values(self) -> Vec<Value> {
                let ($($value,)+) = self;
                vec![$($value.into()),+]
            }
        })*
    };
}

params_of_tuples! {
    (A a);
    (A a)(B b);
    (A a)(B b)(C c);
    (A a)(B b)(C c)(D d);
    (A a)(B b)(C c)(D d)(E e);
    (A a)(B b)(C c)(D d)(E e)(F f);
    (A a)(B b)(C c)(D d)(E e)(F f)(G g);
    (A a)(B b)(C c)(D d)(E e)(F f)(G g)(H h);
}
