//! Keeping client and server of a one-connection benchmark on one processor.
//!
//! Two that answer each other in turn never run at the same time, and it is chance where the scheduler
//! puts the server's thread: beside the client, or on another core that has to be woken up each time.
//! It stays there for as long as the connection lives. With the same code on both sides of
//! `connection.ping`, the two answered in 24 and 153 µs for all of five rounds; on one processor, the
//! two never lay much more than a tenth apart. The server inherits it from whoever starts it.

use std::io::{self, Write};

/// Restores, when dropped, what the process might run on before.
pub(crate) struct OneProcessor {
    #[cfg(target_os = "linux")]
    before: rustix::thread::CpuSet,
}

impl OneProcessor {
    /// From here on this thread, and what it starts, stays on one of its processors.
    ///
    /// Elsewhere than on Linux nothing is changed, and the spread tells.
    ///
    /// # Errors
    /// The system refused.
    pub(crate) fn keep() -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        {
            use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

            let before = sched_getaffinity(None)?;
            let mut one = CpuSet::new();
            // The last one: the first is where most systems let their devices interrupt.
            if let Some(last) = (0..CpuSet::MAX_CPU).rev().find(|cpu| before.is_set(*cpu)) {
                one.set(last);
                sched_setaffinity(None, &one)?;
            }
            Ok(Self { before })
        }
        #[cfg(not(target_os = "linux"))]
        Ok(Self {})
    }
}

#[cfg(target_os = "linux")]
impl Drop for OneProcessor {
    fn drop(&mut self) {
        if let Err(error) = rustix::thread::sched_setaffinity(None, &self.before) {
            // Nobody can be told more than this; where stderr is closed, not even this.
            drop(writeln!(io::stderr(), "steadfast-bench: still on one processor: {error}"));
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_one_processor_is_left_and_then_all_are_again() -> io::Result<()> {
        let allowed = || rustix::thread::sched_getaffinity(None).map(|cpus| cpus.count());
        let before = allowed()?;

        let one = OneProcessor::keep()?;
        assert_eq!(allowed()?, 1);
        drop(one);

        assert_eq!(allowed()?, before);
        Ok(())
    }
}
