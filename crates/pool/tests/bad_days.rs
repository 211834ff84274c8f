//! The server goes away, hangs, refuses: callers keep to their deadline and learn why.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod given;

use std::thread;
use std::time::{Duration, Instant};

use given::{LONG, ms, on_time, one, pool, try_value, value};
use steadfast_connection::{Config, Fault};
use steadfast_pool::{Error, PoolConfig};
use steadfast_testkit::{Server, TestDatabase, eventually, server, silent_peer};

/// What each of `n` threads gets, and how long it took.
fn in_parallel<T: Send>(n: usize, call: impl Fn() -> T + Sync) -> Vec<(T, Duration)> {
    let timed = || {
        let begun = Instant::now();
        (call(), begun.elapsed())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..n).map(|_| scope.spawn(timed)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn killed_idle_connections_are_noticed_before_they_are_lent() {
    let database = server().database();
    let pool = pool(PoolConfig::new().size(5).overflow(0).bypass(ms(1)), &database);
    let mut leases: Vec<_> = (0..5).map(|_| pool.get().unwrap()).collect();
    let ids: Vec<_> = leases.iter_mut().map(|lease| lease.thread_id()).collect();
    drop(leases);
    for id in ids {
        server().kill_connection(id).unwrap();
    }
    let rested = Instant::now() + ms(5);
    eventually(LONG, || Instant::now() > rested);

    for _ in 0..5 {
        value(&mut pool.get().unwrap(), "1");
    }

    let stats = pool.stats();
    assert_eq!((stats.retired, stats.timeouts), (5, 0), "{stats:?}");
}

#[test]
fn within_the_bypass_window_one_user_at_most_sees_a_killed_connection() {
    let database = server().database();
    let pool = pool(PoolConfig::new().size(5).overflow(0).bypass(LONG), &database);
    let mut leases: Vec<_> = (0..5).map(|_| pool.get().unwrap()).collect();
    let ids: Vec<_> = leases.iter_mut().map(|lease| lease.thread_id()).collect();
    drop(leases);
    for id in ids {
        server().kill_connection(id).unwrap();
    }

    let failed = (0..10).filter(|_| try_value(&mut pool.get().unwrap(), "1").is_err()).count();

    assert_eq!(failed, 1, "the first failure makes the others suspect");
}

#[test]
fn a_hanging_server_does_not_move_the_deadline() {
    let own = Server::start().unwrap();
    let database = own.database();
    let pool = pool(PoolConfig::new().size(2).overflow(2).bypass(ms(1)), &database);
    drop((pool.get().unwrap(), pool.get().unwrap()));
    let held = pool.get().unwrap();
    let rested = Instant::now() + ms(5);
    eventually(LONG, || Instant::now() > rested);
    own.pause().unwrap();

    // The first two find an idle connection that has to be pinged; all others need a new one.
    let limit = ms(1_000);
    on_time(limit, || {
        let calls = in_parallel(3, || pool.get_within(limit));
        for (outcome, _) in &calls {
            assert!(matches!(outcome, Err(Error::Timeout { .. })), "{outcome:?}");
        }
        calls.into_iter().map(|(_, took)| took).collect()
    });
    own.resume().unwrap();
    let begun = Instant::now();
    value(&mut pool.get().unwrap(), "1");
    assert!(begun.elapsed() < ms(2_000), "{:?}", begun.elapsed());
    drop(held);
}

#[test]
fn a_hanging_server_is_found_out_within_the_validation_timeout() {
    let own = Server::start().unwrap();
    let database = own.database();
    let config = one().bypass(Duration::ZERO).validation_timeout(ms(200));
    let pool = pool(config, &database);
    drop(pool.get().unwrap());
    own.pause().unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| pool.get().map(|mut lease| value(&mut lease, "7")));
        eventually(LONG, || pool.stats().retired == 1);
        own.resume().unwrap();
        assert_eq!(waiter.join().unwrap().unwrap(), 7);
    });
}

#[test]
fn after_kill_nine_and_restart_everybody_works_again_at_once() {
    let own = Server::start().unwrap();
    let database = own.database();
    let config = PoolConfig::new().size(4).overflow(0).connect_retry(ms(20), ms(100));
    let pool = pool(config.bypass(Duration::ZERO), &database);
    drop([(); 4].map(|()| pool.get().unwrap()));
    own.kill().unwrap();
    let refused = pool.get_within(LONG).unwrap_err();
    let Error::Unavailable { cause, failures: 3.., .. } = &refused else { panic!("{refused:?}") };
    assert_eq!(refused.fault(), Fault::Disconnected);
    assert_eq!(cause.fault(), Fault::Disconnected);
    assert_eq!(refused.errno(), cause.errno());

    own.restart().unwrap();
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| value(&mut pool.get_patiently(LONG).unwrap(), "1"));
        }
    });
    assert!(begun.elapsed() < ms(1_000), "{:?}", begun.elapsed());
    assert!(pool.stats().connects <= 8, "{:?}", pool.stats());
}

fn over_socket(database: &TestDatabase) -> Config {
    Config::from_url(&database.socket_url()).unwrap()
}

#[test]
fn a_wrong_password_and_an_unknown_database_are_told_at_once_to_all_who_wait() {
    let database = server().database();
    let wrong = [
        // Over the socket: MySQL's way to authenticate wants nobody to listen.
        (over_socket(&database).user("nobody").password("wrong-secret"), 1045),
        (given::server(&database).database("no_such_database"), 1049),
    ];
    for (target, errno) in wrong {
        let pool = PoolConfig::new().timeout(LONG).build(target).unwrap();
        let begun = Instant::now();
        thread::scope(|scope| {
            let calls = [(); 6].map(|()| scope.spawn(|| pool.get().map(drop)));
            for call in calls {
                let error = call.join().unwrap().unwrap_err();
                assert!(matches!(error, Error::Connect(_)), "{error:?}");
                // MySQL asks an unknown account for a plugin by chance; libmariadb says 5010 to one
                // that is not allowed.
                let by_chance = errno == 1045 && error.errno() == Some(5010);
                assert!(
                    error.errno() == Some(errno) || by_chance && !server().is_mariadb(),
                    "{error}"
                );
                assert_eq!(error.fault(), Fault::Permanent);
                assert!(!format!("{error} {error:?} {pool:?}").contains("wrong-secret"));
            }
        });
        assert!(begun.elapsed() < ms(3_000), "{:?}", begun.elapsed());
    }
}

#[test]
fn a_password_that_is_put_right_works_at_the_next_attempt() {
    let database = server().database();
    let user = format!("late_{}", std::process::id());
    let target = over_socket(&database).user(&user).password("right");
    let pool = PoolConfig::new().refused_retry(ms(10)).build(target).unwrap();
    assert!(matches!(pool.get(), Err(Error::Connect(_))));

    database
        .sql(&format!("CREATE USER {user} IDENTIFIED BY 'right'; GRANT ALL ON *.* TO {user}"))
        .unwrap();
    eventually(LONG, || pool.get().is_ok());
    pool.close(LONG);
    database.sql(&format!("DROP USER {user}")).unwrap();
}

#[test]
fn a_silent_host_and_a_refusing_one_cost_the_deadline_and_no_more() {
    let peer = silent_peer();
    let refusing = {
        let gone = silent_peer();
        gone.port()
    };
    for (port, caused) in [(peer.port(), false), (refusing, true)] {
        let target = Config::new().host("127.0.0.1").port(port).user("root");
        let pool = one().build(target.connect_timeout(LONG)).unwrap();
        on_time(ms(300), || {
            let calls = in_parallel(4, || pool.get_patiently(ms(300)));
            for (outcome, _) in &calls {
                let Err(Error::Timeout { cause, .. }) = outcome else { panic!("{outcome:?}") };
                assert_eq!(cause.is_some(), caused, "every waiter is told: {outcome:?}");
            }
            calls.into_iter().map(|(_, took)| took).collect()
        });
    }
}
