//! Whether the server is still there, before anything is sent to it.
//!
//! A statement sent to a server that has closed the connection in the meantime (`wait_timeout`, KILL,
//! a restart) is lost, and nobody can tell that from one whose answer was lost. The system knows
//! before: the server's FIN has come.

use std::time::Duration;

use crate::ServerError;
use crate::fault::CR_SERVER_GONE_ERROR;
use crate::ffi::Handle;
use crate::recent;

/// After so long without a statement the system is asked: one system call, about a microsecond, for
/// which statements in quick succession do not pay. The clock that is read moves in steps of some 4 ms
/// and costs a fifth of the exact one, so that is how often it is asked at most.
const QUIET: Duration = Duration::from_millis(1);

impl Handle {
    /// To be called before a statement is sent, by itself, so that nothing is in doubt if it fails:
    /// the session is set up, and the server has not left.
    pub(crate) fn make_ready(&mut self) -> Result<(), ServerError> {
        self.settle()?;
        let now = recent();
        let before = std::mem::replace(&mut self.channel.last_use, now);
        let was_quiet = now.duration_since(before) >= QUIET;
        if was_quiet && self.is_ready_within(libc::POLLRDHUP, Duration::ZERO) {
            return Err(self.parting());
        }
        Ok(())
    }

    /// Why the server has left: it may have said so before it closed.
    fn parting(&mut self) -> ServerError {
        if self.channel.is_direct() {
            self.channel.begin();
            match self.packet() {
                Err(error) if error.is_disconnect() && !error.is_from_client() => return error,
                _ => {}
            }
        }
        self.cut();
        let message = "the server had closed the connection; nothing was sent";
        ServerError::new(self.vendor(), CR_SERVER_GONE_ERROR, "08S01", message)
    }
}
