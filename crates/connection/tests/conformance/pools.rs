//! `diesel::r2d2` over either connection.

use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::r2d2::{
    ConnectionManager, CustomizeConnection, Error as PoolError, ManageConnection, Pool,
    R2D2Connection,
};
use diesel::result::Error;
use diesel::sql_query;

use crate::schema::counters::dsl as n;
use crate::schema::{SEED, SETUP};
use crate::suite::{Theme, cases, rows};

/// Sets every new connection up.
#[derive(Debug)]
struct Marked;

impl<C: Connection> CustomizeConnection<C, PoolError> for Marked {
    fn on_acquire(&self, conn: &mut C) -> Result<(), PoolError> {
        conn.batch_execute("SET @mark = 'seen'").map_err(PoolError::QueryError)
    }
}

pub(crate) fn theme() -> Theme {
    Theme {
        name: "r2d2",
        setup: SETUP.to_owned(),
        seed: SEED,
        tables: &["counters"],
        cases: cases(),
    }
}

/// A pool of at most two.
macro_rules! pool {
    ($site:ident) => {
        Pool::builder()
            .max_size(2)
            .min_idle(Some(0))
            .connection_timeout(Duration::from_secs(10))
            .test_on_check_out(true)
            .build(ConnectionManager::<C>::new(&$site.url))
            .unwrap()
    };
}

fn cases() -> Vec<crate::suite::Case> {
    cases! {
        "ping" => |conn| R2D2Connection::ping(conn);
        "ping after a kill" => |conn| { let _killed = sql_query("KILL CONNECTION_ID()").execute(conn); Ok(R2D2Connection::ping(conn).is_err()) };
        "is_broken" => |conn| Ok(R2D2Connection::is_broken(conn));
        "is_broken in a transaction" => |conn| conn.transaction::<_, Error, _>(|conn| Ok(R2D2Connection::is_broken(conn)));
        "is_broken in a test transaction" => |conn| { conn.begin_test_transaction()?; Ok(R2D2Connection::is_broken(conn)) };
        "the manager by itself" => |conn, site| {
            let manager = ConnectionManager::<C>::new(&site.url);
            let mut made = manager.connect().unwrap();
            Ok((manager.is_valid(&mut made).is_ok(), manager.has_broken(&mut made)))
        };
        "the manager, to where nobody is" => |conn| Ok(ConnectionManager::<C>::new("mysql://root@127.0.0.1:1/x").connect().is_err());
        "a query on a pooled one" => |conn, site| { let pool = pool!(site); n::counters.count().get_result::<i64>(&mut pool.get().unwrap()) };
        "a transaction on a pooled one" => |conn, site| {
            let pool = pool!(site);
            pool.get().unwrap().transaction(|conn| diesel::delete(n::counters.find("a")).execute(conn))
        };
        "two at once" => |conn, site| {
            let pool = pool!(site);
            let (mut one, mut other) = (pool.get().unwrap(), pool.get().unwrap());
            one.batch_execute("SET @a = 1")?;
            let seen = rows(&mut *other, sql_query("SELECT @a"))?;
            Ok((seen, pool.state().connections, pool.try_get().is_none()))
        };
        "the same one again" => |conn, site| {
            let pool = pool!(site);
            pool.get().unwrap().batch_execute("SET @a = 1")?;
            rows(&mut *pool.get().unwrap(), sql_query("SELECT @a"))
        };
        "a transaction left open is not passed on" => |conn, site| {
            use diesel::connection::TransactionManager as _;
            let pool = pool!(site);
            {
                let mut lent = pool.get().unwrap();
                lent.batch_execute("SET @a = 1")?;
                <C as Connection>::TransactionManager::begin_transaction(&mut *lent)?;
                diesel::delete(n::counters).execute(&mut *lent)?;
            }
            rows(&mut *pool.get().unwrap(), sql_query("SELECT @a"))
        };
        "a killed one is not passed on" => |conn, site| {
            let pool = pool!(site);
            let _killed = sql_query("KILL CONNECTION_ID()").execute(&mut *pool.get().unwrap());
            n::counters.count().get_result::<i64>(&mut pool.get().unwrap())
        };
        "set up by the pool" => |conn, site| {
            let pool = Pool::builder().max_size(1).connection_customizer(Box::new(Marked)).build(ConnectionManager::<C>::new(&site.url)).unwrap();
            rows(&mut *pool.get().unwrap(), sql_query("SELECT @mark"))
        };
        "from many threads" => |conn, site| {
            let pool = pool!(site);
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| {
                    diesel::update(n::counters.find("a")).set(n::hits.eq(n::hits + 1)).execute(&mut pool.get().unwrap())
                })).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).sum::<QueryResult<usize>>()
            })
        };
    }
}
