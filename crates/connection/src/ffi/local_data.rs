//! `LOAD DATA LOCAL` from memory: the callbacks by which the client library asks for the "file".
//!
//! The server names the file, and a hostile one could name any. Ours are the only callbacks ever
//! installed, and they never look at the name: they give what `load_data` offered, or refuse.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};

use mysqlclient_sys as ffi;

/// A source of data offered for one statement.
pub(crate) struct LocalData<'a> {
    source: &'a mut dyn Read,
    failure: Option<String>,
}

impl<'a> LocalData<'a> {
    pub(crate) fn new(source: &'a mut dyn Read) -> Self {
        Self { source, failure: None }
    }

    /// Why the source could not be read, if it could not.
    pub(crate) fn failure(self) -> Option<String> {
        self.failure
    }

    fn read(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let answer = catch_unwind(AssertUnwindSafe(|| {
            loop {
                match self.source.read(buffer) {
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    other => return other,
                }
            }
        }));
        match answer {
            Ok(Ok(length)) => Some(length.min(buffer.len())),
            Ok(Err(error)) => {
                self.failure = Some(error.to_string());
                None
            }
            Err(_panic) => {
                self.failure = Some("the source panicked".to_owned());
                None
            }
        }
    }
}

/// Makes `data` the answer to the next request for a file.
pub(super) fn offer(mysql: NonNull<ffi::MYSQL>, data: &mut LocalData<'_>) {
    install(mysql, ptr::from_mut(data).cast());
}

/// Refuses every request for a file.
pub(super) fn refuse(mysql: NonNull<ffi::MYSQL>) {
    install(mysql, ptr::null_mut());
}

fn install(mysql: NonNull<ffi::MYSQL>, data: *mut c_void) {
    // SAFETY: the callbacks live as long as the program; `data` is null, or outlives the statement
    // it is offered to, after which `refuse` takes it back.
    unsafe {
        ffi::mysql_set_local_infile_handler(
            mysql.as_ptr(),
            Some(init),
            Some(read),
            Some(end),
            Some(error),
            data,
        );
    }
}

extern "C" fn init(slot: *mut *mut c_void, _name: *const c_char, data: *mut c_void) -> c_int {
    // SAFETY: the library passes the place where it keeps our pointer for the callbacks below.
    unsafe { *slot = data };
    c_int::from(data.is_null())
}

extern "C" fn read(data: *mut c_void, buffer: *mut c_char, length: c_uint) -> c_int {
    // SAFETY: `data` is what `offer` was given, borrowed mutably by nobody else while the statement
    // runs.
    let Some(data) = (unsafe { data.cast::<LocalData<'_>>().as_mut() }) else { return -1 };
    // SAFETY: the library gives a buffer of `length` bytes.
    unsafe { ptr::write_bytes(buffer, 0, length as usize) };
    // SAFETY: as above, and initialised by the line before.
    let buffer = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length as usize) };
    data.read(buffer).and_then(|length| c_int::try_from(length).ok()).unwrap_or(-1)
}

extern "C" fn end(_data: *mut c_void) {}

extern "C" fn error(_data: *mut c_void, text: *mut c_char, length: c_uint) -> c_int {
    if length > 0 {
        // SAFETY: the library gives a buffer of `length` bytes for a C string.
        unsafe { *text = 0 };
    }
    // CR_LOAD_DATA_LOCAL_INFILE_REJECTED; what happened is kept in `LocalData::failure`.
    2068
}
