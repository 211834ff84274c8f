//! Single packets through the client library, which encrypts and compresses them.

use std::ffi::c_ulong;
use std::ptr;

use mysqlclient_sys as ffi;
use mysqlclient_sys::enum_server_command as Command;

use super::handle::Handle;
use crate::ServerError;

/// What the library gives instead of a length.
const PACKET_ERROR: c_ulong = c_ulong::MAX;

impl Handle {
    /// Sends one command: its number, then its text.
    pub(crate) fn send_command(&mut self, command: &[u8]) -> Result<(), ServerError> {
        let Some((Some(code), text)) =
            command.split_first().map(|(code, text)| (named(*code), text))
        else {
            return Err(ServerError::empty_query(self.vendor()));
        };
        // SAFETY: reads a field of a live handle.
        let methods = unsafe { (*self.as_ptr()).methods };
        // SAFETY: set since the handle was made, to a table that lives as long as the library.
        let send = unsafe { (*methods).db_command };
        let Some(send) = send else { return Err(self.error()) };
        let skip_answer = ffi::my_bool::from(true);
        // SAFETY: pointer and length describe `text`, which lives until the call returns; nothing
        // is read of the statement that a null pointer stands for when the answer is skipped.
        let failed = unsafe {
            send(
                self.as_ptr(),
                code,
                text.as_ptr().cast(),
                text.len(),
                skip_answer,
                ptr::null_mut(),
            )
        };
        if failed == 0 { Ok(()) } else { Err(self.error()) }
    }

    /// Receives one packet and appends it to `received`.
    pub(crate) fn append_packet(&mut self, received: &mut Vec<u8>) -> Result<(), ServerError> {
        // SAFETY: `self` is a live, connected handle.
        let length = unsafe { ffi::mysql_net_read_packet(self.as_ptr()) };
        if length == PACKET_ERROR {
            return Err(self.error());
        }
        // SAFETY: reads a field of a live handle.
        let start = unsafe { (*self.as_ptr()).net.read_pos };
        let length = usize::try_from(length).unwrap_or_default();
        // SAFETY: the library promises `length` bytes there, valid until the next call on it.
        received.extend_from_slice(unsafe { std::slice::from_raw_parts(start, length) });
        Ok(())
    }
}

/// The commands that prepared statements need.
fn named(code: u8) -> Option<Command> {
    use Command::{
        COM_PING, COM_STMT_CLOSE, COM_STMT_EXECUTE, COM_STMT_FETCH, COM_STMT_PREPARE,
        COM_STMT_RESET,
    };
    [COM_PING, COM_STMT_PREPARE, COM_STMT_EXECUTE, COM_STMT_CLOSE, COM_STMT_RESET, COM_STMT_FETCH]
        .into_iter()
        .find(|command| *command as u32 == u32::from(code))
}
