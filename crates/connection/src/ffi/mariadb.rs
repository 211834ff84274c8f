//! What only libmariadb (Connector/C 3.x) knows; `mysql.rs` is its counterpart.

use std::ffi::{c_char, c_int, c_uint, c_ulong};
use std::ptr::{self, NonNull};

use mysqlclient_sys as ffi;

use super::handle::Handle;
use super::options::{set_flag, set_text, tls_versions};
use crate::Config;
use crate::tls::Mode;

// From its mysql.h: the bindings for libmysqlclient know neither name nor number, and both files
// are compiled whichever library is linked.
const SSL_VERIFY_SERVER_CERT: c_uint = 21;
const SSL_ENFORCE: c_uint = 38;
const TLS_VERSION: c_uint = 7005;
const RESTRICTED_AUTH: c_uint = 7026;

/// Ways to authenticate that never send the password itself.
const PLUGINS: &str = "mysql_native_password,client_ed25519,caching_sha2_password";

/// What is given instead of a length.
const PACKET_ERROR: c_ulong = c_ulong::MAX;

unsafe extern "C" {
    fn mysql_net_read_packet(mysql: *mut ffi::MYSQL) -> c_ulong;
}

/// The beginning of `struct st_mariadb_methods`.
#[repr(C)]
struct Methods {
    /// `mysql_real_connect`.
    connect: *const (),
    /// `mysql_close`.
    close: *const (),
    db_command: Option<DbCommand>,
}

type DbCommand = unsafe extern "C" fn(
    *mut ffi::MYSQL,
    command: c_uint,
    text: *const c_char,
    length: usize,
    skip_answer: ffi::my_bool,
    statement: *mut ffi::MYSQL_STMT,
) -> c_int;

/// `preferred` encrypts where the server can; there is no option for `required`, so `guard.rs` refuses
/// a server without TLS before the login is sent. The verifying modes are refused by the library.
pub(super) fn apply(mysql: NonNull<ffi::MYSQL>, config: &Config) {
    enforce_tls(mysql, config.tls.mode != Mode::Disabled);
    set_flag(mysql, SSL_VERIFY_SERVER_CERT, config.tls.mode >= Mode::VerifyCa);
    set_text(mysql, TLS_VERSION, tls_versions(config.tls.min_version));
    // Without a list the server chooses, and may choose to be told the password in the clear.
    set_text(mysql, RESTRICTED_AUTH, PLUGINS.as_bytes());
    if config.allow_cleartext {
        set_text(mysql, RESTRICTED_AUTH, format!("{PLUGINS},mysql_clear_password").as_bytes());
    }
}

pub(super) fn enforce_tls(mysql: NonNull<ffi::MYSQL>, wanted: bool) {
    set_flag(mysql, SSL_ENFORCE, wanted);
}

/// Sends one command without reading its answer; false if that failed.
pub(super) fn send(handle: &mut Handle, command: u8, text: &[u8]) -> bool {
    // SAFETY: reads a field of a live handle.
    let methods = unsafe { (*handle.as_ptr()).methods }.cast::<Methods>();
    // SAFETY: set since the handle was made, to a table that lives as long as the library.
    let send = unsafe { (*methods).db_command };
    let Some(send) = send else { return false };
    let (start, length) = (text.as_ptr().cast(), text.len());
    let skip_answer = ffi::my_bool::from(true);
    // SAFETY: pointer and length describe `text`, which lives until the call returns; nothing is
    // read of the statement that a null pointer stands for when the answer is skipped.
    unsafe {
        send(handle.as_ptr(), command.into(), start, length, skip_answer, ptr::null_mut()) == 0
    }
}

/// Receives one packet; gives its length.
pub(super) fn receive(handle: &mut Handle) -> Option<usize> {
    // SAFETY: a live, connected handle.
    let length = unsafe { mysql_net_read_packet(handle.as_ptr()) };
    if length == PACKET_ERROR { None } else { usize::try_from(length).ok() }
}
