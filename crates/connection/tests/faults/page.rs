//! What docs/faults.md says.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use steadfast_connection::Vendor;

/// One number.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) errno: u32,
    pub(crate) servers: &'static str,
    pub(crate) fault: &'static str,
    pub(crate) after: &'static str,
    pub(crate) evidence: &'static str,
}

fn text() -> &'static str {
    include_str!("../../../../docs/faults.md")
}

fn cells(line: &'static str) -> Option<Vec<&'static str>> {
    Some(line.strip_prefix("| ")?.split('|').map(str::trim).collect())
}

pub(crate) fn rows() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let rows = text().lines().filter_map(|line| {
            let cells = cells(line)?;
            let errno = cells[0].parse().ok()?;
            let [_, _, servers, fault, after, _, _, evidence, ..] = cells[..] else { return None };
            Some(Row { errno, servers, fault, after, evidence })
        });
        rows.collect()
    })
}

/// What it says about a number from a vendor's server.
pub(crate) fn row(errno: u32, vendor: Vendor) -> Option<&'static Row> {
    let other = if vendor == Vendor::MariaDb { "MySQL" } else { "MariaDB" };
    rows().iter().find(|row| row.errno == errno && row.servers != other)
}

/// The numbers that it says a test makes happen.
pub(crate) fn seen() -> BTreeSet<u32> {
    rows().iter().filter(|row| row.evidence == "seen").map(|row| row.errno).collect()
}

/// diesel's kind for a number, by the table of kinds.
pub(crate) fn kind(errno: u32, vendor: Vendor) -> &'static str {
    let named = text().lines().filter_map(|line| {
        let cells = cells(line)?;
        let kind = cells[0].strip_prefix('`')?.strip_suffix('`')?;
        Some((kind, cells[1]))
    });
    let other = if vendor == Vendor::MariaDb { "(MySQL)" } else { "(MariaDB)" };
    let lists = |numbers: &str| {
        let mut entries = numbers.split([',', ';', ':']);
        entries.any(|entry| {
            let number = entry.split_whitespace().next();
            number == Some(&errno.to_string()) && !entry.contains(other)
        })
    };
    let found = named.into_iter().find(|&(_, numbers)| lists(numbers)).map(|(kind, _)| kind);
    let lost = || row(errno, vendor).is_some_and(is_lost);
    found.unwrap_or_else(|| if lost() { "ClosedConnection" } else { "Unknown" })
}

fn is_lost(row: &Row) -> bool {
    row.after == "lost" || row.after == "none" && row.fault == "Disconnected"
}
