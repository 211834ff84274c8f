//! docs/faults.md against real servers: each number it calls seen is made to happen, prepared and in a
//! batch, in three languages, in a transaction whose fate is then looked at from outside.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]
#![allow(missing_docs, reason = "the tables of a test speak for themselves")]

#[path = "faults/case.rs"]
mod case;
#[path = "faults/conflict.rs"]
mod conflict;
#[path = "faults/data.rs"]
mod data;
#[path = "faults/page.rs"]
mod page;
#[path = "faults/schema.rs"]
mod schema;
#[path = "faults/statement.rs"]
mod statement;

use case::{Case, LANGUAGES, Path, Stage};
use steadfast_testkit::server;

/// All plain statements that fail.
fn cases() -> impl Iterator<Item = &'static Case> {
    [data::CASES, statement::CASES, schema::CASES].into_iter().flatten()
}

#[test]
fn statements_fail_with_the_number_and_the_loss_that_the_page_says() {
    let database = server().database();
    let mut stage = Stage::new(&database.url());
    let mut failures = Vec::new();
    for language in LANGUAGES {
        stage.language = language;
        for case in cases() {
            failures.extend(on_both_paths(&mut stage, case, Stage::run));
        }
        for scene in conflict::SCENES {
            failures.extend(on_both_paths(&mut stage, &scene.case, scene.play));
        }
        for case in statement::ALONE {
            failures.extend(on_both_paths(&mut stage, case, Stage::run_alone));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

type Run = fn(&mut Stage, &Case, Path) -> Result<(), String>;

/// What went wrong with a case, with where it did.
fn on_both_paths(stage: &mut Stage, case: &Case, run: Run) -> Vec<String> {
    if !case.on.has(stage.vendor) {
        return Vec::new();
    }
    let paths = [Path::Prepared, Path::Batch].into_iter();
    let paths = paths.filter(|&path| case.only.is_none_or(|only| only == path));
    let failed = paths.filter_map(|path| {
        let failure = run(stage, case, path).err()?;
        let (Case { errno, sql, .. }, language) = (case, stage.language);
        Some(format!("{errno} {path:?} {language} {sql}: {failure}"))
    });
    failed.collect()
}
