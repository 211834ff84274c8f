//! The hand-off between those who give and those who wait, under thousands of schedules.
//!
//! The shelf is the source in `src`, compiled once more against the locks of `shuttle`, which decides
//! at each of them who runs next: at random from fixed seeds, with few but evil switches (PCT), or in
//! every order there is. In each schedule no item is lost or lent twice, and everybody comes to an
//! end: one that waits while an item lies idle is a deadlock, which shuttle reports with the schedule.
//!
//! It has a harness of its own, because with the usual one the shelf's unit tests would run here, too,
//! and those want real threads. Time is not modelled: a wait with a near deadline may end at any
//! moment, and a window is either nothing or for ever.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

#[path = "schedules/given.rs"]
mod given;
#[path = "schedules/programs.rs"]
mod programs;
#[path = "schedules/sync.rs"]
mod sync;

#[path = "../src"]
#[allow(dead_code, unused_imports, unreachable_pub, reason = "the parts that the shelf needs")]
mod pool {
    pub(crate) mod histogram;
    pub(crate) mod holder;
    pub(crate) mod metrics;
    pub(crate) mod shelf;
    pub(crate) mod stats;
    pub(crate) mod waiter;
    pub(crate) mod who;
}
use pool::holder::Holder;
use pool::{histogram, holder, metrics, shelf, stats, waiter, who};

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

/// How the schedules are chosen.
#[derive(Clone, Copy)]
enum Choice {
    Random,
    /// Few switches of threads, where they hurt most.
    Pct,
    /// Every schedule there is, up to a number.
    All,
}

const SCHEDULES: usize = 10_000;
const EVIL_SCHEDULES: usize = 3_000;
/// More than the smallest programs have.
const MOST: usize = 30_000;

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for (name, program, size) in programs::ALL {
        let choices: &[_] = match size {
            programs::Size::Small => &[("random", Choice::Random), ("all", Choice::All)],
            programs::Size::Large => &[("random", Choice::Random), ("pct", Choice::Pct)],
        };
        for &(word, choice) in choices {
            for window in [given::STRICT, given::BARGING] {
                let window_word = if window.is_zero() { "strict" } else { "barging" };
                let name = format!("{name}::{window_word}::{word}");
                let program = *program;
                trials.push(Trial::test(name, move || {
                    check(choice, move || program(window));
                    Ok(())
                }));
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn check(choice: Choice, program: impl Fn() + Send + Sync + 'static) {
    match choice {
        Choice::Random => shuttle::check_random_with_seed(program, 5, SCHEDULES),
        Choice::Pct => shuttle::check_pct(program, EVIL_SCHEDULES, 3),
        Choice::All => shuttle::check_dfs(program, Some(MOST)),
    }
}
