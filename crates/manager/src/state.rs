//! Where a database is in its life.

use std::sync::atomic::{AtomicU8, Ordering};

use serde::Serialize;

/// Where a database is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum State {
    /// `open` has not returned yet.
    Starting,
    /// All is well.
    Ready,
    /// Something does not work, and health says what; the rest goes on.
    Degraded,
    /// `close` waits for what is under way.
    Draining,
    /// Closed.
    Closed,
}

impl State {
    /// The word for it in reports, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Degraded => "degraded",
            Self::Draining => "draining",
            Self::Closed => "closed",
        }
    }
}

/// The part of the state that is ours to decide; whether it is degraded is for health to say.
#[derive(Debug, Default)]
pub(crate) struct Life(AtomicU8);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Starting = 0,
    Open = 1,
    Draining = 2,
    Closed = 3,
}

impl Life {
    pub(crate) fn stage(&self) -> Stage {
        match self.0.load(Ordering::Acquire) {
            0 => Stage::Starting,
            1 => Stage::Open,
            2 => Stage::Draining,
            _ => Stage::Closed,
        }
    }

    /// Goes on to `stage`; never back.
    pub(crate) fn enter(&self, stage: Stage) {
        let before = self.0.fetch_max(stage as u8, Ordering::AcqRel);
        if before < stage as u8 {
            log::info!(target: "steadfast::manager", stage:? = stage; "the database enters a stage of its life");
        }
    }
}
