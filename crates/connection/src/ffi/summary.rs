//! What the client library was told with its last answer, taken over into the form of those that we
//! read ourselves.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;

use mysqlclient_sys as ffi;
use mysqlclient_sys::enum_session_state_type as kind;

use super::handle::Handle;
use crate::ServerError;
use crate::counts::Counts;
use crate::wire::{STATUS_SESSION_CHANGED, Summary, put_change};

type Ask = unsafe extern "C" fn(
    *mut ffi::MYSQL,
    ffi::enum_session_state_type,
    *mut *const c_char,
    *mut usize,
) -> c_int;

/// In the order of the protocol's numbers.
const ALL: [ffi::enum_session_state_type; 6] = [
    kind::SESSION_TRACK_SYSTEM_VARIABLES,
    kind::SESSION_TRACK_SCHEMA,
    kind::SESSION_TRACK_STATE_CHANGE,
    kind::SESSION_TRACK_GTIDS,
    kind::SESSION_TRACK_TRANSACTION_CHARACTERISTICS,
    kind::SESSION_TRACK_TRANSACTION_STATE,
];

impl Handle {
    /// To be called once an answer, or the end of its rows, has come through the library.
    pub(super) fn take_over(&mut self) -> Result<(), ServerError> {
        // SAFETY: reads a field of a live handle; the library writes it only inside its calls.
        let status = unsafe { (*self.as_ptr()).server_status };
        // SAFETY: reads a field of a live handle. (my_ulonglong)-1 stands for "a result set": none
        // affected.
        let affected = unsafe { ffi::mysql_affected_rows(self.as_ptr()) };
        // SAFETY: reads a field of a live handle.
        let insert_id = unsafe { ffi::mysql_insert_id(self.as_ptr()) };
        // SAFETY: reads a field of a live handle.
        let warnings = unsafe { ffi::mysql_warning_count(self.as_ptr()) };
        let mut summary = Summary {
            affected_rows: if affected == u64::MAX { 0 } else { affected },
            insert_id,
            warnings: u16::try_from(warnings).unwrap_or(u16::MAX),
            // The protocol has 16 bits for it.
            status: u16::try_from(status & 0xffff).unwrap_or_default(),
            counts: self.told_counts(),
            changes: Vec::new(),
        };
        if summary.status & STATUS_SESSION_CHANGED != 0 {
            for (number, kind) in (0..).zip(ALL) {
                let texts = self.changes_of(kind);
                if !texts.is_empty() {
                    put_change(&mut summary.changes, number, &texts);
                }
            }
        }
        self.note_summary(Ok(summary)).map(drop)
    }

    fn told_counts(&self) -> Option<Counts> {
        // SAFETY: reads a field of a live handle.
        let text = unsafe { ffi::mysql_info(self.as_ptr()) };
        if text.is_null() {
            return None;
        }
        // SAFETY: a C string of the live handle, read before anything else is called on it.
        Counts::read(unsafe { CStr::from_ptr(text) }.to_bytes())
    }

    fn changes_of(&self, kind: ffi::enum_session_state_type) -> Vec<Vec<u8>> {
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
            texts.push(bytes.to_vec());
            ask = ffi::mysql_session_track_get_next;
        }
    }
}
