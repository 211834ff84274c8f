//! What can be done.

use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
/// A hundred years: beyond it, the server's calendar begins to matter.
const LONGEST_AGE: Duration = Duration::from_secs(100 * 366 * 24 * 3600);
const LONGEST_RUN: Duration = Duration::from_secs(24 * 3600);

/// A piece of maintenance for [`Database::maintain`](crate::Database::maintain).
#[derive(Clone, Debug)]
pub struct Task {
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// On these tables, or on all.
    Tables(Verb, Option<Vec<String>>),
    Purge(Purge),
    KillIdle(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Analyze,
    Optimize,
    Check,
}

impl Task {
    /// Reads the distribution of values anew, for all tables: what the optimizer decides by.
    pub fn analyze() -> Self {
        Self { kind: Kind::Tables(Verb::Analyze, None) }
    }

    /// Rebuilds tables, which gives space back that deleted rows left. Each needs its own size free on
    /// disk, and its time as lag of the replicas.
    pub fn optimize<T: Into<String>>(tables: impl IntoIterator<Item = T>) -> Self {
        let tables = tables.into_iter().map(Into::into).collect();
        Self { kind: Kind::Tables(Verb::Optimize, Some(tables)) }
    }

    /// Reads every row and every index of all tables and compares them. For quiet hours.
    pub fn check() -> Self {
        Self { kind: Kind::Tables(Verb::Check, None) }
    }

    /// Deletes old rows of a table, a few at a time. Say by which column and how old.
    pub fn purge(table: impl Into<String>) -> Purge {
        Purge {
            table: table.into(),
            column: None,
            older_than: None,
            step_rows: 20_000,
            within: HOUR,
            is_retention: false,
        }
    }

    /// Ends transactions whose session has slept for longer than this: they hold locks and keep old
    /// row versions alive. At least a second.
    ///
    /// Left alone are other databases, runners of migrations, and transactions declared READ ONLY, which
    /// lock no rows: backups are such. A session of this application that forgot its transaction is
    /// treated as anybody's.
    pub fn kill_idle_transactions(older_than: Duration) -> Self {
        Self { kind: Kind::KillIdle(older_than) }
    }

    /// Deletes rows of `steadfast_outcome` of that age, at least an hour: who asks later what became
    /// of a transaction is told that it never happened.
    pub fn outcome_retention(age: Duration) -> Self {
        let purge = Self::purge("steadfast_outcome").column("at").older_than(age);
        Purge { is_retention: true, ..purge }.into()
    }

    /// The word for it in records and logs.
    pub fn name(&self) -> &'static str {
        match &self.kind {
            Kind::Tables(verb, _) => verb.name(),
            Kind::Purge(purge) if purge.is_retention => "outcome_retention",
            Kind::Purge(_) => "purge",
            Kind::KillIdle(_) => "kill_idle_transactions",
        }
    }

    pub(crate) fn target(&self) -> Option<&str> {
        match &self.kind {
            Kind::Purge(purge) => Some(&purge.table),
            Kind::Tables(_, Some(tables)) if tables.len() == 1 => {
                tables.first().map(String::as_str)
            }
            Kind::Tables(..) | Kind::KillIdle(_) => None,
        }
    }

    pub(crate) fn check_settings(&self) -> Result<(), TaskRefusal> {
        let range = |setting, value: Duration, least: Duration, most: Duration| {
            let fits = value >= least && value <= most;
            if fits { Ok(()) } else { Err(TaskRefusal::OutOfRange { setting, value, least, most }) }
        };
        let second = Duration::from_secs(1);
        match &self.kind {
            Kind::Tables(_, Some(tables)) if tables.is_empty() => {
                Err(TaskRefusal::Missing { setting: "tables" })
            }
            Kind::Tables(..) => Ok(()),
            Kind::KillIdle(age) => range("older_than", *age, second, LONGEST_AGE),
            Kind::Purge(purge) => {
                let age = purge.older_than.ok_or(TaskRefusal::Missing { setting: "older_than" })?;
                let least = if purge.is_retention { HOUR } else { second };
                range("older_than", age, least, LONGEST_AGE)?;
                range("within", purge.within, second, LONGEST_RUN)?;
                if purge.column.is_none() {
                    return Err(TaskRefusal::Missing { setting: "column" });
                }
                match purge.step_rows {
                    1..=100_000 => Ok(()),
                    rows => Err(TaskRefusal::StepRows { rows }),
                }
            }
        }
    }
}

impl Verb {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Analyze => "analyze",
            Self::Optimize => "optimize",
            Self::Check => "check",
        }
    }
}

/// Deletes old rows: made by [`Task::purge`].
///
/// ```
/// use std::time::Duration;
/// use steadfast_manager::Task;
///
/// let ninety_days = Duration::from_secs(90 * 24 * 3600);
/// let task: Task = Task::purge("events").column("created").older_than(ninety_days).into();
/// assert_eq!(task.name(), "purge");
/// ```
///
/// The rows go in the order of that column and the primary key, between two keys at a time, each step
/// a transaction of its own that aims at 200 ms. Refused without an index that begins with the column,
/// and without a primary key.
#[derive(Clone, Debug)]
#[must_use = "it is a description; Database::maintain runs it"]
pub struct Purge {
    pub(crate) table: String,
    pub(crate) column: Option<String>,
    pub(crate) older_than: Option<Duration>,
    pub(crate) step_rows: u32,
    pub(crate) within: Duration,
    pub(crate) is_retention: bool,
}

impl Purge {
    /// The column that tells a row's age: DATE, DATETIME or TIMESTAMP, in the session's time zone.
    pub fn column(mut self, column: impl Into<String>) -> Self {
        self.column = Some(column.into());
        self
    }

    /// The age from which on a row goes, by the server's clock when the run begins; 1 s to 100 years.
    ///
    /// A `DATE` counts as its midnight, so a row of today may be older than a minute. A zero date is
    /// older than anything, and a NULL is never old.
    pub fn older_than(mut self, age: Duration) -> Self {
        self.older_than = Some(age);
        self
    }

    /// Rows a step may delete at most, 1 to 100,000. Default 20,000.
    pub fn step_rows(mut self, rows: u32) -> Self {
        self.step_rows = rows;
        self
    }

    /// How long a run may take, 1 s to 24 h; then it stops after the step under way. Default an hour.
    pub fn within(mut self, limit: Duration) -> Self {
        self.within = limit;
        self
    }
}

impl From<Purge> for Task {
    fn from(purge: Purge) -> Self {
        Self { kind: Kind::Purge(purge) }
    }
}

/// Why a task was not begun.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskRefusal {
    /// Something has not been said.
    #[error("{setting} is missing")]
    Missing {
        /// What.
        setting: &'static str,
    },
    /// A time is out of range.
    #[error("{setting} = {value:?}: allowed is {least:?} to {most:?}")]
    OutOfRange {
        /// Which.
        setting: &'static str,
        /// What was asked for.
        value: Duration,
        /// The least that is allowed.
        least: Duration,
        /// The most that is allowed.
        most: Duration,
    },
    /// A step has too few rows or too many.
    #[error("step_rows = {rows}: allowed is 1 to 100,000 rows")]
    StepRows {
        /// What was asked for.
        rows: u32,
    },
    /// The database has no such table.
    #[error("there is no table {table}")]
    NoTable {
        /// What was asked for.
        table: String,
    },
    /// The table has no such column.
    #[error("table {table} has no column {column}")]
    NoColumn {
        /// The table.
        table: String,
        /// What was asked for.
        column: String,
    },
    /// The column holds no time.
    #[error("column {column} of table {table} is {data_type}, which tells no age")]
    NoTime {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Its type.
        data_type: String,
    },
    /// Every step would read the whole table.
    #[error("table {table} has no index that begins with {column}: create one first")]
    NoIndex {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// Rows cannot be told apart.
    #[error("table {table} has no primary key")]
    NoPrimaryKey {
        /// The table.
        table: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(task: impl Into<Task>) -> Option<TaskRefusal> {
        task.into().check_settings().err()
    }

    #[test]
    fn what_has_not_been_said_is_named() {
        let day = Duration::from_secs(86_400);
        let no_age = Task::purge("t").column("c");
        assert_eq!(refusal(no_age), Some(TaskRefusal::Missing { setting: "older_than" }));
        let no_column = Task::purge("t").older_than(day);
        assert_eq!(refusal(no_column), Some(TaskRefusal::Missing { setting: "column" }));
        let none = Task::optimize(Vec::<String>::new());
        assert_eq!(refusal(none), Some(TaskRefusal::Missing { setting: "tables" }));
        let rows = Task::purge("t").column("c").older_than(day).step_rows(0);
        assert_eq!(refusal(rows), Some(TaskRefusal::StepRows { rows: 0 }));
        assert_eq!(refusal(Task::purge("t").column("c").older_than(day)), None);
    }

    #[test]
    fn outcome_rows_are_kept_for_an_hour_at_least() {
        let minute = Duration::from_secs(60);
        let refused = refusal(Task::outcome_retention(minute));
        assert!(matches!(refused, Some(TaskRefusal::OutOfRange { value, .. }) if value == minute));
        assert_eq!(refusal(Task::outcome_retention(HOUR)), None);
        assert!(refusal(Task::kill_idle_transactions(Duration::ZERO)).is_some());
    }
}
