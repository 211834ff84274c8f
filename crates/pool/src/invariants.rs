//! The two bookkeepings agree: what the shelf counts and what r2d2 counts, under load and faults.

use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use steadfast_connection::Config;
use steadfast_testkit::{eventually, server};

use crate::pool::Pool;
use crate::{Error, PoolConfig};

const LONG: Duration = Duration::from_secs(20);

#[test]
fn idle_and_lent_are_what_r2d2_has_enrolled_and_never_above_the_limit() {
    let database = server().database();
    let target = Config::from_url(&database.url()).unwrap();
    let config = PoolConfig::new().size(3).overflow(3).bypass(Duration::from_millis(1));
    let pool = config.recycle(Duration::from_millis(60)).build(target).unwrap();
    let end = Instant::now() + Duration::from_millis(1_500);
    thread::scope(|scope| {
        for n in 0..12 {
            let pool = &pool;
            scope.spawn(move || {
                for turn in (0_u64..).map(|turn| turn * 7 + n).take_while(|_| Instant::now() < end)
                {
                    use_and_abuse(pool, turn);
                }
            });
        }
        scope.spawn(|| {
            while Instant::now() < end {
                let enrolled = pool.house().registry.enrolled();
                assert!(enrolled <= 6, "{enrolled} enrolled, {:?}", pool.stats());
                thread::yield_now();
            }
        });
    });
    let agree = || pool.stats().open() == pool.house().registry.enrolled();
    eventually(LONG, agree);
    assert_eq!((pool.stats().lent, pool.stats().waiting), (0, 0));
    assert!(pool.stats().retired > 0 && pool.stats().connects > 6, "{:?}", pool.stats());
    assert!(pool.close(LONG).finished);
    assert_eq!(pool.stats().open(), 0);
}

/// One of the things that happen to a connection.
fn use_and_abuse(pool: &Pool, turn: u64) {
    let mut lease = match pool.get_within(Duration::from_micros(turn % 5_000)) {
        Ok(lease) => lease,
        Err(Error::Timeout { .. }) => return,
        Err(other) => panic!("{other}"),
    };
    let sql = match turn % 29 {
        0 => "BEGIN".to_owned(),
        1 => "SET @touched = 1".to_owned(),
        2 => format!("KILL {}", lease.thread_id()),
        3 => return lease.invalidate(),
        _ => "DO 1".to_owned(),
    };
    // As texts: MySQL prepares neither BEGIN nor KILL.
    let outcome = lease.batch_execute(&sql);
    if turn % 29 == 2 {
        // MySQL tells of 1317 first, as of a statement that was stopped, and closes only then.
        eventually(LONG, || lease.ping().is_err());
    }
    assert!(outcome.is_ok() || turn % 29 == 2, "{outcome:?}");
}
