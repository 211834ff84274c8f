//! When a transaction is run again, and for how long.

use std::time::Duration;

use steadfast_connection::{Fault, Invalid};

use crate::Backoff;
use crate::options::check_deadline;

/// When a transaction is run again: the class of its failure decides, then attempts and time.
///
/// [`Fault::Transient`], [`Fault::Disconnected`] (before COMMIT was sent) and [`Fault::Busy`] are run
/// again, each with pauses of its own. Every other is returned at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    pub(crate) attempts: u32,
    pub(crate) deadline: Duration,
    transient: Backoff,
    disconnected: Backoff,
    busy: Backoff,
}

impl RetryPolicy {
    /// The documented defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How often it is run at most, the first time included, 1 to 1,000. Default 20.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// How long it may take with all its attempts, 1 ms to 24 h. Default 30 s. What still runs then is
    /// cut off, whatever the server does. Where the work touched the session's state, giving the
    /// connection back may take the pool's `validation_timeout` more.
    #[must_use]
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = limit;
        self
    }

    /// Pauses after a deadlock or a lock timeout. Default 5 ms doubling to 250 ms.
    #[must_use]
    pub fn transient(mut self, backoff: Backoff) -> Self {
        self.transient = backoff;
        self
    }

    /// Pauses after a lost connection. Default 20 ms doubling to 2 s; while the server is down, the time
    /// is spent waiting in the pool.
    #[must_use]
    pub fn disconnected(mut self, backoff: Backoff) -> Self {
        self.disconnected = backoff;
        self
    }

    /// Pauses when the server or the pool has no room. Default 100 ms doubling to 5 s.
    #[must_use]
    pub fn busy(mut self, backoff: Backoff) -> Self {
        self.busy = backoff;
        self
    }

    /// The pauses after a failure of this class; `None` if it is not run again.
    pub(crate) fn backoff(&self, fault: Fault) -> Option<&Backoff> {
        match fault {
            Fault::Transient => Some(&self.transient),
            Fault::Disconnected => Some(&self.disconnected),
            Fault::Busy => Some(&self.busy),
            Fault::Constraint | Fault::Uncertain | Fault::Permanent => None,
        }
    }

    pub(crate) fn check(&self, invalid: &mut Vec<Invalid>) {
        if !(1..=1000).contains(&self.attempts) {
            invalid.push(Invalid::new("retry.attempts", self.attempts, "1 to 1,000"));
        }
        check_deadline("retry.deadline", self.deadline, invalid);
        self.transient.check(["retry.transient.first", "retry.transient.cap"], invalid);
        self.disconnected.check(["retry.disconnected.first", "retry.disconnected.cap"], invalid);
        self.busy.check(["retry.busy.first", "retry.busy.cap"], invalid);
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        let backoff = |first, cap| {
            Backoff::default().first(Duration::from_millis(first)).cap(Duration::from_millis(cap))
        };
        Self {
            attempts: 20,
            deadline: Duration::from_secs(30),
            transient: backoff(5, 250),
            disconnected: backoff(20, 2000),
            busy: backoff(100, 5000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_certainly_did_not_happen_and_may_go_better_is_run_again() {
        let policy = RetryPolicy::new();
        let again = |fault| policy.backoff(fault).is_some();
        assert!([Fault::Transient, Fault::Disconnected, Fault::Busy].into_iter().all(again));
        assert!(![Fault::Constraint, Fault::Uncertain, Fault::Permanent].into_iter().any(again));
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let zero = Backoff::default().first(Duration::ZERO);
        let mut invalid = Vec::new();
        RetryPolicy::new().attempts(0).deadline(Duration::MAX).busy(zero).check(&mut invalid);
        let told: Vec<_> = invalid.iter().map(|it| it.setting()).collect();
        assert_eq!(told, ["retry.attempts", "retry.deadline", "retry.busy.first"]);
    }
}
