//! Ends transactions whose session sleeps: they hold locks and keep old row versions alive.

use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Unsigned};
use steadfast_connection::{Connection, ServerError};

use crate::Error;
use crate::jobs::Jobs;
use crate::maintain::report::{KilledTransaction, MaintenanceReport};
use crate::migrate::lock_name;

/// A transaction whose session sleeps.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
struct Sleeper {
    #[diesel(sql_type = Unsigned<BigInt>)]
    id: u64,
    #[diesel(sql_type = Text)]
    user: String,
    #[diesel(sql_type = Text)]
    host: String,
    /// As text: the server's own time zone, which only has to stay the same.
    #[diesel(sql_type = Text)]
    started: String,
    #[diesel(sql_type = Unsigned<BigInt>)]
    idle_s: u64,
}

/// Of this database; never this connection, a system thread, a runner of migrations, or a transaction
/// that was declared READ ONLY: it locks no rows, and backups are such.
///
/// `INNODB_TRX` may be 100 ms old, and older if others read it all the time; the time asleep is not.
/// Whoever has slept for longer than that, and has not woken between two looks, is as it says.
const SLEEPERS: &str = "SELECT CAST(p.ID AS UNSIGNED) AS id, p.USER AS user, p.HOST AS host, \
     CAST(t.TRX_STARTED AS CHAR) AS started, CAST(p.TIME AS UNSIGNED) AS idle_s \
     FROM information_schema.INNODB_TRX t \
     JOIN information_schema.PROCESSLIST p ON p.ID = t.TRX_MYSQL_THREAD_ID \
     WHERE p.COMMAND = 'Sleep' AND p.TIME >= ? AND BINARY p.DB = BINARY DATABASE() AND t.TRX_IS_READ_ONLY = 0 \
     AND p.ID <> CONNECTION_ID() AND p.USER NOT IN ('system user', 'event_scheduler') \
     AND p.ID <> COALESCE(IS_USED_LOCK(?), 0) ORDER BY p.TIME DESC";

/// `ER_NO_SUCH_THREAD`: gone by itself meanwhile.
const NO_SUCH_THREAD: u32 = 1094;

/// Ends them, each looked at again right before.
pub(crate) fn kill(
    conn: &mut Connection,
    age: Duration,
    database: &str,
    jobs: &Jobs,
    report: &mut MaintenanceReport,
) -> Result<(), Error> {
    let lock = lock_name(database);
    for sleeper in sleepers(conn, age, &lock)? {
        if jobs.is_stopping() {
            report.finished = false;
            return Ok(());
        }
        // Its session may have woken, or its id may belong to somebody else by now.
        let same = |now: &Sleeper| {
            (now.id, &now.user, &now.host, &now.started)
                == (sleeper.id, &sleeper.user, &sleeper.host, &sleeper.started)
                && now.idle_s >= sleeper.idle_s
        };
        let ours = jobs.connections().contains(&sleeper.id);
        if ours || !sleepers(conn, age, &lock)?.iter().any(same) {
            continue;
        }
        let begun = Instant::now();
        match conn.batch(&format!("KILL CONNECTION {}", sleeper.id)) {
            Ok(_) => {
                report.step(1, begun.elapsed());
                report.killed.push(sleeper.told());
            }
            Err(error) if error.source_error().errno() == NO_SUCH_THREAD => {}
            Err(error) => return Err(Error::from(ServerError::clone(error.source_error()))),
        }
    }
    Ok(())
}

fn sleepers(conn: &mut Connection, age: Duration, lock: &str) -> QueryResult<Vec<Sleeper>> {
    // The server tells whole seconds, so part of one counts as a whole.
    let seconds = age.as_secs() + u64::from(age.subsec_nanos() > 0);
    diesel::sql_query(SLEEPERS)
        .bind::<Unsigned<BigInt>, _>(seconds)
        .bind::<Text, _>(lock)
        .load(conn)
}

impl Sleeper {
    fn told(self) -> KilledTransaction {
        log::warn!(target: "steadfast::manager::maintain", connection = self.id, user = self.user.as_str(), host = self.host.as_str(), idle_s = self.idle_s; "idle transaction ended");
        KilledTransaction {
            connection: self.id,
            user: self.user,
            host: self.host,
            idle: Duration::from_secs(self.idle_s),
        }
    }
}
