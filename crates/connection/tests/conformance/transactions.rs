//! Transactions, savepoints, and what becomes of them when something goes wrong.

use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::connection::{SimpleConnection as _, TransactionManager as _};
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_query;

use crate::schema::counters::dsl as n;
use crate::schema::{SEED, SETUP, TABLES};
use crate::suite::{Case, Theme, cases, failure, seen};

type Manager<C> = <C as Connection>::TransactionManager;

pub(crate) fn theme() -> Theme {
    let mut cases = plain();
    cases.extend(by_hand());
    cases.extend(gone_wrong());
    Theme { name: "transactions", setup: SETUP.to_owned(), seed: SEED, tables: TABLES, cases }
}

/// One more row, so that what was committed shows in the table.
macro_rules! insert {
    ($conn:expr, $name:literal) => {
        diesel::insert_into(n::counters).values((n::name.eq($name), n::hits.eq(0))).execute($conn)
    };
}

/// An error that undoes a transaction.
fn undo<T>() -> QueryResult<T> {
    Err(Error::RollbackTransaction)
}

fn plain() -> Vec<Case> {
    cases! {
        "commit" => |conn| conn.transaction(|conn| insert!(conn, "x"));
        "rollback" => |conn| conn.transaction(|conn| { insert!(conn, "x")?; undo::<()>() });
        "an empty transaction" => |conn| conn.transaction(|_| Ok(1));
        "nested, both commit" => |conn| conn.transaction(|conn| { insert!(conn, "x")?; conn.transaction(|conn| insert!(conn, "y")) });
        "nested, the inner one is undone" => |conn| conn.transaction(|conn| {
            insert!(conn, "x")?;
            let inner = conn.transaction(|conn| { insert!(conn, "y")?; undo::<()>() });
            Ok(seen(|| inner))
        });
        "nested, the outer one is undone" => |conn| conn.transaction(|conn| {
            conn.transaction(|conn| insert!(conn, "y"))?;
            undo::<()>()
        });
        "three deep" => |conn| conn.transaction(|conn| {
            insert!(conn, "x")?;
            let middle = conn.transaction(|conn| {
                insert!(conn, "y")?;
                conn.transaction(|conn| insert!(conn, "z"))?;
                undo::<()>()
            });
            Ok(seen(|| middle))
        });
        "two savepoints one after the other" => |conn| conn.transaction(|conn| {
            conn.transaction(|conn| insert!(conn, "x"))?;
            let second = conn.transaction(|conn| { insert!(conn, "y")?; undo::<()>() });
            conn.transaction(|conn| insert!(conn, "z"))?;
            Ok(seen(|| second))
        });
        "a failed statement, caught" => |conn| conn.transaction(|conn| {
            let failed = insert!(conn, "a");
            insert!(conn, "x")?;
            Ok(seen(|| failed))
        });
        "a failed statement, passed on" => |conn| conn.transaction(|conn| { insert!(conn, "x")?; insert!(conn, "a") });
        "an error of another type" => |conn| {
            let outcome: Result<(), Box<dyn std::error::Error>> = conn.transaction(|conn| { insert!(conn, "x")?; Err("own".into()) });
            Ok(outcome.map_err(|error| error.to_string()))
        };
        "one after the other" => |conn| {
            conn.transaction(|conn| insert!(conn, "x"))?;
            let _undone: QueryResult<()> = conn.transaction(|conn| { insert!(conn, "y")?; undo() });
            conn.transaction(|conn| insert!(conn, "z"))
        };
        "test_transaction" => |conn| Ok(conn.test_transaction::<_, Error, _>(|conn| insert!(conn, "x")));
        "begin_test_transaction" => |conn| {
            conn.begin_test_transaction()?;
            insert!(conn, "x")?;
            conn.transaction(|conn| insert!(conn, "y"))?;
            n::counters.count().get_result::<i64>(conn)
        };
        "begin_test_transaction twice" => |conn| {
            conn.begin_test_transaction()?;
            Ok(catch_unwind(AssertUnwindSafe(|| conn.begin_test_transaction())).is_err())
        };
    }
}

fn by_hand() -> Vec<Case> {
    cases! {
        "begin and commit" => |conn| { Manager::<C>::begin_transaction(conn)?; insert!(conn, "x")?; Manager::<C>::commit_transaction(conn) };
        "begin and rollback" => |conn| { Manager::<C>::begin_transaction(conn)?; insert!(conn, "x")?; Manager::<C>::rollback_transaction(conn) };
        "begin, and no more" => |conn| { Manager::<C>::begin_transaction(conn)?; insert!(conn, "x") };
        "begin twice, and no more" => |conn| { Manager::<C>::begin_transaction(conn)?; Manager::<C>::begin_transaction(conn)?; insert!(conn, "x") };
        "commit without begin" => |conn| Manager::<C>::commit_transaction(conn);
        "rollback without begin" => |conn| Manager::<C>::rollback_transaction(conn);
        "commit once too often" => |conn| {
            Manager::<C>::begin_transaction(conn)?;
            Manager::<C>::commit_transaction(conn)?;
            Manager::<C>::commit_transaction(conn)
        };
        "is_broken_transaction_manager" => |conn| {
            let before = Manager::<C>::is_broken_transaction_manager(conn);
            Manager::<C>::begin_transaction(conn)?;
            let within = Manager::<C>::is_broken_transaction_manager(conn);
            Manager::<C>::rollback_transaction(conn)?;
            Ok((before, within, Manager::<C>::is_broken_transaction_manager(conn)))
        };
        "the depth" => |conn| {
            let mut depths = Vec::new();
            let mut note = |conn: &mut C| depths.push(Manager::<C>::transaction_manager_status_mut(conn).transaction_depth().ok().flatten());
            note(conn);
            for _ in 0..3 { Manager::<C>::begin_transaction(conn)?; note(conn); }
            for _ in 0..3 { Manager::<C>::commit_transaction(conn)?; note(conn); }
            Ok(depths)
        };
        "an isolation level for the next" => |conn| {
            conn.batch_execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")?;
            conn.transaction(|conn| insert!(conn, "x"))
        };
        "read only" => |conn| { conn.batch_execute("SET TRANSACTION READ ONLY")?; conn.transaction(|conn| insert!(conn, "x")) };
        "BEGIN and COMMIT as text" => |conn| { conn.batch_execute("BEGIN")?; insert!(conn, "x")?; conn.batch_execute("COMMIT") };
        "BEGIN and ROLLBACK as text" => |conn| { conn.batch_execute("BEGIN")?; insert!(conn, "x")?; conn.batch_execute("ROLLBACK") };
        "BEGIN and COMMIT, prepared" => |conn| { sql_query("BEGIN").execute(conn)?; insert!(conn, "x")?; sql_query("COMMIT").execute(conn) };
        "a savepoint as text" => |conn| conn.transaction(|conn| {
            conn.batch_execute("SAVEPOINT own")?;
            insert!(conn, "x")?;
            conn.batch_execute("ROLLBACK TO SAVEPOINT own")?;
            insert!(conn, "y")
        });
    }
}

fn gone_wrong() -> Vec<Case> {
    cases! {
        "a panic within" => |conn| {
            let outcome = catch_unwind(AssertUnwindSafe(|| conn.transaction::<(), Error, _>(|conn| { insert!(conn, "x")?; panic!("own") })));
            Ok(outcome.is_err())
        };
        "DDL within, then an error" => |conn| conn.transaction(|conn| {
            insert!(conn, "x")?;
            conn.batch_execute("CREATE TABLE IF NOT EXISTS made (id INT)")?;
            undo::<()>()
        });
        "DDL within, then a commit" => |conn| conn.transaction(|conn| {
            insert!(conn, "x")?;
            conn.batch_execute("CREATE TABLE IF NOT EXISTS made (id INT)")
        });
        "ROLLBACK as text within" => |conn| conn.transaction(|conn| {
            insert!(conn, "x")?;
            conn.batch_execute("ROLLBACK")?;
            insert!(conn, "y")
        });
        "COMMIT as text within, then an error" => |conn| conn.transaction(|conn| {
            insert!(conn, "x")?;
            conn.batch_execute("COMMIT")?;
            undo::<()>()
        });
        "killed within" => |conn| conn.transaction(|conn| { insert!(conn, "x")?; sql_query("KILL CONNECTION_ID()").execute(conn) });
        "killed before the commit" => |conn, site| {
            let mut other = C::establish(&site.url).unwrap();
            let outcome = conn.transaction(|conn| {
                insert!(conn, "x")?;
                let id = diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>("CONNECTION_ID()")).first::<i64>(conn)?;
                other.batch_execute(&format!("KILL {id}"))
            });
            Ok(outcome.is_err())
        };
        "a lock that is not given" => |conn, site| {
            let mut other = C::establish(&site.url).unwrap();
            other.batch_execute("BEGIN; UPDATE counters SET hits = 7 WHERE name = 'a'")?;
            conn.batch_execute("SET innodb_lock_wait_timeout = 1")?;
            let outcome = conn.transaction(|conn| {
                insert!(conn, "x")?;
                diesel::update(n::counters.find("a")).set(n::hits.eq(8)).execute(conn)
            });
            other.batch_execute("ROLLBACK")?;
            Ok(outcome.map_err(|error| failure(&error)))
        };
        "a row that is locked, without waiting" => |conn, site| {
            let mut other = C::establish(&site.url).unwrap();
            other.batch_execute("BEGIN; UPDATE counters SET hits = 7 WHERE name = 'a'")?;
            let outcome = conn.transaction(|conn| n::counters.find("a").select(n::hits).for_update().no_wait().first::<i64>(conn));
            let passed_over = conn.transaction(|conn| n::counters.select(n::name).for_update().skip_locked().load::<String>(conn));
            other.batch_execute("ROLLBACK")?;
            Ok((outcome.map_err(|error| failure(&error)), passed_over?))
        };
    }
}
