//! How many instructions the client's processor executes for one operation, under valgrind.
//!
//! The one figure here that another program on the machine cannot move: no clock, no scheduler, and what
//! the kernel does is not counted. A child process does the operation few times and then many times; the
//! difference, divided by the difference of the counts, is free of what connecting and warming up took.

use diesel::MysqlConnection;
use mysql::Conn;
use steadfast_connection::Connection;

use super::{accounts, benchmark, line};
use crate::areas::{Benchmark, Entry};
use crate::child::{Task, Work};
use crate::ground::Ground;
use crate::harness::{Better, Contestant, Failure};

const FEW: u64 = 200;
const MANY: u64 = 1_200;

pub(super) fn benchmarks() -> Vec<Benchmark> {
    vec![
        benchmark("connection.instructions", "per select", Better::Lower, |ground| {
            enter(ground, "select")
        }),
        benchmark("connection.instructions_insert", "per insert", Better::Lower, |ground| {
            enter(ground, "insert")
        }),
        benchmark(
            "connection.instructions_transaction",
            "per transaction",
            Better::Lower,
            |ground| enter(ground, "transaction"),
        ),
    ]
}

fn enter(ground: &Ground, operation: &'static str) -> Result<Entry, Failure> {
    let contestant = |who| {
        let url = ground.url();
        Contestant::new(who, move || {
            let count = |count| instructions(&Task { work: operation, who, url: &url, count });
            Ok((count(MANY)? - count(FEW)?) / (MANY - FEW) as f64)
        })
    };
    Ok(Entry { ours: contestant("ours"), peers: vec![contestant("diesel"), contestant("mysql")] })
}

/// What the whole life of a child takes.
fn instructions(task: &Task<'_>) -> Result<f64, Failure> {
    let report = tempfile::NamedTempFile::new()?;
    let path = report.path().to_str().ok_or("the folder for temporary files has a strange name")?;
    let into = format!("--callgrind-out-file={path}");
    task.run(&["valgrind", "--tool=callgrind", &into])?;
    let report = std::fs::read_to_string(path)?;
    let total = report.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(total.ok_or("callgrind wrote no total")?.trim().parse()?)
}

/// What a child does for these metrics: it always prints 0, the figure is callgrind's.
pub(super) fn work(name: &str) -> Option<Work> {
    match name {
        "select" => Some(|who, url, count| {
            let (ours, diesel) =
                (accounts::select::<Connection>, accounts::select::<MysqlConnection>);
            repeat(who, url, count, ours, diesel, accounts::select_by_mysql)
        }),
        "insert" => Some(|who, url, count| {
            let (ours, diesel) =
                (accounts::insert::<Connection>, accounts::insert::<MysqlConnection>);
            repeat(who, url, count, ours, diesel, accounts::insert_by_mysql)
        }),
        "transaction" => Some(|who, url, count| {
            let ours = accounts::transaction::<Connection>;
            let diesel = accounts::transaction::<MysqlConnection>;
            repeat(who, url, count, ours, diesel, accounts::transaction_by_mysql)
        }),
        _ => None,
    }
}

type Operation<C> = fn(&mut C) -> Result<(), Failure>;

fn repeat(
    who: &str,
    url: &str,
    count: u64,
    ours: Operation<Connection>,
    diesel: Operation<MysqlConnection>,
    mysql: Operation<Conn>,
) -> Result<f64, Failure> {
    // The same keys in every run: even the length of a number makes a difference.
    fastrand::seed(7);
    match who {
        "ours" => times(count, &mut line::ours(url)?, ours)?,
        "diesel" => times(count, &mut line::diesel(url)?, diesel)?,
        "mysql" => times(count, &mut line::mysql(url)?, mysql)?,
        other => return Err(format!("nobody is called {other}").into()),
    }
    Ok(0.0)
}

fn times<C>(count: u64, connection: &mut C, operation: Operation<C>) -> Result<(), Failure> {
    (0..count).try_for_each(|_| operation(connection))
}
