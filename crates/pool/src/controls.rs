//! What somebody decides about a running pool: pause and resume it, give it another size.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use steadfast_connection::Invalid;

use crate::error::Error;
use crate::event::{Paused, Reason, Resized, Resumed};
use crate::house::House;
use crate::pool::Pool;

impl Pool {
    /// Lends nothing until [`resume`](Self::resume), opens nothing and pings nothing: for the minutes
    /// in which a server is exchanged. What is lent stays with its holder; callers wait or get
    /// [`Error::Paused`], as [`PoolConfig::on_pause`](crate::PoolConfig::on_pause) says, and their
    /// deadlines go on.
    pub fn pause(&self) {
        self.house().pause();
    }

    /// Lends again; whoever waited longest is served first.
    pub fn resume(&self) {
        self.house().resume();
    }

    /// True between [`pause`](Self::pause) and [`resume`](Self::resume).
    pub fn is_paused(&self) -> bool {
        self.house().shelf.is_paused()
    }

    /// Gives the pool another size and overflow. Idle connections that are too many are closed now,
    /// lent ones when they come back. [`min_idle`](crate::PoolConfig::min_idle) is kept within the size.
    ///
    /// # Errors
    /// [`Error::Config`] if `size` is zero, or both together are more than
    /// [`PoolConfig::hard_limit`](crate::PoolConfig::hard_limit).
    pub fn resize(&self, size: u32, overflow: u32) -> Result<(), Error> {
        self.house().resize(size, overflow)
    }
}

impl House {
    fn pause(&self) {
        if self.shelf.pause() {
            log::info!(target: "steadfast::pool", pool = self.name(); "pool paused");
            self.tell(|pool, listener| listener.paused(&Paused { pool }));
        }
    }

    fn resume(self: &Arc<Self>) {
        if self.shelf.resume(Instant::now()) {
            log::info!(target: "steadfast::pool", pool = self.name(); "pool resumed");
            self.tell(|pool, listener| listener.resumed(&Resumed { pool }));
            self.staff();
        }
    }

    fn resize(self: &Arc<Self>, size: u32, overflow: u32) -> Result<(), Error> {
        let roll = self.config.roll();
        let most = size.saturating_add(overflow);
        if size == 0 || most > roll {
            let allowed = format!(
                "size 1 or more, and together at most {roll}, the pool.hard_limit it was built with"
            );
            let invalid = Invalid::new("pool.size, pool.overflow", (size, overflow), allowed);
            return Err(Error::Config(vec![invalid]));
        }
        let before = self.sizes.swap(packed(size, overflow), Relaxed);
        let spare = self.config.min_idle.min(size);
        for entry in self.shelf.resize(size as usize, most as usize, spare as usize) {
            self.retire(entry, Reason::Overflow);
        }
        self.staff();
        if before != packed(size, overflow) {
            log::info!(target: "steadfast::pool", pool = self.name(), size, overflow; "pool resized");
            self.tell(|pool, listener| listener.resized(&Resized { pool, size, overflow }));
        }
        Ok(())
    }

    /// Size and overflow now.
    pub(crate) fn sizes(&self) -> (u32, u32) {
        let [s0, s1, s2, s3, o0, o1, o2, o3] = self.sizes.load(Relaxed).to_be_bytes();
        (u32::from_be_bytes([s0, s1, s2, s3]), u32::from_be_bytes([o0, o1, o2, o3]))
    }
}

/// Size and overflow in one word, so that they are read as one.
pub(crate) fn packed(size: u32, overflow: u32) -> u64 {
    u64::from(size) << 32 | u64::from(overflow)
}
