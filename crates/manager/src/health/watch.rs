//! The health thread and its owner.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::Error;
use crate::health::board::{Board, Next, Notice};
use crate::health::probe::{Findings, Line, Probe};

/// Owns the thread.
#[derive(Debug)]
pub(crate) struct Watch {
    board: Arc<Board>,
    line: Line,
    // Guards the handle, which is taken once.
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Watch {
    pub(crate) fn start(probe: Probe, interval: Duration, limit: Duration) -> Result<Self, Error> {
        let board = Arc::new(Board::new(limit));
        let line = probe.line();
        let shared = Arc::clone(&board);
        let thread = thread::Builder::new()
            .name("steadfast-health".to_owned())
            .spawn(move || look(&shared, probe, interval))
            .map_err(|source| Error::Thread { purpose: "health", source })?;
        Ok(Self { board, line, thread: Mutex::new(Some(thread)) })
    }

    /// What is known, without waiting.
    pub(crate) fn read(&self) -> Notice {
        self.board.read()
    }

    /// What the server says now.
    ///
    /// # Blocks
    /// At most the health limit.
    pub(crate) fn ask(&self) -> Notice {
        self.board.ask()
    }

    /// Ends the thread. False if it is still opening a connection to a silent server; then it ends by
    /// itself when that fails.
    ///
    /// # Blocks
    /// At most until `deadline`.
    pub(crate) fn stop(&self, deadline: Instant) -> bool {
        self.board.stop();
        if let Some(interrupter) = &*self.line.lock() {
            interrupter.shutdown();
        }
        if !self.board.await_end(deadline) {
            log::warn!(target: "steadfast::manager::health", "the health thread is still connecting and ends by itself");
            return false;
        }
        let thread = self.thread.lock().take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            log::error!(target: "steadfast::manager::health", "the health thread panicked");
        }
        true
    }
}

fn look(board: &Board, mut probe: Probe, interval: Duration) {
    let mut told = Told::default();
    loop {
        let full = match board.next(interval) {
            Next::Stop => break,
            next => next == Next::Full,
        };
        // A panic here must not end the watch, nor may a connection out of step be used again.
        let findings = catch_unwind(AssertUnwindSafe(|| probe.round(full)))
            .unwrap_or_else(|_| probe.panicked());
        told.tell(&findings);
        board.post(findings);
    }
    probe.hang_up();
    drop(probe);
    board.ended();
}

/// What the log knows already: one line when something changes, not one a second.
#[derive(Debug, Default)]
struct Told {
    down: bool,
    read_only: bool,
}

impl Told {
    fn tell(&mut self, findings: &Findings) {
        let down = findings.failure.is_some();
        match &findings.failure {
            Some(failure) if !self.down => {
                log::error!(target: "steadfast::manager::health", errno = failure.errno, error = failure.message.as_str(); "the server does not answer");
            }
            None if self.down => {
                log::info!(target: "steadfast::manager::health", "the server answers again");
            }
            _ => {}
        }
        let read_only = findings.server.as_ref().is_some_and(|server| server.read_only);
        match (self.read_only, read_only) {
            (false, true) => {
                log::warn!(target: "steadfast::manager::health", "the server takes no writes; reads go on");
            }
            (true, false) => {
                log::info!(target: "steadfast::manager::health", "the server takes writes again");
            }
            _ => {}
        }
        *self = Self { down, read_only };
    }
}
