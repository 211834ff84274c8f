//! After `HikariCP`'s tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use steadfast_pool::{Error, PoolConfig, PoolListener, Retired, Waiting};
use steadfast_testkit::{Direction, eventually, server};

use crate::given::{LONG, ms, one, pool, try_value, value};
use crate::{far, people};

/// `ConnectionPoolSizeVsThreadsTest.testSlowConnectionTimeBurstyWork`: connecting takes long, work does not.
#[test]
fn many_threads_with_short_work_need_few_connections() {
    let database = server().database();
    let proxy = server().proxy();
    let pool = far(PoolConfig::new().size(50).overflow(0), &database, &proxy);
    drop([(); 5].map(|()| pool.get().unwrap()));
    let warm = pool.stats().connects;
    proxy.delay(Direction::ToClient, ms(1));

    people(50, |_| {
        let mut lease = pool.get().unwrap();
        value(&mut lease, "1");
    });

    let more = pool.stats().connects - warm;
    assert!(more <= 25, "{more} connections were opened for 50 callers with short work");
    assert_eq!(pool.stats().timeouts, 0);
}

/// `ConnectionPoolSizeVsThreadsTest.testPoolSizeAboutSameSizeAsThreadCount`: nobody needs more connections than there are threads.
#[test]
fn few_threads_need_no_more_connections_than_there_are_threads() {
    let database = server().database();
    let pool = pool(PoolConfig::new().size(20).overflow(0), &database);
    people(3, |_| {
        for _ in 0..50 {
            value(&mut pool.get().unwrap(), "1");
        }
    });
    assert!(pool.stats().connects <= 3, "{:?}", pool.stats());
}

/// `ConnectionRaceConditionTest.testRaceCondition`: everybody evicts what they got.
#[test]
fn evicting_at_the_same_time_costs_nobody_an_error_and_no_place() {
    let database = server().database();
    let pool = pool(PoolConfig::new().size(4).overflow(0).timeout(LONG), &database);
    people(8, |n| {
        for turn in 0..25 {
            let mut lease = pool.get().unwrap();
            if (n + turn) % 2 == 0 { lease.invalidate() } else { pool.invalidate() }
        }
    });
    drop([(); 4].map(|()| pool.get().unwrap()));
    let stats = pool.stats();
    assert_eq!((stats.lent, stats.waiting, stats.timeouts), (0, 0, 0));
}

/// `HouseKeeperCleanupTest`: what keeps house is gone with the pool; here nothing happens any more.
#[test]
fn nothing_keeps_house_after_the_close() {
    struct Ears(AtomicUsize);
    impl PoolListener for Ears {
        fn retired(&self, _: &Retired<'_>) {
            self.0.fetch_add(1, Relaxed);
        }
    }
    let database = server().database();
    let ears = Arc::new(Ears(AtomicUsize::new(0)));
    let listener = Arc::clone(&ears);
    let config = PoolConfig::new().size(3).max_idle_time(Some(ms(20))).listener(listener);
    let pool = pool(config.min_idle(2), &database);
    eventually(LONG, || ears.0.load(Relaxed) > 0 || pool.stats().idle == 2);
    assert!(pool.close(LONG).finished);
    let (heard, connects) = (ears.0.load(Relaxed), pool.stats().connects);
    let later = Instant::now() + ms(100);
    eventually(LONG, || Instant::now() > later);
    assert_eq!((ears.0.load(Relaxed), pool.stats().connects), (heard, connects));
}

/// `ShutdownTest.testThreadedShutdown`: it is used and closed by many at once.
#[test]
fn many_close_while_many_ask_and_nothing_is_left() {
    let database = server().database();
    for _ in 0..5 {
        let pool = pool(PoolConfig::new().size(5).overflow(5), &database);
        people(10, |n| {
            for turn in 0..20 {
                if n < 3 && turn == 10 {
                    pool.close(LONG);
                }
                match pool.get() {
                    Ok(mut lease) => assert_eq!(value(&mut lease, "1"), 1),
                    Err(error) => assert!(matches!(error, Error::Closed(_)), "{error:?}"),
                }
            }
        });
        let stats = pool.stats();
        assert_eq!((stats.idle, stats.lent, stats.waiting), (0, 0, 0));
        assert!(pool.close(LONG).finished);
    }
}

/// `TestConnectionCloseBlocking`: closing towards a network that is gone does not hold up anybody.
#[test]
fn closing_a_connection_that_nobody_answers_holds_nobody_up() {
    let database = server().database();
    let proxy = server().proxy();
    let pool = far(one(), &database, &proxy);
    let mut lease = pool.get().unwrap();
    proxy.black_hole();
    lease.invalidate();
    let begun = Instant::now();
    drop(lease);
    let took = begun.elapsed();
    assert!(took < ms(200), "the return took {took:?}");
    proxy.heal();
    assert_eq!(value(&mut pool.get().unwrap(), "1"), 1);
}

/// `TestConnectionTimeoutRetry.testConnectionRetries`: a server that is down costs the time-out, not more.
/// `testConnectionRetries2`: one that comes back meanwhile serves the caller before it.
#[test]
fn connecting_is_tried_again_until_the_deadline() {
    let database = server().database();
    let proxy = server().proxy();
    let pool = far(one().connect_retry(ms(10), ms(50)), &database, &proxy);
    proxy.refuse();
    let begun = Instant::now();
    let refused = pool.get_patiently(ms(300)).map(drop).unwrap_err();
    assert!(matches!(refused, Error::Timeout { cause: Some(_), .. }), "{refused:?}");
    assert!(begun.elapsed() >= ms(300) && pool.stats().connect_failures > 1);

    thread::scope(|scope| {
        let waiter =
            scope.spawn(|| pool.get_patiently(LONG).map(|mut lease| value(&mut lease, "7")));
        eventually(LONG, || pool.stats().waiting == 1);
        proxy.heal();
        assert_eq!(waiter.join().unwrap().unwrap(), 7);
    });
}

/// `TestConnectionTimeoutRetry.testConnectionRetries3`: connecting fails, but somebody gives back.
#[test]
fn a_return_serves_a_waiter_while_connecting_fails() {
    let database = server().database();
    let proxy = server().proxy();
    let pool = far(PoolConfig::new().size(2).overflow(0), &database, &proxy);
    let lease = pool.get().unwrap();
    proxy.refuse();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.get_within(LONG).map(|mut lease| value(&mut lease, "7")));
        eventually(LONG, || pool.stats().connect_failures > 0 && pool.stats().waiting == 1);
        drop(lease);
        assert_eq!(waiter.join().unwrap().unwrap(), 7);
    });
}

/// `TestSaturatedPool830`: more threads than connections, and each connection dies now and then.
#[test]
fn a_saturated_pool_whose_connections_die_comes_to_rest() {
    let database = server().database();
    let pool = pool(PoolConfig::new().size(5).overflow(0).timeout(LONG), &database);
    let failed = AtomicU32::new(0);
    people(12, |n| {
        for turn in 0..20 {
            let mut lease = pool.get().unwrap();
            if (n + turn) % 7 == 0 {
                drop(try_value(&mut lease, "SLEEP(0.005)"));
                let id = lease.thread_id();
                drop(server().kill_connection(id));
            }
            failed.fetch_add(u32::from(try_value(&mut lease, "1").is_err()), Relaxed);
        }
    });
    assert!(failed.load(Relaxed) > 0);
    eventually(LONG, || pool.stats().creating == 0);
    let stats = pool.stats();
    assert_eq!((stats.lent, stats.waiting, stats.timeouts), (0, 0, 0), "{stats:?}");
    drop([(); 5].map(|()| pool.get().unwrap()));
}

/// `RampUpDown`: it grows under load and shrinks to what is kept idle.
#[test]
fn a_pool_grows_under_load_and_shrinks_to_its_idle_minimum() {
    let database = server().database();
    let config = PoolConfig::new().size(20).overflow(0).min_idle(2).max_idle_time(Some(ms(150)));
    let pool = pool(config, &database);
    eventually(LONG, || pool.stats().idle == 2);
    drop([(); 20].map(|()| pool.get().unwrap()));
    assert!(pool.stats().connects >= 20, "{:?}", pool.stats());
    eventually(LONG, || pool.stats().idle == 2 && pool.stats().creating == 0);
}

/// `TestValidation`: what makes no sense is told by name before anything is opened.
#[test]
fn settings_that_make_no_sense_are_refused_by_name() {
    let config = PoolConfig::new;
    let wrong = [
        (config().size(0), "pool.size"),
        (config().min_idle(11), "pool.min_idle"),
        (config().timeout(Duration::ZERO), "pool.timeout"),
        (config().recycle(Duration::ZERO), "pool.recycle"),
    ];
    for (wrong, name) in wrong {
        let error = wrong.build(steadfast_connection::Config::new());
        let Err(Error::Config(invalid)) = error else { panic!("{name}: {error:?}") };
        assert_eq!(invalid.iter().map(|it| it.setting()).collect::<Vec<_>>(), [name]);
    }
}

/// `ConnectionPoolSizeVsThreadsTest`, its other half: a waiter is told of, once.
#[test]
fn one_who_waits_is_told_of_once() {
    struct Ears(AtomicUsize);
    impl PoolListener for Ears {
        fn waiting(&self, _: &Waiting<'_>) {
            self.0.fetch_add(1, Relaxed);
        }
    }
    let database = server().database();
    let ears = Arc::new(Ears(AtomicUsize::new(0)));
    let listener = Arc::clone(&ears);
    let pool = pool(one().listener(listener), &database);
    drop(pool.get().unwrap());
    drop(pool.get().unwrap());
    assert_eq!(ears.0.load(Relaxed), 1, "the second found it on the shelf");
}
