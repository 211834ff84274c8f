//! The soak: many people, random faults, and promises that are watched all the time.
//!
//! `scripts/soak pool` runs it for an hour; as a test it takes seconds. A run is told by its seed; what
//! the machine does with the threads still differs from run to run.
//!
//! - `people.rs`: threads that work with connections, well and badly;
//! - `faults.rs`: what happens to server and network, one thing after the other;
//! - `promises.rs`: what must be true whatever happens, and the count of it.

use std::env;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use steadfast_connection::Config;
use steadfast_testkit::{Server, eventually};

use crate::pool::Pool;
use crate::{MultipleCheckouts, PoolConfig};
use promises::Promises;

mod faults;
mod people;
mod promises;

const PEOPLE: usize = 12;
const SIZE: u32 = 4;
const OVERFLOW: u32 = 4;
/// Above size and overflow, so that there is something to resize to.
const HARD_LIMIT: u32 = 12;
const USER: &str = "soaker";
const PASSWORD: &str = "right";
const LONG: Duration = Duration::from_secs(20);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A number that `scripts/soak` hands in.
fn given<T: FromStr>(name: &str) -> Option<T> {
    env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_wrong| panic!("{name}={text} is not a number")))
}

#[test]
fn a_pool_under_random_faults_keeps_its_promises() {
    let seconds = given("STEADFAST_SOAK_SECONDS").unwrap_or(20);
    let seed = given("STEADFAST_SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("seed {seed}, {seconds} s");
    let server = Server::start().unwrap();
    let database = server.database();
    let account = format!(
        "CREATE USER {USER} IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON *.* TO {USER}; \
         CREATE TABLE work (n INT PRIMARY KEY, done INT); INSERT INTO work VALUES (1, 0)"
    );
    database.sql(&account).unwrap();
    let proxy = server.proxy();
    let target = Config::from_url(&database.url_through(&proxy)).unwrap();
    let pool = pool(target.user(USER).password(PASSWORD).connect_timeout(Duration::from_secs(1)));
    let promises = Promises::default();
    let over = AtomicBool::new(false);
    let end = Instant::now() + Duration::from_secs(seconds);
    thread::scope(|scope| {
        for n in 0..PEOPLE {
            let rng = Rng::with_seed(seed.wrapping_add(n as u64 + 1));
            let (pool, promises, over) = (&pool, &promises, &over);
            scope.spawn(move || people::work(n, rng, pool, promises, over));
        }
        scope.spawn(|| promises.watch(&pool, &over));
        scope.spawn(|| promises.watch_the_machine(&over));
        let stage = faults::Stage { server: &server, proxy: &proxy, pool: &pool };
        stage.play(Rng::with_seed(seed), &promises, end);
        over.store(true, Relaxed);
    });
    comes_to_rest(&pool, &promises);
    println!("{promises}");
    let broken = promises.broken();
    assert!(broken.is_empty(), "seed {seed}: {broken:#?}");
}

fn pool(target: Config) -> Pool {
    PoolConfig::new()
        .name("soak")
        .size(SIZE)
        .overflow(OVERFLOW)
        .hard_limit(Some(HARD_LIMIT))
        .min_idle(2)
        .recycle(ms(2_000))
        .recycle_jitter(0.5)
        .max_idle_time(Some(ms(700)))
        .keepalive(Some(ms(300)))
        .bypass(ms(5))
        .validation_timeout(ms(300))
        .refused_retry(ms(200))
        .connect_retry(ms(20), ms(200))
        .leak_threshold(Some(ms(1_000)))
        .multiple_checkouts(MultipleCheckouts::Allow)
        .build(target)
        .unwrap()
}

/// With nobody left, the books agree, every place can be used, and nothing is left after the close.
fn comes_to_rest(pool: &Pool, promises: &Promises) {
    let enrolled = || pool.house().registry.enrolled();
    eventually(LONG, || pool.stats().lent + pool.stats().waiting == 0);
    let all: Vec<_> = (0..pool.limit()).map_while(|_| pool.get_within(LONG).ok()).collect();
    promises.check(all.len() == pool.limit() as usize, || {
        format!("{} of {} places can be used: {:?}", all.len(), pool.limit(), pool.stats())
    });
    drop(all);
    let agree = || {
        let stats = pool.stats();
        let open = u64::from(stats.open());
        u64::from(enrolled()) == open && stats.connects == stats.retired + open
    };
    eventually(LONG, agree);
    let closed = pool.close(LONG);
    promises.check(closed.finished && enrolled() == 0 && pool.stats().open() == 0, || {
        format!("the close left something: {closed:?}, {} enrolled, {:?}", enrolled(), pool.stats())
    });
}
