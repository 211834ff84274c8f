//! What only libmysqlclient (8.0 and later) knows; `mariadb.rs` is its counterpart.

use std::ffi::{c_int, c_uchar, c_uint, c_ulong};
use std::ptr::{self, NonNull};

use mysqlclient_sys as ffi;

use super::handle::{CLIENT_DEPRECATE_EOF, Handle};
use super::options::{set_flag, set_number, set_text, tls_versions};
use crate::Config;
use crate::tls::Mode;

// From its mysql.h: the bindings for libmariadb know neither name nor number, and both files are
// compiled whichever library is linked.
const ENABLE_CLEARTEXT_PLUGIN: c_uint = 30;
const TLS_VERSION: c_uint = 34;
const SSL_MODE: c_uint = 35;
const GET_SERVER_PUBLIC_KEY: c_uint = 36;
const RETRY_COUNT: c_uint = 37;

const EOF: u8 = 0xfe;

unsafe extern "C" {
    fn mysql_binlog_fetch(mysql: *mut ffi::MYSQL, rpl: *mut Fetched) -> c_int;
}

/// `MYSQL_RPL`, of which only the end is used: what has arrived.
#[repr(C)]
struct Fetched {
    file_name_length: usize,
    file_name: *const u8,
    start_position: u64,
    server_id: c_uint,
    flags: c_uint,
    gtid_set_encoded_size: usize,
    fix_gtid_set: *const (),
    gtid_set_arg: *mut (),
    size: c_ulong,
    buffer: *const c_uchar,
}

/// The beginning of `MYSQL_METHODS` (`include/sql_common.h`), as in 8.0.32 and 9.7.
#[repr(C)]
struct Methods {
    connect_method: *const (),
    read_query_result: *const (),
    advanced_command: Option<AdvancedCommand>,
}

type AdvancedCommand = unsafe extern "C" fn(
    *mut ffi::MYSQL,
    command: c_uint,
    header: *const c_uchar,
    header_length: usize,
    text: *const c_uchar,
    length: usize,
    skip_answer: bool,
    statement: *mut ffi::MYSQL_STMT,
) -> bool;

/// Of `enum mysql_ssl_mode`; each of them is enforced before the login is sent.
fn ssl_mode(mode: Mode) -> c_uint {
    match mode {
        Mode::Disabled => 1,
        Mode::Preferred => 2,
        Mode::Required => 3,
        Mode::VerifyCa => 4,
        Mode::VerifyIdentity => 5,
    }
}

pub(super) fn apply(mysql: NonNull<ffi::MYSQL>, config: &Config) {
    set_number(mysql, SSL_MODE, ssl_mode(config.tls.mode));
    // The read timeout counts for each attempt (manual, mysql_options()): one is what it says.
    set_number(mysql, RETRY_COUNT, 1);
    set_text(mysql, TLS_VERSION, tls_versions(config.tls.min_version));
    // Off by default, but an environment variable (LIBMYSQL_ENABLE_CLEARTEXT_PLUGIN) turns it on.
    set_flag(mysql, ENABLE_CLEARTEXT_PLUGIN, config.allow_cleartext);
    set_flag(mysql, GET_SERVER_PUBLIC_KEY, false);
}

/// Sends one command without reading its answer; false if that failed.
pub(super) fn send(handle: &mut Handle, command: u8, text: &[u8]) -> bool {
    // SAFETY: reads a field of a live handle.
    let methods = unsafe { (*handle.as_ptr()).methods }.cast::<Methods>();
    if methods.is_null() {
        return false;
    }
    // SAFETY: not null, and so set by `mysql_real_connect` to a table that lives as long as the
    // library.
    let send = unsafe { (*methods).advanced_command };
    let Some(send) = send else { return false };
    let (none, none_too) = (ptr::null(), ptr::null_mut());
    // SAFETY: pointer and length describe `text`, which lives until the call returns; there is no
    // header and no statement.
    let failed = unsafe {
        send(handle.as_ptr(), command.into(), none, 0, text.as_ptr(), text.len(), true, none_too)
    };
    !failed
}

/// Receives one packet; gives its length. The function is the only one that hands out packets as
/// they came: it was made for binary logs, and tells no length of what looks like their end.
pub(super) fn receive(handle: &mut Handle) -> Option<usize> {
    let mut fetched = Fetched {
        file_name_length: 0,
        file_name: ptr::null(),
        start_position: 0,
        server_id: 0,
        flags: 0,
        gtid_set_encoded_size: 0,
        fix_gtid_set: ptr::null(),
        gtid_set_arg: ptr::null_mut(),
        size: 0,
        buffer: ptr::null(),
    };
    // SAFETY: a live, connected handle, and a description that lives until the call returns.
    let failed = unsafe { mysql_binlog_fetch(handle.as_ptr(), &raw mut fetched) };
    if failed != 0 {
        return None;
    }
    if fetched.size > 0 {
        return usize::try_from(fetched.size).ok();
    }
    // SAFETY: reads a field of a live handle.
    let start = unsafe { (*handle.as_ptr()).net.read_pos };
    // SAFETY: the library keeps a zero byte behind every packet, also behind an empty one.
    if unsafe { *start } != EOF {
        return Some(0);
    }
    // SAFETY: reads a field of a live handle.
    let capabilities = unsafe { (*handle.as_ptr()).server_capabilities };
    // Shorter than 8 bytes, it is an EOF packet of 5, or where those are not sent an OK packet of
    // 7: with two counters of one byte each, and no text.
    Some(if capabilities & CLIENT_DEPRECATE_EOF == 0 { 5 } else { 7 })
}
