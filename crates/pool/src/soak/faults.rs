//! What happens to server, network and pool, one thing after the other.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use fastrand::Rng;
use steadfast_testkit::{Direction, Proxy, Server};

use super::promises::{BACK, Promises, breathe};
use super::{OVERFLOW, PASSWORD, SIZE, USER, ms};
use crate::clock::{Clock, SystemClock};
use crate::pool::Pool;

pub(super) struct Stage<'a> {
    pub(super) server: &'a Server,
    pub(super) proxy: &'a Proxy,
    pub(super) pool: &'a Pool,
}

type Fault<'a> = fn(&Stage<'a>, &mut Rng);

fn all<'a>() -> [(&'static str, Fault<'a>); 11] {
    [
        ("KILL of connections", Stage::kill_connections),
        ("SIGSTOP", Stage::freeze),
        ("SIGKILL and restart", Stage::crash),
        ("cut connections", Stage::cut),
        ("reset connections", Stage::reset),
        ("black hole", Stage::black_hole),
        ("refused connections", Stage::refuse),
        ("slow network", Stage::slow_down),
        ("wrong password", Stage::change_password),
        ("invalidate", Stage::invalidate),
        ("pause and resize", Stage::pause_and_resize),
    ]
}

impl Stage<'_> {
    /// One fault after the other until `end`; after each the pool has to be back soon.
    pub(super) fn play(&self, mut rng: Rng, promises: &Promises, end: Instant) {
        while Instant::now() < end {
            let (name, fault) = all()[rng.usize(..all().len())];
            promises.fault(name);
            fault(self, &mut rng);
            promises.recovered(name, self.way_back());
            SystemClock.sleep(ms(rng.u64(50..500)));
        }
    }

    /// How long it takes until somebody is served who asks now.
    fn way_back(&self) -> Duration {
        let over = Instant::now();
        while over.elapsed() < BACK * 20 {
            let lease = self.pool.get_within(BACK);
            if lease.is_ok_and(|mut lease| lease.batch_execute("DO 1").is_ok()) {
                break;
            }
            breathe();
        }
        over.elapsed()
    }

    /// An administrator's word, by another way than that of the pool.
    fn order(&self, sql: &str) -> String {
        self.server.sql("", sql).unwrap()
    }

    fn kill_connections(&self, rng: &mut Rng) {
        let most = rng.u32(1..10);
        let ids = format!(
            "SELECT ID FROM information_schema.processlist WHERE USER = '{USER}' LIMIT {most}"
        );
        for id in self.order(&ids).lines().filter_map(|id| id.parse().ok()) {
            // It may have gone by itself.
            drop(self.server.kill_connection(id));
        }
    }

    fn freeze(&self, rng: &mut Rng) {
        self.server.pause().unwrap();
        SystemClock.sleep(ms(rng.u64(50..1_500)));
        self.server.resume().unwrap();
    }

    fn crash(&self, rng: &mut Rng) {
        self.server.kill().unwrap();
        SystemClock.sleep(ms(rng.u64(0..2_000)));
        self.server.restart().unwrap();
    }

    fn cut(&self, _: &mut Rng) {
        self.proxy.cut();
    }

    fn reset(&self, _: &mut Rng) {
        self.proxy.reset();
    }

    fn black_hole(&self, rng: &mut Rng) {
        self.proxy.black_hole();
        SystemClock.sleep(ms(rng.u64(100..1_200)));
        self.proxy.heal();
        self.proxy.cut();
    }

    fn refuse(&self, rng: &mut Rng) {
        self.proxy.refuse();
        self.proxy.cut();
        SystemClock.sleep(ms(rng.u64(100..1_500)));
        self.proxy.heal();
    }

    fn slow_down(&self, rng: &mut Rng) {
        self.proxy.delay(Direction::ToClient, ms(rng.u64(1..60)));
        SystemClock.sleep(ms(rng.u64(200..800)));
        self.proxy.heal();
    }

    fn change_password(&self, rng: &mut Rng) {
        self.order(&format!("ALTER USER {USER} IDENTIFIED BY 'another'"));
        self.proxy.cut();
        SystemClock.sleep(ms(rng.u64(100..1_000)));
        self.order(&format!("ALTER USER {USER} IDENTIFIED BY '{PASSWORD}'"));
    }

    fn invalidate(&self, _: &mut Rng) {
        self.pool.invalidate();
    }

    fn pause_and_resize(&self, rng: &mut Rng) {
        let (size, overflow) = (rng.u32(1..=SIZE + 2), rng.u32(0..=OVERFLOW + 2));
        self.pool.pause();
        self.pool.resize(size, overflow).unwrap();
        SystemClock.sleep(ms(rng.u64(10..300)));
        self.pool.resume();
        SystemClock.sleep(ms(rng.u64(10..300)));
        self.pool.resize(SIZE, OVERFLOW).unwrap();
    }
}
