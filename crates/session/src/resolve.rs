//! Finding out what became of a commit whose answer was lost.
//!
//! A plain SELECT would lie: while the old transaction is alive its row is not to be seen, and it may
//! still commit. So a tombstone is inserted under the same primary key. InnoDB lets the insert wait for
//! a transaction that holds the key; it goes in only if that one is gone, and then its own row can never
//! go in any more (the manual, "Locks Set by Different SQL Statements in InnoDB"). A duplicate key says
//! that the outcome is there to be read.
//!
//! A commit that is visible may not be on disk yet, so one more write is made before the answer is given:
//! the log is written in order, and what is durable later makes durable what came before.

use std::time::{Duration, Instant};

use steadfast_connection::{Connection, Fault};

use crate::health::Counters;
use crate::lender::Lender;
use crate::sessions::House;
use crate::{Attempt, Backoff, Error, Outcome};

/// `ER_DUP_ENTRY`.
const DUPLICATE: u32 = 1062;
/// The tombstone is the second statement of its packet.
const TOMBSTONE: usize = 1;

/// Asks again and again until the outcome is known, at most until the deadline.
///
/// # Errors
/// [`Error::CommitUnknown`] with what kept it from being known.
#[track_caller]
pub(crate) fn resolve<L: Lender>(
    house: &House,
    lender: &mut L,
    attempt: Attempt,
    deadline: Instant,
) -> Result<Outcome, Error> {
    let clock = &*house.config.clock;
    let mut asked = 0;
    let result = loop {
        asked += 1;
        let left = deadline.saturating_duration_since(clock.now());
        let cause = match ask(house, lender, attempt, left) {
            Ok(outcome) => break Ok(outcome),
            Err(cause) => cause,
        };
        log::debug!(target: "steadfast::session", attempt:% = attempt, asked, errno = cause.errno(), error:% = cause; "outcome not known yet");
        let chance = (house.config.chance)();
        let paused = Backoff::default().pause(asked, chance, deadline, clock);
        if is_hopeless(&cause) || paused.is_err() {
            break Err(cause);
        }
    };
    lender.restore();
    match result {
        Ok(outcome) => {
            house.counters.resolved(outcome);
            log::info!(target: "steadfast::session", attempt:% = attempt, asked, outcome:? = outcome; "commit resolved");
            Ok(outcome)
        }
        Err(cause) => {
            Counters::add(&house.counters.unresolved);
            log::error!(target: "steadfast::session", attempt:% = attempt, asked, error:% = cause; "commit unknown");
            Err(Error::CommitUnknown { attempt: Some(attempt), source: Box::new(cause) })
        }
    }
}

#[track_caller]
fn ask<L: Lender>(
    house: &House,
    lender: &mut L,
    attempt: Attempt,
    left: Duration,
) -> Result<Outcome, Error> {
    let conn = lender.lend(left)?;
    let table = &house.outcomes;
    let Err(exists) = conn.batch(&table.tombstone(attempt)) else { return Ok(Outcome::Aborted) };
    if exists.index() != TOMBSTONE || exists.source_error().errno() != DUPLICATE {
        return Err(exists.into_source_error().into());
    }
    match first_value(conn, &table.state(attempt))?.as_deref() {
        Some(b"C") => {
            let written = conn.batch(&table.looked_up(attempt));
            written.map_err(|failure| Error::from(failure.into_source_error()))?;
            Ok(Outcome::Committed)
        }
        Some(b"A") => Ok(Outcome::Aborted),
        // Gone since: ask again.
        _ => Err(exists.into_source_error().into()),
    }
}

fn first_value(conn: &mut Connection, sql: &str) -> Result<Option<Vec<u8>>, Error> {
    let mut rows = conn.query(sql)?;
    Ok(rows.next()?.and_then(|row| row.get(0).map(<[u8]>::to_vec)))
}

/// True if asking again cannot help. A server that takes no writes may be a former writer: another may
/// soon be found in its place.
fn is_hopeless(cause: &Error) -> bool {
    let refuses_writes = matches!(cause.errno(), Some(1290 | 1836 | 1874));
    cause.fault() == Fault::Permanent && !refuses_writes
}
