//! The report as Prometheus text, format 0.0.4.

use std::fmt::Display;

use crate::health::{Health, PoolCheck, SessionsCheck, Status};
use crate::state::State;

/// The report as text.
pub(crate) fn metrics(health: &Health) -> String {
    let mut page = Page::default();
    whole(&mut page, health);
    server(&mut page, health);
    pool(&mut page, &health.checks.pool);
    sessions(&mut page, &health.checks.sessions);
    migrations(&mut page, health);
    page.0
}

/// A page of metrics.
#[derive(Default)]
struct Page(String);

/// Names and values of labels.
type Labels<'a> = &'a [(&'static str, &'a str)];

impl Page {
    /// A metric with one value.
    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.many(name, kind, help, [(&[][..], value)]);
    }

    /// A metric with a value for each set of labels; nothing at all if there is none.
    fn many<'a, V: Display>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'a>, V)>,
    ) {
        let mut head = Some((help, kind));
        for (labels, value) in samples {
            if let Some((help, kind)) = head.take() {
                self.line(format_args!("# HELP steadfast_{name} {}", escape_help(help)));
                self.line(format_args!("# TYPE steadfast_{name} {kind}"));
            }
            self.line(format_args!("steadfast_{name}{} {value}", Shown(labels)));
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.0.push_str(&line.to_string());
        self.0.push('\n');
    }
}

struct Shown<'a>(Labels<'a>);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, (name, value)) in self.0.iter().enumerate() {
            let before = if at == 0 { "{" } else { "," };
            write!(f, "{before}{name}=\"{}\"", escape_label(value))?;
        }
        if self.0.is_empty() { Ok(()) } else { f.write_str("}") }
    }
}

fn escape_label(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn escape_help(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

fn whole(page: &mut Page, health: &Health) {
    let statuses = [Status::Up, Status::Degraded, Status::Down];
    let labels = statuses.map(|status| [("status", status.as_str())]);
    let samples = statuses.iter().zip(&labels);
    page.many(
        "health_status",
        "gauge",
        "1 for the status that the checks amount to.",
        samples.map(|(status, labels)| (&labels[..], u8::from(*status == health.status))),
    );
    let states = [State::Starting, State::Ready, State::Degraded, State::Draining, State::Closed];
    let labels = states.map(|state| [("state", state.as_str())]);
    page.many(
        "state",
        "gauge",
        "1 for where the database is in its life.",
        states.iter().zip(&labels).map(|(it, labels)| (&labels[..], u8::from(*it == health.state))),
    );
    page.one("ready", "gauge", "1 if work should be sent here.", u8::from(health.ready));
    let reasons: Vec<_> = health.reasons.iter().map(|reason| [("reason", reason.name)]).collect();
    page.many(
        "health_reason",
        "gauge",
        "1 for each reason why it is not up or not ready.",
        reasons.iter().map(|labels| (&labels[..], 1)),
    );
    if let Some(age_ms) = health.age_ms {
        page.one(
            "health_age_seconds",
            "gauge",
            "How long ago the server was asked.",
            seconds(age_ms),
        );
    }
    let warnings = &health.checks.settings.warnings;
    page.one("settings_warnings", "gauge", "Settings that should be looked at.", warnings.len());
}

fn server(page: &mut Page, health: &Health) {
    let check = &health.checks.connection;
    let up = u8::from(check.status == Status::Up);
    page.one("server_up", "gauge", "1 if the server answers.", up);
    if let Some(latency_us) = check.latency_us {
        let latency = latency_us as f64 / 1e6;
        page.one("server_latency_seconds", "gauge", "How long its last answer took.", latency);
    }
    if let Some(uptime) = check.uptime_s {
        page.one("server_uptime_seconds", "gauge", "How long it has been running.", uptime);
    }
    if let Some(threads) = check.threads_connected {
        page.one("server_connections", "gauge", "Connections it has, of all clients.", threads);
    }
    if let Some(database) = &check.database {
        let max = database.max_connections;
        page.one("server_max_connections", "gauge", "Connections it takes.", max);
        let read_only = u8::from(database.read_only);
        page.one("server_read_only", "gauge", "1 if it takes no writes.", read_only);
        let labels = [("vendor", database.vendor), ("version", database.version.as_str())];
        page.many("server_info", "gauge", "Vendor and version.", [(&labels[..], 1)]);
    }
}

fn pool(page: &mut Page, pool: &PoolCheck) {
    let name = ("pool", pool.name.as_str());
    let states = [("idle", pool.idle), ("lent", pool.lent), ("creating", pool.creating)];
    let labels = states.map(|(state, _)| [name, ("state", state)]);
    page.many(
        "pool_connections",
        "gauge",
        "Connections by what they are doing.",
        states.iter().zip(&labels).map(|((_, value), labels)| (&labels[..], *value)),
    );
    let labels = [name];
    for (metric, help, value) in [
        ("pool_waiting", "Callers that wait for a connection.", pool.waiting),
        ("pool_size", "Connections kept open, as configured.", pool.size),
        ("pool_overflow", "Connections above the size, as configured.", pool.overflow),
    ] {
        page.many(metric, "gauge", help, [(&labels[..], value)]);
    }
    for (metric, help, value) in [
        ("pool_checkouts_total", "Connections lent.", pool.checkouts),
        ("pool_waits_total", "Callers that had to wait.", pool.waits),
        ("pool_timeouts_total", "Callers that waited in vain.", pool.timeouts),
        ("pool_connects_total", "Connections opened.", pool.connects),
        ("pool_connect_failures_total", "Attempts to open one that failed.", pool.connect_failures),
        ("pool_retired_total", "Connections closed for good.", pool.retired),
    ] {
        page.many(metric, "counter", help, [(&labels[..], value)]);
    }
}

fn sessions(page: &mut Page, sessions: &SessionsCheck) {
    page.one("sessions_open", "gauge", "Sessions that are open.", sessions.open);
    page.one("sessions_limit", "gauge", "Sessions that may be open.", sessions.limit);
    let oldest = seconds(sessions.oldest_ms.unwrap_or(0));
    page.one("sessions_oldest_seconds", "gauge", "Age of the oldest open session.", oldest);
    for (metric, help, value) in [
        ("transactions_committed_total", "Transactions committed.", sessions.committed),
        ("transactions_rollbacks_total", "Attempts rolled back or lost.", sessions.rollbacks),
        ("transactions_unresolved_total", "Commits of unknown outcome.", sessions.unresolved),
    ] {
        page.one(metric, "counter", help, value);
    }
    let labels: Vec<_> = sessions.retries.keys().map(|fault| [("fault", *fault)]).collect();
    page.many(
        "transactions_retries_total",
        "counter",
        "Attempts made again, by the fault before.",
        sessions.retries.values().zip(&labels).map(|(value, labels)| (&labels[..], *value)),
    );
    let labels: Vec<_> = sessions.resolved.keys().map(|outcome| [("outcome", *outcome)]).collect();
    page.many(
        "transactions_resolved_total",
        "counter",
        "Commits whose lost answer was found out, by outcome.",
        sessions.resolved.values().zip(&labels).map(|(value, labels)| (&labels[..], *value)),
    );
}

fn migrations(page: &mut Page, health: &Health) {
    let check = &health.checks.migrations;
    let Some(done) = check.done else { return };
    let failed = usize::from(check.unresolved.is_some());
    let states = [
        ("done", done),
        ("pending", check.pending.len()),
        ("running", check.running.len()),
        ("unresolved", failed),
    ];
    let labels = states.map(|(state, _)| [("state", state)]);
    page.many(
        "migrations",
        "gauge",
        "Migrations by how far they came.",
        states.iter().zip(&labels).map(|((_, value), labels)| (&labels[..], *value)),
    );
}

fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_cannot_end_their_line_or_their_quotes() {
        let mut page = Page::default();
        let labels = [("version", "a\"b\\c\nd")];
        page.many("x", "gauge", "Help with \\ and\nbreak.", [(&labels[..], 1)]);
        assert_eq!(
            page.0,
            "# HELP steadfast_x Help with \\\\ and\\nbreak.\n# TYPE steadfast_x gauge\n\
             steadfast_x{version=\"a\\\"b\\\\c\\nd\"} 1\n"
        );
    }

    #[test]
    fn a_metric_without_a_value_leaves_no_head() {
        let mut page = Page::default();
        page.many("x", "gauge", "Help.", Vec::<(Labels<'_>, u8)>::new());
        assert_eq!(page.0, "");
    }
}
