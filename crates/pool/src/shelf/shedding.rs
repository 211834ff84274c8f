//! Load shedding: when the line never gets short, whoever has waited for too long is sent away.
//!
//! A burst is no reason: it passes. A *standing* line is: it makes everybody late and serves nobody
//! sooner. So the shortest wait within an interval decides (`CoDel`; Nichols and Jacobson, ACM Queue
//! 2012; the form for lines of callers is Elixir's `DBConnection.ConnectionPool`): if even that one
//! was above the target, those who have waited twice the target are refused until it is below again.

use std::time::{Duration, Instant};

use super::{Item, State};
use crate::waiter::{Refusal, Waiter};

#[derive(Debug)]
pub(super) struct Shedding {
    target: Duration,
    interval: Duration,
    /// The shortest wait in this interval.
    shortest: Option<Duration>,
    ends_at: Instant,
    slow: bool,
}

impl Shedding {
    pub(super) fn new((target, interval): (Duration, Duration), now: Instant) -> Self {
        Self { target, interval, shortest: None, ends_at: now + interval, slow: false }
    }

    /// Somebody was served after `waited`.
    pub(super) fn served(&mut self, now: Instant, waited: Duration) {
        self.judge(now, waited);
        let shortest = self.shortest.map_or(waited, |shortest| shortest.min(waited));
        self.shortest = Some(shortest);
    }

    /// How long somebody may wait now; `None` is for ever. The oldest has waited for `oldest`.
    pub(super) fn patience(&mut self, now: Instant, oldest: Duration) -> Option<Duration> {
        self.judge(now, oldest);
        self.slow.then_some(self.target * 2)
    }

    /// At the end of an interval. If nobody was served in it, the wait of the oldest stands for it.
    fn judge(&mut self, now: Instant, oldest: Duration) {
        let Some(over) = now.checked_duration_since(self.ends_at) else { return };
        // What was seen before a quiet time tells nothing of now.
        let seen = self.shortest.take().filter(|_| over < self.interval);
        self.slow = seen.unwrap_or(oldest) > self.target;
        self.ends_at = now + self.interval;
    }
}

impl<T: Item, C: Clone> State<T, C> {
    /// Somebody who asked at `since` is served.
    pub(super) fn served(&mut self, now: Instant, since: Instant) {
        if let Some(shedding) = &mut self.shedding {
            shedding.served(now, now.saturating_duration_since(since));
        }
    }

    /// Sends those away who have waited for too long in a line that never gets short.
    pub(super) fn shed(&mut self, now: Instant) {
        let Self { shedding: Some(shedding), waiters, .. } = self else { return };
        let waited = |waiter: &Waiter<T, C>| now.saturating_duration_since(waiter.borrower.since);
        let oldest = waiters.front().map_or(Duration::ZERO, |oldest| waited(oldest));
        let Some(patience) = shedding.patience(now, oldest) else { return };
        while waiters.front().is_some_and(|oldest| waited(oldest) > patience)
            && let Some(late) = waiters.pop_front()
        {
            late.answer(Err(Refusal::Shed));
            late.ring();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn a_burst_is_let_through_and_a_standing_line_is_not() {
        let now = Instant::now();
        let mut shedding = Shedding::new((ms(50), ms(2_000)), now);
        shedding.served(now + ms(100), ms(900));
        shedding.served(now + ms(200), ms(10));
        assert_eq!(shedding.patience(now + ms(2_000), ms(900)), None, "somebody was served soon");

        shedding.served(now + ms(3_000), ms(51));
        assert_eq!(shedding.patience(now + ms(3_999), ms(900)), None, "the interval is not over");
        assert_eq!(shedding.patience(now + ms(4_000), ms(900)), Some(ms(100)));
        shedding.served(now + ms(5_000), ms(50));
        assert_eq!(shedding.patience(now + ms(6_000), ms(900)), None, "the line got short");
    }

    #[test]
    fn where_nobody_is_served_the_oldest_decides_and_a_quiet_time_is_forgotten() {
        let now = Instant::now();
        let mut shedding = Shedding::new((ms(50), ms(2_000)), now);
        assert_eq!(shedding.patience(now + ms(2_000), ms(1_500)), Some(ms(100)));
        shedding.served(now + ms(2_100), ms(1_000));
        assert_eq!(shedding.patience(now + ms(60_000), ms(1)), None);
    }
}
