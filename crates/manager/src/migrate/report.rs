//! What is known of migrations, for people and programs.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// What `migrate` did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MigrationReport {
    /// What was run, in order.
    pub applied: Vec<AppliedMigration>,
    /// How many had been done before.
    pub already: usize,
    /// Versions whose text is no longer what was applied.
    pub changed: Vec<String>,
    /// Versions that are applied and that this program does not know: it is older than the database.
    pub unknown: Vec<String>,
    /// How long another runner was waited for.
    pub waited: Duration,
    /// How long all of it took.
    pub took: Duration,
}

impl fmt::Display for MigrationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (run, before) = (self.applied.len(), self.already);
        write!(f, "{run} migrations run in {:.1?}, {before} were done before", self.took)?;
        for (what, versions) in [("changed since", &self.changed), ("unknown", &self.unknown)] {
            if !versions.is_empty() {
                write!(f, "; {what}: {}", versions.join(", "))?;
            }
        }
        Ok(())
    }
}

/// A migration that was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AppliedMigration {
    /// As in `__diesel_schema_migrations`.
    pub version: String,
    /// The name of its folder.
    pub name: String,
    /// How many statements it had; `None` if it is written in Rust.
    pub statements: Option<usize>,
    /// How long it took.
    pub took: Duration,
}

/// How far a migration came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum MigrationState {
    /// Not run yet.
    Pending,
    /// Somebody runs it now.
    Running,
    /// It began, and whoever ran it is gone: a part of it may be done.
    Interrupted,
    /// A statement of it failed; those before took effect.
    Failed,
    /// Done.
    Done,
}

/// One migration and how far it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MigrationInfo {
    /// As in `__diesel_schema_migrations`.
    pub version: String,
    /// The name of its folder.
    pub name: String,
    /// How far it came.
    pub state: MigrationState,
    /// True if its text is no longer what was run.
    pub changed: bool,
    /// What went wrong, if it failed.
    pub failure: Option<MigrationFailure>,
}

/// A migration that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MigrationFailure {
    /// As in `__diesel_schema_migrations`.
    pub version: String,
    /// The name of its folder.
    pub name: String,
    /// Which statement failed, the first is 1; `None` if it is written in Rust. Those before took
    /// effect unless all of them could be undone.
    pub statement: Option<u32>,
    /// The server's error number, if it was the server that refused.
    pub errno: Option<u32>,
    /// The server's SQLSTATE.
    pub sqlstate: Option<String>,
    /// The server's message.
    pub message: String,
}

impl fmt::Display for MigrationFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "migration {} failed", self.name)?;
        if let Some(statement) = self.statement {
            write!(f, " in statement {statement}")?;
        }
        match (&self.errno, &self.sqlstate) {
            (Some(errno), Some(sqlstate)) => write!(f, ": {errno} ({sqlstate}): {}", self.message),
            _ => write!(f, ": {}", self.message),
        }
    }
}

/// A migration that is neither done nor undone, so that somebody has to look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Unresolved {
    /// As in `__diesel_schema_migrations`.
    pub version: String,
    /// The name of its folder.
    pub name: String,
    /// [`Failed`](MigrationState::Failed) or [`Interrupted`](MigrationState::Interrupted).
    pub state: MigrationState,
    /// Which statement failed, the first is 1, if that is known.
    pub statement: Option<u32>,
    /// The server's error number, if there was one.
    pub errno: Option<u32>,
    /// The server's SQLSTATE, if there was one.
    pub sqlstate: Option<String>,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.state {
            MigrationState::Failed => write!(f, "migration {} has failed", self.name)?,
            _ => write!(f, "migration {} was interrupted", self.name)?,
        }
        if let Some(statement) = self.statement {
            write!(f, " in statement {statement}")?;
        }
        if let Some(errno) = self.errno {
            write!(f, " with error {errno}")?;
        }
        write!(f, " and is not run again unasked: repair the schema, then resolve {}", self.version)
    }
}

/// How far all migrations came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MigrationStatus {
    /// Those this program knows, in the order in which they run.
    pub migrations: Vec<MigrationInfo>,
    /// Versions that are applied and that this program does not know.
    pub unknown: Vec<String>,
    /// Failed or interrupted ones that this program does not know.
    pub foreign: Vec<Unresolved>,
}

impl MigrationStatus {
    /// How many are in `state`.
    pub fn count(&self, state: MigrationState) -> usize {
        self.in_state(state).count()
    }

    /// Those in `state`, in the order in which they run.
    pub fn in_state(&self, state: MigrationState) -> impl Iterator<Item = &MigrationInfo> {
        self.migrations.iter().filter(move |migration| migration.state == state)
    }

    /// Those whose text is no longer what was run.
    pub fn changed(&self) -> impl Iterator<Item = &MigrationInfo> {
        self.migrations.iter().filter(|migration| migration.changed)
    }

    /// True if all are done.
    pub fn is_current(&self) -> bool {
        self.foreign.is_empty() && self.count(MigrationState::Done) == self.migrations.len()
    }

    /// The first that needs somebody to look at it, if there is one.
    pub fn unresolved(&self) -> Option<Unresolved> {
        let stuck = |info: &&MigrationInfo| {
            matches!(info.state, MigrationState::Failed | MigrationState::Interrupted)
        };
        let ours = self.migrations.iter().find(stuck).map(|info| Unresolved {
            version: info.version.clone(),
            name: info.name.clone(),
            state: info.state,
            statement: info.failure.as_ref().and_then(|failure| failure.statement),
            errno: info.failure.as_ref().and_then(|failure| failure.errno),
            sqlstate: info.failure.as_ref().and_then(|failure| failure.sqlstate.clone()),
        });
        ours.or_else(|| self.foreign.first().cloned())
    }
}

/// What became of a migration that had failed or was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resolution {
    /// What it had done was undone by hand: run it from its first statement at the next `migrate`.
    Retry,
    /// What it had not done was done by hand: it counts as applied.
    Done,
}
