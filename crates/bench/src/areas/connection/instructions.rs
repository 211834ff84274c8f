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
    let benchmark = |name, unit, enter| benchmark(name, unit, Better::Lower, enter);
    vec![
        benchmark("connection.instructions", "instructions a select", |ground| {
            Ok(enter(ground, "select"))
        }),
        benchmark("connection.instructions_insert", "instructions an insert", |ground| {
            Ok(enter(ground, "insert"))
        }),
        benchmark("connection.instructions_transaction", "instructions a transaction", |ground| {
            Ok(enter(ground, "transaction"))
        }),
    ]
}

fn enter(ground: &Ground, work: &'static str) -> Entry {
    let contestant = |who| {
        let url = ground.url();
        Contestant::new(who, move || {
            let count = |count| instructions(&Task { work, who, url: &url, count });
            Ok((count(MANY)? - count(FEW)?) / (MANY - FEW) as f64)
        })
    };
    Entry { ours: contestant("ours"), peers: vec![contestant("diesel"), contestant("mysql")] }
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
        "select" => Some(|who, url, count| SELECT.repeat(who, url, count)),
        "insert" => Some(|who, url, count| INSERT.repeat(who, url, count)),
        "transaction" => Some(|who, url, count| TRANSACTION.repeat(who, url, count)),
        _ => None,
    }
}

/// One operation, as each contestant does it.
struct Operation {
    ours: fn(&mut Connection) -> Result<(), Failure>,
    diesel: fn(&mut MysqlConnection) -> Result<(), Failure>,
    mysql: fn(&mut Conn) -> Result<(), Failure>,
}

const SELECT: Operation = Operation {
    ours: accounts::select,
    diesel: accounts::select,
    mysql: accounts::select_by_mysql,
};
const INSERT: Operation = Operation {
    ours: accounts::insert,
    diesel: accounts::insert,
    mysql: accounts::insert_by_mysql,
};
const TRANSACTION: Operation = Operation {
    ours: accounts::transaction,
    diesel: accounts::transaction,
    mysql: accounts::transaction_by_mysql,
};

impl Operation {
    fn repeat(&self, who: &str, url: &str, count: u64) -> Result<f64, Failure> {
        // The same keys in every run: even the length of a number makes a difference.
        fastrand::seed(7);
        match who {
            "ours" => times(count, &mut line::ours(url)?, self.ours)?,
            "diesel" => times(count, &mut line::diesel(url)?, self.diesel)?,
            "mysql" => times(count, &mut line::mysql(url)?, self.mysql)?,
            other => return Err(format!("nobody is called {other}").into()),
        }
        Ok(0.0)
    }
}

fn times<C>(
    count: u64,
    connection: &mut C,
    operation: fn(&mut C) -> Result<(), Failure>,
) -> Result<(), Failure> {
    (0..count).try_for_each(|_| operation(connection))
}
