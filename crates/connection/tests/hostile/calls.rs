//! The calls that are attacked, each with the requests it sends.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Date, Datetime, Double, Nullable, Text, Time};
use steadfast_connection::{Connection, Error, ServerError, Streaming};

/// A row of the scripted server's only table.
#[derive(Debug, QueryableByName)]
#[expect(dead_code, reason = "only that all of them can be read counts")]
pub(crate) struct Line {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Datetime)]
    at: chrono::NaiveDateTime,
    #[diesel(sql_type = Date)]
    day: chrono::NaiveDate,
    #[diesel(sql_type = Double)]
    score: f64,
    #[diesel(sql_type = Nullable<Binary>)]
    note: Option<Vec<u8>>,
}

/// The same row with its TIME, which chrono cannot hold when it is negative or above a day.
#[derive(Debug, QueryableByName)]
#[expect(dead_code, reason = "as above")]
pub(crate) struct Span {
    #[diesel(sql_type = Time)]
    span: diesel::mysql::data_types::MysqlTime,
}

pub(crate) struct Call {
    pub(crate) name: &'static str,
    /// Requests it sends that are answered.
    pub(crate) requests: usize,
    pub(crate) run: fn(&mut Connection) -> Result<(), Error>,
}

pub(crate) const CALLS: [Call; 10] = [
    Call { name: "ping", requests: 1, run: |conn| conn.ping() },
    Call { name: "reset", requests: 2, run: |conn| conn.reset() },
    Call { name: "execute", requests: 2, run: execute },
    Call { name: "load", requests: 2, run: load },
    Call { name: "load spans", requests: 2, run: load_spans },
    Call { name: "stream", requests: 2, run: stream },
    Call { name: "dropped stream", requests: 2, run: drop_early },
    Call { name: "raw rows", requests: 1, run: raw_rows },
    Call { name: "batch", requests: 1, run: batch },
    Call { name: "transaction", requests: 4, run: transaction },
];

/// Not among the others: its requests are of two kinds, and the second is the file's end.
pub(crate) fn load_data(conn: &mut Connection) -> Result<(), Error> {
    conn.load_data("LOAD DATA LOCAL INFILE 'data.csv' INTO TABLE t", &mut &b"1,Grace\n"[..])?;
    Ok(())
}

/// What is wrong with a value alone is no business of the connection.
fn numbered<T>(outcome: QueryResult<T>) -> Result<(), Error> {
    match outcome {
        Ok(_) => Ok(()),
        Err(error) => match ServerError::find(&error) {
            Some(error) => Err(error.into()),
            None => Err(Error::Misuse("a value or a column is not what was asked for")),
        },
    }
}

const SELECT: &str = "SELECT * FROM t WHERE id > ?";

fn execute(conn: &mut Connection) -> Result<(), Error> {
    numbered(diesel::sql_query("UPDATE t SET id = ?").bind::<BigInt, _>(1).execute(conn))
}

fn load(conn: &mut Connection) -> Result<(), Error> {
    numbered(diesel::sql_query(SELECT).bind::<BigInt, _>(1).load::<Line>(conn))
}

fn load_spans(conn: &mut Connection) -> Result<(), Error> {
    numbered(diesel::sql_query(SELECT).bind::<BigInt, _>(1).load::<Span>(conn))
}

fn stream(conn: &mut Connection) -> Result<(), Error> {
    let query = diesel::sql_query(SELECT).bind::<BigInt, _>(1);
    let rows = match query.load_iter::<Line, Streaming>(conn) {
        Ok(rows) => rows,
        Err(error) => return numbered::<()>(Err(error)),
    };
    // Rows without an end would not end this loop either.
    numbered(rows.take(100).collect::<QueryResult<Vec<_>>>())
}

fn drop_early(conn: &mut Connection) -> Result<(), Error> {
    let query = diesel::sql_query(SELECT).bind::<BigInt, _>(1);
    numbered(query.load_iter::<Line, Streaming>(conn).map(drop))
}

fn raw_rows(conn: &mut Connection) -> Result<(), Error> {
    let mut rows = conn.query("SELECT * FROM t")?;
    for _ in 0..100 {
        let Some(row) = rows.next()? else { break };
        for column in 0..=row.len() {
            std::hint::black_box(row.get(column).map(<[u8]>::to_vec));
        }
    }
    Ok(())
}

fn batch(conn: &mut Connection) -> Result<(), Error> {
    match conn.batch("SET @a = 1; SELECT * FROM t; SET @b = 2") {
        Ok(_) => Ok(()),
        Err(failure) => Err(failure.into_source_error().into()),
    }
}

fn transaction(conn: &mut Connection) -> Result<(), Error> {
    numbered(diesel::Connection::transaction(conn, |conn| {
        diesel::sql_query("UPDATE t SET id = ?").bind::<BigInt, _>(1).execute(conn)
    }))
}

/// A query with an answer of its own, which the honest server gives: true if that is what came.
pub(crate) fn check(conn: &mut Connection) -> Result<bool, Error> {
    let mut rows = conn.query("SELECT * FROM t")?;
    let mut seen = Vec::new();
    while let Some(row) = rows.next()? {
        seen.push((row.len(), row.get(0).map(<[u8]>::to_vec), row.get(1).map(<[u8]>::to_vec)));
        if seen.len() > 3 {
            return Ok(false);
        }
    }
    let expected =
        [1, 2, 3].map(|id| (7, Some(id.to_string().into_bytes()), Some(b"Grace".to_vec())));
    Ok(seen == expected)
}
