//! SQL written by hand: `sql_query`, values by name, results of other statements than SELECT.

use diesel::connection::{DefaultLoadingMode, LoadConnection, SimpleConnection as _};
use diesel::prelude::*;
use diesel::row::{Field as _, NamedRow, Row as DieselRow};
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text};

use crate::schema::{SEED, SETUP, TABLES, User};
use crate::suite::{Case, Ours, Stock, Theme, cases, is_mariadb, rows, seen};

#[derive(QueryableByName, Debug)]
#[expect(dead_code, reason = "shown by Debug")]
struct Named {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Nullable<Text>)]
    word: Option<String>,
}

#[derive(QueryableByName, Debug)]
#[expect(dead_code, reason = "shown by Debug")]
struct Outer {
    #[diesel(sql_type = Integer)]
    id: i32,
    #[diesel(embed)]
    named: Named,
}

/// Statements that give rows although they are no SELECT.
const SHOWN: &[&str] = &[
    "SHOW COLUMNS FROM users",
    "SHOW CREATE TABLE pairs",
    "SHOW TABLES",
    "SHOW VARIABLES LIKE 'autocommit'",
    "SHOW WARNINGS",
    "DESCRIBE posts",
    "EXPLAIN SELECT * FROM users WHERE id = 1",
    "CHECKSUM TABLE pairs",
    "VALUES ROW(1, 'a'), ROW(2, 'b')",
    "VALUES (1, 'a'), (2, 'b')",
    "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n",
    "SELECT * FROM users ORDER BY id",
    "SELECT u.*, p.* FROM users u LEFT JOIN posts p ON p.user_id = u.id ORDER BY u.id, p.id",
    "SELECT id, id, id AS id FROM users ORDER BY id LIMIT 1",
    "SELECT id AS `strange name ż`, 1 AS `` FROM users ORDER BY id LIMIT 1",
    "SELECT id AS `a.b`, name AS `select` FROM users ORDER BY id LIMIT 2",
    "SELECT * FROM users WHERE FALSE",
    "SELECT @a := 1",
    "SELECT 1 UNION SELECT 'a' UNION SELECT NULL ORDER BY 1",
    "SELECT DISTINCT hair FROM users ORDER BY 1",
    "SELECT user_id, GROUP_CONCAT(title ORDER BY id SEPARATOR '|') FROM posts GROUP BY user_id WITH ROLLUP",
    "SELECT id, LEAD(id) OVER (ORDER BY id) FROM posts ORDER BY id",
    "SELECT JSON_OBJECT('id', id, 'name', name) FROM users ORDER BY id",
    "SELECT REPEAT('x', 1000000)",
    "SELECT REPEAT('x', id * 100) FROM users ORDER BY id DESC",
];

const RETURNING: &[&str] = &[
    "INSERT INTO users (name) VALUES ('New') RETURNING id, name, hair",
    "INSERT INTO users (name) VALUES ('A'), ('B') RETURNING *",
    "DELETE FROM comments WHERE post_id = 1 RETURNING id, words",
    "DELETE FROM comments WHERE FALSE RETURNING id",
    "REPLACE INTO counters VALUES ('a', 9, 'new') RETURNING name, hits, note",
    "INSERT INTO users (name) VALUES ('Sean') RETURNING id",
];

pub(crate) fn theme() -> Theme {
    let mut cases: Vec<Case> = SHOWN.iter().map(|sql| read(sql)).collect();
    if is_mariadb() {
        cases.extend(RETURNING.iter().map(|sql| read(sql)));
    }
    cases.extend(queries());
    cases.extend(wide());
    Theme { name: "raw SQL", setup: SETUP.to_owned(), seed: SEED, tables: TABLES, cases }
}

/// Twice, since the second time the statement may be kept from the first.
fn read(sql: &'static str) -> Case {
    Case::new(
        sql,
        move |conn: &mut Stock, _| {
            seen(|| {
                Ok([rows(conn, sql_query(sql)), rows(conn, sql_query(sql))].map(|all| seen(|| all)))
            })
        },
        move |conn: &mut Ours, _| {
            seen(|| {
                Ok([rows(conn, sql_query(sql)), rows(conn, sql_query(sql))].map(|all| seen(|| all)))
            })
        },
    )
}

fn queries() -> Vec<Case> {
    cases! {
        "by name" => |conn| sql_query("SELECT 'one' AS word, 1 AS number UNION SELECT NULL, 2 ORDER BY number").load::<Named>(conn);
        "by name, with more columns than wanted" => |conn| sql_query("SELECT 3 AS other, 'one' AS word, 1 AS number").load::<Named>(conn);
        "by name, without a column" => |conn| Ok(sql_query("SELECT 1 AS number").load::<Named>(conn).map_err(|error| error.to_string()));
        "by name, with a name twice" => |conn| sql_query("SELECT 1 AS number, 2 AS number, 'a' AS word").load::<Named>(conn);
        "by name, in other letters" => |conn| Ok(sql_query("SELECT 1 AS NUMBER, 'a' AS word").load::<Named>(conn).map_err(|error| error.to_string()));
        "by name, embedded" => |conn| sql_query("SELECT 7 AS id, 1 AS number, 'a' AS word").load::<Outer>(conn);
        "by name, NULL into what has none" => |conn| Ok(sql_query("SELECT NULL AS number, 'a' AS word").load::<Named>(conn).map_err(|error| error.to_string()));
        "by name, a table's struct" => |conn| sql_query("SELECT * FROM users ORDER BY id").load::<User>(conn);
        "with values" => |conn| sql_query("SELECT id AS number, name AS word FROM users WHERE id > ? AND name <> ? ORDER BY id")
            .bind::<Integer, _>(1).bind::<Text, _>("Tess").load::<Named>(conn);
        "boxed, with values" => |conn| {
            let mut query = sql_query("SELECT id AS number, name AS word FROM users WHERE id IN (?").into_boxed().bind::<Integer, _>(1);
            for id in [3, 5] { query = query.sql(", ?").bind::<Integer, _>(id); }
            query.sql(") ORDER BY id").load::<Named>(conn)
        };
        "one text with values of several types" => |conn| {
            let text = "SELECT CONCAT(?, '!') AS v";
            Ok([
                rows(conn, sql_query(text).bind::<Integer, _>(1))?,
                rows(conn, sql_query(text).bind::<Text, _>("ż"))?,
                rows(conn, sql_query(text).bind::<Binary, _>(b"a"))?,
                rows(conn, sql_query(text).bind::<BigInt, _>(i64::MIN))?,
                rows(conn, sql_query(text).bind::<Nullable<Text>, _>(None::<String>))?,
                rows(conn, sql_query(text).bind::<Text, _>("ż"))?,
            ])
        };
        "a value of bytes" => |conn| rows(conn, sql_query("SELECT HEX(CONCAT(?, '')) AS v").bind::<Binary, _>(vec![0_u8, 255, 39]));
        "execute counts changes" => |conn| sql_query("UPDATE users SET age = 5 WHERE id < 4").execute(conn);
        "execute counts matches" => |conn| sql_query("UPDATE users SET age = age").execute(conn);
        "execute counts rows" => |conn| sql_query("SELECT * FROM users").execute(conn);
        "execute counts none of DDL" => |conn| sql_query("CREATE TEMPORARY TABLE own (id INT)").execute(conn);
        "execute of SET" => |conn| sql_query("SET @a = 5").execute(conn);
        "a variable of the session" => |conn| { sql_query("SET @a = 5, @b = 'ż'").execute(conn)?; rows(conn, sql_query("SELECT @a, @b, @c")) };
        "a temporary table" => |conn| {
            conn.batch_execute("CREATE TEMPORARY TABLE own (id INT, v TEXT); INSERT INTO own VALUES (1, 'a')")?;
            rows(conn, sql_query("SELECT * FROM own"))
        };
        "a table that changes under a query" => |conn| {
            conn.batch_execute("CREATE TEMPORARY TABLE own (id INT, v INT); INSERT INTO own VALUES (1, 2)")?;
            let before = rows(conn, sql_query("SELECT * FROM own"))?;
            conn.batch_execute("ALTER TABLE own MODIFY v VARCHAR(20) FIRST, ADD w DATE")?;
            Ok((before, rows(conn, sql_query("SELECT * FROM own"))?))
        };
        "a batch of one text" => |conn| conn.batch_execute("SELECT 1; DELETE FROM pairs; SELECT 2;");
        "a batch of comments" => |conn| conn.batch_execute("/* a */ SELECT 1 -- b");
        "a trailing semicolon, prepared" => |conn| sql_query("SELECT 1;").execute(conn);
        "names of fields" => |conn| {
            let mut names = Vec::new();
            for row in LoadConnection::<DefaultLoadingMode>::load(conn, sql_query("SELECT id, name AS n, 1 + 1 FROM users LIMIT 1"))? {
                let row = row?;
                names.extend((0..row.field_count()).filter_map(|at| Some(DieselRow::get(&row, at)?.field_name()?.to_owned())));
                names.push(format!("{:?}", DieselRow::get(&row, "n").is_some()));
                names.push(format!("{:?}", NamedRow::get::<Text, String>(&row, "n")));
                names.push(format!("{:?}", DieselRow::get(&row, 9).is_some()));
            }
            Ok(names)
        };
        // By position: diesel's names of columns lie in memory that libmariadb frees with the statement.
        "rows that are kept" => |conn| {
            let query = sql_query("SELECT id, REPEAT(name, 3) AS n FROM users ORDER BY id");
            let kept = LoadConnection::<DefaultLoadingMode>::load(conn, query)?.collect::<QueryResult<Vec<_>>>()?;
            let bytes = kept.iter().rev().map(|row| {
                let field = DieselRow::get(row, 1)?;
                field.value().map(|value| value.as_bytes().to_vec())
            });
            Ok(bytes.collect::<Vec<_>>())
        };
        "utf8mb4 both ways" => |conn| rows(conn, sql_query("SELECT ? AS v, CHAR_LENGTH('🐢'), @@character_set_client, @@character_set_results, @@collation_connection").bind::<Nullable<Text>, _>(None::<String>));
        "the session's settings" => |conn| rows(conn, sql_query("SELECT @@time_zone, @@sql_mode, @@autocommit, @@max_allowed_packet, @@character_set_connection, DATABASE() IS NULL"));
    }
}

/// Results of many columns and many rows.
fn wide() -> Vec<Case> {
    cases! {
        "1,000 columns" => |conn| {
            let columns: Vec<String> = (0..1000).map(|n| format!("{n} AS c{n}")).collect();
            rows(conn, sql_query(format!("SELECT {}", columns.join(", "))))
        };
        "1,000 values" => |conn| {
            let mut query = sql_query("SELECT CONCAT(''").into_boxed::<diesel::mysql::Mysql>();
            for n in 0..1000 { query = query.sql(", ?").bind::<Integer, _>(n); }
            rows(conn, query.sql(") AS v"))
        };
        "20,000 rows" => |conn| {
            let all = rows(conn, sql_query("WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
                SELECT a.i, REPEAT('x', a.i % 300) AS t, IF(a.i % 3, NULL, b.i) AS z FROM n AS a JOIN n AS b ON b.i <= 20 ORDER BY a.i, b.i"))?;
            Ok((all.len(), all.join("\n").len(), all.get(12_345).cloned()))
        };
        "15 megabytes in one value" => |conn| rows(conn, sql_query("SELECT REPEAT('x', 15000000) AS v"));
        "15 megabytes there and back" => |conn| {
            let query = sql_query("SELECT LENGTH(?) AS v, MD5(?) AS w");
            let text = "ż".repeat(3_500_000);
            rows(conn, query.bind::<Text, _>(text.clone()).bind::<Text, _>(text))
        };
        "more than the packet takes" => |conn| Ok(sql_query("SELECT LENGTH(?)").bind::<Text, _>("x".repeat(70_000_000)).execute(conn).is_err());
    }
}
