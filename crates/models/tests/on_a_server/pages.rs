//! A list read page by page is the list, and each page costs what the first one costs.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, NaiveDateTime, TimeDelta};
use diesel::Connection as _;
use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use steadfast_connection::Connection;
use steadfast_models::{Cursor, Error, MAX_PAGE, Model, Order, Page, Timestamps};
use steadfast_testkit::TestDatabase;

use crate::account::{Account, NewAccount, accounts, bank};

const ROWS: usize = 1_000;
/// So few moments that most pages begin and end in the middle of one.
const MOMENTS: usize = 7;

#[test]
fn pages_by_moment_and_key_are_the_whole_list_in_both_directions() {
    let (_database, mut conn) = thousand();
    for size in [1, 37, 143, 999, 1_000, MAX_PAGE] {
        let forward = walk(Cursor::ascending(), |cursor| {
            Account::page_by_created(cursor, size, &mut conn).unwrap()
        });
        assert_eq!(forward, ids("created_at, id", &mut conn), "pages of {size}");

        let backward = walk(Cursor::descending(), |cursor| {
            Account::page_by_created(cursor, size, &mut conn).unwrap()
        });
        assert_eq!(backward, ids("created_at DESC, id DESC", &mut conn), "pages of {size}");
    }
}

#[test]
fn pages_by_key_are_the_whole_list_in_both_directions() {
    let (_database, mut conn) = thousand();
    for size in [37, 1_000] {
        let forward = walk(Cursor::ascending(), |cursor| {
            Account::page_after(cursor, size, &mut conn).unwrap()
        });
        assert_eq!(forward, ids("id", &mut conn));

        let backward = walk(Cursor::descending(), |cursor| {
            Account::page_after(cursor, size, &mut conn).unwrap()
        });
        assert_eq!(backward, ids("id DESC", &mut conn));
    }
}

#[test]
fn a_query_of_ones_own_is_paged_too() {
    let (_database, mut conn) = thousand();
    let even = || Account::query().filter(accounts::cents.eq(0));

    let paged = walk(Cursor::ascending(), |cursor| {
        Account::page_by_created_of(even(), cursor, 37, &mut conn).unwrap()
    });

    let whole: Vec<i64> = even()
        .order((accounts::created_at, accounts::id))
        .select(accounts::id)
        .load(&mut conn)
        .unwrap();
    assert_eq!(paged.len(), ROWS / 2);
    assert_eq!(paged, whole);
    let paged = walk(Cursor::descending(), |cursor| {
        Account::page_of(even(), cursor, 37, &mut conn).unwrap()
    });
    let sorted = |ids: Vec<i64>| ids.into_iter().collect::<BTreeSet<_>>();
    assert_eq!((paged.len(), sorted(paged)), (ROWS / 2, sorted(whole)));
}

#[test]
fn rows_that_come_and_go_meanwhile_hide_and_double_no_other() {
    let (_database, mut conn) = thousand();
    let at_first = ids("created_at, id", &mut conn);

    let seen = walk(Cursor::ascending(), |cursor| {
        let page = Account::page_by_created(cursor, 50, &mut conn).unwrap();
        // The row the next page begins after goes, and a new row comes before all others.
        Account::delete(page.items.last().unwrap().id, &mut conn).unwrap();
        let early = NewAccount { created_at: Some(moment(0)), ..NewAccount::default() };
        if cursor.key().is_some_and(|(at, _)| *at > moment(0)) {
            Account::insert(early, &mut conn).unwrap();
        }
        page
    });

    let unique: BTreeSet<_> = seen.iter().collect();
    assert_eq!(unique.len(), seen.len());
    assert_eq!(seen, at_first);
}

#[test]
fn an_empty_list_is_one_empty_page() {
    let (_database, mut conn) = bank();
    let page = Account::page_by_created(&Cursor::descending(), 10, &mut conn).unwrap();
    assert_eq!(page, Page { items: vec![], next: None });
}

#[test]
fn a_cursor_built_again_from_its_halves_goes_on_where_it_was() {
    let (_database, mut conn) = thousand();
    let first = Account::page_by_created(&Cursor::descending(), 10, &mut conn).unwrap();
    let next = first.next.unwrap();

    let rebuilt = Cursor::after(*next.key().unwrap(), Order::Descending);

    let second = Account::page_by_created(&rebuilt, 10, &mut conn).unwrap();
    let all = ids("created_at DESC, id DESC", &mut conn);
    assert_eq!(second.items.iter().map(Model::key).collect::<Vec<_>>(), all[10..20]);
}

#[test]
fn a_page_of_an_impossible_size_is_refused_before_the_server_is_asked() {
    let (_database, mut conn) = bank();
    let asked = record(&mut conn);
    for size in [0, MAX_PAGE + 1] {
        let by_key = Account::page_after(&Cursor::ascending(), size, &mut conn).map(drop);
        let by_moment = Account::page_by_created(&Cursor::ascending(), size, &mut conn).map(drop);
        for refused in [by_key, by_moment] {
            assert!(
                matches!(refused, Err(Error::PageSize { size: s }) if s == size),
                "{refused:?}"
            );
        }
    }
    assert_eq!(*asked.lock().unwrap(), [""; 0]);
}

#[test]
fn the_server_reads_a_page_from_the_key_and_sorts_nothing() {
    let (_database, mut conn) = thousand();
    let middle = (moment(3), ids("created_at, id", &mut conn)[ROWS / 2]);
    let asked = record(&mut conn);
    for order in [Order::Ascending, Order::Descending] {
        Account::page_by_created(&Cursor::after(middle, order), 20, &mut conn).unwrap();
        Account::page_after(&Cursor::after(middle.1, order), 20, &mut conn).unwrap();
    }
    let queries = asked.lock().unwrap().clone();
    assert_eq!(queries.len(), 4);

    for query in queries {
        let plan = explain(&query, &mut conn);
        assert_eq!(plan.access, "range", "{query}\n{plan:?}");
        let expected = if query.contains(" OR ") { "created_at" } else { "PRIMARY" };
        assert_eq!(plan.key.as_deref(), Some(expected), "{query}\n{plan:?}");
        assert!(!plan.extra.unwrap_or_default().contains("filesort"), "{query}");
    }
}

#[test]
fn a_page_in_the_middle_reads_its_own_rows_and_no_others() {
    const SIZE: u32 = 20;
    let (_database, mut conn) = thousand();
    let middle = (moment(3), ids("created_at, id", &mut conn)[ROWS / 2]);
    for order in [Order::Ascending, Order::Descending] {
        let before = rows_read(&mut conn);
        let page =
            Account::page_by_created(&Cursor::after(middle, order), SIZE, &mut conn).unwrap();
        let read = rows_read(&mut conn) - before;

        assert_eq!(page.items.len(), 20);
        // The page, the row that tells whether another follows, and one probe for each range.
        assert!((20..=24).contains(&read), "{order:?}: {read} rows read");
    }
}

/// A table of accounts at few moments, in an order that is neither that of time nor that of keys.
fn thousand() -> (TestDatabase, Connection) {
    let (database, mut conn) = bank();
    let rows: Vec<NewAccount> = (0..ROWS)
        .map(|row| NewAccount {
            owner: format!("Owner {row}"),
            cents: i64::try_from(row % 2).unwrap(),
            created_at: Some(moment(row * 31 % MOMENTS)),
        })
        .collect();
    assert_eq!(Account::insert(rows, &mut conn).unwrap(), ROWS);
    diesel::sql_query("ANALYZE TABLE accounts").execute(&mut conn).unwrap();
    (database, conn)
}

/// Moments a microsecond apart: a cursor that lost the digits would mix them up.
fn moment(n: usize) -> NaiveDateTime {
    let first = DateTime::from_timestamp_micros(1_795_500_000_999_997).unwrap().naive_utc();
    first + TimeDelta::microseconds(i64::try_from(n).unwrap())
}

/// The keys of all rows, page by page.
fn walk<K>(start: Cursor<K>, mut page: impl FnMut(&Cursor<K>) -> Page<Account, K>) -> Vec<i64> {
    let mut seen = Vec::new();
    let mut next = Some(start);
    while let Some(cursor) = next {
        let page = page(&cursor);
        seen.extend(page.items.iter().map(Model::key));
        assert!(seen.len() <= 2 * ROWS, "the pages do not come to an end");
        next = page.next;
    }
    seen
}

/// The keys of all rows, as the server sorts them.
fn ids(order: &str, conn: &mut Connection) -> Vec<i64> {
    #[derive(QueryableByName)]
    struct Id {
        #[diesel(sql_type = BigInt)]
        id: i64,
    }
    diesel::sql_query(format!("SELECT id FROM accounts WHERE deleted_at IS NULL ORDER BY {order}"))
        .load::<Id>(conn)
        .unwrap()
        .into_iter()
        .map(|row| row.id)
        .collect()
}

/// Every query from now on, as diesel shows it: text, then the values.
fn record(conn: &mut Connection) -> Arc<Mutex<Vec<String>>> {
    let queries = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&queries);
    let recorder = move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            sink.lock().unwrap().push(query.to_string());
        }
    };
    conn.set_instrumentation(Some(Box::new(recorder) as Box<dyn Instrumentation>));
    queries
}

#[derive(Debug, QueryableByName)]
struct Plan {
    #[diesel(sql_type = Text, column_name = "type")]
    access: String,
    #[diesel(sql_type = Nullable<Text>)]
    key: Option<String>,
    #[diesel(sql_type = Nullable<Text>, column_name = "Extra")]
    extra: Option<String>,
}

/// What the server would do for a recorded query, with the values in their places.
fn explain(query: &str, conn: &mut Connection) -> Plan {
    let (text, values) = query.split_once(" -- binds: ").unwrap();
    let mut text = text.to_owned();
    for value in values.trim_matches(['[', ']']).split(", ") {
        let literal = if value.contains(':') { format!("'{value}'") } else { value.to_owned() };
        text = text.replacen('?', &literal, 1);
    }
    assert!(!text.contains('?'), "{text}");
    // MySQL draws a tree unless it is asked for the table.
    diesel::sql_query(format!("EXPLAIN FORMAT=TRADITIONAL {text}")).get_result(conn).unwrap()
}

/// Rows this session has read through an index.
fn rows_read(conn: &mut Connection) -> i64 {
    #[derive(QueryableByName)]
    struct Status {
        #[diesel(sql_type = Text, column_name = "Value")]
        value: String,
    }
    diesel::sql_query(
        "SHOW SESSION STATUS WHERE Variable_name IN ('Handler_read_first', 'Handler_read_key',
         'Handler_read_last', 'Handler_read_next', 'Handler_read_prev')",
    )
    .load::<Status>(conn)
    .unwrap()
    .iter()
    .map(|status| status.value.parse::<i64>().unwrap())
    .sum()
}
