//! An administrator, or a failover, kills all pooled connections: how many of the next queries fail.

use std::time::{Duration, Instant};

use diesel::connection::LoadConnection;
use diesel::mysql::Mysql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use steadfast_connection::Connection;
use steadfast_session::{Error as SessionError, SessionConfig};

use super::lenders::{self, Ask, Lend};
use super::outage::AskServer;
use super::{benchmark, lower, pause};
use crate::areas::{Benchmark, Entry};
use crate::ground::Ground;
use crate::harness::{Contestant, Failure};

const SIZE: u32 = 10;
const QUERIES: usize = 60;

pub(super) fn benchmarks() -> Vec<Benchmark> {
    let through_a_session = lower("pool.killed_session", "of 60 queries");
    vec![benchmark(lower("pool.killed", "of 60 queries"), &[through_a_session], enter)]
}

/// Ours lends what was used a moment ago without asking, and r2d2 is told not to ask: knowing that a
/// connection is alive costs neither a round trip. `r2d2_asking` makes one for each loan.
fn enter(ground: &Ground) -> Result<Entry, Failure> {
    let url = ground.url();
    let ours = lenders::ours(&url, SIZE)?;
    let sessions = SessionConfig::new().exactly_once(false).build(lenders::ours(&url, SIZE)?)?;
    let mut killer = ground.ours()?;
    let ours = Contestant::of_many("ours", move || {
        kill_all(&ours, &mut killer)?;
        let plain = failed(|| ours.lend()?.ask());
        kill_all(sessions.pool(), &mut killer)?;
        let through_a_session = failed(|| {
            sessions.transaction(|tx| -> Result<(), SessionError> {
                diesel::sql_query("SELECT 1").execute(tx)?;
                Ok(())
            })?;
            Ok(())
        });
        Ok(vec![plain, through_a_session])
    });
    let r2d2 = |name, ask| -> Result<Contestant, Failure> {
        let (url, mut killer) = (url.clone(), ground.ours()?);
        Ok(Contestant::of_many(name, move || {
            // A pool for each round: unasked, it lends the dead ones for ever.
            let pool = lenders::r2d2(&url, SIZE, ask)?;
            kill_all(&pool, &mut killer)?;
            Ok(vec![failed(|| pool.lend()?.ask()), f64::NAN])
        }))
    };
    Ok(Entry { ours, peers: vec![r2d2("r2d2", Ask::Never)?, r2d2("r2d2_asking", Ask::Always)?] })
}

/// Uses every connection of `pool`, so that none is suspect, and kills them all.
fn kill_all<P>(pool: &P, killer: &mut Connection) -> Result<(), Failure>
where
    P: Lend<Lease: LoadConnection<Backend = Mysql>>,
{
    let mut all: Vec<P::Lease> = (0..SIZE).map(|_| pool.lend()).collect::<Result<_, _>>()?;
    let ids = all.iter_mut().map(connection_id).collect::<Result<Vec<i64>, _>>()?;
    drop(all);
    for id in &ids {
        diesel::sql_query(format!("KILL CONNECTION {id}")).execute(killer)?;
    }
    wait_until_gone(&ids, killer)
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// The number that the server gave a connection.
pub(super) fn connection_id<C>(connection: &mut C) -> Result<i64, Failure>
where
    C: LoadConnection<Backend = Mysql>,
{
    let Id { id } = diesel::sql_query("SELECT CONNECTION_ID() AS id").get_result(connection)?;
    Ok(id)
}

/// Waits until the server no longer lists any of these connections, for ten seconds at most.
pub(super) fn wait_until_gone(ids: &[i64], witness: &mut Connection) -> Result<(), Failure> {
    let list: Vec<String> = ids.iter().map(i64::to_string).collect();
    let count = format!(
        "SELECT COUNT(*) AS id FROM information_schema.processlist WHERE id IN ({})",
        list.join(", ")
    );
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        let Id { id: left } = diesel::sql_query(&count).get_result(witness)?;
        if left == 0 {
            return Ok(());
        }
        pause(Duration::from_micros(200));
    }
    Err("the server still lists connections that were ended".into())
}

/// How many of the queries fail.
fn failed(mut query: impl FnMut() -> Result<(), Failure>) -> f64 {
    (0..QUERIES).filter(|_| query().is_err()).count() as f64
}
