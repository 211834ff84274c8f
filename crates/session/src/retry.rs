//! The loop round the attempts: the only place that runs anything again.

use std::time::Duration;

use crate::Error;
use crate::attempt::{Course, Verdict, Work};
use crate::lender::Lender;
use crate::tx::Tx;

/// Work that may run again.
pub(crate) struct Again<F>(pub(crate) F);

impl<T, E, F> Work<T, E> for Again<F>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E>,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<T, E> {
        (self.0)(tx)
    }

    fn may_run_again(&self) -> bool {
        true
    }
}

/// Work that runs once: taken out when it begins.
pub(crate) struct Once<F>(pub(crate) Option<F>);

impl<T, E, F> Work<T, E> for Once<F>
where
    E: From<Error>,
    F: FnOnce(&mut Tx<'_>) -> Result<T, E>,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<T, E> {
        // The loop asks `may_run_again` first, so it is there.
        self.0.take().map_or_else(|| Err(E::from(Error::Closed)), |work| work(tx))
    }

    fn may_run_again(&self) -> bool {
        self.0.is_some()
    }
}

/// Runs a transaction to its end.
///
/// # Blocks
/// Until the deadline.
#[track_caller]
pub(crate) fn run<T, E, L, W>(course: &Course<'_>, lender: &mut L, work: &mut W) -> Result<T, E>
where
    E: From<Error>,
    L: Lender,
    W: Work<T, E>,
{
    let mut attempts = 0;
    loop {
        attempts += 1;
        let (cause, told) = match course.attempt(lender, work) {
            Verdict::Done(value) => return Ok(value),
            Verdict::Failed(error) => return Err(error),
            Verdict::Again { cause, told } => (cause, told),
        };
        if !work.may_run_again() {
            return Err(told.unwrap_or_else(|| E::from(cause)));
        }
        course.pause(attempts, cause)?;
    }
}

impl Course<'_> {
    /// Pauses before another attempt, or says why there is none.
    fn pause(&self, attempts: u32, cause: Error) -> Result<(), Error> {
        if self.slot.hand().is_closed() {
            return Err(Error::Closed);
        }
        let fault = cause.fault();
        let source = Box::new(cause);
        let left = self.left();
        if left.is_zero() {
            return Err(Error::OutOfTime { attempts, left, pause: Duration::ZERO, source });
        }
        let Some(backoff) = self.policy.backoff(fault) else {
            return Err(*source);
        };
        if attempts >= self.policy.attempts {
            return Err(Error::OutOfAttempts { attempts, source });
        }
        let config = &self.house.config;
        let chance = (config.chance)();
        match backoff.pause(attempts, chance, self.deadline, &*config.clock) {
            Err(none) => {
                Err(Error::OutOfTime { attempts, left: none.left, pause: none.pause, source })
            }
            Ok(pause) => {
                self.house.counters.retried(fault);
                log::info!(
                    target: "steadfast::session",
                    name = self.slot.name(), fault = fault.as_str(), errno = source.errno(), attempt = attempts,
                    pause_ms = pause.as_secs_f64() * 1e3, error:% = source;
                    "transaction is run again"
                );
                if self.slot.hand().is_closed() { Err(Error::Closed) } else { Ok(()) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::panic::Location;
    use std::sync::Arc;

    use steadfast_connection::{Config, Fault};
    use steadfast_pool::{Clock, PoolConfig};

    use super::*;
    use crate::hand_clock::HandClock;
    use crate::{RetryPolicy, SessionConfig, Sessions, TxOptions};

    /// Pauses after `attempts` attempts, the last of which failed with `cause`; tells for how long.
    fn pause(
        attempts: u32,
        left: Duration,
        cause: Error,
    ) -> (Result<(), Error>, Duration, Sessions) {
        let clock = Arc::new(HandClock::new());
        let pool = PoolConfig::new().build(Config::new().database("none")).unwrap();
        let config = SessionConfig::new()
            .retry(RetryPolicy::new().attempts(3))
            .clock(Arc::<HandClock>::clone(&clock))
            .chance(|| 1.0);
        let sessions = config.build(pool).unwrap();
        let begun = clock.now();
        let name = Some(Cow::Borrowed("test"));
        let slot = sessions.roll().enter(name, Location::caller(), None).unwrap();
        let options = TxOptions::new();
        let course = sessions.house().course(&slot, &options, begun + left);
        let result = course.pause(attempts, cause);
        (result, clock.now() - begun, sessions)
    }

    /// A failure that may pass: no room.
    fn busy() -> Error {
        Error::SessionLimit { limit: 1 }
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_pause_is_made_and_counted_by_what_was_wrong() {
        let (result, paused, sessions) = pause(2, MINUTE, busy());
        assert!(matches!(result, Ok(())), "{result:?}");
        assert_eq!(paused, Duration::from_millis(200));
        assert_eq!(sessions.health().retries.busy, 1);
    }

    #[test]
    fn after_the_last_attempt_there_is_no_pause() {
        let (result, paused, sessions) = pause(3, MINUTE, busy());
        let Err(Error::OutOfAttempts { attempts: 3, source }) = result else {
            panic!("{result:?}")
        };
        assert_eq!((source.fault(), paused), (Fault::Busy, Duration::ZERO));
        assert_eq!(sessions.health().retries.total(), 0);
    }

    #[test]
    fn a_pause_beyond_the_deadline_is_not_begun() {
        let left = Duration::from_millis(100);
        let (result, paused, _) = pause(1, left, busy());
        assert!(
            matches!(&result, Err(Error::OutOfTime { left: told, .. }) if *told == left),
            "{result:?}"
        );
        assert_eq!(paused, Duration::ZERO);
    }

    #[test]
    fn what_does_not_pass_is_given_back_as_it_is() {
        let (result, _, _) = pause(1, MINUTE, Error::ConnectionCut);
        assert!(matches!(result, Err(Error::ConnectionCut)), "{result:?}");
    }
}
