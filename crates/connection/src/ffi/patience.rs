//! One limit for all of connecting, where libmariadb has one for each byte and libmysqlclient one for
//! each step, or none.
//!
//! A server that sends its greeting byte by byte, or takes its time at every step, would hold the
//! caller many times as long as the connect timeout. A fuse shuts the socket down when the limit has
//! passed. libmariadb tells a callback of each read and write (`ma_pvio_register_callback` of its
//! `ma_pvio.h`), in the thread that connects: once that has taken noticeable time, or TLS is about to
//! begin, the fuse is lit. libmysqlclient tells of its steps alone (`trace.rs`), and may hang in each:
//! there the fuse is lit as soon as there is a socket.

use std::cell::RefCell;
use std::ffi::{c_int, c_uchar, c_ulong};
use std::mem;
use std::net::IpAddr;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use mysqlclient_sys as ffi;

use super::{IS_MARIADB, trace};
use crate::Config;
use crate::interrupter::Fuse;
use crate::tls::Mode;

const CLIENT_SSL: c_ulong = 1 << 11;

/// On libmariadb a connection that is made faster than this needs no fuse, unless it is encrypted:
/// the step that follows is bounded by the connect timeout itself. TLS takes longer to set up (the
/// system's certificates are read), and the timeout begins after it.
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
    wants_tls: bool,
    fuse: Option<Fuse>,
}

thread_local! {
    static WAITING: RefCell<Option<Waiting>> = const { RefCell::new(None) };
}

/// Has the library tell of its progress. Called once, by `init_library`, with a handle that is not
/// connected.
pub(super) fn install(scratch: NonNull<ffi::MYSQL>) {
    let installed = if IS_MARIADB { register() } else { trace::install(scratch) };
    if !installed {
        log::warn!(target: "steadfast::connection", "connecting has no limit as a whole");
    }
}

/// Registers the callback of libmariadb.
fn register() -> bool {
    // SAFETY: looks a name up among the libraries that are loaded.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"ma_pvio_register_callback".as_ptr()) };
    if found.is_null() {
        return false;
    }
    // SAFETY: a function of this type goes by this name, in libmariadb alone.
    let register: Register = unsafe { mem::transmute(found) };
    // SAFETY: called before the first connection, so that nobody walks through the list of callbacks
    // meanwhile; ours lives as long as the program.
    let failed = unsafe { register(ffi::my_bool::from(true), heard) };
    failed == 0
}

/// Runs `dial`, which connects `mysql`, for about the connect timeout at most; true if that has
/// passed.
pub(super) fn during<T>(
    mysql: NonNull<ffi::MYSQL>,
    config: &Config,
    dial: impl FnOnce() -> T,
) -> (T, bool) {
    let has_one_address = config.unix_socket.is_some() || config.host.parse::<IpAddr>().is_ok();
    WAITING.set(Some(Waiting {
        mysql: mysql.as_ptr(),
        since: has_one_address.then(Instant::now),
        limit: config.connect_timeout,
        wants_tls: config.tls.mode != Mode::Disabled,
        fuse: None,
    }));
    let outcome = dial();
    let is_overdue = WAITING.take().is_some_and(|waiting| waiting.is_overdue());
    (outcome, is_overdue)
}

/// libmariadb reads or writes.
extern "C" fn heard(_mode: c_int, mysql: *mut ffi::MYSQL, _bytes: *const c_uchar, _length: usize) {
    with_waiting(mysql, |waiting| {
        if waiting.elapsed() >= UNNOTICED || waiting.begins_tls() {
            waiting.light();
        }
    });
}

/// libmysqlclient has connected the socket.
pub(super) fn connected(mysql: *mut ffi::MYSQL) {
    with_waiting(mysql, Waiting::light);
}

/// Connections that others open in this process are none of ours.
fn with_waiting(mysql: *mut ffi::MYSQL, told: impl FnOnce(&mut Waiting)) {
    WAITING.with_borrow_mut(|waiting| {
        if let Some(waiting) = waiting.as_mut().filter(|waiting| waiting.mysql == mysql) {
            told(waiting);
        }
    });
}

impl Waiting {
    fn elapsed(&mut self) -> Duration {
        self.since.get_or_insert_with(Instant::now).elapsed()
    }

    fn is_overdue(&self) -> bool {
        self.since.is_some_and(|since| since.elapsed() >= self.limit)
    }

    /// True once the greeting was read and has offered what is wanted.
    fn begins_tls(&self) -> bool {
        // SAFETY: reads a field of the handle that calls us; 0 until the greeting was read.
        let capabilities = unsafe { (*self.mysql).server_capabilities };
        self.wants_tls && capabilities & CLIENT_SSL != 0
    }

    fn light(&mut self) {
        let elapsed = self.elapsed();
        if self.fuse.is_some() {
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
