//! Where and how to connect: one type that is builder, URL parser and the manual of its keys.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::tls::Tls;
use crate::{Error, Invalid};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Where and how to connect.
///
/// ```
/// use std::time::Duration;
/// use steadfast_connection::Config;
///
/// let built = Config::new()
///     .host("db1")
///     .user("shop")
///     .password("secret")
///     .database("shop")
///     .connect_timeout(Duration::from_secs(3));
/// let parsed = Config::from_url("mysql://shop:secret@db1:3306/shop?connect_timeout=3")?;
/// assert_eq!(format!("{built:?}"), format!("{parsed:?}"));
/// assert!(!format!("{parsed:?}").contains("secret"));
/// # Ok::<(), steadfast_connection::Error>(())
/// ```
///
/// | key of the URL | setter | default |
/// |---|---|---|
/// | `unix_socket` | [`unix_socket`](Self::unix_socket) | none: TCP, also for `localhost` |
/// | `connect_timeout`, seconds | [`connect_timeout`](Self::connect_timeout) | 10 |
/// | `read_timeout`, seconds | [`read_timeout`](Self::read_timeout) | 600 |
/// | `write_timeout`, seconds | [`write_timeout`](Self::write_timeout) | 60 |
/// | `ssl_mode`, `ssl_ca`, `ssl_cert`, `ssl_key` | [`tls`](Self::tls) | `preferred` |
/// | `time_zone` | [`time_zone`](Self::time_zone) | `+00:00` |
/// | `sql_mode` | [`sql_mode`](Self::sql_mode) | the server's |
/// | `lock_wait_timeout`, seconds | [`lock_wait_timeout`](Self::lock_wait_timeout) | the server's |
/// | `program_name` | [`program_name`](Self::program_name) | the executable's |
/// | `statement_cache` | [`statement_cache`](Self::statement_cache) | 256 |
#[derive(Clone)]
pub struct Config {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) unix_socket: Option<PathBuf>,
    pub(crate) user: String,
    pub(crate) password: Option<Zeroizing<String>>,
    pub(crate) database: Option<String>,
    pub(crate) connect_timeout: Duration,
    pub(crate) read_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) tls: Tls,
    pub(crate) time_zone: String,
    pub(crate) sql_mode: Option<String>,
    pub(crate) lock_wait_timeout: Option<Duration>,
    pub(crate) program_name: String,
    pub(crate) statement_cache: usize,
    pub(crate) local_data: bool,
    pub(crate) accepted: Accepted,
}

/// The settings that a server has accepted last, shared by all clones of a [`Config`]: the address,
/// and the statement that set the session up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accepted(Arc<Mutex<Option<(String, String)>>>);

impl Accepted {
    pub(crate) fn holds(&self, settings: &(String, String)) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(settings)
    }

    pub(crate) fn keep(&self, settings: (String, String)) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(settings);
    }
}

impl Default for Config {
    fn default() -> Self {
        let program = std::env::current_exe().ok();
        let program = program.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
        Self {
            host: "127.0.0.1".to_owned(),
            port: 3306,
            unix_socket: None,
            user: "root".to_owned(),
            password: None,
            database: None,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(600),
            write_timeout: Duration::from_secs(60),
            tls: Tls::preferred(),
            time_zone: "+00:00".to_owned(),
            sql_mode: None,
            lock_wait_timeout: None,
            program_name: program.unwrap_or("steadfast").to_owned(),
            statement_cache: 256,
            local_data: false,
            accepted: Accepted::default(),
        }
    }
}

impl Config {
    /// `root` without a password on 127.0.0.1:3306, no database chosen.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads `mysql://user:password@host:port/database?key=value`, or `mariadb://…`; the keys are
    /// in the table above.
    ///
    /// # Errors
    /// [`Error::Config`] names everything that is wrong with the URL, and never shows its password.
    pub fn from_url(url: &str) -> Result<Self, Error> {
        crate::url::parse(url)
    }

    /// Name or address of the server; letters, digits and `.:_-`. Default 127.0.0.1.
    ///
    /// libmariadb reads options out of a host with `;` or `=` (CONC-274), hence the narrow
    /// alphabet.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// TCP port, 1 to 65,535. Default 3306.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Path of the server's socket, used in place of host and port.
    #[must_use]
    pub fn unix_socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.unix_socket = Some(path.into());
        self
    }

    /// Account. Default `root`.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = user.into();
        self
    }

    /// Password; never printed. Our copies are wiped from memory when dropped; the client library
    /// keeps one of its own while connected.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(Zeroizing::new(password.into()));
        self
    }

    /// Database to work in; without one, names must be qualified.
    #[must_use]
    pub fn database(mut self, database: impl Into<String>) -> Self {
        self.database = Some(database.into());
        self
    }

    /// How long to wait for TCP and for each step of the greeting; 1 s to 1 h in whole seconds.
    /// Default 10 s.
    #[must_use]
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// How long to wait for the next byte of an answer; 1 s to 24 h in whole seconds.
    /// Default 600 s.
    ///
    /// A statement that works longer without sending anything is cut off: give long alterations a
    /// longer limit.
    #[must_use]
    pub fn read_timeout(mut self, limit: Duration) -> Self {
        self.read_timeout = limit;
        self
    }

    /// How long to wait until the server takes the next byte; 1 s to 24 h in whole seconds.
    /// Default 60 s.
    #[must_use]
    pub fn write_timeout(mut self, limit: Duration) -> Self {
        self.write_timeout = limit;
        self
    }

    /// Encryption. Default [`Tls::preferred`].
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// The session's `time_zone`. Default `+00:00`, so that TIMESTAMP columns are read and written
    /// in UTC.
    #[must_use]
    pub fn time_zone(mut self, zone: impl Into<String>) -> Self {
        self.time_zone = zone.into();
        self
    }

    /// The session's `sql_mode`. Default: the server's.
    #[must_use]
    pub fn sql_mode(mut self, mode: impl Into<String>) -> Self {
        self.sql_mode = Some(mode.into());
        self
    }

    /// The session's `innodb_lock_wait_timeout`; 1 s to 1 h in whole seconds. Default: the
    /// server's.
    #[must_use]
    pub fn lock_wait_timeout(mut self, limit: Duration) -> Self {
        self.lock_wait_timeout = Some(limit);
        self
    }

    /// Shown by the server as the connection attribute `program_name`. Default: the executable's
    /// name.
    #[must_use]
    pub fn program_name(mut self, name: impl Into<String>) -> Self {
        self.program_name = name.into();
        self
    }

    /// Prepared statements kept per connection, 0 to 16,382 (the server's own limit for all).
    /// Default 256.
    #[must_use]
    pub fn statement_cache(mut self, statements: usize) -> Self {
        self.statement_cache = statements;
        self
    }

    /// Lets [`Connection::load_data`](crate::Connection::load_data) send data from memory. Default
    /// off.
    ///
    /// Even when on, the server never gets a file: a request for one that `load_data` did not make
    /// is refused.
    #[must_use]
    pub fn local_data(mut self, allowed: bool) -> Self {
        self.local_data = allowed;
        self
    }

    /// The database chosen, if any.
    pub fn database_name(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// The account's name.
    pub fn user_name(&self) -> &str {
        &self.user
    }

    /// `host:port`, or the path of the socket: for messages.
    pub fn endpoint(&self) -> String {
        match &self.unix_socket {
            Some(path) => path.display().to_string(),
            None if self.host.contains(':') => format!("[{}]:{}", self.host, self.port),
            None => format!("{}:{}", self.host, self.port),
        }
    }

    /// The limit set by [`connect_timeout`](Self::connect_timeout).
    pub fn connect_limit(&self) -> Duration {
        self.connect_timeout
    }

    /// Checks every setting; [`Connection::open`](crate::Connection::open) does so before it dials.
    ///
    /// # Errors
    /// [`Error::Config`] names every setting that is out of range.
    pub fn validate(&self) -> Result<(), Error> {
        let mut invalid = Vec::new();
        self.check_address(&mut invalid);
        self.check_limits(&mut invalid);
        self.tls.check(&mut invalid);
        if invalid.is_empty() { Ok(()) } else { Err(Error::Config(invalid)) }
    }

    fn check_address(&self, invalid: &mut Vec<Invalid>) {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '_' | '-');
        if self.host.is_empty() || self.host.len() > 255 || !self.host.chars().all(plain) {
            let allowed = "1 to 255 letters, digits and the characters . : _ -";
            invalid.push(Invalid::new("host", &self.host, allowed));
        }
        if self.port == 0 {
            invalid.push(Invalid::new("port", self.port, "1 to 65,535"));
        }
        if let Some(path) = &self.unix_socket
            && !(1..=107).contains(&path.as_os_str().len())
        {
            invalid.push(Invalid::new("unix_socket", path, "a path of 1 to 107 bytes"));
        }
        // Account names have at most 80 characters (MariaDB), database names 64.
        if self.user.is_empty() || self.user.chars().count() > 80 || self.user.contains('\0') {
            invalid.push(Invalid::new("user", &self.user, "1 to 80 characters"));
        }
        if self.password.as_ref().is_some_and(|password| password.contains('\0')) {
            invalid.push(Invalid::new("password", Hidden, "text without a zero byte"));
        }
        if let Some(name) = &self.database
            && (name.is_empty() || name.chars().count() > 64 || name.contains('\0'))
        {
            invalid.push(Invalid::new("database", name, "1 to 64 characters"));
        }
        for (setting, text) in
            [("time_zone", Some(&self.time_zone)), ("sql_mode", self.sql_mode.as_ref())]
        {
            let plain = |c: char| c.is_ascii_alphanumeric() || "+-:/_, ".contains(c);
            if let Some(text) = text
                && !text.chars().all(plain)
            {
                let allowed = "letters, digits and the characters + - : / _ ,";
                invalid.push(Invalid::new(setting, text, allowed));
            }
        }
        if self.program_name.len() > 128 || self.program_name.contains('\0') {
            invalid.push(Invalid::new("program_name", &self.program_name, "up to 128 bytes"));
        }
    }

    fn check_limits(&self, invalid: &mut Vec<Invalid>) {
        let limits = [
            ("connect_timeout", Some(self.connect_timeout), HOUR, "1 s to 1 h"),
            ("read_timeout", Some(self.read_timeout), DAY, "1 s to 24 h"),
            ("write_timeout", Some(self.write_timeout), DAY, "1 s to 24 h"),
            ("lock_wait_timeout", self.lock_wait_timeout, HOUR, "1 s to 1 h"),
        ];
        for (setting, limit, longest, allowed) in limits {
            let Some(limit) = limit else { continue };
            let whole = limit.subsec_nanos() == 0;
            if !whole || limit.is_zero() || limit > longest {
                let allowed = format!("{allowed} in whole seconds");
                invalid.push(Invalid::new(setting, limit, allowed));
            }
        }
        if self.statement_cache > 16_382 {
            let allowed = "0 to 16,382 statements";
            invalid.push(Invalid::new("statement_cache", self.statement_cache, allowed));
        }
    }
}

/// Stands for a secret wherever something is printed.
struct Hidden;

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[expect(
    clippy::missing_fields_in_debug,
    reason = "the endpoint is host, port and socket; what was accepted is no setting"
)]
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("endpoint", &self.endpoint())
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| Hidden))
            .field("database", &self.database)
            .field("connect_timeout", &self.connect_timeout)
            .field("read_timeout", &self.read_timeout)
            .field("write_timeout", &self.write_timeout)
            .field("tls", &self.tls)
            .field("time_zone", &self.time_zone)
            .field("sql_mode", &self.sql_mode)
            .field("lock_wait_timeout", &self.lock_wait_timeout)
            .field("program_name", &self.program_name)
            .field("statement_cache", &self.statement_cache)
            .field("local_data", &self.local_data)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(config: &Config) -> Vec<&'static str> {
        match config.validate() {
            Err(Error::Config(invalid)) => invalid.iter().map(Invalid::setting).collect(),
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let config = Config::new()
            .host("127.0.0.1;port=1")
            .port(0)
            .user("")
            .database("")
            .connect_timeout(Duration::ZERO)
            .read_timeout(Duration::from_millis(1500))
            .statement_cache(1_000_000)
            .time_zone("'; DROP TABLE x");
        let expected = [
            "host",
            "port",
            "user",
            "database",
            "time_zone",
            "connect_timeout",
            "read_timeout",
            "statement_cache",
        ];
        assert_eq!(wrong(&config), expected);
    }

    #[test]
    fn a_host_with_options_in_it_is_refused() {
        for host in ["a;b", "host=x", "a b", "a'b", ""] {
            assert_eq!(wrong(&Config::new().host(host)), ["host"], "{host:?}");
        }
    }

    #[test]
    fn the_password_is_never_printed() {
        let config = Config::new().password("s3cret\0");
        let error = config.validate().expect_err("a zero byte is refused");
        assert!(!format!("{config:?} {error} {error:?}").contains("s3cret"));
    }
}
