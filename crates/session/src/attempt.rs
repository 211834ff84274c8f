//! One attempt: begin, work, commit, and what is to be thought of its end.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use steadfast_connection::{Connection, Fault, Phase};

use crate::health::Counters;
use crate::lender::Lender;
use crate::outcome::{Attempt, Outcome};
use crate::resolve;
use crate::roll::Slot;
use crate::sessions::House;
use crate::tx::{Hooks, Tx};
use crate::{Access, Error, RetryPolicy, TxOptions};

/// `ER_NO_SUCH_TABLE`.
const NO_SUCH_TABLE: u32 = 1146;
/// `ER_DUP_ENTRY`.
const DUPLICATE: u32 = 1062;

/// What all attempts of one transaction have in common.
pub(crate) struct Course<'a> {
    pub(crate) house: &'a House,
    pub(crate) slot: &'a Slot,
    pub(crate) options: &'a TxOptions,
    pub(crate) policy: &'a RetryPolicy,
    pub(crate) deadline: Instant,
}

/// The work of a transaction, which may be run again or not.
pub(crate) trait Work<T, E> {
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<T, E>;
    fn may_run_again(&self) -> bool;
}

/// How an attempt ended.
pub(crate) enum Verdict<T, E> {
    /// Committed.
    Done(T),
    /// Not committed, and it would not help to run it again; or its outcome is unknown.
    Failed(E),
    /// Not committed for certain, for a reason that may pass. `told` is what the work itself returned.
    Again { cause: Error, told: Option<E> },
}

/// How a commit ended, apart from its value.
enum Ending {
    Committed,
    Aborted(Error),
    /// The answer was lost.
    Doubtful(Error),
}

impl Course<'_> {
    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(self.house.config.clock.now())
    }

    /// Whether commits leave a row. What cannot write needs none: it is the same committed or not.
    fn attempt_id(&self) -> Option<Attempt> {
        let records = self.house.config.exactly_once && self.options.access == Access::ReadWrite;
        records.then(Attempt::new)
    }

    /// Runs the work once.
    ///
    /// # Blocks
    /// Until the deadline, at which the connection is cut off.
    #[track_caller]
    pub(crate) fn attempt<T, E, L, W>(&self, lender: &mut L, work: &mut W) -> Verdict<T, E>
    where
        E: From<Error>,
        L: Lender,
        W: Work<T, E>,
    {
        let id = self.attempt_id();
        if let Err(error) = lender.admit() {
            return self.judge(error);
        }
        let lease = match lender.lend(self.left()) {
            Ok(lease) => lease,
            Err(error) => return self.judge(error),
        };
        if let Err(error) = lease.begin(self.options.begin()) {
            lender.settle();
            return self.judge(error.into());
        }
        let mut hooks = Hooks::default();
        let worked =
            catch_unwind(AssertUnwindSafe(|| work.run(&mut Tx::new(lease, &mut hooks, id))));
        let verdict = match worked {
            Ok(Ok(value)) => {
                let ending = self.commit(lease, id);
                match self.settled(lender, id, ending) {
                    Ok(()) => Verdict::Done(value),
                    Err(error) => self.judge(error),
                }
            }
            Ok(Err(told)) => self.refused(lease, told),
            Err(panic) => {
                roll_back(lease);
                lease.panicked();
                lender.settle();
                Counters::add(&self.house.counters.rollbacks);
                resume_unwind(panic)
            }
        };
        lender.settle();
        if matches!(verdict, Verdict::Done(_)) {
            Counters::add(&self.house.counters.committed);
            // Committed in time: what follows is not cut any more.
            self.slot.hand().arm(None);
            hooks.run();
        } else {
            Counters::add(&self.house.counters.rollbacks);
        }
        verdict
    }

    /// The work returned an error. What the server said first decides whether it is run again, not that
    /// error: work may wrap it or make another of it.
    fn refused<T, E>(&self, conn: &mut Connection, told: E) -> Verdict<T, E> {
        let cause = conn.undone().or(conn.first_error()).cloned();
        roll_back(conn);
        let Some(cause) = cause else { return Verdict::Failed(told) };
        let cause = Error::from(cause);
        self.house.counters.failed(&cause);
        if cause.errno() == Some(0) {
            let name = self.slot.name();
            log::warn!(target: "steadfast::session", name, error:% = cause; "not all of a failed transaction was rolled back");
        }
        if self.policy.backoff(cause.fault()).is_some() {
            Verdict::Again { cause, told: Some(told) }
        } else {
            Verdict::Failed(told)
        }
    }

    fn judge<T, E: From<Error>>(&self, error: Error) -> Verdict<T, E> {
        self.house.counters.failed(&error);
        let again = match &error {
            // Known by now not to have happened, for whatever reason the answer was lost.
            Error::CommitAborted { .. } | Error::ConnectionCut => true,
            other => self.policy.backoff(other.fault()).is_some(),
        };
        if again {
            Verdict::Again { cause: error, told: None }
        } else {
            Verdict::Failed(E::from(error))
        }
    }

    fn commit(&self, conn: &mut Connection, id: Option<Attempt>) -> Ending {
        if let Some(cause) = conn.undone().cloned() {
            roll_back(conn);
            // The number 0 stands for DDL and its like, which end a transaction without an error.
            let ended_inside = cause.errno() == 0;
            return Ending::Aborted(if ended_inside { Error::EndedInside } else { cause.into() });
        }
        if conn.phase() != Phase::Open {
            return Ending::Aborted(Error::EndedInside);
        }
        let config = &self.house.config;
        // What is recorded can be found out elsewhere, so a silent connection is not waited for to the end.
        let patience = id.map(|_| config.clock.now() + config.commit_timeout);
        if conn.is_broken() || !self.slot.enter_commit(patience) {
            roll_back(conn);
            return Ending::Aborted(Error::ConnectionCut);
        }
        let record = id.map(|id| self.house.outcomes.record(id)).unwrap_or_default();
        let answer = conn.commit(&record);
        self.slot.hand().stop_waiting();
        let Err(error) = answer else { return Ending::Committed };
        match (error.fault(), error.errno()) {
            (Fault::Uncertain, _) if self.options.access == Access::ReadOnly => Ending::Committed,
            (Fault::Uncertain, _) => Ending::Doubtful(error.into()),
            (_, Some(NO_SUCH_TABLE)) if id.is_some() => {
                Ending::Aborted(Error::OutcomeTableMissing { source: Box::new(error.into()) })
            }
            // Somebody resolved this attempt while it ran: it is fenced off.
            (_, Some(DUPLICATE)) if id.is_some() => {
                Ending::Aborted(Error::CommitAborted { source: Box::new(error.into()) })
            }
            _ => {
                roll_back(conn);
                Ending::Aborted(error.into())
            }
        }
    }

    /// Finds out what is in doubt.
    #[track_caller]
    fn settled<L: Lender>(
        &self,
        lender: &mut L,
        id: Option<Attempt>,
        ending: Ending,
    ) -> Result<(), Error> {
        let result = match (ending, id) {
            (Ending::Committed, _) => Ok(()),
            (Ending::Aborted(error), _) => Err(error),
            (Ending::Doubtful(lost), None) => {
                Counters::add(&self.house.counters.unresolved);
                Err(Error::CommitUnknown { attempt: None, source: Box::new(lost) })
            }
            (Ending::Doubtful(lost), Some(attempt)) => {
                self.house.counters.failed(&lost);
                match resolve::resolve(self.house, lender, attempt, self.deadline) {
                    Ok(Outcome::Committed) => Ok(()),
                    Ok(Outcome::Aborted) => Err(Error::CommitAborted { source: Box::new(lost) }),
                    Err(unknown) => Err(unknown),
                }
            }
        };
        self.slot.hand().leave_commit();
        result
    }
}

/// Ends what is still open. A connection that is lost needs no goodbye: the server undoes it by itself.
fn roll_back(conn: &mut Connection) {
    if conn.phase() != Phase::Open {
        return;
    }
    if let Err(error) = conn.rollback() {
        log::debug!(target: "steadfast::session", error:% = error; "rollback failed");
    }
}
