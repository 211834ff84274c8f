//! Whatever `diesel::MysqlConnection` does, ours does too: each case runs on both, and what comes
//! of it is compared to the bit. Where the two differ stands in `listed.rs`, with the reason.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::explicit_write,
    clippy::wildcard_imports,
    clippy::too_many_lines,
    clippy::option_option,
    reason = "a test may stop"
)]

mod binds;
mod columns;
mod dsl_select;
mod dsl_write;
mod errors;
mod events;
mod introspection;
mod listed;
mod migrations;
mod pools;
mod raw_sql;
mod schema;
mod suite;
mod transactions;
mod types;

use std::collections::HashSet;
use std::io::{Write as _, stderr};
use std::panic;

use suite::{Tally, Theme};

#[test]
fn every_case_gives_what_diesels_own_connection_gives() {
    let themes: Vec<Theme> = [
        types::themes(),
        vec![binds::theme(), dsl_select::theme(), dsl_write::theme(), errors::theme()],
        vec![transactions::theme(), events::theme(), raw_sql::theme(), migrations::theme()],
        vec![pools::theme(), introspection::theme()],
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut tally = Tally::default();
    // Some cases make diesel panic, which is an outcome like others.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    for theme in &themes {
        let before = (tally.names.len(), tally.differences.len());
        tally.run(theme);
        let (cases, different) = (tally.names.len() - before.0, tally.differences.len() - before.1);
        tell(&format!("{:<16} {cases:>5} cases, {different:>3} differ", theme.name));
    }
    panic::set_hook(hook);
    for (count, reason) in listed::account(&tally) {
        tell(&format!("{count:>5} differ: {reason}"));
    }
    let unlisted = listed::compare(&tally);
    tell(&format!(
        "conformance: {} cases, {} differ, {} of these not as listed",
        tally.names.len(),
        tally.differences.len(),
        unlisted.len()
    ));

    assert!(unlisted.is_empty(), "{}", unlisted.join("\n\n"));
    assert!(tally.names.len() >= 400, "{} cases", tally.names.len());
    let mut seen = HashSet::new();
    let twice: Vec<_> = tally.names.iter().filter(|name| !seen.insert(*name)).collect();
    assert!(twice.is_empty(), "two cases have one name: {twice:?}");
}

/// Past the capture of a test's output: how much was compared is to be seen when all is well, too.
fn tell(line: &str) {
    writeln!(stderr(), "{line}").unwrap();
}
