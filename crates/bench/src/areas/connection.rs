//! One connection: ours beside `diesel::MysqlConnection`.
//!
//! Both run the very same generic code; diesel's own query builder makes every statement, and both
//! keep prepared statements where they can.

use std::time::Duration;

use diesel::connection::LoadConnection;
use diesel::mysql::Mysql;
use diesel::prelude::*;
use diesel::r2d2::R2D2Connection;

use super::{Benchmark, Entry};
use crate::ground::{Ground, Place, ROWS};
use crate::harness::{Better, Contestant, Failure, Metric, per_second};

diesel::table! {
    account (id) {
        id -> BigInt,
        owner -> Text,
        cents -> BigInt,
        rating -> Double,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    entry (id) {
        id -> BigInt,
        account -> BigInt,
        cents -> BigInt,
        text -> Text,
    }
}

#[derive(Queryable)]
struct Account {
    id: i64,
    owner: String,
    cents: i64,
    rating: f64,
    note: Option<String>,
}

pub(super) fn benchmarks() -> Vec<Benchmark> {
    let benchmark = |name, unit, better, enter| {
        let metric = Metric { name, unit, better };
        Benchmark { metric, place: Place::OneProcessor, enter }
    };
    vec![
        benchmark("connection.connect", "us", Better::Lower, enter_connect),
        benchmark("connection.ping", "us", Better::Lower, enter_ping),
        benchmark("connection.select", "ops/s", Better::Higher, |ground| {
            let round = ground.round();
            let ours = select("ours", ground.ours()?, round);
            Ok(Entry::pair(ours, select("diesel", ground.diesel()?, round)))
        }),
        benchmark("connection.insert", "ops/s", Better::Higher, |ground| {
            let round = ground.round();
            let ours = insert("ours", ground.ours()?, round);
            Ok(Entry::pair(ours, insert("diesel", ground.diesel()?, round)))
        }),
        benchmark("connection.transaction", "ops/s", Better::Higher, |ground| {
            let round = ground.round();
            let ours = transaction("ours", ground.ours()?, round);
            Ok(Entry::pair(ours, transaction("diesel", ground.diesel()?, round)))
        }),
        benchmark("connection.load", "rows/s", Better::Higher, |ground| {
            let round = ground.round();
            let ours = load("ours", ground.ours()?, round);
            Ok(Entry::pair(ours, load("diesel", ground.diesel()?, round)))
        }),
    ]
}

/// Opening a connection until statements can be sent, and closing it.
fn enter_connect(ground: &Ground) -> Result<Entry, Failure> {
    let (round, config, url) = (ground.round(), ground.config()?, ground.url());
    let ours = Contestant::new("ours", move || {
        microseconds(round, || {
            drop(steadfast_connection::Connection::open(&config)?);
            Ok(())
        })
    });
    let peer = Contestant::new("diesel", move || {
        microseconds(round, || {
            drop(MysqlConnection::establish(&url)?);
            Ok(())
        })
    });
    Ok(Entry::pair(ours, peer))
}

/// Whether the server still answers, asked as a pool would ask it.
fn enter_ping(ground: &Ground) -> Result<Entry, Failure> {
    let (round, mut ours, mut peer) = (ground.round(), ground.ours()?, ground.diesel()?);
    let ours = Contestant::new("ours", move || microseconds(round, || Ok(ours.ping()?)));
    let peer = Contestant::new("diesel", move || {
        microseconds(round, || Ok(R2D2Connection::ping(&mut peer)?))
    });
    Ok(Entry::pair(ours, peer))
}

/// One row by its primary key, into a struct.
fn select<C>(name: &'static str, mut connection: C, round: Duration) -> Contestant
where
    C: LoadConnection<Backend = Mysql> + 'static,
{
    Contestant::new(name, move || {
        per_second(round, || {
            let id = any_id();
            let found: Account = account::table.find(id).first(&mut connection)?;
            expect_same(id, found.id)
        })
    })
}

/// One row of four columns, committed by itself.
fn insert<C>(name: &'static str, mut connection: C, round: Duration) -> Contestant
where
    C: Connection<Backend = Mysql> + 'static,
{
    Contestant::new(name, move || {
        per_second(round, || {
            let row = (entry::account.eq(any_id()), entry::cents.eq(5_000), entry::text.eq("rent"));
            let inserted =
                diesel::insert_into(entry::table).values(row).execute(&mut connection)?;
            expect_same(1_usize, inserted)
        })
    })
}

/// BEGIN, one UPDATE by the primary key, COMMIT.
fn transaction<C>(name: &'static str, mut connection: C, round: Duration) -> Contestant
where
    C: Connection<Backend = Mysql> + 'static,
{
    Contestant::new(name, move || {
        per_second(round, || {
            let updated = connection.transaction(|connection| {
                diesel::update(account::table.find(any_id()))
                    .set(account::cents.eq(account::cents + 1))
                    .execute(connection)
            })?;
            expect_same(1_usize, updated)
        })
    })
}

/// The whole table, 100,000 rows of five columns, into structs.
fn load<C>(name: &'static str, mut connection: C, round: Duration) -> Contestant
where
    C: LoadConnection<Backend = Mysql> + 'static,
{
    Contestant::new(name, move || {
        let tables = per_second(round, || {
            let all: Vec<Account> = account::table.load(&mut connection)?;
            let loaded = all.iter().filter(|account| account.is_whole()).count();
            expect_same(usize::try_from(ROWS)?, loaded)
        })?;
        Ok(tables * ROWS as f64)
    })
}

impl Account {
    /// Looks at every column, so that none can be left unread.
    fn is_whole(&self) -> bool {
        let note_fits = self.note.is_none() == (self.id % 3 == 0);
        note_fits && self.owner.starts_with("owner") && self.cents >= 100 && self.rating > 0.0
    }
}

/// A benchmark whose answers are wrong measures nothing.
fn expect_same<T: Copy + PartialEq + std::fmt::Debug>(wanted: T, came: T) -> Result<(), Failure> {
    if wanted == came {
        return Ok(());
    }
    Err(format!("{came:?} came where {wanted:?} was due").into())
}

fn any_id() -> i64 {
    fastrand::i64(1..=ROWS)
}

fn microseconds(time: Duration, work: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    Ok(1e6 / per_second(time, work)?)
}
