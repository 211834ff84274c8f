//! What a caller may ask of one transaction.

use std::borrow::Cow;
use std::time::Duration;

use steadfast_connection::Invalid;

use crate::RetryPolicy;

/// How much of other transactions' work a transaction sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// Also what others have not committed.
    ReadUncommitted,
    /// What others have committed, as of each statement.
    ReadCommitted,
    /// What others had committed at the first read. The default of both vendors.
    RepeatableRead,
    /// As if transactions ran one after the other: every read takes locks.
    Serializable,
}

/// Whether a transaction may write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Access {
    /// It may; its commit is recorded if exactly-once is on.
    #[default]
    ReadWrite,
    /// The server refuses writes with errno 1792, and nothing is recorded.
    ReadOnly,
}

/// What a caller asks of one transaction; whatever is not set is as in
/// [`SessionConfig`](crate::SessionConfig).
///
/// ```
/// use std::time::Duration;
/// use steadfast_session::{Access, Isolation, TxOptions};
///
/// let report = TxOptions::new()
///     .name("monthly report")
///     .isolation(Isolation::RepeatableRead)
///     .access(Access::ReadOnly)
///     .deadline(Duration::from_secs(300));
/// ```
#[derive(Clone, Debug, Default)]
pub struct TxOptions {
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) isolation: Option<Isolation>,
    pub(crate) access: Access,
    pub(crate) deadline: Option<Duration>,
    pub(crate) retry: Option<RetryPolicy>,
}

impl TxOptions {
    /// Nothing special.
    pub fn new() -> Self {
        Self::default()
    }

    /// What it is called in logs and lists. Default none.
    #[must_use]
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How much it sees of others. Default the server's, which is `RepeatableRead` unless changed.
    #[must_use]
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.isolation = Some(isolation);
        self
    }

    /// Whether it may write. Default [`Access::ReadWrite`].
    #[must_use]
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// How long it may take with all its attempts, 1 ms to 24 h. Default that of the
    /// [retry policy](RetryPolicy::deadline). What still runs then is cut off.
    #[must_use]
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    /// When and how often it is run again. Default that of the [`SessionConfig`](crate::SessionConfig).
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    pub(crate) fn check(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        if let Some(limit) = self.deadline {
            check_deadline("transaction.deadline", limit, &mut invalid);
        }
        if let Some(policy) = &self.retry {
            policy.check(&mut invalid);
        }
        invalid
    }

    /// The text that opens the transaction, one packet.
    pub(crate) fn begin(&self) -> &'static str {
        use Isolation::{ReadCommitted, ReadUncommitted, RepeatableRead, Serializable};
        macro_rules! begin {
            ($level:literal, $access:literal) => {
                concat!("SET TRANSACTION ISOLATION LEVEL ", $level, "; START TRANSACTION", $access)
            };
        }
        match (self.isolation, self.access) {
            (None, Access::ReadWrite) => "START TRANSACTION",
            (None, Access::ReadOnly) => "START TRANSACTION READ ONLY",
            (Some(ReadUncommitted), Access::ReadWrite) => begin!("READ UNCOMMITTED", ""),
            (Some(ReadUncommitted), Access::ReadOnly) => begin!("READ UNCOMMITTED", " READ ONLY"),
            (Some(ReadCommitted), Access::ReadWrite) => begin!("READ COMMITTED", ""),
            (Some(ReadCommitted), Access::ReadOnly) => begin!("READ COMMITTED", " READ ONLY"),
            (Some(RepeatableRead), Access::ReadWrite) => begin!("REPEATABLE READ", ""),
            (Some(RepeatableRead), Access::ReadOnly) => begin!("REPEATABLE READ", " READ ONLY"),
            (Some(Serializable), Access::ReadWrite) => begin!("SERIALIZABLE", ""),
            (Some(Serializable), Access::ReadOnly) => begin!("SERIALIZABLE", " READ ONLY"),
        }
    }
}

pub(crate) fn check_deadline(name: &'static str, limit: Duration, invalid: &mut Vec<Invalid>) {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    if !(Duration::from_millis(1)..=DAY).contains(&limit) {
        invalid.push(Invalid::new(name, limit, "1 ms to 24 h"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn isolation_and_access_are_asked_for_in_the_packet_that_begins() {
        let options = TxOptions::new().isolation(Isolation::Serializable).access(Access::ReadOnly);
        assert_eq!(
            options.begin(),
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; START TRANSACTION READ ONLY"
        );
        assert_eq!(TxOptions::new().begin(), "START TRANSACTION");
    }

    #[test]
    fn a_deadline_out_of_range_is_named() {
        let invalid = TxOptions::new().deadline(Duration::ZERO).check();
        assert_eq!(invalid[0].setting(), "transaction.deadline");
    }
}
