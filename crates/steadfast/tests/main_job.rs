//! The main job of `examples/ledger.rs` adds up, with its faults, whenever the tests run.

#[path = "../examples/ledger.rs"]
#[allow(dead_code, unreachable_pub, reason = "the example's main and log are not used here")]
mod ledger;

#[test]
fn the_ledger_adds_up_under_faults() -> ledger::Outcome<()> {
    ledger::run()
}
