//! r2d2's one worker, and how to know that it has ended.
//!
//! r2d2 starts three threads where one is enough, since all that it has to do is to move a pointer.
//! They cannot be joined either: they end some time after the last handle to r2d2's pool is dropped.
//! So ours leaves a note on its own thread that is dropped with it, as the last thing that it does.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use scheduled_thread_pool::{OnPoolDropBehavior, ScheduledThreadPool};

thread_local! {
    static NOTE: RefCell<Option<Note>> = const { RefCell::new(None) };
}

/// The thread; it ends when this is dropped.
pub(crate) fn start() -> Arc<ScheduledThreadPool> {
    let worker = ScheduledThreadPool::builder()
        .num_threads(1)
        .thread_name_pattern("sf-pool-r2d2")
        .on_drop_behavior(OnPoolDropBehavior::DiscardPendingScheduled)
        .build();
    Arc::new(worker)
}

/// Whether the worker lives.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    at_work: Mutex<bool>,
    left: Condvar,
}

impl Presence {
    /// Called on the worker: it signs on, and off again when its thread ends.
    pub(crate) fn sign_on(self: &Arc<Self>) {
        NOTE.with_borrow_mut(|note| {
            note.get_or_insert_with(|| {
                *self.at_work.lock() = true;
                Note(Arc::clone(self))
            });
        });
    }

    /// True if the worker has ended, or never began.
    ///
    /// # Blocks
    /// Until `deadline` at most.
    pub(crate) fn ended(&self, deadline: Instant) -> bool {
        let mut at_work = self.at_work.lock();
        while *at_work && !self.left.wait_until(&mut at_work, deadline).timed_out() {}
        !*at_work
    }
}

/// What stands on the worker's thread.
struct Note(Arc<Presence>);

impl Drop for Note {
    fn drop(&mut self) {
        *self.0.at_work.lock() = false;
        self.0.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_worker_signs_off_when_its_last_handle_is_dropped() {
        let presence = Arc::new(Presence::default());
        assert!(presence.ended(Instant::now()), "it has not begun");
        let worker = start();
        let (signed_on, on) = std::sync::mpsc::channel();
        let its = Arc::clone(&presence);
        worker.execute(move || {
            its.sign_on();
            its.sign_on();
            signed_on.send(()).unwrap();
        });
        on.recv_timeout(Duration::from_secs(20)).unwrap();
        assert!(!presence.ended(Instant::now() + Duration::from_millis(10)));
        drop(worker);
        assert!(presence.ended(Instant::now() + Duration::from_secs(20)));
    }
}
