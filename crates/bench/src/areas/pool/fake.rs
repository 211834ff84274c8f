//! Connections of nothing, for what is of the pool alone: always alive, and opened after a pause.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use deadpool::managed::{Metrics, RecycleResult};

use super::pause;

/// Opens connections of nothing for r2d2, deadpool and bb8.
#[derive(Clone, Debug, Default)]
pub(super) struct Fake {
    /// How long that takes.
    connect: Duration,
    /// How many so far, those included that are being opened.
    opened: Arc<AtomicU32>,
}

/// A connection of nothing. With a size, so that a pool really keeps and moves something.
#[derive(Debug, Default)]
pub(super) struct Nothing(#[expect(dead_code, reason = "it is only carried about")] Box<u64>);

impl Fake {
    pub(super) fn slow(connect: Duration) -> Self {
        Self { connect, ..Self::default() }
    }

    pub(super) fn opened(&self) -> u32 {
        self.opened.load(Ordering::Relaxed)
    }

    async fn open(&self) -> Nothing {
        self.opened.fetch_add(1, Ordering::Relaxed);
        if !self.connect.is_zero() {
            tokio::time::sleep(self.connect).await;
        }
        Nothing::default()
    }
}

impl r2d2::ManageConnection for Fake {
    type Connection = Nothing;
    type Error = Infallible;

    fn connect(&self) -> Result<Nothing, Infallible> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        if !self.connect.is_zero() {
            pause(self.connect);
        }
        Ok(Nothing::default())
    }

    fn is_valid(&self, _: &mut Nothing) -> Result<(), Infallible> {
        Ok(())
    }

    fn has_broken(&self, _: &mut Nothing) -> bool {
        false
    }
}

impl deadpool::managed::Manager for Fake {
    type Type = Nothing;
    type Error = Infallible;

    async fn create(&self) -> Result<Nothing, Infallible> {
        Ok(self.open().await)
    }

    async fn recycle(&self, _: &mut Nothing, _: &Metrics) -> RecycleResult<Infallible> {
        Ok(())
    }
}

impl bb8::ManageConnection for Fake {
    type Connection = Nothing;
    type Error = Infallible;

    async fn connect(&self) -> Result<Nothing, Infallible> {
        Ok(self.open().await)
    }

    async fn is_valid(&self, _: &mut Nothing) -> Result<(), Infallible> {
        Ok(())
    }

    fn has_broken(&self, _: &mut Nothing) -> bool {
        false
    }
}
