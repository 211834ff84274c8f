//! The settings for new connections: what is done with each before it is lent.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use steadfast_connection::{Connection, Invalid};

use super::PoolConfig;

/// What a hook returns: whatever it met, by `?`.
pub type Prepared = Result<(), Box<dyn StdError + Send + Sync>>;

type Hook = dyn Fn(&mut Connection) -> Prepared + Send + Sync;

#[derive(Clone, Default)]
pub(crate) struct Birth {
    pub(crate) session: Option<String>,
    pub(crate) hook: Option<Arc<Hook>>,
}

impl PoolConfig {
    /// Statements, separated by semicolons, that each new session is set up with, and again after
    /// each reset. Default `None`.
    ///
    /// ```
    /// # use steadfast_pool::PoolConfig;
    /// let config = PoolConfig::new().session_setup("SET innodb_lock_wait_timeout = 3");
    /// ```
    #[must_use]
    pub fn session_setup(mut self, sql: impl Into<String>) -> Self {
        self.birth.session = Some(sql.into());
        self
    }

    /// Called with each new connection before it is lent, after [`session_setup`](Self::session_setup), and again after
    /// each reset; on a thread of the pool, or on the one that gives the connection back. If it
    /// fails or panics, the connection is closed, and callers hear the cause as that of a failed
    /// connect. It may take as long as
    /// [`connect_timeout`](steadfast_connection::Config::connect_timeout) says. Default nothing.
    #[must_use]
    pub fn on_connect(
        mut self,
        hook: impl Fn(&mut Connection) -> Prepared + Send + Sync + 'static,
    ) -> Self {
        self.birth.hook = Some(Arc::new(hook));
        self
    }
}

impl Birth {
    pub(super) fn check(&self, invalid: &mut Vec<Invalid>) {
        if let Some(sql) = self.session.as_ref().filter(|sql| sql.trim().is_empty()) {
            invalid.push(Invalid::new("pool.session_setup", sql, "at least one statement"));
        }
    }
}

impl fmt::Debug for Birth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { session, hook } = self;
        f.debug_struct("Birth")
            .field("session_setup", session)
            .field("on_connect", &hook.is_some())
            .finish()
    }
}
