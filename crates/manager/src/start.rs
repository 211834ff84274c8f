//! Waits for a server that is not up yet, and for nothing else.

use std::time::{Duration, Instant};

use steadfast_connection::{Config, Connection, Error as ConnectError};
use steadfast_pool::{Clock, SystemClock};

use crate::Error;
use crate::server_info::ServerInfo;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Connects and asks who it is, however late the server comes up within `limit`.
///
/// # Blocks
/// At most `limit` and the last attempt, whose limits are shortened to what is left (in whole seconds,
/// at least one).
///
/// # Errors
/// [`Error::Unreachable`]; whatever waiting does not heal at once, as it is.
pub(crate) fn connect(config: &Config, limit: Duration) -> Result<(Connection, ServerInfo), Error> {
    let begun = Instant::now();
    let deadline = begun + limit;
    let mut attempts = 0_u32;
    loop {
        attempts += 1;
        let left = deadline.saturating_duration_since(Instant::now());
        let error = match greet(&in_time(config, left)) {
            Ok(greeted) => return Ok(greeted),
            Err(error) => error,
        };
        if !heals_by_itself(&error) {
            log::error!(target: "steadfast::manager", endpoint = config.endpoint().as_str(), errno = error.errno(); "the database cannot be opened");
            return Err(error.into());
        }
        let pause = pause(attempts, fastrand::f64());
        let left = deadline.saturating_duration_since(Instant::now());
        if left <= pause {
            return Err(Error::Unreachable { limit, attempts, source: Box::new(error) });
        }
        if attempts == 1 {
            log::warn!(target: "steadfast::manager", endpoint = config.endpoint().as_str(), errno = error.errno(), wait_s = limit.as_secs(); "the server does not answer yet");
        }
        SystemClock.sleep(pause);
    }
}

/// A server that is shutting down may be lost between the two.
fn greet(config: &Config) -> Result<(Connection, ServerInfo), ConnectError> {
    let mut conn = Connection::open(config)?;
    let server = ServerInfo::read(&mut conn)?;
    Ok((conn, server))
}

/// With limits of at most what is left.
fn in_time(config: &Config, left: Duration) -> Config {
    let seconds = Duration::from_secs(left.as_secs().max(1));
    let limit = config.connect_limit().min(seconds);
    config.clone().connect_timeout(limit).read_timeout(limit)
}

/// Doubling from 50 ms to 2 s; at least half of each, so that it does not spin.
fn pause(attempts: u32, chance: f64) -> Duration {
    let ceiling = FIRST_PAUSE.saturating_mul(1 << attempts.saturating_sub(1).min(20));
    ceiling.min(LONGEST_PAUSE).mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
}

/// True for what a server that is starting, or full, answers.
fn heals_by_itself(error: &ConnectError) -> bool {
    match error.errno() {
        // Refused, no route, name not found (yet), handshake cut or timed out.
        Some(2002 | 2003 | 2005 | 2006 | 2012 | 2013 | 2055) => true,
        // Full; shutting down.
        Some(1040 | 1053) => true,
        _ => false,
    }
}

/// Refuses a server that is older than what we work with.
pub(crate) fn check_floor(server: &ServerInfo) -> Result<(), Error> {
    let floor = server.floor();
    // A version nobody can read is taken for new: refusing it would be wrong more often.
    if server.release().is_some_and(|release| release < floor) {
        let version = server.version.clone();
        return Err(Error::TooOld { vendor: server.vendor, version, floor });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_two_seconds_and_never_vanish() {
        let ceilings = [1, 2, 6, 7, 99].map(|n| pause(n, 1.0).as_millis());
        assert_eq!(ceilings, [50, 100, 1600, 2000, 2000]);
        assert_eq!(pause(1, 0.0).as_millis(), 25);
    }
}
