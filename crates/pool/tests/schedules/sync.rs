//! Locks and bells with the face of `parking_lot` and the schedules of `shuttle`.
//!
//! The value lies beside the lock that shuttle sees, the `gate`, so that an alarm can take the gate
//! without knowing the value: an alarm that could go off between the unlocking and the waiting would
//! be lost.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use shuttle::sync as checked;
use shuttle::thread;

/// A deadline that is nearer may pass at any moment, one that is not never does.
const NEAR: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
pub(crate) struct Mutex<T> {
    gate: Arc<checked::Mutex<()>>,
    value: parking_lot::Mutex<T>,
}

#[derive(Debug)]
pub(crate) struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    /// Before the gate in the order of dropping. Both are `None` only inside of a wait.
    value: Option<parking_lot::MutexGuard<'a, T>>,
    gate: Option<checked::MutexGuard<'a, ()>>,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { gate: Arc::default(), value: parking_lot::Mutex::new(value) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        let gate = Some(self.gate.lock().unwrap());
        MutexGuard { mutex: self, value: Some(self.inside()), gate }
    }

    /// The gate is held, so nobody else is here.
    fn inside(&self) -> parking_lot::MutexGuard<'_, T> {
        self.value.try_lock().unwrap()
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().unwrap()
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().unwrap()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Condvar(Arc<checked::Condvar>);

pub(crate) struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    pub(crate) fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }

    pub(crate) fn wait_until<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        deadline: Instant,
    ) -> WaitTimeoutResult {
        let over = Arc::new(AtomicBool::new(false));
        let rung = Arc::new(AtomicBool::new(false));
        if deadline < Instant::now() + NEAR {
            self.alarm(Arc::clone(&guard.mutex.gate), &rung, &over);
        }
        guard.value = None;
        guard.gate = Some(self.0.wait(guard.gate.take().unwrap()).unwrap());
        guard.value = Some(guard.mutex.inside());
        over.store(true, Relaxed);
        WaitTimeoutResult(rung.load(Relaxed))
    }

    /// A thread that ends the wait, unless it is over.
    fn alarm(&self, gate: Arc<checked::Mutex<()>>, rung: &Arc<AtomicBool>, over: &Arc<AtomicBool>) {
        let (bell, rung, over) = (Arc::clone(&self.0), Arc::clone(rung), Arc::clone(over));
        thread::spawn(move || {
            let gate = gate.lock().unwrap();
            if !over.load(Relaxed) {
                rung.store(true, Relaxed);
                bell.notify_all();
            }
            drop(gate);
        });
    }
}
