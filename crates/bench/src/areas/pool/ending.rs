//! The end of a pool: how long its threads and connections outlive the last return.

use std::collections::HashSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::LoadConnection;
use diesel::mysql::Mysql;
use steadfast_connection::Connection;

use super::killed::{connection_id, wait_until_gone};
use super::lenders::{self, Ask, Lend};
use super::{benchmark, lower, milliseconds, pause};
use crate::areas::{Benchmark, Entry};
use crate::arguments::Length;
use crate::ground::Ground;
use crate::harness::{Contestant, Failure};

const SIZE: u32 = 10;

pub(super) fn benchmarks() -> Vec<Benchmark> {
    let shutdown = benchmark(lower("pool.shutdown", "ms"), &[], enter);
    vec![Benchmark { length: Length::Long(3), ..shutdown }]
}

/// Milliseconds from the return of the last connection until the pool has no thread and no connection
/// left. r2d2's threads stay for half a minute; with `--quick` they are given up after two seconds.
fn enter(ground: &Ground) -> Result<Entry, Failure> {
    let given_up = Duration::from_secs(if ground.plan().whole { 40 } else { 2 });
    let url = ground.url();
    let mut witness = ground.ours()?;
    let ours = {
        let url = url.clone();
        Contestant::new("ours", move || {
            let before = threads()?;
            let pool = lenders::ours(&url, SIZE)?;
            let (ids, last) = all_but_one_back(&pool)?;
            let traces = Traces { threads: &threads()? - &before, ids };
            let closer = pool.clone();
            let closing = thread::spawn(move || closer.close(given_up));
            while !pool.is_closed() {
                pause(Duration::from_micros(100));
            }
            drop(pool);
            let returned = Instant::now();
            drop(last);
            let gone = traces.vanish(returned, given_up, &mut witness)?;
            closing.join().map_err(|_panic| "closing panicked")?;
            Ok(gone)
        })
    };
    let mut witness = ground.ours()?;
    let r2d2 = Contestant::new("r2d2", move || {
        let before = threads()?;
        let pool = lenders::r2d2(&url, SIZE, Ask::Never)?;
        let (ids, last) = all_but_one_back(&pool)?;
        let traces = Traces { threads: &threads()? - &before, ids };
        drop(pool);
        let returned = Instant::now();
        drop(last);
        traces.vanish(returned, given_up, &mut witness)
    });
    Ok(Entry::pair(ours, r2d2))
}

/// Lends all connections of `pool` and gives back all but one: the server's numbers of all, and that one.
fn all_but_one_back<P>(pool: &P) -> Result<(Vec<i64>, P::Lease), Failure>
where
    P: Lend<Lease: LoadConnection<Backend = Mysql>>,
{
    let mut all = (0..SIZE).map(|_| pool.lend()).collect::<Result<Vec<_>, _>>()?;
    let ids = all.iter_mut().map(connection_id).collect::<Result<_, _>>()?;
    let last = all.pop().ok_or("the pool has no connection")?;
    Ok((ids, last))
}

/// What a pool has besides memory.
struct Traces {
    threads: HashSet<u32>,
    ids: Vec<i64>,
}

impl Traces {
    /// How many milliseconds after `from` all of it is gone; `given_up` if it is still there then.
    fn vanish(
        &self,
        from: Instant,
        given_up: Duration,
        witness: &mut Connection,
    ) -> Result<f64, Failure> {
        wait_until_gone(&self.ids, witness)?;
        while !self.threads.is_disjoint(&threads()?) && from.elapsed() < given_up {
            pause(Duration::from_micros(200));
        }
        Ok(milliseconds(from.elapsed()))
    }
}

/// The numbers of this process's threads.
fn threads() -> Result<HashSet<u32>, Failure> {
    let tasks = fs::read_dir("/proc/self/task")?;
    tasks
        .map(|task| -> Result<u32, Failure> {
            let name = task?.file_name();
            Ok(name.to_str().ok_or("a task has a strange number")?.parse()?)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_thread_is_seen_until_it_has_ended() -> Result<(), Failure> {
        let before = threads()?;
        let (end, ended) = mpsc::channel::<()>();
        let thread = thread::spawn(move || ended.recv_timeout(Duration::from_secs(20)));
        let born = &threads()? - &before;
        assert!(!born.is_empty());

        drop(end);
        thread.join().unwrap().unwrap_err();

        let start = Instant::now();
        while !born.is_disjoint(&threads()?) {
            assert!(start.elapsed() < Duration::from_secs(20));
            thread::yield_now();
        }
        Ok(())
    }
}
