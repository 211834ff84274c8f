//! A connected `MYSQL`.

use std::ffi::{CStr, CString, c_char, c_ulong};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::ptr::{self, NonNull};
use std::sync::Once;
use std::time::{Duration, Instant};

use mysqlclient_sys as ffi;
use zeroize::Zeroizing;

use super::guard::{self, Refusal};
use super::local_data::{self, LocalData};
use super::text::TextRows;
use super::version::Placeholder;
use super::{IS_MARIADB, options, patience};
use crate::fault::{
    CR_AUTH_PLUGIN_ERR, CR_SERVER_GONE_ERROR, CR_SERVER_LOST, CR_SSL_CONNECTION_ERROR, Vendor,
};
use crate::wire::{Channel, Dialect};
use crate::{Config, Error, ServerError};

const CLIENT_FOUND_ROWS: c_ulong = 2;
const CLIENT_COMPRESS: c_ulong = 32;
const CLIENT_LOCAL_FILES: c_ulong = 128;
const CLIENT_MULTI_STATEMENTS: c_ulong = 1 << 16;
const CLIENT_MULTI_RESULTS: c_ulong = 1 << 17;
const CLIENT_SESSION_TRACKING: c_ulong = 1 << 23;
pub(super) const CLIENT_DEPRECATE_EOF: c_ulong = 1 << 24;
const CLIENT_QUERY_ATTRIBUTES: c_ulong = 1 << 27;

/// A connected `MYSQL`. Closed when dropped, with `COM_QUIT`.
pub(crate) struct Handle {
    mysql: NonNull<ffi::MYSQL>,
    vendor: Vendor,
    /// Where prepared statements go, past the client library.
    pub(crate) channel: Channel,
    /// The database in use, once another was chosen.
    pub(crate) schema: Option<String>,
    /// The server's `max_allowed_packet`, once it was asked for.
    pub(crate) packet_limit: Option<u64>,
    /// The answer to the set-up of the session is still to be read, and then this read timeout is
    /// to be set.
    owed: Option<Duration>,
    connect_timeout: Duration,
    /// Why the session could not be set up, if it could not.
    refusal: Option<ServerError>,
}

// SAFETY: a `MYSQL` may be used by any thread, by one at a time (manual, "Writing C API Threaded
// Client Programs"); `Handle` is not `Sync`, so one thread at a time it is.
unsafe impl Send for Handle {}

impl Handle {
    /// Connects and authenticates.
    pub(crate) fn connect(config: &Config) -> Result<Self, Error> {
        init_library();
        // SAFETY: null asks for a new handle.
        let mysql = unsafe { ffi::mysql_init(ptr::null_mut()) };
        let no_memory = || ServerError::new(Vendor::MariaDb, 2008, "HY000", "out of memory");
        let mysql = NonNull::new(mysql).ok_or_else(no_memory)?;
        let mut handle = Self {
            mysql,
            vendor: Vendor::MariaDb,
            channel: Channel::through_library(Dialect::default()),
            schema: None,
            packet_limit: None,
            owed: None,
            connect_timeout: config.connect_timeout,
            refusal: None,
        };
        options::apply(mysql, config);
        local_data::refuse(mysql);
        handle.dial(config)?;
        handle.vendor = Vendor::of_version(&handle.server_version());
        handle.open_channel(config);
        Ok(handle)
    }

    /// Where nothing is encrypted or compressed, prepared statements go straight to the socket.
    fn open_channel(&mut self, config: &Config) {
        // SAFETY: reads a field of a live handle.
        let flags = unsafe { (*self.mysql.as_ptr()).client_flag };
        // SAFETY: reads a field of a live handle, which tells what the server can do.
        let flags = flags & unsafe { (*self.mysql.as_ptr()).server_capabilities };
        let dialect = Dialect {
            tracks: flags & CLIENT_SESSION_TRACKING != 0,
            ends_with_ok: flags & CLIENT_DEPRECATE_EOF != 0,
            names_values: flags & CLIENT_QUERY_ATTRIBUTES != 0,
        };
        let is_plain = self.cipher().is_none() && flags & CLIENT_COMPRESS == 0;
        let direct = self.socket().filter(|_| is_plain).map(|socket| {
            Channel::direct(socket, dialect, config.connect_timeout, config.write_timeout)
        });
        self.channel = match direct {
            Some(Ok(channel)) => channel,
            Some(Err(error)) => {
                log::debug!(target: "steadfast::connection", error:% = error; "no descriptor for direct packets");
                Channel::through_library(dialect)
            }
            None => Channel::through_library(dialect),
        };
    }

    /// Sends the statement that sets the session up. Its answer is read before anything else is
    /// sent, or by [`settle`](Self::settle).
    pub(crate) fn set_up(&mut self, sql: &str, read_timeout: Duration) -> Result<(), ServerError> {
        self.send_text(sql)?;
        self.owed = Some(read_timeout);
        Ok(())
    }

    /// Makes sure that the session is set up, within the connect timeout.
    pub(crate) fn settle(&mut self) -> Result<(), ServerError> {
        let Some(read_timeout) = self.owed.take() else {
            return self.refusal.clone().map_or(Ok(()), Err);
        };
        let outcome = self.read_set_up(read_timeout);
        self.refusal = outcome.clone().err();
        outcome
    }

    fn read_set_up(&mut self, read_timeout: Duration) -> Result<(), ServerError> {
        let limit = self.connect_timeout;
        if !self.channel.is_direct() && !self.is_answered_within(limit) {
            let message = format!("no answer within {limit:?}");
            return Err(ServerError::new(self.vendor, CR_SERVER_LOST, "08S01", &message));
        }
        while self.read_answer()?.is_followed {}
        self.channel.set_read_timeout(read_timeout).map_err(|error| {
            ServerError::new(self.vendor, CR_SERVER_LOST, "08S01", &error.to_string())
        })
    }

    /// The session is no longer as the settings want it.
    pub(crate) fn refuse(&mut self, error: ServerError) {
        self.refusal = Some(error);
    }

    /// True if the session could not be set up.
    pub(crate) fn is_refused(&self) -> bool {
        self.refusal.is_some()
    }

    fn dial(&mut self, config: &Config) -> Result<(), Error> {
        // libmysqlclient takes a socket for no host but this one.
        let host = if config.unix_socket.is_some() { "localhost" } else { &config.host };
        let host = c_string(host.as_bytes());
        let user = c_string(config.user.as_bytes());
        let password = config.password.as_ref().map(|password| {
            let mut bytes = Zeroizing::new(Vec::with_capacity(password.len() + 1));
            bytes.extend_from_slice(password.as_bytes());
            bytes.push(0);
            bytes
        });
        let database = config.database.as_ref().map(|name| c_string(name.as_bytes()));
        let socket = config.unix_socket.as_ref().map(|path| c_string(path.as_os_str().as_bytes()));
        let mut flags = CLIENT_FOUND_ROWS | CLIENT_MULTI_STATEMENTS | CLIENT_MULTI_RESULTS;
        if config.local_data {
            flags |= CLIENT_LOCAL_FILES;
        }
        let placeholder = Placeholder::lay(self.mysql);
        // SAFETY: `mysql` came from `mysql_init` and is not connected; every pointer is null or a C
        // string that lives until the call returns, and the library copies what it keeps.
        let connect = || unsafe {
            ffi::mysql_real_connect(
                self.mysql.as_ptr(),
                host.as_ptr(),
                user.as_ptr(),
                password.as_ref().map_or(ptr::null(), |bytes| bytes.as_ptr().cast()),
                database.as_ref().map_or(ptr::null(), |text| text.as_ptr()),
                config.port.into(),
                socket.as_ref().map_or(ptr::null(), |text| text.as_ptr()),
                flags,
            )
        };
        let connect = || patience::during(self.mysql, config, connect);
        let ((connected, is_overdue), refusal) = guard::during(self.mysql, config, connect);
        placeholder.take_back(self.mysql);
        if connected.is_null() {
            match refusal {
                Some(Refusal::Plain) => {
                    let (mode, endpoint) = (config.tls.mode(), config.endpoint());
                    return Err(Error::Tls { mode, endpoint });
                }
                Some(Refusal::Readable) => {
                    let source =
                        ServerError::new(Vendor::MySql, CR_AUTH_PLUGIN_ERR, "HY000", READABLE);
                    return Err(Error::Connect {
                        endpoint: config.endpoint(),
                        source: source.into(),
                    });
                }
                None => {}
            }
            // In the middle of TLS both libraries say 2026, as of a certificate.
            let source = match self.error() {
                error if is_overdue && error.errno() == CR_SSL_CONNECTION_ERROR => {
                    ServerError::overdue(self.vendor)
                }
                error => error.refused(),
            };
            let source = Box::new(source);
            return Err(Error::Connect { endpoint: config.endpoint(), source });
        }
        Ok(())
    }

    pub(crate) fn vendor(&self) -> Vendor {
        self.vendor
    }

    /// The failure of the last call on this handle.
    pub(crate) fn error(&self) -> ServerError {
        // SAFETY: reads a field of a live handle.
        let errno = unsafe { ffi::mysql_errno(self.mysql.as_ptr()) };
        // SAFETY: both point into the live handle.
        let sqlstate = unsafe { ffi::mysql_sqlstate(self.mysql.as_ptr()) };
        // SAFETY: as above.
        let message = unsafe { ffi::mysql_error(self.mysql.as_ptr()) };
        // SAFETY: a C string of the live handle, copied before anything else is called on it.
        let sqlstate = unsafe { text(sqlstate) };
        // SAFETY: as above.
        let message = unsafe { text(message) };
        // A call that fails without a number found no usable connection.
        let errno = if errno == 0 { CR_SERVER_GONE_ERROR } else { errno };
        ServerError::new(self.vendor, errno, &sqlstate, &message)
    }

    /// `COM_QUERY`, one or several statements; the first answer has arrived when it returns.
    pub(crate) fn query(&mut self, sql: &str) -> Result<(), ServerError> {
        if sql.is_empty() {
            return Err(ServerError::empty_query(self.vendor));
        }
        self.settle()?;
        self.channel.in_step(self.vendor)?;
        self.hand_over();
        let length = c_ulong::try_from(sql.len()).unwrap_or(c_ulong::MAX);
        // SAFETY: pointer and length describe `sql`, which lives until the call returns.
        let failed =
            unsafe { ffi::mysql_real_query(self.mysql.as_ptr(), sql.as_ptr().cast(), length) };
        if failed == 0 { self.take_over() } else { Err(self.error()) }
    }

    /// Waits until the server has sent something.
    fn is_answered_within(&self, limit: Duration) -> bool {
        self.is_ready_within(libc::POLLIN, limit)
    }

    /// Waits until the socket can be read or written, as `events` says.
    pub(crate) fn is_ready_within(&self, events: i16, limit: Duration) -> bool {
        let Some(socket) = self.socket() else { return false };
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = i32::try_from(left.as_millis()).unwrap_or(i32::MAX);
            let mut wanted = libc::pollfd { fd: socket.as_raw_fd(), events, revents: 0 };
            // SAFETY: one descriptor, open as long as the borrow of `socket`.
            match unsafe { libc::poll(&raw mut wanted, 1, left) } {
                0 => return false,
                1.. => return true,
                // Interrupted by a signal; any other failure shows in the read that follows.
                _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
                _ => return true,
            }
        }
    }

    /// The rows of the current answer, or `None` if it has none. They must be read or dropped
    /// before the next call.
    pub(crate) fn rows(&mut self) -> Result<Option<TextRows<'_>>, ServerError> {
        // SAFETY: an answer to `query` or `next_answer` is at hand.
        let result = unsafe { ffi::mysql_use_result(self.mysql.as_ptr()) };
        match NonNull::new(result) {
            Some(result) => Ok(Some(TextRows::new(result, self))),
            None if self.has_rows() => Err(self.error()),
            None => Ok(None),
        }
    }

    /// True if the current answer has rows.
    pub(crate) fn has_rows(&self) -> bool {
        // SAFETY: reads a field of a live handle.
        unsafe { ffi::mysql_field_count(self.mysql.as_ptr()) > 0 }
    }

    /// Reads away the answers of further statements. The current one must have been read.
    pub(crate) fn finish(&mut self) -> Result<(), ServerError> {
        while self.next_answer()? {
            if let Some(mut rows) = self.rows()? {
                while rows.fetch()? {}
            }
        }
        Ok(())
    }

    /// The library answers next. Behind rows it keeps of the status what it knew before.
    fn hand_over(&mut self) {
        self.channel.begin();
        let status = self.channel.summary.status.into();
        // SAFETY: writes a field of a live handle, which the library itself sets with each answer.
        unsafe { (*self.mysql.as_ptr()).server_status = status };
    }

    /// Goes on to the answer of the next statement; false if there is none.
    pub(crate) fn next_answer(&mut self) -> Result<bool, ServerError> {
        // SAFETY: the rows of the answer before are gone: `TextRows` borrows the handle mutably.
        match unsafe { ffi::mysql_next_result(self.mysql.as_ptr()) } {
            0 => self.take_over().map(|()| true),
            // libmariadb also says -1 where the next answer's columns broke off.
            -1 if !self.has_failed() => Ok(false),
            _ => Err(self.error()),
        }
    }

    /// True if the last call left an error.
    pub(super) fn has_failed(&self) -> bool {
        // SAFETY: reads a field of a live handle.
        unsafe { ffi::mysql_errno(self.mysql.as_ptr()) != 0 }
    }

    /// Runs `sql` with `data` as the file a `LOAD DATA LOCAL` asks for.
    pub(crate) fn query_with_data(
        &mut self,
        sql: &str,
        data: &mut LocalData<'_>,
    ) -> Result<(), ServerError> {
        local_data::offer(self.mysql, data);
        let answer = self.query(sql);
        local_data::refuse(self.mysql);
        answer
    }

    pub(crate) fn thread_id(&self) -> u64 {
        // SAFETY: reads a field of a live handle.
        unsafe { ffi::mysql_thread_id(self.mysql.as_ptr()) }
    }

    pub(crate) fn server_version(&self) -> String {
        // SAFETY: reads a field of a live handle.
        let version = unsafe { ffi::mysql_get_server_info(self.mysql.as_ptr()) };
        // SAFETY: null or a C string of the live handle, copied at once.
        unsafe { text(version) }
    }

    /// The database in use, which the server's session tracking keeps up to date.
    pub(crate) fn database(&self) -> Option<String> {
        if let Some(schema) = &self.schema {
            return Some(schema.clone()).filter(|schema| !schema.is_empty());
        }
        // SAFETY: reads a field of a live handle; the library writes it only inside its calls.
        let name = unsafe { (*self.mysql.as_ptr()).db };
        // SAFETY: null or a C string of the live handle, copied at once.
        let name = unsafe { text(name) };
        (!name.is_empty()).then_some(name)
    }

    /// The cipher in use; `None` if the connection is not encrypted.
    pub(crate) fn cipher(&self) -> Option<String> {
        // SAFETY: reads a field of a live handle.
        let cipher = unsafe { ffi::mysql_get_ssl_cipher(self.mysql.as_ptr()) };
        // SAFETY: null or a C string of the live handle, copied at once.
        let cipher = unsafe { text(cipher) };
        (!cipher.is_empty()).then_some(cipher)
    }

    /// The socket, for as long as the connection is open.
    pub(crate) fn socket(&self) -> Option<BorrowedFd<'_>> {
        // `mysql_get_socket` is libmariadb's alone; the field is in both libraries. Whoever closes
        // the connection leaves it as it was, but frees the buffer.
        // SAFETY: reads a field of a live handle; the library writes it only inside its calls.
        let closed = unsafe { (*self.mysql.as_ptr()).net.buff.is_null() };
        if closed {
            return None;
        }
        // SAFETY: as above.
        let fd = unsafe { (*self.mysql.as_ptr()).net.fd };
        // SAFETY: an fd that the library holds open at least until `self` is used again or dropped,
        // which the borrow excludes.
        (fd >= 0).then(|| unsafe { BorrowedFd::borrow_raw(fd) })
    }

    pub(super) fn as_ptr(&self) -> *mut ffi::MYSQL {
        self.mysql.as_ptr()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: `mysql` came from `mysql_init` and is used by nobody after this.
        unsafe { ffi::mysql_close(self.mysql.as_ptr()) };
    }
}

/// Why an account with `caching_sha2_password` is refused.
const READABLE: &str = "caching_sha2_password needs an encrypted connection, a Unix socket, or the \
                        server's key in server_public_key with ssl_mode=disabled";

/// `mysql_library_init`, which is not safe to call from two threads at once.
fn init_library() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: called once, before any other function of the library; no arguments means no
        // embedded server.
        let failed = unsafe { ffi::mysql_server_init(0, ptr::null_mut(), ptr::null_mut()) };
        if failed != 0 {
            log::error!(target: "steadfast::connection", code = failed; "the client library did not initialise");
        }
        // SAFETY: null asks for a new handle.
        let scratch = NonNull::new(unsafe { ffi::mysql_init(ptr::null_mut()) });
        if let Some(scratch) = scratch {
            patience::install(scratch);
            if IS_MARIADB {
                guard::install(scratch);
            }
            // SAFETY: made above, and used by nobody after this.
            unsafe { ffi::mysql_close(scratch.as_ptr()) };
        }
    });
}

/// Copies a C string; null becomes empty.
///
/// # Safety
/// `text` is null or a C string that lives until this returns.
pub(super) unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null, and the caller says that it is a live C string.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// A C string; `Config::validate` has refused zero bytes, so nothing is cut off here.
fn c_string(bytes: &[u8]) -> CString {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    CString::new(bytes.get(..end).unwrap_or_default()).unwrap_or_default()
}
