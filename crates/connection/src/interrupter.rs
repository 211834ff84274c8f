//! Ends a call that hangs in another thread.

use std::net::Shutdown;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
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
