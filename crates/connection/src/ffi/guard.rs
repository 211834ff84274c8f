//! What libmariadb must be kept from before it logs in.
//!
//! It has no option for "encrypted or not at all", and its `caching_sha2_password` sends the
//! password as it is where TLS was *wanted*, whether or not it is there (`is_connection_secure` in
//! `plugins/auth/caching_sha2_pw.c`); without TLS it lets the server, or whoever stands between, name
//! the key to encrypt the password with. Nothing is called between the greeting and the login but
//! the plugin that authenticates, so each plugin that we allow gets a step put before its own.
//! Connections that others open in this process pass through it unchanged.

use std::cell::Cell;
use std::ffi::{CStr, c_int, c_ulong, c_void};
use std::mem;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

use mysqlclient_sys as ffi;

use super::mariadb;
use crate::Config;
use crate::fault::{CR_AUTH_PLUGIN_ERR, CR_SSL_CONNECTION_ERROR};
use crate::tls::Mode;

const AUTHENTICATION_PLUGIN: c_int = 2;
const CLIENT_SSL: c_ulong = 1 << 11;

/// The plugins, by their places in `ORIGINALS`.
const NAMES: [&CStr; 3] = [c"mysql_native_password", c"client_ed25519", c"caching_sha2_password"];
const CACHING_SHA2: usize = 2;

static ORIGINALS: [AtomicPtr<c_void>; 3] = [const { AtomicPtr::new(ptr::null_mut()) }; 3];

type Authenticate = unsafe extern "C" fn(*mut c_void, *mut ffi::MYSQL) -> c_int;

/// `struct st_mysql_client_plugin_AUTHENTICATION`, as far as it is needed.
#[repr(C)]
struct Plugin {
    header: ffi::st_mysql_client_plugin,
    authenticate: AtomicPtr<c_void>,
}

/// Why a login was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Encryption is required, and the server offers none.
    Plain,
    /// The password would have been readable on the way.
    Readable,
}

/// What the connection that this thread is opening allows.
#[derive(Clone, Copy)]
struct Policy {
    mysql: *mut ffi::MYSQL,
    wants_tls: bool,
    needs_tls: bool,
    /// The password can be encrypted with a key that is known, or is empty.
    is_unreadable: bool,
    refused: Option<Refusal>,
}

thread_local! {
    static POLICY: Cell<Option<Policy>> = const { Cell::new(None) };
}

/// Puts the step before each plugin. Called once, by `init_library`.
pub(super) fn install(mysql: NonNull<ffi::MYSQL>) {
    let steps: [Authenticate; 3] = [step::<0>, step::<1>, step::<2>];
    for ((name, original), step) in NAMES.into_iter().zip(&ORIGINALS).zip(steps) {
        // SAFETY: a live handle, on which the library notes a failure, and a C string.
        let found = unsafe {
            ffi::mysql_client_find_plugin(mysql.as_ptr(), name.as_ptr(), AUTHENTICATION_PLUGIN)
        };
        // A plugin that is not installed cannot authenticate either.
        let Some(plugin) = NonNull::new(found) else { continue };
        // SAFETY: a plugin of this type is a `Plugin`, in writable memory of the library or of the
        // plugin's own, which is never unloaded. The field is one pointer wide and aligned, so a
        // thread of somebody else's that connects now sees the old value or the new.
        let authenticate = unsafe { &plugin.cast::<Plugin>().as_ref().authenticate };
        original.store(authenticate.load(Ordering::Acquire), Ordering::Release);
        #[expect(clippy::fn_to_numeric_cast_any, reason = "the plugin keeps a pointer")]
        let step = step as *mut c_void;
        authenticate.store(step, Ordering::Release);
    }
}

/// Runs `dial`, which connects `mysql`, under the rules of `config`.
pub(super) fn during<T>(
    mysql: NonNull<ffi::MYSQL>,
    config: &Config,
    dial: impl FnOnce() -> T,
) -> (T, Option<Refusal>) {
    // Nobody stands between the ends of a Unix socket, and the verifying modes refuse by themselves.
    let is_open = config.unix_socket.is_none() && config.tls.mode < Mode::VerifyCa;
    let policy = is_open.then(|| Policy {
        mysql: mysql.as_ptr(),
        wants_tls: config.tls.mode != Mode::Disabled,
        needs_tls: config.tls.mode == Mode::Required,
        // With certificates the library takes every connection for an encrypted one.
        is_unreadable: config.password.as_ref().is_none_or(|password| password.is_empty())
            || config.server_public_key.is_some() && !config.tls.has_files(),
        refused: None,
    });
    POLICY.set(policy);
    let outcome = dial();
    (outcome, POLICY.take().and_then(|policy| policy.refused))
}

unsafe extern "C" fn step<const PLUGIN: usize>(vio: *mut c_void, mysql: *mut ffi::MYSQL) -> c_int {
    if let Some(mut policy) = POLICY.get()
        && policy.mysql == mysql
        && let Some(mysql) = NonNull::new(mysql)
    {
        policy.refused = examine(mysql, policy, PLUGIN);
        POLICY.set(Some(policy));
        match policy.refused {
            Some(Refusal::Plain) => return CR_SSL_CONNECTION_ERROR.cast_signed(),
            Some(Refusal::Readable) => return CR_AUTH_PLUGIN_ERR.cast_signed(),
            None => {}
        }
    }
    let original = ORIGINALS.get(PLUGIN).map_or(ptr::null_mut(), |it| it.load(Ordering::Acquire));
    if original.is_null() {
        return CR_AUTH_PLUGIN_ERR.cast_signed();
    }
    // SAFETY: what `install` found in the plugin's place for a function of this type.
    let original: Authenticate = unsafe { mem::transmute(original) };
    // SAFETY: called as the library calls us, with its own arguments.
    unsafe { original(vio, mysql) }
}

/// Looks at what the greeting offered. A server that offers TLS where it is wanted gets the login
/// over TLS or none at all: the library gives up if the encryption fails.
fn examine(mysql: NonNull<ffi::MYSQL>, policy: Policy, plugin: usize) -> Option<Refusal> {
    // SAFETY: reads a field of the handle that calls us, set from the greeting.
    let offered = unsafe { (*mysql.as_ptr()).server_capabilities } & CLIENT_SSL != 0;
    if policy.wants_tls && offered {
        return None;
    }
    if policy.needs_tls {
        return Some(Refusal::Plain);
    }
    // From here on the library knows too that there is no TLS, and uses the key.
    mariadb::enforce_tls(mysql, false);
    (plugin == CACHING_SHA2 && !policy.is_unreadable).then_some(Refusal::Readable)
}
