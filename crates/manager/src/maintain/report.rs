//! What a maintenance task did.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::maintain::Task;

/// What a maintenance task did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MaintenanceReport {
    /// The task, such as `analyze`.
    pub task: &'static str,
    /// A table, or `None` for the whole database.
    pub target: Option<String>,
    /// Rows, tables or transactions that were handled.
    pub items: u64,
    /// In how many steps, each a transaction of its own.
    pub steps: u32,
    /// How long the longest step took.
    pub longest_step: Duration,
    /// False if it stopped early: its time was over, or the database is being closed. What it did is
    /// done; the next run goes on.
    pub finished: bool,
    /// Whether the run is recorded in `steadfast_maintenance`; not if that table is missing.
    pub recorded: bool,
    /// What the server said about tables beyond `OK`.
    pub notes: Vec<TableNote>,
    /// Transactions that were ended.
    pub killed: Vec<KilledTransaction>,
    /// How long all of it took.
    pub took: Duration,
}

impl MaintenanceReport {
    pub(crate) fn of(task: &Task) -> Self {
        Self {
            task: task.name(),
            target: task.target().map(str::to_owned),
            finished: true,
            ..Self::default()
        }
    }

    /// Counts a step that took `took` and handled `items`.
    pub(crate) fn step(&mut self, items: u64, took: Duration) {
        self.items += items;
        self.steps += 1;
        self.longest_step = self.longest_step.max(took);
    }

    /// True if a table is damaged, by what the server said.
    pub fn has_errors(&self) -> bool {
        self.notes.iter().any(|note| note.kind == "error")
    }
}

impl fmt::Display for MaintenanceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.task)?;
        if let Some(target) = &self.target {
            write!(f, " of {target}")?;
        }
        let Self { items, steps, took, .. } = self;
        write!(f, ": {items} items in {steps} steps, {took:.1?}")?;
        if !self.finished {
            f.write_str(", stopped early")?;
        }
        self.notes
            .iter()
            .try_for_each(|note| write!(f, "; {} {}: {}", note.table, note.kind, note.message))
    }
}

/// What the server said about a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TableNote {
    /// The table.
    pub table: String,
    /// `error`, `warning`, `note`, `info` or `status`.
    pub kind: String,
    /// Its words.
    pub message: String,
}

/// A transaction that was ended because its session slept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KilledTransaction {
    /// The server's id of the connection.
    pub connection: u64,
    /// The account.
    pub user: String,
    /// From where it was connected.
    pub host: String,
    /// How long it had slept.
    pub idle: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_one_line_for_people() {
        let mut report = MaintenanceReport::of(&Task::optimize(["big"]));
        report.step(1, Duration::from_millis(300));
        report.took = Duration::from_millis(350);
        assert_eq!(report.to_string(), "optimize of big: 1 items in 1 steps, 350.0ms");
        report.finished = false;
        assert!(report.to_string().ends_with("stopped early"));
    }
}
