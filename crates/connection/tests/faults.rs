//! docs/faults.md against real servers: each number it calls seen is made to happen, prepared and in a
//! batch, in three languages, in a transaction whose fate is then looked at from outside.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]
#![allow(missing_docs, reason = "the tables of a test speak for themselves")]

#[path = "faults/case.rs"]
mod case;
#[path = "faults/conflict.rs"]
mod conflict;
#[path = "faults/connecting.rs"]
mod connecting;
#[path = "faults/data.rs"]
mod data;
#[path = "faults/limit.rs"]
mod limit;
#[path = "faults/page.rs"]
mod page;
#[path = "faults/schema.rs"]
mod schema;
#[path = "faults/statement.rs"]
mod statement;

use std::collections::BTreeSet;

use case::{Case, LANGUAGES, Path, Stage};
use mysqlclient_sys::SUPPORTS_MYSQL_SSL_MODE;
use steadfast_connection::{Config, Connection, Error, Fault, ServerError, Tls, Vendor};
use steadfast_testkit::{Server, server};

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
    for language in ["de_DE", "ja_JP"] {
        let translated = stage.texts.iter().filter(|((errno, of), text)| {
            *of == language && stage.texts.get(&(*errno, "en_US")) != Some(text)
        });
        let translated = translated.count();
        assert!(translated >= 50, "{translated} in {language}");
    }
}

type Run = fn(&mut Stage, &Case, Path) -> Result<(), String>;

/// What went wrong with a case, with where it did.
fn on_both_paths(stage: &mut Stage, case: &Case, run: Run) -> Vec<String> {
    let vendor = stage.vendor;
    let paths = [Path::Prepared, Path::Batch].into_iter().filter(|&path| case.goes(path, vendor));
    let failed = paths.filter_map(|path| {
        let failure = run(stage, case, path).err()?;
        let (Case { errno, sql, .. }, language) = (case, stage.language);
        Some(format!("{errno} {path:?} {language} {sql}: {failure}"))
    });
    failed.collect()
}

#[test]
fn limits_and_rights_fail_with_the_number_and_the_loss_that_the_page_says() {
    let server = Server::with(&limit::FLAGS).unwrap();
    let database = server.database();
    let mut stage = Stage::new(&database.url());
    stage.observer.batch(limit::GRANTS).unwrap();
    let root = stage.config.clone();
    // An error takes another way under TLS.
    let low = root.clone().user("low").password("low").tls(Tls::required());
    let mut failures = Vec::new();
    for language in LANGUAGES {
        stage.language = language;
        stage.config = root.clone();
        for case in limit::CASES {
            failures.extend(on_both_paths(&mut stage, case, Stage::run));
        }
        for scene in limit::SCENES {
            failures.extend(on_both_paths(&mut stage, &scene.case, scene.play));
        }
        stage.config = low.clone();
        for case in limit::ACCOUNT_CASES {
            failures.extend(on_both_paths(&mut stage, case, Stage::run));
        }
        for scene in limit::ACCOUNT_SCENES {
            failures.extend(on_both_paths(&mut stage, &scene.case, scene.play));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_refused_connect_has_its_number_and_the_fault_that_the_page_says() {
    for language in LANGUAGES {
        let flags = connecting::FLAGS.map(str::to_owned);
        let flags = [&flags[..], &[format!("--lc-messages={language}")]].concat();
        let server = Server::with(&flags.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        let vendor =
            Connection::open(&Config::from_url(&server.url("")).unwrap()).unwrap().vendor();
        server.sql("", &connecting::accounts(vendor)).unwrap();
        for refusal in connecting::REFUSALS.iter().filter(|refusal| refusal.on.has(vendor)) {
            agrees_with_the_page(refusal.errno, vendor, (refusal.make)(&server));
        }
    }
}

#[test]
fn what_the_client_library_tells_has_its_number_and_the_fault_that_the_page_says() {
    let vendor = Connection::open(&Config::from_url(&server().url("")).unwrap()).unwrap().vendor();
    for (errno, make) in connecting::WAYS {
        agrees_with_the_page(*errno, vendor, make());
    }
}

fn agrees_with_the_page(errno: u32, vendor: Vendor, error: Option<Error>) {
    let error = error.unwrap_or_else(|| panic!("{errno} did not happen"));
    let found = error.server().unwrap_or_else(|| panic!("{error:?} has no number"));
    assert_eq!(found.errno(), errno, "{found}");
    let row = page::row(errno, vendor).unwrap();
    // Before the first answer a TLS failure is of certificates and settings.
    let expected = if errno == 2026 { Fault::Permanent } else { case::fault(row) };
    assert_eq!(found.fault(), expected, "{found}");
    let found = ServerError::find(&error.into()).unwrap();
    assert_eq!((found.errno(), found.fault()), (errno, expected));
}

/// The numbers that are made to happen on a vendor's server.
fn made(vendor: Vendor) -> BTreeSet<u32> {
    let cases = cases().chain(statement::ALONE).chain(limit::CASES).chain(limit::ACCOUNT_CASES);
    let scenes = conflict::SCENES.iter().chain(limit::SCENES).chain(limit::ACCOUNT_SCENES);
    let cases = cases.chain(scenes.map(|scene| &scene.case));
    let cases = cases.filter(|case| case.on.has(vendor)).map(|case| case.errno);
    let refused = connecting::REFUSALS.iter().filter(|refusal| refusal.on.has(vendor));
    let refused = refused.map(|refusal| refusal.errno);
    let told = connecting::WAYS.iter().map(|&(errno, _)| errno);
    cases.chain(refused).chain(told).collect()
}

#[test]
fn the_page_calls_seen_what_is_made_to_happen_and_that_is_most_of_what_is_met() {
    let (maria, mysql) = (made(Vendor::MariaDb), made(Vendor::MySql));
    assert!(maria.len() >= 150 && mysql.len() >= 150, "{} and {}", maria.len(), mysql.len());
    let mut all: BTreeSet<u32> = maria.union(&mysql).copied().collect();
    if SUPPORTS_MYSQL_SSL_MODE {
        // libmysqlclient has a number of its own for a plugin that is not allowed, and never lets
        // the server refuse a file.
        all.remove(&connecting::NOT_ALLOWED);
        all.extend([5010, 4166, 3948]);
    }
    assert_eq!(page::seen(), all);
}
