//! Which path gets which answer.

use crate::health::{Health, Status};
use crate::http::metrics::metrics;

const JSON: &str = "application/json";
/// Version 0.0.4 of the text format, which every scraper reads.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// An answer for whatever serves HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The content type.
    pub content_type: &'static str,
    /// Further headers.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The body.
    pub body: String,
}

impl Answer {
    fn new(status: u16, content_type: &'static str, body: String) -> Self {
        let mut headers = vec![("cache-control", "no-store")];
        if status == 503 {
            headers.push(("retry-after", "1"));
        }
        Self { status, content_type, headers, body }
    }
}

/// The answer for `path`; `health` is made only if it is needed.
pub(crate) fn answer(path: &str, details: bool, health: impl FnOnce() -> Health) -> Answer {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    match path.strip_suffix('/').unwrap_or(path) {
        // That this is answered is all there is to say. A database that is down must not have every
        // process restarted.
        "/health/live" => Answer::new(200, JSON, r#"{"status":"up"}"#.to_owned()),
        "/health/ready" => {
            let health = health();
            let status = if health.ready { 200 } else { 503 };
            Answer::new(status, JSON, body(&health, details))
        }
        "/health" => {
            let health = health();
            let status = if health.status == Status::Down { 503 } else { 200 };
            Answer::new(status, JSON, body(&health, details))
        }
        "/metrics" => Answer::new(200, PROMETHEUS, metrics(&health())),
        _ => Answer::new(404, JSON, r#"{"error":"not found"}"#.to_owned()),
    }
}

fn body(health: &Health, details: bool) -> String {
    if details {
        return health.to_json();
    }
    let (status, ready) = (health.status.as_str(), health.ready);
    format!(r#"{{"status":"{status}","ready":{ready}}}"#)
}
