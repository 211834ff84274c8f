//! The changes of the session's state that came with the last answer to a text command.

use std::ffi::{c_char, c_int};
use std::ptr;

use mysqlclient_sys as ffi;
use mysqlclient_sys::enum_session_state_type as kind;

use super::handle::{Handle, SERVER_SESSION_STATE_CHANGED};
use crate::tracking;

type Ask = unsafe extern "C" fn(
    *mut ffi::MYSQL,
    ffi::enum_session_state_type,
    *mut *const c_char,
    *mut usize,
) -> c_int;

/// In the order of the protocol's numbers.
const ALL: [ffi::enum_session_state_type; tracking::KINDS as usize] = [
    kind::SESSION_TRACK_SYSTEM_VARIABLES,
    kind::SESSION_TRACK_SCHEMA,
    kind::SESSION_TRACK_STATE_CHANGE,
    kind::SESSION_TRACK_GTIDS,
    kind::SESSION_TRACK_TRANSACTION_CHARACTERISTICS,
    kind::SESSION_TRACK_TRANSACTION_STATE,
];

impl Handle {
    /// The kind of each change that the last answer told of, by the protocol's numbers, and its
    /// texts.
    pub(crate) fn changes(&self) -> Vec<(u8, Vec<String>)> {
        if self.wire_answers {
            // A server whose text is not of the known form has told nothing that we understand.
            return tracking::read(&self.channel.summary.changes).unwrap_or_default();
        }
        if self.status() & SERVER_SESSION_STATE_CHANGED == 0 {
            return Vec::new();
        }
        let told = (0..).zip(ALL).map(|(number, kind)| (number, self.changes_of(kind)));
        told.filter(|(_, texts)| !texts.is_empty()).collect()
    }

    fn changes_of(&self, kind: ffi::enum_session_state_type) -> Vec<String> {
        let mut texts = Vec::new();
        let mut ask: Ask = ffi::mysql_session_track_get_first;
        loop {
            let (mut text, mut length) = (ptr::null(), 0);
            // SAFETY: a live handle, and room for a pointer and a length.
            let none = unsafe { ask(self.as_ptr(), kind, &raw mut text, &raw mut length) };
            if none != 0 {
                return texts;
            }
            let bytes = if text.is_null() {
                &[]
            } else {
                // SAFETY: the library promises `length` bytes there until the next command.
                unsafe { std::slice::from_raw_parts(text.cast::<u8>(), length) }
            };
            texts.push(String::from_utf8_lossy(bytes).into_owned());
            ask = ffi::mysql_session_track_get_next;
        }
    }
}
