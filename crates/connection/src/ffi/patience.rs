//! One limit for all of connecting, where libmariadb has one for each byte.
//!
//! A server that sends its greeting byte by byte, or takes its time at every step, would hold the
//! caller many times as long as the connect timeout. libmariadb tells a callback of each read and
//! write (`ma_pvio_register_callback` of its `ma_pvio.h`), in the thread that connects: once that has
//! taken noticeable time, a fuse is lit that shuts the socket down when the limit has passed.
//! libmysqlclient has no such callback: there each step has the limit for itself.

use std::cell::RefCell;
use std::ffi::{c_int, c_uchar};
use std::mem;
use std::net::IpAddr;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use mysqlclient_sys as ffi;

use crate::Config;
use crate::interrupter::Fuse;

/// A connection that is made faster than this needs no fuse: the step that follows is bounded by the
/// connect timeout itself.
const UNNOTICED: Duration = Duration::from_millis(20);

type Callback = extern "C" fn(c_int, *mut ffi::MYSQL, *const c_uchar, usize);
type Register = unsafe extern "C" fn(ffi::my_bool, Callback) -> c_int;

/// What this thread is waiting for.
struct Waiting {
    mysql: *mut ffi::MYSQL,
    /// From here the limit counts; of a host with several addresses nobody says when one answered,
    /// so there it counts from its first byte.
    since: Option<Instant>,
    limit: Duration,
    fuse: Option<Fuse>,
}

thread_local! {
    static WAITING: RefCell<Option<Waiting>> = const { RefCell::new(None) };
}

/// Registers the callback. Called once, by `init_library`.
pub(super) fn install() {
    // SAFETY: looks a name up among the libraries that are loaded.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"ma_pvio_register_callback".as_ptr()) };
    if found.is_null() {
        return;
    }
    // SAFETY: a function of this type goes by this name, in libmariadb alone.
    let register: Register = unsafe { mem::transmute(found) };
    // SAFETY: called before the first connection, so that nobody walks through the list of callbacks
    // meanwhile; ours lives as long as the program.
    let failed = unsafe { register(ffi::my_bool::from(true), heard) };
    if failed != 0 {
        log::warn!(target: "steadfast::connection", "connecting has no limit as a whole");
    }
}

/// Runs `dial`, which connects `mysql`, for about the connect timeout at most.
pub(super) fn during<T>(
    mysql: NonNull<ffi::MYSQL>,
    config: &Config,
    dial: impl FnOnce() -> T,
) -> T {
    let has_one_address = config.unix_socket.is_some() || config.host.parse::<IpAddr>().is_ok();
    WAITING.set(Some(Waiting {
        mysql: mysql.as_ptr(),
        since: has_one_address.then(Instant::now),
        limit: config.connect_timeout,
        fuse: None,
    }));
    let outcome = dial();
    drop(WAITING.take());
    outcome
}

extern "C" fn heard(_mode: c_int, mysql: *mut ffi::MYSQL, _bytes: *const c_uchar, _length: usize) {
    WAITING.with_borrow_mut(|waiting| {
        if let Some(waiting) = waiting.as_mut().filter(|waiting| waiting.mysql == mysql) {
            waiting.heard();
        }
    });
}

impl Waiting {
    fn heard(&mut self) {
        let elapsed = self.since.get_or_insert_with(Instant::now).elapsed();
        if self.fuse.is_some() || elapsed < UNNOTICED {
            return;
        }
        // SAFETY: reads a field of the handle that calls us.
        let fd = unsafe { (*self.mysql).net.fd };
        if fd < 0 {
            return;
        }
        // SAFETY: the library holds it open at least until the callback returns.
        let socket = unsafe { BorrowedFd::borrow_raw(fd) };
        self.fuse = Some(Fuse::light(Some(socket), self.limit.saturating_sub(elapsed)));
    }
}
