//! How often the server is asked, counted on the wire, and statements that are kept.
#![allow(clippy::unwrap_used, reason = "a test may stop")]
#![allow(missing_docs, reason = "the tables of a test speak for themselves")]

use diesel::Connection as _;
use diesel::connection::CacheSize;
use diesel::prelude::*;
use steadfast_connection::{Config, Connection};
use steadfast_testkit::{Command, Proxy, TestDatabase, server};

diesel::table! { t (id) { id -> Integer, v -> Integer, } }

fn through_proxy() -> (TestDatabase, Proxy, Connection) {
    let database = server().database();
    let sql = "CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL); INSERT INTO t VALUES (1, 1)";
    Connection::open(&Config::from_url(&database.url()).unwrap()).unwrap().batch(sql).unwrap();
    let proxy = server().proxy();
    let conn = Connection::open(&Config::from_url(&database.url_through(&proxy)).unwrap()).unwrap();
    (database, proxy, conn)
}

/// Packets sent to the server while `work` runs.
fn packets(proxy: &Proxy, work: impl FnOnce()) -> u64 {
    let before = proxy.packets().to_server();
    work();
    proxy.packets().to_server() - before
}

fn add(conn: &mut Connection) {
    diesel::update(t::table.find(1)).set(t::v.eq(t::v + 1)).execute(conn).unwrap();
}

#[test]
fn connecting_costs_the_greeting_and_one_round_trip() {
    let (database, proxy, _conn) = through_proxy();
    let url = database.url_through(&proxy);
    let mut conn = None;
    let sent = packets(&proxy, || {
        conn = Some(Connection::open(&Config::from_url(&url).unwrap()).unwrap());
    });
    // The login, and the one SET.
    assert_eq!(sent, 2);
}

#[test]
fn a_transaction_of_one_statement_is_three_packets() {
    let (_database, proxy, mut conn) = through_proxy();
    conn.transaction::<_, diesel::result::Error, _>(|conn| {
        add(conn);
        Ok(())
    })
    .unwrap();
    let sent = packets(&proxy, || {
        conn.transaction::<_, diesel::result::Error, _>(|conn| {
            add(conn);
            Ok(())
        })
        .unwrap();
    });
    assert_eq!(sent, 3);
}

#[test]
fn ping_and_reset_are_the_commands_made_for_it() {
    let (_database, proxy, mut conn) = through_proxy();
    assert_eq!(packets(&proxy, || conn.ping().unwrap()), 1);
    assert_eq!(proxy.commands().get(&Command::Ping), Some(&1));
    // COM_RESET_CONNECTION, and the one SET.
    assert_eq!(packets(&proxy, || conn.reset().unwrap()), 2);
}

#[test]
fn statements_are_prepared_once_and_the_oldest_is_forgotten() {
    let (database, proxy, _conn) = through_proxy();
    let url = database.url_through(&proxy);
    let mut conn = Connection::open(&Config::from_url(&url).unwrap().statement_cache(2)).unwrap();
    let prepared = || proxy.commands().get(&Command::Prepare).copied().unwrap_or(0);
    let select = |conn: &mut Connection, what: &str| {
        let sum = match what {
            "id" => t::table.select(t::id).first(conn),
            "v" => t::table.select(t::v).first(conn),
            _ => t::table.select(t::id + t::v).first::<i32>(conn),
        };
        sum.unwrap();
    };
    for _ in 0..3 {
        select(&mut conn, "id");
        select(&mut conn, "v");
    }
    assert_eq!((prepared(), conn.cached_statements()), (2, 2));
    select(&mut conn, "id + v");
    select(&mut conn, "v");
    assert_eq!((prepared(), conn.cached_statements()), (3, 2));
    select(&mut conn, "id");
    assert_eq!(prepared(), 4);

    conn.set_prepared_statement_cache_size(CacheSize::Disabled);
    assert_eq!(conn.cached_statements(), 0);
    select(&mut conn, "id");
    select(&mut conn, "id");
    assert_eq!(prepared(), 6);
}

#[test]
fn a_table_altered_between_two_uses_does_not_disturb_a_kept_statement() {
    let (_database, _proxy, mut conn) = through_proxy();
    for round in 0..5 {
        add(&mut conn);
        conn.batch(&format!("ALTER TABLE t ADD COLUMN c{round} INT")).unwrap();
    }
    assert_eq!(t::table.select(t::v).first(&mut conn), Ok(6));
}

#[test]
fn raw_sql_sees_columns_that_were_moved_or_added_since() {
    #[derive(QueryableByName, Debug, PartialEq)]
    #[diesel(table_name = t)]
    struct Row {
        id: i32,
        v: i32,
    }
    let (_database, _proxy, mut conn) = through_proxy();
    conn.batch("UPDATE t SET v = 7").unwrap();
    let load = |conn: &mut Connection| diesel::sql_query("SELECT * FROM t").load::<Row>(conn);
    let row = vec![Row { id: 1, v: 7 }];
    assert_eq!(load(&mut conn).unwrap(), row);
    for change in ["MODIFY id INT AFTER v", "ADD c INT FIRST", "DROP c"] {
        conn.batch(&format!("ALTER TABLE t {change}")).unwrap();
        assert_eq!(load(&mut conn).unwrap(), row, "{change}");
        assert!(!conn.is_broken());
    }
}

#[test]
fn rows_are_counted_as_matched_and_new_keys_come_with_the_answer() {
    let (_database, _proxy, mut conn) = through_proxy();
    let unchanged = diesel::update(t::table.find(1)).set(t::v.eq(1)).execute(&mut conn).unwrap();
    assert_eq!(unchanged, 1);
    conn.batch("CREATE TABLE k (id INT AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = 41").unwrap();
    diesel::sql_query("INSERT INTO k VALUES ()").execute(&mut conn).unwrap();
    assert_eq!(conn.last_insert_id(), 41);
}

#[test]
fn save_changes_and_the_migration_table_work() {
    #[derive(Queryable, Identifiable, AsChangeset, Clone, Copy, Debug, PartialEq)]
    #[diesel(table_name = t)]
    struct Row {
        id: i32,
        v: i32,
    }
    let (_database, _proxy, mut conn) = through_proxy();
    let saved: Row = Row { id: 1, v: 9 }.save_changes(&mut conn).unwrap();
    assert_eq!(saved, Row { id: 1, v: 9 });
    diesel::migration::MigrationConnection::setup(&mut conn).unwrap();
    diesel::sql_query("SELECT * FROM __diesel_schema_migrations").execute(&mut conn).unwrap();
}
