//! The end of all sessions: no new ones, a wait, and then those that are left are cut off.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::MutexGuard;

use crate::roll::{Lines, Roll};
use crate::{SessionInfo, Sessions};

/// Who was cut off only has to notice it.
const GRACE: Duration = Duration::from_secs(1);

/// How [`Sessions::close_all`] went.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Closing {
    /// How long it took.
    pub waited: Duration,
    /// Sessions that were cut off, the oldest first; what they had not committed is undone.
    pub cut: Vec<SessionInfo>,
    /// Sessions that are still open, the oldest first: their COMMIT is under way, or their owner has not
    /// noticed yet.
    pub left: Vec<SessionInfo>,
}

impl Closing {
    /// True if every session ended by itself.
    pub fn is_clean(&self) -> bool {
        self.cut.is_empty() && self.left.is_empty()
    }
}

impl Sessions {
    /// Opens no session any more and waits for those that are open. When `limit` is over, the connections
    /// of those that are left are shut down, except where a COMMIT is under way: that one runs to its end.
    ///
    /// A transaction that is cut off gets [`Error::Closed`](crate::Error::Closed), and the server undoes
    /// it. The pool stays as it is.
    ///
    /// # Blocks
    /// Until the last session has ended, at most `limit` and a second.
    pub fn close_all(&self, limit: Duration) -> Closing {
        self.roll().close(limit)
    }
}

/// Any longer limit is for ever, and would overflow the clock.
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

impl Roll {
    fn close(&self, limit: Duration) -> Closing {
        let begun = Instant::now();
        let mut lines = self.lines.lock();
        lines.closed = true;
        self.wait_for_all(&mut lines, begun + limit.min(MONTH));
        let entries: Vec<_> = lines.entries().cloned().collect();
        let now = self.now();
        let mut cut: Vec<_> = entries
            .iter()
            .filter(|entry| entry.hand.lock().close())
            .map(|entry| Arc::clone(entry).told(now))
            .collect();
        cut.sort_by_key(SessionInfo::since);
        if !entries.is_empty() {
            self.wait_for_all(&mut lines, Instant::now() + GRACE);
        }
        let left = lines.told(self.now());
        drop(lines);
        for session in &cut {
            log::warn!(target: "steadfast::session", session:% = session; "session cut off at close");
        }
        Closing { waited: begun.elapsed(), cut, left }
    }

    fn wait_for_all(&self, lines: &mut MutexGuard<'_, Lines>, deadline: Instant) {
        while lines.open() > 0 && !self.left.wait_until(lines, deadline).timed_out() {}
    }
}
