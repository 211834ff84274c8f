//! What a reset gives back, and what no command undoes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

use steadfast_connection::{Config, Connection, Error};
use steadfast_testkit::{TestDatabase, server};

fn config(database: &TestDatabase) -> Config {
    Config::from_url(&database.url()).unwrap()
}

/// The database in use, as the server sees it.
fn in_use(conn: &mut Connection) -> Option<String> {
    let mut rows = conn.query("SELECT DATABASE()").unwrap();
    let row = rows.next().unwrap().unwrap();
    row.get(0).map(|name| String::from_utf8_lossy(name).into_owned())
}

#[test]
fn a_database_dropped_meanwhile_is_told_and_leaves_no_usable_connection() {
    for by_itself in [true, false] {
        let database = server().database();
        let mut conn = Connection::open(&config(&database)).unwrap();
        let drop = format!("DROP DATABASE `{}`", database.name());
        if by_itself {
            conn.batch(&drop).unwrap();
        } else {
            server().sql("", &drop).unwrap();
        }
        let error = conn.reset().unwrap_err();
        assert_eq!(error.errno(), Some(1049), "{error}");
        assert!(conn.is_broken());
        assert_eq!(conn.batch("DO 1").unwrap_err().source_error().errno(), 1049);
    }
}

#[test]
fn a_database_chosen_where_none_was_wanted_is_given_up_only_by_dropping_it() {
    let database = server().database();
    let mut conn = Connection::open(&config(&database).no_database()).unwrap();
    let choose = format!("USE `{}`", database.name());
    type Run = fn(&mut Connection, &str);
    let ways: [Run; 2] =
        [|conn, sql| drop(conn.batch(sql).unwrap()), |conn, sql| drop(conn.query(sql).unwrap())];
    for run in ways {
        conn.batch(&format!("CREATE DATABASE IF NOT EXISTS `{}`", database.name())).unwrap();
        run(&mut conn, &choose);
        assert!(matches!(conn.reset(), Err(Error::Misuse(_))));
        run(&mut conn, &format!("DROP DATABASE `{}`", database.name()));
        conn.reset().unwrap();
        assert_eq!(in_use(&mut conn), None);
    }
    conn.batch(&format!("CREATE DATABASE `{}`", database.name())).unwrap();
}

#[test]
fn the_database_chosen_last_counts_however_it_was_chosen() {
    let database = server().database();
    let mut conn = Connection::open(&config(&database).no_database()).unwrap();
    let name = database.name();
    conn.batch(&format!("USE `{name}`; DROP DATABASE `{name}`; CREATE DATABASE `{name}`")).unwrap();
    drop(conn.query("USE information_schema").unwrap());
    assert!(matches!(conn.reset(), Err(Error::Misuse(_))));
    assert_eq!(in_use(&mut conn).as_deref(), Some("information_schema"));
}
