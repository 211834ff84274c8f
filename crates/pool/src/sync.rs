//! What the shelf and its waiters lock and wait with.
//!
//! In a module of its own, so that `tests/schedules.rs` can put a checker's in its place: it compiles
//! the very same shelf against them and tries thousands of schedules.

pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
