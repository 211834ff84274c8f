//! Telling somebody what happens, without trusting them.

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::event::{
    BreakerClosed, BreakerOpened, Checkin, Checkout, Closed, ConnectFailed, Connected, Connecting,
    Deadlocked, Draining, Invalidated, LeakSuspected, Lost, Paused, Pinged, Reset, Resized,
    Resumed, Retired, SecondCheckout, TimedOut, Unleaked, Waiting, Warned,
};

/// Hears what happens in a pool. Every method may be left out.
///
/// Called outside every lock, on the thread it happened on; a panic is caught and logged. What a
/// listener does counts as time of whoever waits for it: keep it short.
pub trait PoolListener: Send + Sync + 'static {
    /// A connection is being opened.
    fn connecting(&self, _event: &Connecting<'_>) {}
    /// A connection was opened.
    fn connected(&self, _event: &Connected<'_>) {}
    /// A connection could not be opened.
    fn connect_failed(&self, _event: &ConnectFailed<'_>) {}
    /// The server is down: callers are refused at once, or wait, until it is back.
    fn breaker_opened(&self, _event: &BreakerOpened<'_>) {}
    /// The server is back.
    fn breaker_closed(&self, _event: &BreakerClosed<'_>) {}
    /// A connection was lent.
    fn checkout(&self, _event: &Checkout<'_>) {}
    /// A connection came back.
    fn checkin(&self, _event: &Checkin<'_>) {}
    /// A caller begins to wait.
    fn waiting(&self, _event: &Waiting<'_>) {}
    /// A caller waited in vain.
    fn timeout(&self, _event: &TimedOut<'_>) {}
    /// A connection was closed for good; the event says why.
    fn retired(&self, _event: &Retired<'_>) {}
    /// A setting does not fit the server's; told once, at the first connect.
    fn warned(&self, _event: &Warned<'_>) {}
    /// A thread that holds a connection waits for another; told once for each place.
    fn second_checkout(&self, _event: &SecondCheckout<'_>) {}
    /// All who hold connections wait for another.
    fn deadlocked(&self, _event: &Deadlocked<'_>) {}
    /// The pool was paused.
    fn paused(&self, _event: &Paused<'_>) {}
    /// The pool goes on.
    fn resumed(&self, _event: &Resumed<'_>) {}
    /// The pool has another size.
    fn resized(&self, _event: &Resized<'_>) {}
    /// A connection that had rested was asked whether it is alive.
    fn pinged(&self, _event: &Pinged<'_>) {}
    /// Changed session state was to be undone.
    fn reset(&self, _event: &Reset<'_>) {}
    /// A connection was lost: those of its age are suspect.
    fn lost(&self, _event: &Lost<'_>) {}
    /// Every connection that is open now is to be replaced.
    fn invalidated(&self, _event: &Invalidated<'_>) {}
    /// A connection is held for suspiciously long.
    fn leak_suspected(&self, _event: &LeakSuspected<'_>) {}
    /// A connection that seemed lost came back.
    fn unleaked(&self, _event: &Unleaked<'_>) {}
    /// The pool lends nothing any more.
    fn draining(&self, _event: &Draining<'_>) {}
    /// The pool was closed.
    fn closed(&self, _event: &Closed<'_>) {}
}

/// Calls the listener; its panic stays here.
pub(crate) fn tell(pool: &str, listener: &dyn PoolListener, event: impl FnOnce(&dyn PoolListener)) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| event(listener))) {
        // Dropping what was thrown may panic, too.
        let _never_dropped = ManuallyDrop::new(panic);
        log::error!(target: "steadfast::pool", pool = pool; "a pool listener panicked");
    }
}
