//! The settings of the sessions: builder, checks and manual in one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use steadfast_connection::Invalid;
use steadfast_pool::{Clock, Pool, SystemClock};

use crate::{Error, RetryPolicy, Sessions};

const HOUR: Duration = Duration::from_secs(3600);

/// How sessions are lent and transactions are run.
///
/// ```no_run
/// use steadfast_pool::PoolConfig;
/// use steadfast_session::SessionConfig;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = steadfast_connection::Config::from_url("mysql://app:secret@db.example/shop")?;
/// let pool = PoolConfig::new().build(server)?;
/// let sessions = SessionConfig::new().limit(200).build(pool)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SessionConfig {
    pub(crate) limit: u32,
    pub(crate) retry: RetryPolicy,
    pub(crate) exactly_once: bool,
    pub(crate) commit_timeout: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) chance: Arc<dyn Fn() -> f64 + Send + Sync>,
}

impl SessionConfig {
    /// The documented defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sessions that may be open at the same time, 1 to 1,000,000; a transaction that waits for a
    /// connection counts as one. Default 10,000.
    #[must_use]
    pub fn limit(mut self, sessions: u32) -> Self {
        self.limit = sessions;
        self
    }

    /// When and how often a transaction is run again. Default [`RetryPolicy::default`].
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Whether each commit leaves a row in `steadfast_outcome`, from which a lost answer is found out.
    /// Default true; the table is one of `migrations/`, and stands in the database that the connection's
    /// settings name. The row rides in the packet of the COMMIT.
    ///
    /// Without it a lost answer to COMMIT is [`Error::CommitUnknown`], and nobody can resolve it.
    #[must_use]
    pub fn exactly_once(mut self, record: bool) -> Self {
        self.exactly_once = record;
        self
    }

    /// How long the answer to a recorded COMMIT is waited for, 1 ms to an hour, before it is found out on
    /// another connection: a network that has fallen silent gives none. Default 5 s. A commit that only
    /// takes longer is not lost: whoever finds out waits for it.
    #[must_use]
    pub fn commit_timeout(mut self, limit: Duration) -> Self {
        self.commit_timeout = limit;
        self
    }

    /// What tells the time and pauses. Default [`SystemClock`]; a test hands in its own.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// What draws evenly from zero to one, for the pauses. A test hands in its own.
    #[must_use]
    pub fn chance(mut self, chance: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        self.chance = Arc::new(chance);
        self
    }

    /// Makes the sessions over a pool. Nothing is sent.
    ///
    /// # Errors
    /// [`Error::Config`] names every setting that is out of range; [`Error::Watch`] if the system has no
    /// thread for the one that keeps deadlines.
    pub fn build(self, pool: Pool) -> Result<Sessions, Error> {
        let invalid = self.check(pool.server().database_name());
        if invalid.is_empty() { Sessions::new(pool, self) } else { Err(Error::Config(invalid)) }
    }

    fn check(&self, database: Option<&str>) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        if !(1..=1_000_000).contains(&self.limit) {
            invalid.push(Invalid::new("session.limit", self.limit, "1 to 1,000,000 sessions"));
        }
        if self.exactly_once && database.is_none() {
            let allowed =
                "false, unless the connection's settings name a database: the record needs a place";
            invalid.push(Invalid::new("session.exactly_once", true, allowed));
        }
        if !(Duration::from_millis(1)..=HOUR).contains(&self.commit_timeout) {
            let allowed = "1 ms to an hour";
            invalid.push(Invalid::new("session.commit_timeout", self.commit_timeout, allowed));
        }
        self.retry.check(&mut invalid);
        invalid
    }
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            limit: 10_000,
            retry: RetryPolicy::default(),
            exactly_once: true,
            commit_timeout: Duration::from_secs(5),
            clock: Arc::new(SystemClock),
            chance: Arc::new(fastrand::f64),
        }
    }
}

impl fmt::Debug for SessionConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionConfig")
            .field("limit", &self.limit)
            .field("retry", &self.retry)
            .field("exactly_once", &self.exactly_once)
            .field("commit_timeout", &self.commit_timeout)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_all_parts_are_checked_together() {
        let config = SessionConfig::new()
            .limit(0)
            .commit_timeout(Duration::ZERO)
            .retry(RetryPolicy::new().attempts(0));
        let told: Vec<_> = config.check(None).iter().map(|it| it.setting()).collect();
        let all =
            ["session.limit", "session.exactly_once", "session.commit_timeout", "retry.attempts"];
        assert_eq!(told, all);
    }
}
