//! Alarms: how a call that hangs in the client library is ended on time.
//!
//! The client library knows read time limits in whole seconds and per connection only. So whoever
//! pings arms an alarm; if it is not disarmed in time, the watch's thread fires it, which shuts the
//! socket down, and the hung call returns at once. The thread is woken only for an alarm that is
//! earlier than its next look: pings with the usual limit cost it nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// How long the watch rests at most, so that no wait is unbounded.
const REST: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Watch<A> {
    state: Mutex<State<A>>,
    bell: Condvar,
}

#[derive(Debug)]
struct State<A> {
    alarms: BTreeMap<Key, A>,
    armed: u64,
    /// When the thread looks next.
    looks_at: Option<Instant>,
    stopped: bool,
}

/// The moment, and a number that keeps alarms of one moment apart.
type Key = (Instant, u64);

/// An armed alarm. It fires if it is not disarmed.
#[derive(Debug)]
#[must_use]
pub(crate) struct Armed(Key);

impl<A> Watch<A> {
    pub(crate) fn new() -> Self {
        let state = State { alarms: BTreeMap::new(), armed: 0, looks_at: None, stopped: false };
        Self { state: Mutex::new(state), bell: Condvar::new() }
    }

    /// Arms `alarm`; gives it back if the watch has stopped.
    pub(crate) fn arm(&self, at: Instant, alarm: A) -> Result<Armed, A> {
        let mut state = self.state.lock();
        if state.stopped {
            return Err(alarm);
        }
        state.armed += 1;
        let key = (at, state.armed);
        state.alarms.insert(key, alarm);
        if state.looks_at.is_some_and(|next| at < next) {
            // Whoever arms next need not ring again.
            state.looks_at = Some(at);
            self.bell.notify_one();
        }
        Ok(Armed(key))
    }

    /// True if it had not fired: it never will.
    pub(crate) fn disarm(&self, Armed(key): Armed) -> bool {
        self.state.lock().alarms.remove(&key).is_some()
    }

    /// Fires alarms until [`stop`](Self::stop), and then all that are left. `fire` is called under the lock, so that whoever
    /// disarms knows whether it was; it must not block.
    ///
    /// # Blocks
    /// The thread whose task this is.
    pub(crate) fn run(&self, mut fire: impl FnMut(A)) {
        let mut state = self.state.lock();
        while !state.stopped {
            let now = Instant::now();
            while state.alarms.first_key_value().is_some_and(|(&(at, _), _)| at <= now) {
                if let Some((_, alarm)) = state.alarms.pop_first() {
                    fire(alarm);
                }
            }
            let next = state.alarms.first_key_value().map(|(&(at, _), _)| at);
            let next = next.map_or(now + REST, |at| at.min(now + REST));
            state.looks_at = Some(next);
            self.bell.wait_until(&mut state, next);
        }
        // Nobody would end what hangs now.
        std::mem::take(&mut state.alarms).into_values().for_each(fire);
    }

    pub(crate) fn stop(&self) {
        self.state.lock().stopped = true;
        self.bell.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn alarms_fire_in_the_order_of_their_time_and_a_disarmed_one_does_not() {
        let watch = Watch::new();
        let (fired, heard) = mpsc::channel();
        let now = Instant::now();
        let ms = Duration::from_millis;
        thread::scope(|scope| {
            scope.spawn(|| watch.run(|name| fired.send((name, now.elapsed())).unwrap()));
            let never = watch.arm(now + ms(20), "never").unwrap();
            let late = watch.arm(now + ms(60), "late").unwrap();
            let early = watch.arm(now + ms(30), "early").unwrap();
            assert!(watch.disarm(never));
            for (expected, at) in [("early", ms(30)), ("late", ms(60))] {
                let (name, after) = heard.recv_timeout(ms(20_000)).unwrap();
                assert_eq!(name, expected);
                assert!(after >= at, "{name} fired after {after:?}");
            }
            assert!(!watch.disarm(early));
            assert!(!watch.disarm(late));
            let last = watch.arm(now + ms(60_000), "last").unwrap();
            watch.stop();
            assert_eq!(heard.recv_timeout(ms(20_000)).unwrap().0, "last");
            assert!(!watch.disarm(last));
            assert_eq!(watch.arm(now, "after").unwrap_err(), "after");
        });
    }
}
