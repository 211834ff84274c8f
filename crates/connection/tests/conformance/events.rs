//! What an `Instrumentation` is told, and in which order; and which statements are prepared.

use std::sync::{Arc, Mutex};

use diesel::connection::{
    CacheSize, InstrumentationEvent, SimpleConnection as _, set_default_instrumentation,
};
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_query;
use diesel::sql_types::Integer;

use crate::schema::counters::dsl as n;
use crate::schema::users::dsl as u;
use crate::schema::{SEED, SETUP, User};
use crate::suite::{Case, Theme, cases};

pub(crate) fn theme() -> Theme {
    let mut cases = events();
    cases.extend(preparations());
    Theme { name: "instrumentation", setup: SETUP.to_owned(), seed: SEED, tables: &[], cases }
}

/// All that is told while `$run` runs on `$conn`.
macro_rules! told {
    ($conn:ident, $run:expr) => {{
        let log = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&log);
        $conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            told.lock().unwrap().push(format!("{event:?}"));
        });
        let _outcome = $run;
        Ok(std::mem::take(&mut *log.lock().unwrap()))
    }};
}

fn events() -> Vec<Case> {
    cases! {
        "a select" => |conn| told!(conn, u::users.load::<User>(conn));
        "a select, twice" => |conn| told!(conn, [u::users.load::<User>(conn), u::users.load::<User>(conn)]);
        "a select with values" => |conn| told!(conn, u::users.filter(u::name.eq("Sean").and(u::id.gt(0))).load::<User>(conn));
        "a query that fails" => |conn| told!(conn, u::users.filter(diesel::dsl::sql::<diesel::sql_types::Bool>("nope")).load::<User>(conn));
        "an insert" => |conn| told!(conn, diesel::insert_into(n::counters).values((n::name.eq("x"), n::hits.eq(1))).execute(conn));
        "an insert that fails" => |conn| told!(conn, diesel::insert_into(n::counters).values((n::name.eq("a"), n::hits.eq(1))).execute(conn));
        "an update" => |conn| told!(conn, diesel::update(n::counters).set(n::hits.eq(1)).execute(conn));
        "a batch insert" => |conn| told!(conn, diesel::insert_into(n::counters).values(vec![(n::name.eq("x"), n::hits.eq(1))]).execute(conn));
        "a delete" => |conn| told!(conn, diesel::delete(n::counters.find("a")).execute(conn));
        "sql_query" => |conn| told!(conn, sql_query("SELECT ?").bind::<Integer, _>(1).execute(conn));
        "batch_execute" => |conn| told!(conn, conn.batch_execute("SELECT 1; SELECT 2"));
        "batch_execute that fails" => |conn| told!(conn, conn.batch_execute("SELECT 1; SELECTED 2"));
        "a transaction" => |conn| told!(conn, conn.transaction::<_, Error, _>(|conn| diesel::delete(n::counters).execute(conn)));
        "a transaction that is undone" => |conn| told!(conn, conn.transaction::<(), Error, _>(|_| Err(Error::NotFound)));
        "nested transactions" => |conn| told!(conn, conn.transaction::<_, Error, _>(|conn| {
            conn.transaction::<(), Error, _>(|_| Ok(()))?;
            conn.transaction::<(), Error, _>(|_| Err(Error::NotFound))
        }));
        "a query in a transaction that fails" => |conn| told!(conn, conn.transaction::<_, Error, _>(|conn| sql_query("SELECTED 1").execute(conn)));
        "begin_test_transaction" => |conn| told!(conn, conn.begin_test_transaction());
        "save_changes" => |conn| told!(conn, { let user = u::users.find(1).first::<User>(conn)?; user.save_changes::<User>(conn) });
        "connecting" => |conn, site| {
            static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());
            set_default_instrumentation(|| Some(Box::new(|event: InstrumentationEvent<'_>| {
                LOG.lock().unwrap().push(format!("{event:?}"));
            })))?;
            let connected = C::establish(&site.url).is_ok();
            set_default_instrumentation(|| None)?;
            Ok((connected, std::mem::take(&mut *LOG.lock().unwrap())))
        };
    }
}

/// How often the server prepared a statement while `$run` ran.
macro_rules! prepared {
    ($conn:ident, $run:expr) => {{
        let count = |conn: &mut C| -> QueryResult<i64> {
            #[derive(QueryableByName)]
            struct Status {
                #[diesel(sql_type = diesel::sql_types::Text, column_name = "Value")]
                value: String,
            }
            let status = sql_query("SHOW SESSION STATUS LIKE 'Com_stmt_prepare'")
                .get_result::<Status>(conn)?;
            Ok(status.value.parse().unwrap())
        };
        // The counting is prepared, too, and kept the second time on one of the two.
        count($conn)?;
        let before = count($conn)?;
        let idle = count($conn)? - before;
        let before = count($conn)?;
        $run;
        Ok(count($conn)? - before - idle)
    }};
}

fn preparations() -> Vec<Case> {
    cases! {
        "preparations of one select, 5 times" => |conn| prepared!(conn, for id in 0..5 { u::users.find(id).first::<User>(conn).optional()?; });
        "preparations of 5 selects" => |conn| prepared!(conn, for length in 0..5 { u::users.filter(u::id.eq_any(vec![1; length])).load::<User>(conn)?; });
        "preparations of one insert, 5 times" => |conn| prepared!(conn, for name in ["q", "w", "e", "r", "t"] {
            diesel::insert_into(n::counters).values((n::name.eq(name), n::hits.eq(1))).execute(conn)?;
        });
        "preparations without a cache" => |conn| {
            conn.set_prepared_statement_cache_size(CacheSize::Disabled);
            prepared!(conn, for id in 0..5 { u::users.find(id).first::<User>(conn).optional()?; })
        };
        "preparations after the cache is back" => |conn| {
            conn.set_prepared_statement_cache_size(CacheSize::Disabled);
            u::users.find(1).first::<User>(conn)?;
            conn.set_prepared_statement_cache_size(CacheSize::Unbounded);
            prepared!(conn, for id in 0..5 { u::users.find(id).first::<User>(conn).optional()?; })
        };
        "preparations of one update, 5 times" => |conn| prepared!(conn, for hits in 0..5 { diesel::update(n::counters.find("a")).set(n::hits.eq(hits)).execute(conn)?; });
        "preparations of one batch insert, 5 times" => |conn| prepared!(conn, for name in ["q", "w", "e", "r", "t"] {
            diesel::insert_into(n::counters).values(vec![(n::name.eq(name), n::hits.eq(1))]).execute(conn)?;
        });
        "preparations of one sql_query, 5 times" => |conn| prepared!(conn, for _ in 0..5 { sql_query("DELETE FROM pairs").execute(conn)?; });
    }
}
