//! How one session can be cut off, and what it may still do.

use std::time::Instant;

use steadfast_connection::Interrupter;

/// The socket that is lent to a session, and the time it has.
///
/// It is shut down under the lock that guards this, so that a connection that has been given back is never
/// hit. `shutdown(2)` does not wait.
#[derive(Debug, Default)]
pub(crate) struct Hand {
    interrupter: Option<Interrupter>,
    deadline: Option<Instant>,
    /// Until when the answer to COMMIT is waited for; then the socket alone is shut down.
    patience: Option<Instant>,
    committing: bool,
    standing: Standing,
    /// The socket that is lent was shut down.
    spent: bool,
}

/// What a session may still do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    #[default]
    Free,
    /// Its deadline is over: whatever is lent to it is shut down at once.
    Late,
    /// The sessions are closed, and its COMMIT runs to its end.
    Finishing,
    /// The sessions are closed: whatever is lent to it is shut down at once.
    Closed,
}

impl Hand {
    pub(crate) fn new(deadline: Option<Instant>) -> Self {
        Self { deadline, ..Self::default() }
    }

    /// Sets a deadline for what follows, or takes it back.
    pub(crate) fn arm(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
        self.standing = if self.is_closed() { Standing::Closed } else { Standing::Free };
    }

    /// Notes the socket that is lent now, so that it can be shut down; at once if time is over.
    pub(crate) fn attach(&mut self, interrupter: Option<Interrupter>) {
        self.interrupter = interrupter;
        self.spent = false;
        if self.is_cut() {
            self.shut_down();
        }
    }

    /// Forgets the socket. True if it was shut down: the connection itself may not know yet.
    pub(crate) fn detach(&mut self) -> bool {
        self.interrupter = None;
        std::mem::take(&mut self.spent)
    }

    /// True if the socket that is lent was shut down.
    pub(crate) fn is_spent(&self) -> bool {
        self.spent
    }

    /// A COMMIT is about to be sent, and its answer waited for until `patience`. False if it must not be:
    /// the session has been cut off.
    pub(crate) fn enter_commit(&mut self, patience: Option<Instant>) -> bool {
        self.committing = !self.is_cut();
        self.patience = patience.filter(|_| self.committing);
        self.committing
    }

    /// An answer to COMMIT came, or none will.
    pub(crate) fn stop_waiting(&mut self) {
        self.patience = None;
    }

    /// The outcome is known, or given up.
    pub(crate) fn leave_commit(&mut self) {
        self.committing = false;
    }

    pub(crate) fn is_committing(&self) -> bool {
        self.committing
    }

    /// Cuts off what has had its time; tells when to look again.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Instant> {
        if self.patience.is_some_and(|until| until <= now) {
            self.patience = None;
            self.shut_down();
        }
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.deadline = None;
            self.cut_off();
        }
        [self.patience, self.deadline].into_iter().flatten().min()
    }

    /// Cuts it off for good unless it commits, and tells whether it did.
    pub(crate) fn close(&mut self) -> bool {
        self.standing = Standing::Finishing;
        if !self.committing {
            self.cut_off();
        }
        !self.committing
    }

    /// True if the sessions are closed and the time that was left is over.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.standing, Standing::Finishing | Standing::Closed)
    }

    fn is_cut(&self) -> bool {
        matches!(self.standing, Standing::Late | Standing::Closed)
    }

    fn cut_off(&mut self) {
        self.standing = if self.is_closed() { Standing::Closed } else { Standing::Late };
        self.shut_down();
    }

    fn shut_down(&mut self) {
        if let Some(interrupter) = &self.interrupter {
            interrupter.shutdown();
            self.spent = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn after_its_deadline_nothing_is_committed_until_a_new_one_is_set() {
        let now = Instant::now();
        let mut hand = Hand::new(Some(now));

        assert_eq!(hand.due(now), None);
        assert!(!hand.enter_commit(None));
        hand.arm(Some(now + Duration::from_secs(1)));
        assert!(hand.enter_commit(None));
    }

    #[test]
    fn the_earlier_of_patience_and_deadline_is_looked_at_next() {
        let now = Instant::now();
        let [soon, later] = [1, 2].map(|n| now + Duration::from_secs(n));
        let mut hand = Hand::new(Some(later));
        assert!(hand.enter_commit(Some(soon)));

        assert_eq!(hand.due(now), Some(soon));
        // The answer is no longer waited for, and the session goes on to find it out.
        assert_eq!(hand.due(soon), Some(later));
        assert!(hand.enter_commit(None));
    }

    #[test]
    fn a_commit_under_way_outlives_the_close_and_nothing_begins_after_it() {
        let mut hand = Hand::new(None);
        assert!(hand.enter_commit(None));

        assert!(!hand.close(), "it was cut off");
        hand.leave_commit();
        assert!(hand.is_closed());
        hand.arm(None);
        assert!(!hand.enter_commit(None));
    }

    #[test]
    fn whoever_does_not_commit_is_cut_off_at_the_close() {
        let mut hand = Hand::new(None);
        assert!(hand.close());
        assert!(!hand.enter_commit(None));
    }
}
