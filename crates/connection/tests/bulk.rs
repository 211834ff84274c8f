//! Many rows in few statements, and what is too much for one.
#![allow(clippy::unwrap_used, reason = "a test may stop")]
#![allow(missing_docs, reason = "the tables of a test speak for themselves")]

use std::sync::OnceLock;

use diesel::Connection as _;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Binary, Text};
use mysqlclient_sys::SUPPORTS_MYSQL_SSL_MODE;
use steadfast_connection::{Config, Connection, Fault, ServerError};
use steadfast_testkit::{Server, TestDatabase};

diesel::table! { readings (id) { id -> Integer, place -> Text, note -> Nullable<Text>, } }

#[derive(Insertable, Clone, Debug)]
#[diesel(table_name = readings)]
struct Reading<'a> {
    id: i32,
    place: &'a str,
    note: Option<String>,
}

const PACKET: usize = 2 * 1024 * 1024;

/// A server with a limit that a test can reach.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::with(&[&format!("--max-allowed-packet={PACKET}")]).unwrap())
}

/// libmysqlclient and MySQL agree on values with names (`CLIENT_QUERY_ATTRIBUTES`).
fn names_values() -> bool {
    SUPPORTS_MYSQL_SSL_MODE && !server().is_mariadb()
}

fn with_table() -> (TestDatabase, Connection) {
    let database = server().database();
    let mut conn = Connection::open(&Config::from_url(&database.url()).unwrap()).unwrap();
    conn.batch("CREATE TABLE readings (id INT PRIMARY KEY, place TEXT NOT NULL, note LONGTEXT)")
        .unwrap();
    (database, conn)
}

fn reading(id: i32) -> Reading<'static> {
    Reading { id, place: "roof", note: None }
}

fn insert(conn: &mut Connection, some: &[Reading<'_>]) -> QueryResult<usize> {
    diesel::insert_into(readings::table).values(some).execute(conn)
}

fn stored(conn: &mut Connection) -> i64 {
    readings::table.count().first(conn).unwrap()
}

#[test]
fn any_number_of_rows_is_inserted_in_few_statements() {
    let (_database, mut conn) = with_table();
    for (rows, expected) in [(0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2), (70_000, 70)] {
        diesel::delete(readings::table).execute(&mut conn).unwrap();
        let mut statements = 0;
        let inserted = conn.bulk_insert((0..rows).map(reading), |conn, some| {
            statements += 1;
            insert(conn, some)
        });
        assert_eq!(inserted.unwrap(), u64::try_from(rows).unwrap());
        assert_eq!((stored(&mut conn), statements), (rows.into(), expected));
    }
}

#[test]
fn a_thousand_rows_of_a_hundred_values_keep_within_the_placeholders() {
    let (_database, mut conn) = with_table();
    let hundred = |id: i32| (0..100).map(|part| id * 100 + part).collect::<Vec<_>>();
    let mut sizes = Vec::new();
    let inserted = conn.bulk_insert((0..2000).map(hundred), |conn, some| {
        let all: Vec<_> = some.iter().flatten().map(|id| reading(*id)).collect();
        // Three values a row: id, place, and the note.
        let all: Vec<_> =
            all.into_iter().map(|row| Reading { note: Some("n".to_owned()), ..row }).collect();
        let done = insert(conn, &all)?;
        sizes.push(some.len());
        Ok(done)
    });
    assert_eq!(inserted.unwrap(), 200_000);
    // 218 would fit; halving 1,000 finds 125 at the first statement, and keeps to it.
    assert_eq!(sizes, [125; 16]);
    assert_eq!(stored(&mut conn), 200_000);
}

#[test]
fn rows_above_the_packet_limit_together_are_sent_apart_and_the_connection_lives() {
    let (_database, mut conn) = with_table();
    let thread = conn.thread_id();
    let note = |id: i32| "x".repeat(if id % 100 == 7 { PACKET / 2 } else { 1 });
    let rows = (0..500).map(|id| Reading { note: Some(note(id)), ..reading(id) });
    let inserted = conn.transaction(|conn| {
        Ok::<_, DieselError>(conn.bulk_insert(rows, |conn, some| insert(conn, some))?)
    });
    assert_eq!((inserted.unwrap(), stored(&mut conn)), (500, 500));
    assert_eq!((conn.thread_id(), conn.is_broken()), (thread, false));
}

#[test]
fn a_row_that_no_statement_can_carry_is_named_and_not_sent() {
    let (_database, mut conn) = with_table();
    let note = |id| if id == 1234 { "x".repeat(PACKET + 1) } else { String::new() };
    let rows = (0..3000).map(|id| Reading { note: Some(note(id)), ..reading(id) });
    let error = conn.bulk_insert(rows, |conn, some| insert(conn, some)).unwrap_err();
    assert_eq!(error.rows(), 1234..1235);
    assert_eq!((error.affected_rows(), error.fault()), (1234, Fault::Permanent));
    let limit = ServerError::find(error.source_error()).unwrap();
    assert_eq!((limit.errno(), limit.sqlstate()), (0, "54000"), "{limit}");
    assert!(!conn.is_broken());
    assert_eq!(stored(&mut conn), 1234);
}

#[test]
fn a_failing_statement_tells_its_rows_and_nothing_follows() {
    let (_database, mut conn) = with_table();
    insert(&mut conn, &[reading(2500)]).unwrap();
    let error =
        conn.bulk_insert((0..5000).map(reading), |conn, some| insert(conn, some)).unwrap_err();
    assert_eq!((error.rows(), error.affected_rows()), (2000..3000, 2000));
    assert_eq!(error.fault(), Fault::Constraint);
    assert_eq!(ServerError::find(&error.into()).unwrap().errno(), 1062);
    assert_eq!(stored(&mut conn), 2001);
    // In one transaction nothing of it stays.
    diesel::delete(readings::table.filter(readings::id.ne(2500))).execute(&mut conn).unwrap();
    let outcome = conn.transaction(|conn| {
        Ok::<_, DieselError>(
            conn.bulk_insert((0..5000).map(reading), |conn, some| insert(conn, some))?,
        )
    });
    outcome.unwrap_err();
    assert_eq!(stored(&mut conn), 1);
}

#[test]
fn every_form_of_diesels_inserts_can_be_given_in_bulk() {
    let (_database, mut conn) = with_table();
    let rows: Vec<_> = (0..1500).map(reading).collect();
    conn.bulk_insert(&rows, |conn, some| {
        let some: Vec<&Reading<'_>> = some.to_vec();
        diesel::insert_into(readings::table).values(some).execute(conn)
    })
    .unwrap();
    let ignored = conn.bulk_insert(&rows, |conn, some| {
        let some: Vec<_> = some.iter().map(|row| (*row).clone()).collect();
        diesel::insert_or_ignore_into(readings::table).values(&some).execute(conn)
    });
    assert_eq!(ignored.unwrap(), 0);
    let updated = conn.bulk_insert(rows, |conn, some| {
        diesel::insert_into(readings::table)
            .values(some)
            .on_conflict(diesel::dsl::DuplicatedKeys)
            .do_update()
            .set(readings::place.eq("cellar"))
            .execute(conn)
    });
    // The server counts an updated row twice.
    assert_eq!(updated.unwrap(), 3000);
    let tuples = (5000..6100).map(|id| (readings::id.eq(id), readings::place.eq("x")));
    let tuples = conn.bulk_insert(tuples, |conn, some| {
        diesel::insert_into(readings::table).values(some).execute(conn)
    });
    assert_eq!(tuples.unwrap(), 1100);
}

#[test]
fn what_is_too_large_is_refused_before_it_is_sent_and_nothing_else() {
    let (_database, mut conn) = with_table();
    let thread = conn.thread_id();
    let echo = |conn: &mut Connection, bytes: usize| {
        diesel::sql_query("DO ?").bind::<Binary, _>(vec![b'x'; bytes]).execute(conn)
    };
    // 11 bytes, one of the NULL bits, two of type, four of length, and where values have names one
    // for their number and one for the name.
    let frame = 11 + 1 + 2 + 4 + if names_values() { 2 } else { 0 };
    let refused = echo(&mut conn, PACKET - frame).unwrap_err();
    assert_eq!(ServerError::find(&refused).unwrap().sqlstate(), "54000");
    assert!(!conn.is_broken());
    echo(&mut conn, PACKET - frame - 1).unwrap();
    assert_eq!(conn.thread_id(), thread);

    // The command, and where values have names that there are none.
    let (prepared, sent) = (1, if names_values() { 3 } else { 1 });
    let text = |bytes: usize| format!("DO '{}'", "x".repeat(bytes - 5));
    let most = text(PACKET - sent - 1);
    conn.batch(&most).unwrap();
    assert!(conn.query(&most).unwrap().next().unwrap().is_none());
    diesel::sql_query(text(PACKET - prepared - 1)).execute(&mut conn).unwrap();
    assert_eq!(conn.thread_id(), thread);

    let refused = conn.batch(&text(PACKET - sent)).unwrap_err();
    assert_eq!((refused.source_error().sqlstate(), refused.fault()), ("54000", Fault::Permanent));
    assert_eq!(conn.query(&text(PACKET - sent)).unwrap_err().sqlstate(), Some("54000"));
    let text = text(PACKET - prepared);
    let prepared = diesel::sql_query(&text).execute(&mut conn).unwrap_err();
    assert_eq!(ServerError::find(&prepared).unwrap().sqlstate(), "54000");
    conn.begin("BEGIN").unwrap();
    conn.batch(&format!("CREATE TABLE other (v TEXT COMMENT '{text}')")).unwrap_err();
    assert!(conn.undone().is_none(), "nothing was sent, so nothing ended the transaction");
    conn.commit("").unwrap();
}

#[test]
fn too_many_values_are_refused_before_they_are_sent() {
    let (_database, mut conn) = with_table();
    let list = vec!["?"; 65_536].join(",");
    let mut query = diesel::sql_query(format!("SELECT 1 IN ({list})")).into_boxed();
    for _ in 0..65_536 {
        query = query.bind::<Text, _>("x");
    }
    let error = query.execute(&mut conn).unwrap_err();
    let error = ServerError::find(&error).unwrap();
    assert_eq!((error.sqlstate(), error.fault()), ("54023", Fault::Permanent), "{error}");
    assert_eq!(stored(&mut conn), 0);
}
