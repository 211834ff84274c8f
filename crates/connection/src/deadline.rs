//! A limit for all that is done on a connection in one go.

use std::time::Duration;

use crate::interrupter::Fuse;
use crate::{Connection, Error, ServerError};

impl Connection {
    /// Runs `work`, and shuts the connection down if it is not done within `limit`.
    ///
    /// [`Config::read_timeout`](crate::Config::read_timeout) bounds the wait for each next byte; this
    /// bounds the whole of one operation, or of several, also where the server sends a little now and
    /// then. The call that is under way at the deadline fails with 2013, as
    /// [`Uncertain`](crate::Fault::Uncertain) if it may have changed something, and the connection is
    /// [broken](Self::is_broken): a result that is half read leaves no other way. Where the
    /// connection should survive, let another thread ask a
    /// [`CancelHandle`](crate::CancelHandle) instead, or have the server stop by itself
    /// ([`Config::statement_limit`](crate::Config::statement_limit)).
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use diesel::prelude::*;
    /// use steadfast_connection::{Config, Connection};
    ///
    /// let mut conn = Connection::open(&Config::from_url("mysql://root@127.0.0.1/shop")?)?;
    /// conn.within(Duration::from_secs(2), |conn| {
    ///     diesel::sql_query("CALL close_of_day()").execute(conn)
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Blocks
    /// As long as `work` does, of which this connection's part ends at `limit`.
    ///
    /// # Errors
    /// [`Error::Misuse`] if the connection is closed, or no thread or file descriptor is left to
    /// watch over it; `work` has then not run.
    pub fn within<T>(
        &mut self,
        limit: Duration,
        work: impl FnOnce(&mut Self) -> T,
    ) -> Result<T, Error> {
        let mut fuse = Fuse::light(self.handle.socket(), limit);
        if !fuse.is_alight() {
            return Err(Error::Misuse("within: nothing is left to watch over the connection"));
        }
        let outcome = work(self);
        if fuse.has_burnt() && !self.is_broken() {
            self.state.failed(&ServerError::overdue(self.vendor()));
        }
        Ok(outcome)
    }
}
