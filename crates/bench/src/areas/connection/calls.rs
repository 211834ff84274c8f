//! One call at a time: connecting, asking for a sign of life, a row read, a row written, a transaction.

use diesel::r2d2::R2D2Connection;
use steadfast_connection::{Config, Connection};

use super::{accounts, benchmark, line, microseconds};
use crate::areas::{Benchmark, Entry};
use crate::ground::{Ground, Place};
use crate::harness::{Better, Contestant, Failure, per_second};

pub(super) fn benchmarks() -> Vec<Benchmark> {
    vec![
        // Where both share one processor, this is how long the server takes to start and end a thread.
        Benchmark {
            place: Place::AllProcessors,
            ..benchmark("connection.connect", "us", Better::Lower, |ground| {
                connect(ground, ground.url())
            })
        },
        benchmark("connection.ping", "us", Better::Lower, enter_ping),
        benchmark("connection.select", "ops/s", Better::Higher, enter_select),
        benchmark("connection.insert", "ops/s", Better::Higher, enter_insert),
        benchmark("connection.transaction", "ops/s", Better::Higher, |ground| {
            transaction(ground, &ground.url())
        }),
    ]
}

/// Opening a connection to `url` until statements can be sent, and closing it. Ours from one `Config`,
/// as a pool does; diesel's knows the URL alone.
pub(super) fn connect(ground: &Ground, url: String) -> Result<Entry, Failure> {
    let round = ground.round();
    let config = Config::from_url(&url)?;
    let ours = Contestant::new("ours", move || {
        microseconds(round, || {
            drop(Connection::open(&config)?);
            Ok(())
        })
    });
    let peer = Contestant::new("diesel", move || {
        microseconds(round, || {
            drop(line::diesel(&url)?);
            Ok(())
        })
    });
    Ok(Entry::pair(ours, peer))
}

/// Whether the server still answers, asked as a pool would ask it.
fn enter_ping(ground: &Ground) -> Result<Entry, Failure> {
    let (round, url) = (ground.round(), ground.url());
    let (mut ours, mut peer) = (line::ours(&url)?, line::diesel(&url)?);
    let ours = Contestant::new("ours", move || microseconds(round, || Ok(ours.ping()?)));
    let peer = Contestant::new("diesel", move || {
        microseconds(round, || Ok(R2D2Connection::ping(&mut peer)?))
    });
    Ok(Entry::pair(ours, peer))
}

fn enter_select(ground: &Ground) -> Result<Entry, Failure> {
    let url = ground.url();
    let mysql = calls(ground, "mysql", line::mysql(&url)?, accounts::select_by_mysql);
    Ok(Entry {
        ours: calls(ground, "ours", line::ours(&url)?, accounts::select),
        peers: vec![calls(ground, "diesel", line::diesel(&url)?, accounts::select), mysql],
    })
}

fn enter_insert(ground: &Ground) -> Result<Entry, Failure> {
    let url = ground.url();
    let mysql = calls(ground, "mysql", line::mysql(&url)?, accounts::insert_by_mysql);
    Ok(Entry {
        ours: calls(ground, "ours", line::ours(&url)?, accounts::insert),
        peers: vec![calls(ground, "diesel", line::diesel(&url)?, accounts::insert), mysql],
    })
}

/// BEGIN, one UPDATE and COMMIT, on connections to `url`.
pub(super) fn transaction(ground: &Ground, url: &str) -> Result<Entry, Failure> {
    let mysql = calls(ground, "mysql", line::mysql(url)?, accounts::transaction_by_mysql);
    Ok(Entry {
        ours: calls(ground, "ours", line::ours(url)?, accounts::transaction),
        peers: vec![calls(ground, "diesel", line::diesel(url)?, accounts::transaction), mysql],
    })
}

/// How often a second `connection` does `operation`.
fn calls<C: 'static>(
    ground: &Ground,
    name: &'static str,
    mut connection: C,
    operation: impl Fn(&mut C) -> Result<(), Failure> + 'static,
) -> Contestant {
    let round = ground.round();
    Contestant::new(name, move || per_second(round, || operation(&mut connection)))
}
