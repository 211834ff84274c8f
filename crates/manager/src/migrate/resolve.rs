//! A person's word on a migration that is neither done nor undone.

use std::time::Duration;

use steadfast_connection::Connection;

use crate::Error;
use crate::migrate::journal::{self, Journal};
use crate::migrate::lock::MigrationLock;
use crate::migrate::report::Resolution;

/// Records what became of it, under the lock, so that nobody is running it meanwhile.
pub(crate) fn resolve(
    conn: &mut Connection,
    database: &str,
    version: &str,
    resolution: Resolution,
    wait: Duration,
) -> Result<(), Error> {
    let _lock = MigrationLock::take(conn, database, wait)?;
    let journal = Journal::read(conn)?;
    let stuck = !journal.is_applied(version)
        && journal.records.get(version).is_some_and(|record| !record.is_done());
    if !stuck {
        return Err(Error::NothingToResolve { version: version.to_owned() });
    }
    match resolution {
        Resolution::Retry => journal::forget(conn, version)?,
        Resolution::Done => journal::done(conn, version, Duration::ZERO)?,
    }
    log::warn!(target: "steadfast::manager::migrate", version, resolution:? = resolution; "migration resolved by hand");
    Ok(())
}
