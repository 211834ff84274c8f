//! What libmysqlclient tells while it connects.
//!
//! A client plugin for tracing (manual, "Writing Protocol Trace Plugins"; `plugin_trace.h`) is told
//! of every step of every connection in the process, in the thread that takes it. Ours wants one
//! alone, that the socket is connected, and has the library trace no further. Each step after it
//! (greeting, TLS, login) has the read timeout for itself, and TLS none at all.

use std::ffi::{c_char, c_int, c_uchar, c_uint, c_void};
use std::mem;
use std::ptr::{self, NonNull};

use mysqlclient_sys as ffi;

use super::patience;

// From its client_plugin.h and plugin_trace.h, the same in 8.0 and 9.7.
const TRACE_PLUGIN: c_int = 3;
const INTERFACE_VERSION: c_uint = 0x0200;
const EVENT_CONNECTING: c_uint = 1;
const EVENT_CONNECTED: c_uint = 2;

/// `struct st_mysql_client_plugin_TRACE`.
#[repr(C)]
struct Plugin {
    header: ffi::st_mysql_client_plugin,
    /// May be null: then there is nothing to keep for a connection.
    start: *const c_void,
    stop: *const c_void,
    event: Event,
}

type Event = unsafe extern "C" fn(
    *mut Plugin,
    kept: *mut c_void,
    *mut ffi::MYSQL,
    stage: c_uint,
    event: c_uint,
    Arguments,
) -> c_int;

/// `struct st_trace_event_args`, which is passed by value.
#[repr(C)]
struct Arguments {
    plugin_name: *const c_char,
    command: c_int,
    header: *const c_uchar,
    header_length: usize,
    packet: *const c_uchar,
    packet_length: usize,
}

/// Registers the plugin; false if the library was built without tracing, or traces already.
pub(super) fn install(mysql: NonNull<ffi::MYSQL>) -> bool {
    // SAFETY: numbers, pointers and optional functions, for all of which zero is a value.
    let mut header: ffi::st_mysql_client_plugin = unsafe { mem::zeroed() };
    header.type_ = TRACE_PLUGIN;
    header.interface_version = INTERFACE_VERSION;
    header.name = c"steadfast".as_ptr();
    header.author = c"".as_ptr();
    header.desc = c"one limit for all of connecting".as_ptr();
    header.license = c"MIT OR Apache-2.0".as_ptr();
    let (start, stop) = (ptr::null(), ptr::null());
    // The library keeps the pointer as long as the process lives.
    let plugin = Box::leak(Box::new(Plugin { header, start, stop, event: told }));
    // SAFETY: a live handle, on which the library notes a failure, and a plugin of the type that its
    // header names.
    let registered =
        unsafe { ffi::mysql_client_register_plugin(mysql.as_ptr(), ptr::from_mut(plugin).cast()) };
    !registered.is_null()
}

/// Returns 0 to be told more of this connection.
unsafe extern "C" fn told(
    _plugin: *mut Plugin,
    _kept: *mut c_void,
    mysql: *mut ffi::MYSQL,
    _stage: c_uint,
    event: c_uint,
    _arguments: Arguments,
) -> c_int {
    if event == EVENT_CONNECTED {
        patience::connected(mysql);
    }
    c_int::from(event != EVENT_CONNECTING)
}
