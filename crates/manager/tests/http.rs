//! Answers for probes and scrapers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod ground;

use std::collections::BTreeSet;
use std::time::Duration;

use ground::config;
use steadfast_manager::{Database, Migrate};
use steadfast_testkit::server;

#[test]
fn each_path_has_its_answer() {
    let database = server().database();
    let db = Database::open(config(&database).migrate(Migrate::Run)).unwrap();
    for (path, status, body) in [
        ("/health/live", 200, r#"{"status":"up"}"#),
        ("/health/live/", 200, r#"{"status":"up"}"#),
        ("/health/ready", 200, r#"{"status":"up","ready":true}"#),
        ("/health?x=1", 200, r#"{"status":"up","ready":true}"#),
        ("/", 404, r#"{"error":"not found"}"#),
        ("/health/", 200, r#"{"status":"up","ready":true}"#),
        ("/healthy", 404, r#"{"error":"not found"}"#),
        ("", 404, r#"{"error":"not found"}"#),
    ] {
        let answer = db.http_answer(path);
        assert_eq!((answer.status, &*answer.body), (status, body), "{path}");
        assert_eq!(answer.content_type, "application/json", "{path}");
        assert!(answer.headers.contains(&("cache-control", "no-store")), "{path}");
    }
}

#[test]
fn details_are_shown_only_if_allowed() {
    let database = server().database();
    let open = |details| {
        Database::open(config(&database).migrate(Migrate::Run).http_details(details)).unwrap()
    };
    let hidden = open(false);
    for path in ["/health", "/health/ready"] {
        let body = hidden.http_answer(path).body;
        assert!(!body.contains("MariaDB") && !body.contains(database.name()), "{body}");
    }
    let body = open(true).http_answer("/health").body;
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    let name = json.pointer("/checks/connection/database/database");
    assert_eq!(name.and_then(|it| it.as_str()), Some(database.name()));
}

#[test]
fn a_database_that_is_not_ready_says_when_to_ask_again() {
    let database = server().database();
    let db = Database::open(config(&database).migrate(Migrate::Check)).unwrap();
    let answer = db.http_answer("/health/ready");
    assert_eq!(answer.status, 503);
    assert_eq!(answer.body, r#"{"status":"degraded","ready":false}"#);
    assert!(answer.headers.contains(&("retry-after", "1")));
    assert_eq!(db.http_answer("/health").status, 200, "degraded is not down");

    db.close(Duration::from_secs(5));
    assert_eq!(db.http_answer("/health/ready").status, 503);
    assert_eq!(db.http_answer("/health/live").status, 200);
}

#[test]
fn every_line_of_the_metrics_keeps_to_the_grammar() {
    use diesel::prelude::*;
    let database = server().database();
    let db = Database::open(config(&database).migrate(Migrate::Run)).unwrap();
    db.transaction(|tx| {
        diesel::sql_query("DELETE FROM steadfast_maintenance").execute(tx)?;
        Ok::<_, steadfast_session::Error>(())
    })
    .unwrap();

    let answer = db.http_answer("/metrics");

    assert_eq!(answer.content_type, "text/plain; version=0.0.4; charset=utf-8");
    let metrics = parse(&answer.body);
    for (name, value) in [
        ("steadfast_server_up", "1"),
        ("steadfast_ready", "1"),
        ("steadfast_health_status{status=\"up\"}", "1"),
        ("steadfast_health_status{status=\"down\"}", "0"),
        ("steadfast_transactions_committed_total", "1"),
        ("steadfast_migrations{state=\"done\"}", "3"),
        ("steadfast_pool_size{pool=\"main\"}", "10"),
    ] {
        assert!(metrics.contains(&(name.to_owned(), value.to_owned())), "{name}\n{}", answer.body);
    }
}

/// Reads the text format 0.0.4 line by line: HELP, TYPE, then the samples of that metric, each once.
fn parse(text: &str) -> BTreeSet<(String, String)> {
    assert!(text.ends_with('\n'), "the last line ends too");
    let mut metrics = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut current: Option<(String, String)> = None;
    let mut help = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, text) = rest.split_once(' ').expect("a name and a text");
            assert!(is_name(name) && !text.is_empty(), "{line}");
            help = Some(name.to_owned());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a type");
            assert_eq!(help.as_deref(), Some(name), "{line}");
            assert!(matches!(kind, "gauge" | "counter"), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert!(seen.insert(name.to_owned()), "{name} twice");
            current = Some((name.to_owned(), kind.to_owned()));
        } else {
            let (sample, value) = line.rsplit_once(' ').expect("a sample and a value");
            let (name, _) = current.as_ref().expect("a TYPE before the samples");
            let labels = sample.strip_prefix(name.as_str()).expect("the metric of the TYPE");
            assert!(labels.is_empty() || are_labels(labels), "{line}");
            assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
            assert!(metrics.insert((sample.to_owned(), value.to_owned())), "{line} twice");
        }
    }
    metrics
}

fn is_name(name: &str) -> bool {
    name.starts_with("steadfast_") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

fn are_labels(text: &str) -> bool {
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    inner.is_some_and(|inner| {
        inner.split("\",").all(|label| {
            let label = label.strip_suffix('"').unwrap_or(label);
            label.split_once("=\"").is_some_and(|(name, value)| {
                name.chars().all(|c| c.is_ascii_lowercase()) && !value.contains(['"', '\n'])
            })
        })
    })
}
