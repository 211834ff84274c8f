//! A result of a gigabyte, row by row: until the first row, in how much memory, and how fast.
//!
//! Ours streams; diesel's own connection has only its default mode, which reads the whole result first. The
//! `mysql` crate takes part twice, prepared and as text; and the command line client, which does nothing
//! but print.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use mysql::prelude::Queryable as _;
use steadfast_connection::Streaming;

use super::{benchmark, expect_same, line};
use crate::areas::{Benchmark, Entry};
use crate::child::{Task, Work};
use crate::ground::{Ground, Large};
use crate::harness::{Better, Contestant, Failure, per_second};

diesel::table! {
    wide (id) {
        id -> BigInt,
        body -> Text,
    }
}

/// What diesel builds for the whole table.
const ALL: &str = "SELECT `wide`.`id`, `wide`.`body` FROM `wide`";

type Wide = (i64, String);

pub(super) fn benchmarks() -> Vec<Benchmark> {
    vec![
        benchmark("connection.stream_first_row", "ms", Better::Lower, enter_first_row),
        benchmark("connection.stream_memory", "MB", Better::Lower, enter_memory),
        benchmark("connection.stream_rate", "rows/s", Better::Higher, enter_rate),
    ]
}

/// Everybody who reads the table, by a name that [`read`] knows.
const READERS: [&str; 3] = ["diesel", "mysql", "mysql_text"];

/// Milliseconds from the query to its first row, on a connection that is open already.
fn enter_first_row(ground: &Ground) -> Result<Entry, Failure> {
    let url = ground.large()?.url();
    let contestant = |who| {
        let url = url.clone();
        Contestant::new(who, move || {
            let mut came = None;
            read(who, &url, &mut |start, row| {
                came = Some(start.elapsed());
                expect_whole(&row)?;
                Ok(Go::Stop)
            })?;
            Ok(came.ok_or("no row came")?.as_secs_f64() * 1e3)
        })
    };
    Ok(Entry { ours: contestant("ours"), peers: READERS.map(contestant).into() })
}

/// Megabytes by which a process grows while it reads the table and keeps no row. Each is a child of its
/// own, since what one contestant has freed another may use.
fn enter_memory(ground: &Ground) -> Result<Entry, Failure> {
    let large = ground.large()?;
    let (url, count) = (large.url(), u64::from(large.rows()));
    let contestant = |who| {
        let url = url.clone();
        Contestant::new(who, move || Task { work: "stream_memory", who, url: &url, count }.run(&[]))
    };
    Ok(Entry { ours: contestant("ours"), peers: READERS.map(contestant).into() })
}

/// The whole table, each row into Rust's own types; the command line client prints it to nowhere.
fn enter_rate(ground: &Ground) -> Result<Entry, Failure> {
    let (round, large) = (ground.round(), ground.large()?);
    let count = u64::from(large.rows());
    let contestant = |who| {
        let url = large.url();
        Contestant::new(who, move || {
            Ok(per_second(round, || read_all(who, &url, count))? * count as f64)
        })
    };
    let mut peers = vec![client(ground, large)];
    peers.extend(READERS.map(contestant));
    Ok(Entry { ours: contestant("ours"), peers })
}

/// `mariadb --quick`, with its own start and end, which take some 10 ms. With `--raw` it need not look
/// for characters to escape, and is a quarter faster.
fn client(ground: &Ground, large: &Large) -> Contestant {
    let (round, count) = (ground.round(), large.rows());
    let words: Vec<String> = [
        "--no-defaults",
        "--quick",
        "--raw",
        "--protocol=tcp",
        "--host=127.0.0.1",
        "--user=root",
        &format!("--port={}", large.port()),
        large.database(),
        &format!("--execute={ALL}"),
    ]
    .map(str::to_owned)
    .into();
    Contestant::new("mariadb", move || {
        let tables = per_second(round, || {
            let mut client = Command::new("mariadb");
            let status = client.args(&words).stdin(Stdio::null()).stdout(Stdio::null()).status()?;
            expect_same(true, status.success())
        })?;
        Ok(tables * f64::from(count))
    })
}

/// Reads the table once, and looks at each row.
fn read_all(who: &str, url: &str, count: u64) -> Result<(), Failure> {
    let mut came = 0;
    read(who, url, &mut |_, row| {
        expect_whole(&row)?;
        came += 1;
        Ok(Go::On)
    })?;
    expect_same(count, came)
}

fn expect_whole((id, body): &Wide) -> Result<(), Failure> {
    expect_same((true, 1_000), (*id > 0, body.len()))
}

/// Whether a reader wants the next row.
#[derive(PartialEq, Eq)]
enum Go {
    On,
    Stop,
}

/// Gives `each` the rows one by one, and when the query was sent.
fn read(
    who: &str,
    url: &str,
    each: &mut dyn FnMut(Instant, Wide) -> Result<Go, Failure>,
) -> Result<(), Failure> {
    match who {
        "ours" => {
            let mut connection = line::ours(url)?;
            let start = Instant::now();
            let rows = wide::table.load_iter::<Wide, Streaming>(&mut connection)?;
            hand_over(start, rows, each)
        }
        "diesel" => {
            let mut connection = line::diesel(url)?;
            let start = Instant::now();
            let rows = wide::table.load_iter::<Wide, DefaultLoadingMode>(&mut connection)?;
            hand_over(start, rows, each)
        }
        "mysql" => {
            let mut connection = line::mysql(url)?;
            let start = Instant::now();
            let rows = connection.exec_iter(ALL, ())?;
            hand_over(start, rows.map(|row| row.map(mysql::from_row)), each)
        }
        "mysql_text" => {
            let mut connection = line::mysql(url)?;
            let start = Instant::now();
            let rows = connection.query_iter(ALL)?;
            hand_over(start, rows.map(|row| row.map(mysql::from_row)), each)
        }
        other => Err(format!("nobody is called {other}").into()),
    }
}

fn hand_over<E>(
    start: Instant,
    rows: impl Iterator<Item = Result<Wide, E>>,
    each: &mut dyn FnMut(Instant, Wide) -> Result<Go, Failure>,
) -> Result<(), Failure>
where
    Failure: From<E>,
{
    for row in rows {
        if each(start, row?)? == Go::Stop {
            break;
        }
    }
    Ok(())
}

/// What a child does for these metrics.
pub(super) fn work(name: &str) -> Option<Work> {
    (name == "stream_memory").then_some(|who, url, count| {
        let before = peak_after_reset()?;
        read_all(who, url, count)?;
        Ok((peak()? - before) * 1_024.0 / 1e6)
    })
}

/// Forgets this process's highest use of memory so far, and gives what it uses now, in KiB.
fn peak_after_reset() -> Result<f64, Failure> {
    // proc_pid_clear_refs(5): 5 sets the peak to what is used now.
    fs::write("/proc/self/clear_refs", "5")?;
    peak()
}

/// The most memory that this process has used, in KiB: `VmHWM` of `proc_pid_status(5)`.
fn peak() -> Result<f64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let words = line.ok_or("the system does not tell the peak of memory")?;
    Ok(words.trim().trim_end_matches(" kB").parse()?)
}

#[cfg(test)]
mod tests {
    use diesel::mysql::Mysql;
    use diesel::query_builder::AsQuery as _;

    use super::*;

    #[test]
    fn everybody_gets_the_text_that_diesel_builds() {
        let all = diesel::debug_query::<Mysql, _>(&wide::table.as_query()).to_string();

        assert_eq!(all, format!("{ALL} -- binds: []"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_peak_rises_with_what_is_used_and_falls_at_a_reset() -> Result<(), Failure> {
        let before = peak_after_reset()?;
        let used = vec![1_u8; 64 << 20];
        assert!(peak()? - before > 60_000.0);
        drop(used);
        assert!(peak_after_reset()? - before < 60_000.0);
        Ok(())
    }
}
