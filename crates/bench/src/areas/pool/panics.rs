//! A thousand panics in each callback, and in as many holders: how many of ten places are lost.
//!
//! They unwind without the panic hook, which would print each of them.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use steadfast_connection::Config;
use steadfast_pool::{
    Checkin, Checkout, Closed, ConnectFailed, Connected, OnUnavailable, Pool, PoolListener,
    Retired, TimedOut, Waiting,
};

use super::fake::Nothing;
use super::lenders::{self, Ask};
use super::{benchmark, lower};
use crate::areas::{Benchmark, Entry};
use crate::arguments::Length;
use crate::ground::Ground;
use crate::harness::{Contestant, Failure};

const SIZE: u32 = 10;
/// How long is waited for a connection that should be there at once, or opened in a moment.
const SOON: Duration = Duration::from_secs(2);
/// Bounds the whole: a pool that has lost everything does not get far.
const GIVEN_UP: Duration = Duration::from_secs(60);

pub(super) fn benchmarks() -> Vec<Benchmark> {
    let panics = benchmark(lower("pool.panics", "lost places"), &[], |ground| Ok(enter(ground)));
    vec![Benchmark { length: Length::Long(3), ..panics }]
}

fn enter(ground: &Ground) -> Entry {
    let count = if ground.plan().whole { 1_000 } else { 100 };
    let (proxy, url) = ground.proxy();
    let ours = Contestant::new("ours", move || {
        let mut lost = 0;
        for callback in Callback::ALL {
            let listener = Arc::new(Panicking { callback, left: AtomicU32::new(count) });
            let heard: Arc<dyn PoolListener> = Arc::clone(&listener) as _;
            let settings = lenders::settings(SIZE).listener(heard);
            // A place is lost if it does not come back, not while connecting pauses.
            let settings = settings
                .on_unavailable(OnUnavailable::Wait)
                .connect_retry(Duration::from_micros(1), Duration::from_micros(10));
            let pool = settings.build(Config::from_url(&url)?)?;
            if callback == Callback::ConnectFailed {
                proxy.refuse();
            }
            provoke(&pool, &listener)?;
            proxy.heal();
            lost += lost_by(&pool);
        }
        let pool = lenders::ours(&url, SIZE)?;
        for _ in 0..count {
            let lease = pool.get()?;
            quietly(move || {
                let _held = lease;
                resume_unwind(Box::new("a holder"));
            });
        }
        Ok(f64::from(lost + lost_by(&pool)))
    });
    let r2d2 = Contestant::new("r2d2", move || r2d2_loses(count));
    Entry::pair(ours, r2d2)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Callback {
    Connected,
    ConnectFailed,
    Checkout,
    Checkin,
    Waiting,
    Timeout,
    Retired,
}

impl Callback {
    /// All that can happen more than once to a pool.
    const ALL: [Self; 7] = [
        Self::Connected,
        Self::ConnectFailed,
        Self::Checkout,
        Self::Checkin,
        Self::Waiting,
        Self::Timeout,
        Self::Retired,
    ];
}

/// Panics each time one callback is called, until it has done so often enough.
struct Panicking {
    callback: Callback,
    left: AtomicU32,
}

impl Panicking {
    fn hears(&self, callback: Callback) {
        if callback == self.callback && !self.is_done() {
            self.left.fetch_sub(1, Ordering::Relaxed);
            resume_unwind(Box::new("a listener"));
        }
    }

    fn is_done(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

impl PoolListener for Panicking {
    fn connected(&self, _: &Connected<'_>) {
        self.hears(Callback::Connected);
    }
    fn connect_failed(&self, _: &ConnectFailed<'_>) {
        self.hears(Callback::ConnectFailed);
    }
    fn checkout(&self, _: &Checkout<'_>) {
        self.hears(Callback::Checkout);
    }
    fn checkin(&self, _: &Checkin<'_>) {
        self.hears(Callback::Checkin);
    }
    fn waiting(&self, _: &Waiting<'_>) {
        self.hears(Callback::Waiting);
    }
    fn timeout(&self, _: &TimedOut<'_>) {
        self.hears(Callback::Timeout);
    }
    fn retired(&self, _: &Retired<'_>) {
        self.hears(Callback::Retired);
    }
    fn closed(&self, _: &Closed<'_>) {
        resume_unwind(Box::new("a listener"));
    }
}

/// Does what makes the pool call back, until it has panicked often enough.
fn provoke(pool: &Pool, listener: &Panicking) -> Result<(), Failure> {
    let start = Instant::now();
    while !listener.is_done() {
        if start.elapsed() > GIVEN_UP {
            let left = listener.left.load(Ordering::Relaxed);
            return Err(format!("{:?} is still to panic {left} times", listener.callback).into());
        }
        match listener.callback {
            Callback::Checkout | Callback::Checkin => quietly(|| drop(pool.get_within(SOON))),
            Callback::Connected | Callback::Retired => quietly(|| {
                if let Ok(mut lease) = pool.get_within(SOON) {
                    lease.invalidate();
                }
            }),
            Callback::ConnectFailed => {
                quietly(|| drop(pool.get_within(Duration::from_millis(100))));
            }
            Callback::Waiting | Callback::Timeout => {
                let all: Result<Vec<_>, _> = (0..SIZE).map(|_| pool.get_within(SOON)).collect();
                while all.is_ok() && !listener.is_done() && start.elapsed() < GIVEN_UP {
                    quietly(|| drop(pool.get_within(Duration::ZERO)));
                }
            }
        }
    }
    Ok(())
}

/// Does `work`; a panic of it ends here.
fn quietly(work: impl FnOnce()) {
    // What it says is known: it was made here.
    drop(catch_unwind(AssertUnwindSafe(work)));
}

/// How many connections cannot be lent any more.
fn lost_by(pool: &Pool) -> u32 {
    let lent: Vec<_> = (0..SIZE).map_while(|_| pool.get_within(SOON).ok()).collect();
    SIZE - u32::try_from(lent.len()).unwrap_or(SIZE)
}

/// What r2d2 calls of its manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Called {
    Connect,
    IsValid,
    HasBroken,
}

/// Panics in one of its methods as long as it is told to.
struct Trap {
    method: Called,
    armed: Arc<AtomicBool>,
}

impl Trap {
    fn springs(&self, called: Called) {
        if called == self.method && self.armed.load(Ordering::Relaxed) {
            resume_unwind(Box::new("a manager"));
        }
    }
}

impl r2d2::ManageConnection for Trap {
    type Connection = Nothing;
    type Error = std::convert::Infallible;

    fn connect(&self) -> Result<Nothing, Self::Error> {
        self.springs(Called::Connect);
        Ok(Nothing::default())
    }

    fn is_valid(&self, _: &mut Nothing) -> Result<(), Self::Error> {
        self.springs(Called::IsValid);
        Ok(())
    }

    fn has_broken(&self, _: &mut Nothing) -> bool {
        self.springs(Called::HasBroken);
        false
    }
}

/// The same for each method of an r2d2 manager, each in a pool of its own.
fn r2d2_loses(count: u32) -> Result<f64, Failure> {
    let mut lost = 0;
    for method in [Called::Connect, Called::IsValid, Called::HasBroken] {
        let armed = Arc::new(AtomicBool::new(true));
        let trap = Trap { method, armed: Arc::clone(&armed) };
        let pool = lenders::r2d2_settings(SIZE, Ask::Always).build(trap)?;
        for _ in 0..count {
            // A dead pool lets everybody wait to the end.
            quietly(|| drop(pool.get_timeout(Duration::from_millis(1))));
        }
        armed.store(false, Ordering::Relaxed);
        let short = Duration::from_millis(200);
        let lent: Vec<_> = (0..SIZE).map_while(|_| pool.get_timeout(short).ok()).collect();
        lost += SIZE - u32::try_from(lent.len())?;
    }
    Ok(f64::from(lost))
}
