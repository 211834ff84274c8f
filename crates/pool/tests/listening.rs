//! A listener hears everything, and cannot break anything.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod given;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::thread;

use given::{LONG, ms, one, pool, value};
use steadfast_connection::Config;
use steadfast_pool::{
    Checkin, Checkout, Closed, ConnectFailed, Connected, Pool, PoolListener, Reason, Retired,
    TimedOut, Waiting,
};
use steadfast_testkit::{eventually, server, silent_peer};

/// Writes the story down.
#[derive(Default)]
struct Scribe(Mutex<String>);

impl Scribe {
    fn note(&self, pool: &str, word: &str) {
        write!(self.0.lock().unwrap(), "{pool}:{word} ").unwrap();
    }

    fn story(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl PoolListener for Scribe {
    fn connected(&self, event: &Connected<'_>) {
        self.note(event.pool(), &format!("connected{}", event.id()));
    }
    fn connect_failed(&self, event: &ConnectFailed<'_>) {
        assert!(event.error().errno().is_some() && event.failures() > 0);
        self.note(event.pool(), "failed");
    }
    fn checkout(&self, event: &Checkout<'_>) {
        self.note(event.pool(), &format!("checkout{}", event.id()));
    }
    fn checkin(&self, event: &Checkin<'_>) {
        self.note(event.pool(), &format!("checkin{}", event.id()));
    }
    fn waiting(&self, event: &Waiting<'_>) {
        self.note(event.pool(), &format!("waiting({})", event.waiting()));
    }
    fn timeout(&self, event: &TimedOut<'_>) {
        assert!(event.waited() >= ms(20));
        self.note(event.pool(), "timeout");
    }
    fn retired(&self, event: &Retired<'_>) {
        self.note(event.pool(), &format!("retired{}({})", event.id(), event.reason()));
    }
    fn closed(&self, event: &Closed<'_>) {
        self.note(event.pool(), &format!("closed({})", event.lent()));
    }
}

#[test]
fn the_life_of_a_connection_is_told_in_order_and_by_name() {
    let database = server().database();
    let scribe = Arc::new(Scribe::default());
    let listener = Arc::clone(&scribe);
    let pool = pool(one().name("tale").listener(listener), &database);

    let lease = pool.get().unwrap();
    drop(pool.get_within(ms(20)).unwrap_err());
    drop(lease);
    pool.close(LONG);
    pool.close(LONG);

    assert_eq!(
        scribe.story(),
        "tale:waiting(1) tale:connected1 tale:checkout1 tale:waiting(1) tale:timeout \
         tale:checkin1 tale:retired1(closed) tale:closed(0) "
    );
}

#[test]
fn a_failed_connect_is_told() {
    let port = silent_peer().port();
    let scribe = Arc::new(Scribe::default());
    let listener = Arc::clone(&scribe);
    let target = Config::new().host("127.0.0.1").port(port).user("root");
    let pool = one().listener(listener).build(target).unwrap();
    drop(pool.get_within(ms(100)).unwrap_err());
    eventually(LONG, || scribe.story().contains("main:failed"));
}

/// Panics at everything, or asks the pool back, which would deadlock if a lock were held.
struct Nuisance(Mutex<Option<Pool>>);

impl Nuisance {
    fn act(&self) -> ! {
        if let Some(pool) = &*self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) {
            assert!(pool.stats().size == 1 && pool.holders().len() <= 1);
        }
        panic!("on purpose")
    }
}

impl PoolListener for Nuisance {
    fn connected(&self, _: &Connected<'_>) {
        self.act()
    }
    fn checkout(&self, _: &Checkout<'_>) {
        self.act()
    }
    fn checkin(&self, _: &Checkin<'_>) {
        self.act()
    }
    fn waiting(&self, _: &Waiting<'_>) {
        self.act()
    }
    fn timeout(&self, _: &TimedOut<'_>) {
        self.act()
    }
    fn retired(&self, _: &Retired<'_>) {
        self.act()
    }
    fn closed(&self, _: &Closed<'_>) {
        self.act()
    }
}

#[test]
fn a_listener_that_panics_at_everything_breaks_nothing() {
    let database = server().database();
    let nuisance = Arc::new(Nuisance(Mutex::new(None)));
    let listener = Arc::clone(&nuisance);
    let pool = pool(one().listener(listener), &database);
    *nuisance.0.lock().unwrap() = Some(pool.clone());
    for _ in 0..20 {
        let mut lease = pool.get().unwrap();
        assert_eq!(value(&mut lease, "1"), 1);
        drop(pool.get_within(ms(1)).unwrap_err());
        lease.invalidate();
        thread::scope(|scope| {
            let waiter = scope.spawn(|| pool.get().map(drop));
            eventually(LONG, || pool.stats().waiting == 1);
            drop(lease);
            waiter.join().unwrap().unwrap();
        });
    }
    let stats = pool.stats();
    assert_eq!((stats.lent, stats.waiting, stats.retired), (0, 0, 20));
    *nuisance.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
    assert!(pool.close(LONG).finished);
    assert_eq!(Reason::Closed.as_str(), "closed");
}
