//! The calls that are attacked, each with the requests it sends.

use chrono::{NaiveDate, NaiveDateTime};
use diesel::mysql::data_types::MysqlTime;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Date, Datetime, Double, Nullable, Text, Time};
use steadfast_connection::{Connection, Error, ServerError, Streaming};

/// A row of the scripted server's only table.
#[derive(Debug, PartialEq, QueryableByName)]
pub(crate) struct Line {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Datetime)]
    at: NaiveDateTime,
    #[diesel(sql_type = Date)]
    day: NaiveDate,
    #[diesel(sql_type = Double)]
    score: f64,
    #[diesel(sql_type = Nullable<Binary>)]
    note: Option<Vec<u8>>,
}

/// The same row with its TIME, which chrono cannot hold when it is above a day.
#[derive(Debug, QueryableByName)]
pub(crate) struct Span {
    #[diesel(sql_type = Time)]
    span: MysqlTime,
}

pub(crate) type Checked = Result<Answer, Error>;

/// What a call was told, where it was told something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What the honest server says.
    Right,
    Wrong,
}

pub(crate) struct Call {
    pub(crate) name: &'static str,
    /// Requests it sends that are answered.
    pub(crate) requests: usize,
    /// Those that go through the client library, which looks at less than we do.
    pub(crate) text: &'static [usize],
    pub(crate) run: fn(&mut Connection) -> Checked,
}

pub(crate) const CALLS: [Call; 10] = [
    Call { name: "ping", requests: 1, text: &[], run: |conn| conn.ping().map(|()| Answer::Right) },
    Call { name: "reset", requests: 2, text: &[0, 1], run: reset },
    Call { name: "execute", requests: 2, text: &[], run: execute },
    Call { name: "load", requests: 2, text: &[], run: load },
    Call { name: "load spans", requests: 2, text: &[], run: load_spans },
    Call { name: "stream", requests: 2, text: &[], run: stream },
    Call { name: "dropped stream", requests: 2, text: &[], run: drop_early },
    Call { name: "raw rows", requests: 1, text: &[0], run: raw_rows },
    Call { name: "batch", requests: 1, text: &[0], run: batch },
    Call { name: "transaction", requests: 4, text: &[0, 3], run: transaction },
];

fn reset(conn: &mut Connection) -> Checked {
    conn.reset().map(|()| Answer::Right)
}

/// Not among the others: its requests are of two kinds, and the second is the file's end.
pub(crate) fn load_data(conn: &mut Connection) -> Checked {
    conn.load_data("LOAD DATA LOCAL INFILE 'data.csv' INTO TABLE t", &mut &b"1,Grace\n"[..])?;
    Ok(Answer::Right)
}

/// What is wrong with a value alone is no business of the connection.
fn numbered(outcome: QueryResult<bool>) -> Checked {
    match outcome {
        Ok(is_right) => Ok(told(is_right)),
        Err(error) => match ServerError::find(&error) {
            Some(error) => Err(error.into()),
            None => Err(Error::Misuse("a value or a column is not what was asked for")),
        },
    }
}

fn told(is_right: bool) -> Answer {
    if is_right { Answer::Right } else { Answer::Wrong }
}

const SELECT: &str = "SELECT * FROM t WHERE id > ?";

fn execute(conn: &mut Connection) -> Checked {
    let update = diesel::sql_query("UPDATE t SET id = ?").bind::<BigInt, _>(1);
    numbered(update.execute(conn).map(|affected| affected == 1))
}

/// The three rows that the honest server has.
fn lines() -> [Line; 3] {
    let day = NaiveDate::from_ymd_opt(2026, 5, 4).unwrap();
    [1, 2, 3].map(|id| Line {
        id,
        name: "Grace".to_owned(),
        at: day.and_hms_micro_opt(3, 2, 1, 9).unwrap(),
        day,
        score: 1.5,
        note: None,
    })
}

fn load(conn: &mut Connection) -> Checked {
    let rows = diesel::sql_query(SELECT).bind::<BigInt, _>(1).load::<Line>(conn);
    numbered(rows.map(|rows| rows == lines()))
}

fn load_spans(conn: &mut Connection) -> Checked {
    let rows = diesel::sql_query(SELECT).bind::<BigInt, _>(1).load::<Span>(conn);
    numbered(rows.map(|rows| {
        let parts = |Span { span }: &Span| {
            (span.neg, span.day, span.hour, span.minute, span.second, span.second_part)
        };
        rows.iter().map(parts).collect::<Vec<_>>() == [(false, 0, 49, 2, 3, 0); 3]
    }))
}

fn stream(conn: &mut Connection) -> Checked {
    let query = diesel::sql_query(SELECT).bind::<BigInt, _>(1);
    let rows = match query.load_iter::<Line, Streaming>(conn) {
        Ok(rows) => rows,
        Err(error) => return numbered(Err(error)),
    };
    // Rows without an end would not end this loop either.
    numbered(rows.take(100).collect::<QueryResult<Vec<_>>>().map(|rows| rows == lines()))
}

fn drop_early(conn: &mut Connection) -> Checked {
    let query = diesel::sql_query(SELECT).bind::<BigInt, _>(1);
    numbered(query.load_iter::<Line, Streaming>(conn).map(|_stream| true))
}

const TEXTS: [Option<&[u8]>; 6] = [
    Some(b"Grace"),
    Some(b"2026-05-04 03:02:01.000009"),
    Some(b"49:02:03"),
    Some(b"2026-05-04"),
    Some(b"1.5"),
    None,
];

/// Also a query with an answer of its own for what comes after an attack.
pub(crate) fn raw_rows(conn: &mut Connection) -> Checked {
    let mut rows = conn.query("SELECT * FROM t")?;
    let (mut count, mut is_right) = (0, true);
    for _ in 0..100 {
        let Some(row) = rows.next()? else { break };
        count += 1;
        let values: Vec<_> = (0..=row.len()).map(|column| row.get(column)).collect();
        let id = count.to_string();
        let expected = [&[Some(id.as_bytes())], &TEXTS[..], &[None]].concat();
        is_right &= values == expected;
    }
    Ok(told(is_right && count == 3))
}

fn batch(conn: &mut Connection) -> Checked {
    match conn.batch("SET @a = 1; SELECT * FROM t; SET @b = 2") {
        Ok(outcomes) => {
            let affected: Vec<_> = outcomes.iter().map(|outcome| outcome.affected_rows).collect();
            Ok(told(affected == [1, 0, 1]))
        }
        Err(failure) => Err(failure.into_source_error().into()),
    }
}

fn transaction(conn: &mut Connection) -> Checked {
    let affected = diesel::Connection::transaction(conn, |conn| {
        diesel::sql_query("UPDATE t SET id = ?").bind::<BigInt, _>(1).execute(conn)
    });
    numbered(affected.map(|affected| affected == 1))
}
