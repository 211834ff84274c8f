//! The manual, `docs/pool.md`, is complete: no setting, event, reason, error, log line or instrument is
//! missing in it, and it tells of none that is not there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may stop")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

type Words = BTreeSet<String>;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn source(file: &str) -> String {
    fs::read_to_string(here().join("src").join(file)).unwrap()
}

/// Every file below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// All sources, each without its tests.
fn sources(folder: &str) -> Vec<String> {
    let files = files(&here().join("src").join(folder));
    let code = |path: PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
    };
    files.into_iter().map(code).collect()
}

/// What stands between `open` and `close`, each time.
fn between<'a>(text: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(open).skip(1).filter_map(move |rest| rest.split_once(close)).map(|(it, _)| it)
}

/// The names in the tables below `heading`, up to the next heading: of each row the first in
/// backticks.
fn told(heading: &str) -> Words {
    let manual = fs::read_to_string(here().join("../../docs/pool.md")).unwrap();
    let at = format!("\n{heading}\n");
    let (_, section) = manual.split_once(&at).unwrap_or_else(|| panic!("no {heading:?}"));
    let section = section.split("\n#").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|'));
    rows.filter_map(|row| row.split('`').nth(1)).map(str::to_owned).collect()
}

fn assert_complete(heading: &str, there: &Words) {
    let told = told(heading);
    let missing: Vec<_> = there.difference(&told).collect();
    assert!(missing.is_empty(), "docs/pool.md, {heading:?}, lacks a row for {missing:?}");
    let stale: Vec<_> = told.difference(there).collect();
    assert!(stale.is_empty(), "docs/pool.md, {heading:?}, tells of {stale:?}, which is not there");
    assert!(there.len() > 3, "the sources are not understood: {there:?}");
}

#[test]
fn every_setting_is_in_the_manual() {
    let mut sources = sources("config");
    sources.push(source("config.rs"));
    let settings =
        sources.iter().flat_map(|text| text.split("pub fn ").skip(1)).filter_map(|rest| {
            let (head, _) = rest.split_once('{')?;
            let (name, parameters) = head.split_once('(')?;
            let name = name.split('<').next()?;
            parameters.trim_start().starts_with("mut self").then(|| name.to_owned())
        });
    assert_complete("## Settings", &settings.collect());
}

#[test]
fn every_event_is_in_the_manual() {
    let listener = source("listener.rs");
    let events = between(&listener, "    fn ", "(&self, _event").map(str::to_owned);
    assert_complete("## Events", &events.collect());
}

#[test]
fn every_reason_is_in_the_manual() {
    let event = source("event.rs");
    let (_, words) = event.split_once("fn as_str").unwrap();
    let (words, _) = words.split_once("\n    }\n").unwrap();
    let reasons = between(words, "=> \"", "\"").map(str::to_owned);
    assert_complete("### Why a connection was closed", &reasons.collect());
}

#[test]
fn every_error_is_in_the_manual() {
    let error = source("error.rs");
    let (_, variants) = error.split_once("pub enum Error {\n").unwrap();
    let (variants, _) = variants.split_once("\n}\n").unwrap();
    let names = variants.lines().filter_map(|line| {
        let name = line.strip_prefix("    ")?;
        let is_variant = name.starts_with(|first: char| first.is_ascii_uppercase());
        is_variant.then(|| name.split([' ', '(', ',']).next().unwrap_or_default().to_owned())
    });
    assert_complete("## On a bad day", &names.collect());
}

#[test]
fn every_line_of_the_log_is_in_the_manual() {
    let sources = sources("");
    let lines = sources.iter().flat_map(|text| {
        ["log::info!", "log::warn!", "log::error!", "log::log!"].into_iter().flat_map(|level| {
            between(text, level, "\");")
                .filter_map(|call| call.rsplit_once("; \""))
                .map(|(_, it)| it)
        })
    });
    assert_complete("## The log", &lines.map(str::to_owned).collect());
}

#[test]
fn every_instrument_is_in_the_manual() {
    let metrics = source("metrics.rs");
    let (_, code) = metrics.split_once("pub fn instruments").unwrap();
    let names = between(code, "\"db.client.", "\"").map(|name| format!("db.client.{name}"));
    assert_complete("## Numbers", &names.collect());
}
