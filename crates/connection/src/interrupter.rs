//! Ends a call that hangs in another thread.

use std::net::Shutdown;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::SockRef;

use crate::Error;

/// Shuts a connection's socket down from any thread: a call that waits on it fails at once with
/// 2013 or 2006, and the connection is broken from then on.
///
/// It holds a descriptor of its own for the socket, so it can never hit another connection that got
/// the same number later.
#[derive(Debug)]
pub struct Interrupter {
    // Of any family: `shutdown(2)` does not ask.
    socket: UnixStream,
}

impl Interrupter {
    pub(crate) fn new(socket: Option<BorrowedFd<'_>>) -> Result<Self, Error> {
        let socket = socket.ok_or(Error::Misuse("interrupter: the connection is closed"))?;
        let socket = socket.try_clone_to_owned().map_err(|error| {
            log::warn!(target: "steadfast::connection", error:% = error; "no descriptor for an interrupter");
            Error::Misuse("interrupter: no file descriptor is left")
        })?;
        Ok(Self { socket: UnixStream::from(socket) })
    }

    /// Ends whatever the connection waits for. Nothing happens if it is closed already.
    pub fn shutdown(&self) {
        // Closing then resets the connection. Without that, a server in the middle of a long result
        // sees a full window and goes on waiting, with its locks, until its net_write_timeout (60
        // s) has passed. A Unix socket has no such setting, and needs none.
        if let Err(error) = SockRef::from(&self.socket).set_linger(Some(Duration::ZERO)) {
            log::trace!(target: "steadfast::connection", error:% = error; "no reset on close");
        }
        if let Err(error) = self.socket.shutdown(Shutdown::Both) {
            log::debug!(target: "steadfast::connection", error:% = error; "socket was down already");
        }
    }
}

/// Shuts a connection down after a while, unless it is put out before: a bound for calls that know
/// none.
pub(crate) struct Fuse {
    interrupter: Option<Arc<Interrupter>>,
    alight: Option<(Sender<()>, JoinHandle<bool>)>,
}

impl Fuse {
    /// Where no thread or descriptor is left for it, it counts as burnt.
    pub(crate) fn light(socket: Option<BorrowedFd<'_>>, limit: Duration) -> Self {
        let interrupter = Interrupter::new(socket).ok().map(Arc::new);
        let alight = interrupter.clone().and_then(|interrupter| {
            let (out, told) = mpsc::channel();
            let burn = move || {
                let burnt = told.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
                if burnt {
                    interrupter.shutdown();
                }
                burnt
            };
            let thread = thread::Builder::new().name("steadfast-fuse".to_owned()).spawn(burn);
            Some((out, thread.ok()?))
        });
        Self { interrupter, alight }
    }

    /// False where nothing was left to make it of.
    pub(crate) fn is_alight(&self) -> bool {
        self.alight.is_some()
    }

    /// Puts it out; true if it was too late.
    pub(crate) fn has_burnt(&mut self) -> bool {
        let Some((out, thread)) = self.alight.take() else { return true };
        drop(out);
        thread.join().unwrap_or(true)
    }

    /// Shuts the connection down now.
    pub(crate) fn shut_down(&mut self) {
        self.has_burnt();
        if let Some(interrupter) = &self.interrupter {
            interrupter.shutdown();
        }
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        self.has_burnt();
    }
}
