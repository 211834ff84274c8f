//! What only libmariadb (Connector/C 3.x) knows; `mysql.rs` is its counterpart.

use std::ffi::c_uint;
use std::ptr::NonNull;

use mysqlclient_sys as ffi;

use super::options::{set_flag, set_text};
use crate::Config;
use crate::tls::Mode;

// From its mysql.h: the bindings for libmysqlclient know neither name nor number, and both files
// are compiled whichever library is linked.
const SSL_VERIFY_SERVER_CERT: c_uint = 21;
const SSL_ENFORCE: c_uint = 38;
const RESTRICTED_AUTH: c_uint = 7026;

/// Ways to authenticate that never send the password itself.
const PLUGINS: &str = "mysql_native_password,client_ed25519,caching_sha2_password";

/// `preferred` encrypts where the server can; there is no option for `required`, so
/// `Connection::open` looks at the cipher after connecting and refuses. The verifying modes refuse
/// before the password is sent.
pub(super) fn apply(mysql: NonNull<ffi::MYSQL>, config: &Config) {
    set_flag(mysql, SSL_ENFORCE, config.tls.mode != Mode::Disabled);
    set_flag(mysql, SSL_VERIFY_SERVER_CERT, config.tls.mode >= Mode::VerifyCa);
    // Without a list the server chooses, and may choose to be told the password in the clear.
    set_text(mysql, RESTRICTED_AUTH, PLUGINS.as_bytes());
}
