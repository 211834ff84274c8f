//! What happens to a connection between its opening and its first lease.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use steadfast_connection::{Connection, Error as ConnectError};

use crate::event::Warned;
use crate::house::House;

/// What other programs, and people who look for the cause, should find room for.
const ROOM_PERCENT: u64 = 80;
/// The server's clock and ours, and the time a connection is on its way, in all.
const MARGIN: Duration = Duration::from_secs(30);

impl House {
    /// Opens a connection and makes it ready to be lent.
    ///
    /// # Blocks
    /// For the connect timeout, and once more for what the program does with it.
    pub(crate) fn open(self: &Arc<Self>) -> Result<Connection, ConnectError> {
        let mut connection = Connection::open(&self.server)?;
        if !self.compared.swap(true, Relaxed) {
            self.compare(&mut connection);
        }
        self.prepare(&mut connection)?;
        Ok(connection)
    }

    /// Does what the program wants done with each new session.
    ///
    /// # Blocks
    /// For the connect timeout at most.
    pub(crate) fn prepare(
        self: &Arc<Self>,
        connection: &mut Connection,
    ) -> Result<(), ConnectError> {
        let birth = &self.config.birth;
        if birth.session.is_none() && birth.hook.is_none() {
            return Ok(());
        }
        self.bounded(connection, self.server.connect_limit(), |connection| {
            if let Some(sql) = &birth.session {
                connection.batch(sql).map_err(|error| error.into_source_error())?;
            }
            if let Some(hook) = &birth.hook {
                let outcome = catch_unwind(AssertUnwindSafe(|| hook(connection)));
                outcome
                    .unwrap_or_else(|panic| Err(format!("it panicked: {}", text(&*panic)).into()))
                    .map_err(ConnectError::of_preparation)?;
            }
            if connection.in_transaction() {
                return Err(ConnectError::of_preparation("it left a transaction open".into()));
            }
            connection.accept_state();
            Ok(())
        })
    }

    /// Compares the pool's settings with the server's, once.
    fn compare(&self, connection: &mut Connection) {
        let (wait_timeout, max_connections) = match limits(connection) {
            Ok(limits) => limits,
            Err(error) => {
                log::debug!(target: "steadfast::pool", pool = self.name(), error:% = error; "the server's limits could not be read");
                return;
            }
        };
        let recycle = self.config.recycle;
        if recycle + MARGIN >= Duration::from_secs(wait_timeout) {
            self.warn("recycle", &format!(
                "the server drops connections that were idle for {wait_timeout} s, and pool.recycle is \
                 {recycle:?}: set it 30 s below, or raise wait_timeout"
            ));
        }
        let (size, overflow) = self.sizes();
        let most = u64::from(size) + u64::from(overflow);
        if most * 100 > max_connections * ROOM_PERCENT {
            self.warn("size", &format!(
                "pool.size and pool.overflow make {most}, and the server takes {max_connections} in \
                 all: stay below {ROOM_PERCENT} % of it, or raise max_connections"
            ));
        }
    }

    fn warn(&self, about: &'static str, message: &str) {
        log::warn!(target: "steadfast::pool", pool = self.name(), about; "{message}");
        self.tell(|pool, listener| listener.warned(&Warned { pool, about, message }));
    }
}

/// `wait_timeout` in seconds, and `max_connections`.
fn limits(connection: &mut Connection) -> Result<(u64, u64), ConnectError> {
    let mut rows = connection.query("SELECT @@wait_timeout, @@max_connections")?;
    let mut numbers = [u64::MAX; 2];
    if let Some(row) = rows.next()? {
        for (column, number) in numbers.iter_mut().enumerate() {
            let text = row.get(column).and_then(|text| std::str::from_utf8(text).ok());
            *number = text.and_then(|text| text.parse().ok()).unwrap_or(*number);
        }
    }
    while rows.next()?.is_some() {}
    let [wait_timeout, max_connections] = numbers;
    Ok((wait_timeout, max_connections))
}

/// What a panic said.
fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
