//! What is set on a `MYSQL` before it connects.

use std::ffi::{CString, c_int, c_uint, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::time::Duration;

use mysqlclient_sys as ffi;
use mysqlclient_sys::mysql_option as option;

use super::{IS_MARIADB, mariadb, mysql};
use crate::Config;
use crate::tls::TlsVersion;

// mysqlclient-sys gives the options' names as constants, but no name for their type; the call is
// therefore declared here once more, with the number that the type is in C.
unsafe extern "C" {
    #[link_name = "mysql_options"]
    fn set_option(mysql: *mut ffi::MYSQL, option: c_uint, value: *const c_void) -> c_int;
}

/// Sets all of `config`. Every option exists in every libmariadb 3.x and every libmysqlclient since
/// 8.0, so none can be refused.
pub(super) fn apply(mysql: NonNull<ffi::MYSQL>, config: &Config) {
    set_text(mysql, option::MYSQL_SET_CHARSET_NAME as c_uint, "utf8mb4".as_bytes());
    set_number(mysql, option::MYSQL_OPT_CONNECT_TIMEOUT as c_uint, seconds(config.connect_timeout));
    set_number(mysql, option::MYSQL_OPT_READ_TIMEOUT as c_uint, seconds(config.read_timeout));
    set_number(mysql, option::MYSQL_OPT_WRITE_TIMEOUT as c_uint, seconds(config.write_timeout));
    set_number(mysql, option::MYSQL_OPT_LOCAL_INFILE as c_uint, config.local_data.into());
    // Without this libmariadb takes "localhost" for a socket at the path it was built with.
    let protocol = match config.unix_socket {
        None => ffi::mysql_protocol_type::MYSQL_PROTOCOL_TCP,
        Some(_) => ffi::mysql_protocol_type::MYSQL_PROTOCOL_SOCKET,
    };
    set_number(mysql, option::MYSQL_OPT_PROTOCOL as c_uint, protocol as c_uint);
    for (option, path) in [
        (option::MYSQL_OPT_SSL_CA as c_uint, &config.tls.ca),
        (option::MYSQL_OPT_SSL_CERT as c_uint, &config.tls.cert),
        (option::MYSQL_OPT_SSL_KEY as c_uint, &config.tls.key),
    ] {
        if let Some(path) = path.as_deref() {
            set_path(mysql, option, path);
        }
    }
    if let Some(path) = config.server_public_key.as_deref() {
        set_path(mysql, option::MYSQL_SERVER_PUBLIC_KEY as c_uint, path);
    }
    if config.compress {
        set(mysql, option::MYSQL_OPT_COMPRESS as c_uint, ptr::null());
    }
    set_attribute(mysql, "program_name", &config.program_name);
    for (name, value) in &config.attributes {
        set_attribute(mysql, name, value);
    }
    if IS_MARIADB {
        mariadb::apply(mysql, config);
    } else {
        mysql::apply(mysql, config);
    }
}

pub(super) fn set_path(mysql: NonNull<ffi::MYSQL>, option: c_uint, path: &Path) {
    set_text(mysql, option, path.as_os_str().as_bytes());
}

pub(super) fn set_text(mysql: NonNull<ffi::MYSQL>, option: c_uint, text: &[u8]) {
    if let Ok(text) = CString::new(text) {
        set(mysql, option, text.as_ptr().cast());
    }
}

pub(super) fn set_number(mysql: NonNull<ffi::MYSQL>, option: c_uint, number: c_uint) {
    set(mysql, option, (&raw const number).cast());
}

pub(super) fn set_flag(mysql: NonNull<ffi::MYSQL>, option: c_uint, on: bool) {
    let on = ffi::my_bool::from(on);
    set(mysql, option, (&raw const on).cast());
}

fn set(mysql: NonNull<ffi::MYSQL>, option: c_uint, value: *const c_void) {
    // SAFETY: `mysql` is initialised and not connected; `value` has the type the manual gives for
    // `option`, null if it takes none, and is copied before the call returns.
    let refused = unsafe { set_option(mysql.as_ptr(), option, value) };
    if refused != 0 {
        log::error!(target: "steadfast::connection", option; "the client library does not know an option");
    }
}

fn set_attribute(mysql: NonNull<ffi::MYSQL>, name: &str, value: &str) {
    let (Ok(name), Ok(value)) = (CString::new(name), CString::new(value)) else { return };
    let option = option::MYSQL_OPT_CONNECT_ATTR_ADD;
    // SAFETY: as in `set`, with two C strings that are copied.
    let refused = unsafe {
        ffi::mysql_options4(mysql.as_ptr(), option, name.as_ptr().cast(), value.as_ptr().cast())
    };
    if refused != 0 {
        log::warn!(target: "steadfast::connection", "a connection attribute was refused");
    }
}

/// The versions of TLS from `oldest` on, as both libraries name them.
pub(super) fn tls_versions(oldest: TlsVersion) -> &'static [u8] {
    match oldest {
        TlsVersion::V1_2 => b"TLSv1.2,TLSv1.3",
        TlsVersion::V1_3 => b"TLSv1.3",
    }
}

/// Whole seconds, which `Config::validate` has checked.
fn seconds(limit: Duration) -> c_uint {
    c_uint::try_from(limit.as_secs()).unwrap_or(c_uint::MAX)
}
