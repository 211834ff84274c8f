//! What an error tells: kind, message, and the rest of diesel's `DatabaseErrorInformation`.

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::result::{ConnectionError, Error};
use diesel::sql_query;

use crate::schema::{SEED, SETUP};
use crate::suite::{Case, Theme, cases, rows};

/// Statements that fail, with a name for each.
const FAILURES: &[(&str, &str)] = &[
    ("1062 unique", "INSERT INTO users (name) VALUES ('Sean')"),
    ("1062 primary key", "INSERT INTO counters VALUES ('a', 1, NULL)"),
    ("1062 composite key", "INSERT INTO pairs VALUES (1, 1, NULL)"),
    ("1062 by an update", "UPDATE users SET name = 'Tess' WHERE id = 1"),
    ("1452 no such parent", "INSERT INTO posts (user_id, title) VALUES (77, 'x')"),
    ("1451 has children", "DELETE FROM users WHERE id = 1"),
    ("1048 NULL", "INSERT INTO users (name) VALUES (NULL)"),
    ("1048 NULL by an update", "UPDATE users SET name = NULL"),
    ("1364 no default", "INSERT INTO posts (user_id) VALUES (1)"),
    ("check", "INSERT INTO users (name, age) VALUES ('x', -1)"),
    ("1064 syntax", "SELECTED 1"),
    ("1064 syntax at the end", "SELECT"),
    ("1065 a comment", "-- nothing"),
    ("1054 no such column", "SELECT nope FROM users"),
    ("1146 no such table", "SELECT * FROM nowhere"),
    ("1049 no such database", "USE nowhere_at_all"),
    ("1305 no such function", "SELECT nope(1)"),
    ("1406 too long", "INSERT INTO users (name) VALUES (REPEAT('x', 51))"),
    ("1264 out of range", "INSERT INTO pairs VALUES (3000000000, 1, NULL)"),
    ("1366 not a number", "INSERT INTO pairs VALUES ('x', 1, NULL)"),
    ("1292 not a date", "INSERT INTO users (name, born) VALUES ('x', '2024-02-30')"),
    ("1690 out of range in an expression", "SELECT 18446744073709551615 + 1"),
    ("1242 more than one row", "SELECT (SELECT id FROM users)"),
    ("1241 more than one column", "SELECT (SELECT 1, 2)"),
    ("1050 table exists", "CREATE TABLE users (id INT)"),
    ("1051 no such table to drop", "DROP TABLE nowhere"),
    ("1091 no such column to drop", "ALTER TABLE users DROP COLUMN nope"),
    ("1136 number of columns", "INSERT INTO counters VALUES (1)"),
    ("1193 no such variable", "SET no_such_variable = 1"),
    ("1231 wrong value of a variable", "SET sql_mode = 'NOPE'"),
    ("1149 a signal", "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'own words'"),
    (
        "a signal with all it can tell",
        "SIGNAL SQLSTATE '23000' SET MESSAGE_TEXT = 'żółw', \
        MYSQL_ERRNO = 1062, CONSTRAINT_NAME = 'c', TABLE_NAME = 't', COLUMN_NAME = 'k'",
    ),
    ("1792 read only", "SET TRANSACTION READ ONLY; START TRANSACTION; DELETE FROM pairs"),
];

pub(crate) fn theme() -> Theme {
    let mut cases = Vec::new();
    for (name, statement) in FAILURES {
        if !statement.contains(';') {
            cases.push(Case::new(
                format!("{name}, prepared"),
                move |conn, _| crate::suite::seen(|| sql_query(*statement).execute(conn)),
                move |conn, _| crate::suite::seen(|| sql_query(*statement).execute(conn)),
            ));
        }
        cases.push(Case::new(
            format!("{name}, batch"),
            move |conn, _| crate::suite::seen(|| conn.batch_execute(statement)),
            move |conn, _| crate::suite::seen(|| conn.batch_execute(statement)),
        ));
    }
    cases.extend(others());
    Theme { name: "errors", setup: SETUP.to_owned(), seed: SEED, tables: &[], cases }
}

fn others() -> Vec<Case> {
    cases! {
        "details" => |conn| match sql_query("SELECTED 1").execute(conn) {
            Err(Error::DatabaseError(_, info)) => Ok(info.details().map(str::to_owned)),
            other => other.map(|_| None),
        };
        "Display" => |conn| Ok(sql_query("SELECTED 1").execute(conn).map_err(|error| error.to_string()));
        "a failure while rows are read" => |conn| rows(conn, sql_query("SELECT id, (SELECT id FROM users AS o WHERE o.id <= users.id) FROM users"));
        "rows of a statement without any" => |conn| rows(conn, sql_query("SET @a = 1"));
        "a write that is loaded is not done" => |conn| {
            let loaded = rows(conn, sql_query("DELETE FROM pairs"));
            Ok((loaded.is_err(), rows(conn, sql_query("SELECT COUNT(*) FROM pairs"))?))
        };
        "two statements, prepared" => |conn| sql_query("SELECT 1; SELECT 2").execute(conn);
        "a second statement's failure in a batch" => |conn| conn.batch_execute("SELECT 1; SELECTED 2; SELECT 3");
        "the connection goes on after failures" => |conn| {
            for (_, statement) in FAILURES.iter().take(20) {
                let (_one, _other) = (sql_query(*statement).execute(conn), conn.batch_execute(statement));
            }
            rows(conn, sql_query("SELECT 1"))
        };
        "killed by itself" => |conn| sql_query("KILL CONNECTION_ID()").execute(conn);
        "after it was killed" => |conn| {
            let _killed = sql_query("KILL CONNECTION_ID()").execute(conn);
            sql_query("SELECT 1").execute(conn)
        };
        "a batch after it was killed" => |conn| {
            let _killed = sql_query("KILL CONNECTION_ID()").execute(conn);
            conn.batch_execute("SELECT 1")
        };
        "a URL of another kind" => |conn| Ok(C::establish("postgres://localhost").map(drop).map_err(kind));
        "a URL that is none" => |conn| Ok(C::establish("nonsense").map(drop).map_err(kind));
        "a wrong password" => |conn, site| Ok(C::establish(&site.url.replace("root@", "nobody:wrong@")).map(drop).map_err(kind));
        "no such database" => |conn, site| Ok(C::establish(&format!("{}_not", site.url)).map(drop).map_err(kind));
        "nobody listens" => |conn| Ok(C::establish("mysql://root@127.0.0.1:1/x").map(drop).map_err(kind));
    }
}

/// The variant, and what it says.
fn kind(error: ConnectionError) -> String {
    match error {
        ConnectionError::CouldntSetupConfiguration(error) => format!("set-up: {error}"),
        other => format!("{other:?}"),
    }
}
