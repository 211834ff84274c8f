//! How far the migrations came, read without writing anything.

use steadfast_connection::Connection;

use crate::Error;
use crate::migrate::journal::{Journal, Record};
use crate::migrate::lock::{holder, lock_name};
use crate::migrate::plan::Known;
use crate::migrate::report::{
    MigrationFailure, MigrationInfo, MigrationState, MigrationStatus, Unresolved,
};

/// Reads the status. A record at `running` is running only while somebody holds the lock.
pub(crate) fn status(
    conn: &mut Connection,
    known: &[Known],
    database: &str,
) -> Result<MigrationStatus, Error> {
    let journal = Journal::read(conn)?;
    let stuck = |record: &Record| !record.is_done() && !record.has_failed();
    let running =
        journal.records.values().any(stuck) && holder(conn, &lock_name(database))?.is_some();
    if running {
        // Whoever held the lock may have finished between the two looks.
        return Ok(compare(known, &Journal::read(conn)?, true));
    }
    Ok(compare(known, &journal, false))
}

/// Compares what there is to do with what was done. `running` says that a runner is at work.
pub(crate) fn compare(known: &[Known], journal: &Journal, running: bool) -> MigrationStatus {
    let is_known = |version: &str| known.iter().any(|known| known.version == version);
    let foreign = |record: &&Record| {
        !is_known(&record.version)
            && !journal.is_applied(&record.version)
            && (record.has_failed() || !record.is_done() && !running)
    };
    MigrationStatus {
        migrations: known.iter().map(|known| info(known, journal, running)).collect(),
        unknown: journal.applied.iter().filter(|version| !is_known(version)).cloned().collect(),
        foreign: journal.records.values().filter(foreign).map(unresolved).collect(),
    }
}

fn info(known: &Known, journal: &Journal, running: bool) -> MigrationInfo {
    let record = journal.records.get(&known.version);
    let state = match record {
        _ if journal.is_applied(&known.version) => MigrationState::Done,
        // `done` without a version in diesel's table: its command line has reverted it.
        None => MigrationState::Pending,
        Some(record) if record.is_done() => MigrationState::Pending,
        Some(record) => state_of(record, running),
    };
    let failure = record.filter(|_| state == MigrationState::Failed).map(failure);
    let begun = state != MigrationState::Pending;
    let changed = begun && record.is_some_and(|record| record.checksum != known.checksum);
    MigrationInfo {
        version: known.version.clone(),
        name: known.name.clone(),
        state,
        changed,
        failure,
    }
}

fn state_of(record: &Record, running: bool) -> MigrationState {
    if record.has_failed() {
        MigrationState::Failed
    } else if running {
        MigrationState::Running
    } else {
        MigrationState::Interrupted
    }
}

fn failure(record: &Record) -> MigrationFailure {
    MigrationFailure {
        version: record.version.clone(),
        name: record.name.clone(),
        statement: record.statement(),
        errno: record.errno(),
        sqlstate: record.sqlstate.clone(),
        message: record.error.clone().unwrap_or_default(),
    }
}

fn unresolved(record: &Record) -> Unresolved {
    Unresolved {
        version: record.version.clone(),
        name: record.name.clone(),
        state: state_of(record, false),
        statement: record.statement(),
        errno: record.errno(),
        sqlstate: record.sqlstate.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(version: &str, state: &str, checksum: &str) -> Record {
        Record {
            version: version.to_owned(),
            name: version.to_owned(),
            state: state.to_owned(),
            checksum: checksum.to_owned(),
            statement: None,
            errno: None,
            sqlstate: None,
            error: None,
        }
    }

    fn known(version: &str) -> Known {
        Known { version: version.into(), name: version.into(), checksum: "a".into() }
    }

    fn journal(applied: &[&str], records: Vec<Record>) -> Journal {
        Journal {
            applied: applied.iter().map(|version| (*version).to_owned()).collect(),
            records: records.into_iter().map(|it| (it.version.clone(), it)).collect(),
        }
    }

    #[test]
    fn each_state_is_told_from_the_two_tables() {
        use MigrationState::{Done, Failed, Interrupted, Pending};
        let journal = journal(
            &["1", "2", "9"],
            vec![
                record("2", "done", "other"),
                record("3", "failed", "a"),
                record("4", "running", "a"),
                record("5", "done", "a"),
            ],
        );
        let known = ["1", "2", "3", "4", "5", "6"].map(known);

        let status = compare(&known, &journal, false);

        let states: Vec<_> = status.migrations.iter().map(|info| info.state).collect();
        assert_eq!(states, [Done, Done, Failed, Interrupted, Pending, Pending]);
        assert_eq!(status.changed().map(|info| &*info.version).collect::<Vec<_>>(), ["2"]);
        assert_eq!(status.unknown, ["9"]);
        assert_eq!(status.unresolved().map(|it| it.version), Some("3".to_owned()));
    }

    #[test]
    fn a_record_at_running_is_running_while_a_runner_is_at_work() {
        let journal = journal(&[], vec![record("4", "running", "a"), record("8", "running", "a")]);
        let at_work = compare(&[known("4")], &journal, true);
        assert_eq!(at_work.count(MigrationState::Running), 1);
        assert_eq!((at_work.unresolved(), at_work.is_current()), (None, false));

        let gone = compare(&[known("4")], &journal, false);
        assert_eq!(gone.count(MigrationState::Interrupted), 1);
        assert_eq!(gone.foreign.len(), 1, "a stuck migration of another program counts too");
    }
}
