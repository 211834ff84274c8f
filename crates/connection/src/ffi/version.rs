//! A version for libmariadb to look at before the server has named one.
//!
//! It takes an error 65,535 for a report of progress and then looks into the server's version, also
//! where that error is the first packet: there the version is a null pointer, and seven bytes from
//! a hostile server end the process (seen in 3.3.20). An empty version lies there while it connects.

use std::ffi::c_char;
use std::ptr::NonNull;

use mysqlclient_sys as ffi;

/// An empty version, laid where the library keeps the server's.
pub(super) struct Placeholder {
    version: Option<NonNull<c_char>>,
}

impl Placeholder {
    /// `mysql` must not have been connected.
    pub(super) fn lay(mysql: NonNull<ffi::MYSQL>) -> Self {
        // libmysqlclient has no such fault, and an allocator of its own.
        if ffi::SUPPORTS_MYSQL_SSL_MODE {
            return Self { version: None };
        }
        // SAFETY: copies a C string; memory as the library gets its own.
        let version = NonNull::new(unsafe { libc::strdup(c"".as_ptr()) });
        if let Some(version) = version {
            // SAFETY: `mysql` is a live handle, in whose version nothing lies before it connects.
            unsafe { (*mysql.as_ptr()).server_version = version.as_ptr() };
        }
        Self { version }
    }

    /// Frees it where a greeting has replaced it; else the library takes it for its own, and has
    /// freed it or will.
    pub(super) fn take_back(self, mysql: NonNull<ffi::MYSQL>) {
        let Some(version) = self.version else { return };
        // SAFETY: reads a field of a live handle.
        let now = unsafe { (*mysql.as_ptr()).server_version };
        // After a failure null lies there in both cases. The connection's id comes behind the
        // version in the greeting, and is 0 from no real server: from another, these few bytes are
        // lost.
        // SAFETY: as above.
        let is_greeted = !now.is_null() || unsafe { (*mysql.as_ptr()).thread_id } != 0;
        if is_greeted && now != version.as_ptr() {
            // SAFETY: allocated in `lay`, and no longer known to the library.
            unsafe { libc::free(version.as_ptr().cast()) };
        }
    }
}
