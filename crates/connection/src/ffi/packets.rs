//! Single packets through the client library, which encrypts and compresses them.

use super::handle::Handle;
use super::{IS_MARIADB, mariadb, mysql};
use crate::ServerError;

impl Handle {
    /// Sends one command: its number, then its text.
    pub(crate) fn send_command(&mut self, command: &[u8]) -> Result<(), ServerError> {
        let Some((code, text)) = command.split_first() else {
            return Err(ServerError::empty_query(self.vendor()));
        };
        let sent = if IS_MARIADB {
            mariadb::send(self, *code, text)
        } else {
            mysql::send(self, *code, text)
        };
        if sent { Ok(()) } else { Err(self.error()) }
    }

    /// Receives one packet and appends it to `received`.
    pub(crate) fn append_packet(&mut self, received: &mut Vec<u8>) -> Result<(), ServerError> {
        let length = if IS_MARIADB { mariadb::receive(self) } else { mysql::receive(self) };
        let Some(length) = length else { return Err(self.error()) };
        // SAFETY: reads a field of a live handle.
        let start = unsafe { (*self.as_ptr()).net.read_pos };
        // SAFETY: `length` bytes have arrived there, valid until the next call on the handle.
        received.extend_from_slice(unsafe { std::slice::from_raw_parts(start, length) });
        Ok(())
    }
}
