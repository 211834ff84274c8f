//! Too many callers, and holders that do not return what they hold.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod given;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use given::{LONG, ms, one, pool, value};
use steadfast_connection::Fault;
use steadfast_pool::{Abandoned, Error, PoolConfig, PoolListener, Reason, Retired, Shed};
use steadfast_testkit::{eventually, server};

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Told {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl PoolListener for Told {
    fn shed(&self, event: &Shed<'_>) {
        assert!(event.waiting() <= 64);
        self.0.lock().unwrap().push("shed".to_owned());
    }

    fn abandoned(&self, event: &Abandoned<'_>) {
        assert!(event.holder().held() >= ms(100));
        self.0.lock().unwrap().push(event.holder().place().file().to_owned());
    }

    fn retired(&self, event: &Retired<'_>) {
        if event.reason() == Reason::Abandoned {
            self.0.lock().unwrap().push("returned".to_owned());
        }
    }
}

#[test]
fn who_comes_to_a_full_line_is_told_at_once() {
    let database = server().database();
    let told = Arc::new(Told::default());
    let listener = Arc::clone(&told);
    let pool = pool(one().max_waiters(2).listener(listener), &database);
    let held = pool.get().unwrap();
    thread::scope(|scope| {
        let waiters = [(); 2].map(|()| scope.spawn(|| pool.get().map(drop)));
        eventually(LONG, || pool.stats().waiting == 2);
        let begun = Instant::now();
        let error = pool.get().unwrap_err();
        assert!(matches!(error, Error::QueueFull { limit: 2, .. }), "{error:?}");
        assert_eq!(error.fault(), Fault::Busy);
        assert!(begun.elapsed() < ms(1_000));
        drop(held);
        for waiter in waiters {
            waiter.join().unwrap().unwrap();
        }
    });
    assert_eq!((pool.stats().shed, told.all()), (1, vec!["shed".to_owned()]));
}

#[test]
fn a_line_that_never_gets_short_is_shed_and_those_who_are_served_are_served_soon() {
    let database = server().database();
    let config = PoolConfig::new().size(2).overflow(0).load_shedding(ms(10), ms(100));
    let pool = pool(config.timeout(LONG), &database);
    drop(pool.get().unwrap());
    let settled = Instant::now() + ms(800);
    let end = settled + ms(700);
    let waits = Mutex::new(Vec::new());
    let ask = || {
        let asked = Instant::now();
        match pool.get() {
            Ok(mut lease) => {
                waits.lock().unwrap().push((asked, asked.elapsed()));
                value(&mut lease, "SLEEP(0.02)");
            }
            Err(Error::Overloaded { waited, target, .. }) => assert!(waited > 2 * target),
            Err(other) => panic!("{other:?}"),
        }
    };
    thread::scope(|scope| {
        // 32 callers that want 20 ms each of two connections: the line is 300 ms long.
        for _ in 0..32 {
            scope.spawn(|| {
                while Instant::now() < end {
                    ask();
                }
            });
        }
    });
    assert!(pool.stats().shed > 0, "{:?}", pool.stats());
    let waits = waits.into_inner().unwrap();
    let mut late: Vec<_> =
        waits.iter().filter(|(asked, _)| *asked > settled).map(|(_, waited)| *waited).collect();
    late.sort();
    let median = late[late.len() / 2];
    assert!(median < ms(150), "a line of 300 ms would be waited for: {median:?}");
    value(&mut pool.get().unwrap(), "1");
    assert_eq!(pool.stats().lent, 0);
}

#[test]
fn a_short_burst_is_never_shed() {
    let database = server().database();
    let config = PoolConfig::new().size(1).overflow(0).load_shedding(ms(10), LONG);
    let pool = pool(config.timeout(LONG), &database);
    drop(pool.get().unwrap());
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| value(&mut pool.get().unwrap(), "SLEEP(0.01)"));
        }
    });
    assert_eq!(pool.stats().shed, 0);
}

#[test]
fn a_connection_that_is_not_returned_is_made_up_for_and_closed_when_it_comes_back() {
    let database = server().database();
    let told = Arc::new(Told::default());
    let listener = Arc::clone(&told);
    let pool = pool(one().abandon(ms(200), 1).listener(listener), &database);
    let mut forgotten = pool.get().unwrap();

    let mut second = pool.get().unwrap();
    assert!(forgotten.since().elapsed() >= ms(200));
    value(&mut second, "1");
    let stats = pool.stats();
    assert_eq!((stats.lent, stats.abandoned, stats.open()), (1, 1, 2), "{stats:?}");
    assert_eq!(pool.holders().len(), 2);

    // The budget is spent: the next has to wait.
    let error = pool.get_within(ms(500)).unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
    value(&mut forgotten, "1");
    drop(forgotten);
    drop(second);
    let stats = pool.stats();
    assert_eq!((stats.lent, stats.abandoned, stats.retired), (0, 0, 1), "{stats:?}");
    assert_eq!(told.all(), [file!(), "returned"]);
}

#[test]
fn callers_that_hang_in_a_silent_network_do_not_take_the_pool_with_them() {
    let (database, proxy) = (server().database(), server().proxy());
    let target = steadfast_connection::Config::from_url(&database.url_through(&proxy)).unwrap();
    let config = PoolConfig::new().size(3).overflow(0).timeout(LONG).abandon(ms(300), 3);
    let pool = config.build(target).unwrap();
    let mut leases = [(); 3].map(|()| pool.get().unwrap());
    let interrupters = leases.each_mut().map(|lease| lease.interrupter().unwrap());
    let let_go = AtomicBool::new(false);
    thread::scope(|scope| {
        proxy.black_hole();
        for mut lease in leases {
            let let_go = &let_go;
            scope.spawn(move || {
                let hung = given::try_value(&mut lease, "1");
                assert!(hung.is_err() && let_go.load(Relaxed), "it hung until it was let go");
            });
        }
        eventually(LONG, || pool.stats().abandoned == 3);
        proxy.heal();
        // They still hang; three others work.
        let begun = Instant::now();
        let mut fresh = [(); 3].map(|()| pool.get().unwrap());
        for lease in &mut fresh {
            value(lease, "1");
        }
        assert!(begun.elapsed() < ms(2_000), "{:?}", begun.elapsed());
        assert_eq!((pool.stats().lent, pool.stats().abandoned), (3, 3));
        let_go.store(true, Relaxed);
        for interrupter in interrupters {
            interrupter.shutdown();
        }
    });
    assert_eq!((pool.stats().lent, pool.stats().abandoned), (0, 0), "{:?}", pool.stats());
    assert_eq!(pool.stats().retired, 3);
}
