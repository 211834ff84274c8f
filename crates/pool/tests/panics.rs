//! Whatever is called back may panic: no place is lost, and nobody waits for ever.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod given;

use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use given::{LONG, ms, one, value};
use steadfast_pool::{
    Abandoned, BreakerClosed, BreakerOpened, Checkin, Checkout, Closed, ConnectFailed, Connected,
    PoolConfig, PoolListener, Retired, Shed, TimedOut, Waiting,
};
use steadfast_testkit::{eventually, server};

/// Panics whatever it hears, with something that panics again when it is dropped.
#[derive(Default)]
struct Saboteur {
    panics: [AtomicU64; 12],
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("on purpose, while it is dropped");
    }
}

impl Saboteur {
    fn panic(&self, event: usize) {
        self.panics[event].fetch_add(1, Relaxed);
        panic_any(Bomb);
    }

    fn counted(&self) -> [u64; 12] {
        self.panics.each_ref().map(|count| count.load(Relaxed))
    }
}

impl PoolListener for Saboteur {
    fn connected(&self, _: &Connected<'_>) {
        self.panic(0);
    }
    fn connect_failed(&self, _: &ConnectFailed<'_>) {
        self.panic(1);
    }
    fn breaker_opened(&self, _: &BreakerOpened<'_>) {
        self.panic(2);
    }
    fn breaker_closed(&self, _: &BreakerClosed<'_>) {
        self.panic(3);
    }
    fn checkout(&self, _: &Checkout<'_>) {
        self.panic(4);
    }
    fn checkin(&self, _: &Checkin<'_>) {
        self.panic(5);
    }
    fn waiting(&self, _: &Waiting<'_>) {
        self.panic(6);
    }
    fn timeout(&self, _: &TimedOut<'_>) {
        self.panic(7);
    }
    fn shed(&self, _: &Shed<'_>) {
        self.panic(8);
    }
    fn abandoned(&self, _: &Abandoned<'_>) {
        self.panic(9);
    }
    fn retired(&self, _: &Retired<'_>) {
        self.panic(10);
    }
    fn closed(&self, _: &Closed<'_>) {
        self.panic(11);
    }
}

/// Two of three times: each third question is answered.
fn often(count: &AtomicU64) -> bool {
    count.fetch_add(1, Relaxed) % 3 != 2
}

#[test]
fn a_thousand_panics_in_every_callback_cost_no_place() {
    let database = server().database();
    let saboteur = Arc::new(Saboteur::default());
    let listener = Arc::clone(&saboteur);
    let asked = AtomicU64::new(0);
    let provider_panics = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&provider_panics);
    let pool = PoolConfig::new()
        .size(4)
        .overflow(0)
        .timeout(LONG)
        .max_waiters(1)
        .connect_retry(Duration::from_micros(1), Duration::from_micros(10))
        .listener(listener)
        .provider(move |base| {
            if often(&asked) {
                counted.fetch_add(1, Relaxed);
                panic_any(Bomb);
            }
            Ok(base.clone())
        })
        .build(given::server(&database))
        .unwrap();
    while provider_panics.load(Relaxed) < 1_000 {
        // Everybody gets a new connection: the provider is asked again and again.
        let mut leases = [(); 4].map(|()| pool.get_patiently(LONG).unwrap());
        drop(pool.get_within(ms(1)).unwrap_err());
        for lease in &mut leases {
            lease.invalidate();
        }
    }
    thread::scope(|scope| {
        let leases = [(); 4].map(|()| pool.get_patiently(LONG).unwrap());
        let waiter = scope.spawn(|| pool.get().map(drop));
        eventually(LONG, || pool.stats().waiting == 1);
        for _ in 0..1_000 {
            pool.get_within(Duration::ZERO).unwrap_err();
        }
        drop(leases);
        waiter.join().unwrap().unwrap();
    });
    for _ in 0..1_000 {
        drop(pool.get().unwrap());
    }

    let mut all = [(); 4].map(|()| pool.get_patiently(LONG).unwrap());
    for lease in &mut all {
        value(lease, "1");
    }
    drop(all);
    assert_eq!((pool.stats().lent, pool.stats().waiting), (0, 0));
    assert!(pool.close(LONG).finished);
    let counted = saboteur.counted();
    for (event, least) in [(0, 400), (1, 1_000), (4, 1_000), (5, 1_000), (8, 1_000), (10, 400)] {
        assert!(counted[event] >= least, "{counted:?}");
    }
    assert_eq!(counted[11], 1);
}

#[test]
fn panics_while_the_server_goes_and_comes_cost_nothing_either() {
    let (database, proxy) = (server().database(), server().proxy());
    let target = steadfast_connection::Config::from_url(&database.url_through(&proxy)).unwrap();
    let saboteur = Arc::new(Saboteur::default());
    let listener = Arc::clone(&saboteur);
    let config = one().bypass(Duration::ZERO).abandon(ms(100), 1).listener(listener);
    let pool = config.build(target).unwrap();
    drop(pool.get().unwrap());
    proxy.refuse();
    proxy.cut();
    eventually(LONG, || {
        drop(pool.get());
        saboteur.counted()[2] == 1
    });
    proxy.heal();
    let held = pool.get_patiently(LONG).unwrap();
    eventually(LONG, || saboteur.counted()[3] == 1);
    value(&mut pool.get_patiently(LONG).unwrap(), "1");
    assert_eq!(saboteur.counted()[9], 1);
    drop(held);
    value(&mut pool.get_patiently(LONG).unwrap(), "1");
    assert_eq!((pool.stats().lent, pool.stats().abandoned), (0, 0));
    assert!(pool.close(LONG).finished);
}
