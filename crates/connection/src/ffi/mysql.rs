//! What only libmysqlclient (8.0 and later) knows; `mariadb.rs` is its counterpart.

use std::ffi::c_uint;
use std::ptr::NonNull;

use mysqlclient_sys as ffi;

use super::options::{set_flag, set_number};
use crate::Config;
use crate::tls::Mode;

// From its mysql.h: the bindings for libmariadb know neither name nor number, and both files are
// compiled whichever library is linked.
const ENABLE_CLEARTEXT_PLUGIN: c_uint = 30;
const SSL_MODE: c_uint = 35;
const GET_SERVER_PUBLIC_KEY: c_uint = 36;
const RETRY_COUNT: c_uint = 37;

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
    // Both are off, but an environment variable or a file of options could switch the first on.
    set_flag(mysql, ENABLE_CLEARTEXT_PLUGIN, false);
    set_flag(mysql, GET_SERVER_PUBLIC_KEY, false);
}
