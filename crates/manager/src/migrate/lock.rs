//! One runner at a time, by a named lock of the server.
//!
//! It is taken on the very connection that runs the DDL. A client killed inside an ALTER leaves the
//! ALTER running (1.3 s more, measured); a lock of another connection would be free at once, and the
//! next runner would start beside it. And it is never waited for with -1, which MariaDB answers with
//! NULL, locking nothing.

use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use sha2::{Digest, Sha256};
use steadfast_connection::{Connection, Fault, ServerError};

use crate::Error;
use crate::migrate::plan::hex;

/// How long the server is asked to wait at a time; between two, the limit is looked at.
const TURN: Duration = Duration::from_secs(5);

/// The lock, held by the connection it was taken on until that one closes.
#[derive(Debug)]
pub(crate) struct MigrationLock {
    name: String,
    /// How long it was waited for.
    pub(crate) waited: Duration,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Nullable<BigInt>)]
    answer: Option<i64>,
}

/// The lock's name. Lower case, because MariaDB tells upper from lower and MySQL does not; at most 64
/// characters, which is MySQL's limit; a hash, because a database's name may be as long as that.
pub(crate) fn lock_name(database: &str) -> String {
    let hash = Sha256::digest(database.as_bytes());
    format!("steadfast:m:{}", hex(hash.get(..10).unwrap_or(&hash)))
}

impl MigrationLock {
    /// Takes the lock.
    ///
    /// # Blocks
    /// Until whoever holds it is done, at most `limit` and one second.
    ///
    /// # Errors
    /// [`Error::MigrationsLocked`] with the holder's connection.
    pub(crate) fn take(
        conn: &mut Connection,
        database: &str,
        limit: Duration,
    ) -> Result<Self, Error> {
        let name = lock_name(database);
        let begun = Instant::now();
        let deadline = begun + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // MySQL waits whole seconds only.
            let turn = i64::try_from(left.min(TURN).as_secs()).unwrap_or(1);
            match get_lock(conn, &name, turn) {
                Ok(Some(1)) => return Ok(Self { name, waited: begun.elapsed() }),
                Ok(Some(_)) => {}
                // An error inside the server, such as no memory: nothing is locked.
                Ok(None) => return Err(locked(conn, &name, begun)),
                // Two sessions waiting for each other's locks.
                Err(error) if is_transient(&error) => {}
                Err(error) => return Err(error.into()),
            }
            if Instant::now() >= deadline {
                return Err(locked(conn, &name, begun));
            }
        }
    }

    /// Whether this connection still holds it: the statement that a migration runs may have let it go.
    pub(crate) fn check(&self, conn: &mut Connection) -> Result<(), Error> {
        let held: Answer =
            diesel::sql_query("SELECT CAST(IS_USED_LOCK(?) = CONNECTION_ID() AS SIGNED) AS answer")
                .bind::<Text, _>(&self.name)
                .get_result(conn)?;
        if held.answer == Some(1) { Ok(()) } else { Err(Error::MigrationLockLost) }
    }
}

/// Whoever holds the lock, by the server's connection id.
pub(crate) fn holder(conn: &mut Connection, name: &str) -> QueryResult<Option<u64>> {
    let answer: Answer = diesel::sql_query("SELECT CAST(IS_USED_LOCK(?) AS SIGNED) AS answer")
        .bind::<Text, _>(name)
        .get_result(conn)?;
    Ok(answer.answer.and_then(|id| u64::try_from(id).ok()))
}

fn get_lock(conn: &mut Connection, name: &str, seconds: i64) -> QueryResult<Option<i64>> {
    let answer: Answer = diesel::sql_query("SELECT CAST(GET_LOCK(?, ?) AS SIGNED) AS answer")
        .bind::<Text, _>(name)
        .bind::<BigInt, _>(seconds)
        .get_result(conn)?;
    Ok(answer.answer)
}

fn locked(conn: &mut Connection, name: &str, begun: Instant) -> Error {
    let holder = holder(conn, name).ok().flatten();
    Error::MigrationsLocked { waited: begun.elapsed(), holder }
}

fn is_transient(error: &diesel::result::Error) -> bool {
    ServerError::find(error).is_some_and(|error| error.fault() == Fault::Transient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_suits_both_vendors_whatever_the_database_is_called() {
        for database in ["shop", "Shop", "ü".repeat(64).as_str()] {
            let name = lock_name(database);
            assert!(name.len() <= 64 && name == name.to_lowercase(), "{name}");
        }
        assert_ne!(lock_name("shop"), lock_name("Shop"));
    }
}
