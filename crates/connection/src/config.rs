//! Where and how to connect: one type that is builder, URL parser and the manual of its keys.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::tls::Tls;
use crate::{Error, TransactionTracking};

mod check;
mod session;

pub use session::SessionIsolation;

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
/// | `ssl_mode`, `ssl_ca`, `ssl_cert`, `ssl_key`, `tls_min_version` | [`tls`](Self::tls) | `preferred`, 1.2 |
/// | `server_public_key` | [`server_public_key`](Self::server_public_key) | none |
/// | `allow_cleartext`, `true` or `false` | [`allow_cleartext`](Self::allow_cleartext) | `false` |
/// | `compress`, `true` or `false` | [`compress`](Self::compress) | `false` |
/// | `collation` | [`collation`](Self::collation) | the server's for utf8mb4 |
/// | `time_zone` | [`time_zone`](Self::time_zone) | `+00:00` |
/// | `sql_mode` | [`sql_mode`](Self::sql_mode) | the server's |
/// | `isolation`, such as `read-committed` | [`isolation`](Self::isolation) | the server's |
/// | `lc_messages` | [`lc_messages`](Self::lc_messages) | the server's |
/// | `lock_wait_timeout`, seconds | [`lock_wait_timeout`](Self::lock_wait_timeout) | the server's |
/// | `statement_limit`, seconds, also `0.5` | [`statement_limit`](Self::statement_limit) | the server's |
/// | `wait_timeout`, seconds | [`wait_timeout`](Self::wait_timeout) | the server's |
/// | `track_gtids`, `true` or `false` | [`track_gtids`](Self::track_gtids) | `false` |
/// | `track_transactions`, `state` or `characteristics` | [`track_transactions`](Self::track_transactions) | none |
/// | `program_name` | [`program_name`](Self::program_name) | the executable's |
/// | `attribute.NAME` | [`attribute`](Self::attribute) | none |
/// | `statement_cache` | [`statement_cache`](Self::statement_cache) | 256 |
///
/// Two are equal if all settings are.
#[derive(Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "settings that have nothing to do with each other"
)]
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
    pub(crate) server_public_key: Option<PathBuf>,
    pub(crate) allow_cleartext: bool,
    pub(crate) compress: bool,
    pub(crate) collation: Option<String>,
    pub(crate) isolation: Option<SessionIsolation>,
    pub(crate) lc_messages: Option<String>,
    pub(crate) statement_limit: Option<Duration>,
    pub(crate) wait_timeout: Option<Duration>,
    pub(crate) track_gtids: bool,
    pub(crate) track_transactions: Option<TransactionTracking>,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) program_name: String,
    pub(crate) statement_cache: usize,
    pub(crate) local_data: bool,
    pub(crate) accepted: Accepted,
}

/// The settings that a server has accepted last, shared by all clones of a [`Config`]: the address,
/// and the statement that set the session up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accepted(Arc<Mutex<Option<(String, String)>>>);

/// What was accepted is no setting.
impl PartialEq for Accepted {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Accepted {}

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
            server_public_key: None,
            allow_cleartext: false,
            compress: false,
            collation: None,
            isolation: None,
            lc_messages: None,
            statement_limit: None,
            wait_timeout: None,
            track_gtids: false,
            track_transactions: None,
            attributes: Vec::new(),
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

    /// Names no database again.
    #[must_use]
    pub fn no_database(mut self) -> Self {
        self.database = None;
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

    /// A file with the server's public key (its `public_key.pem`), with which
    /// `caching_sha2_password` encrypts the password where the connection is not encrypted.
    /// Default: none.
    ///
    /// Without it such an account needs TLS or a Unix socket: the key is never asked of the server,
    /// since whoever stands between could answer. libmysqlclient reads the first such file of the
    /// process and keeps to it. Goes with [`Tls::disabled`] or [`Tls::preferred`] without files.
    #[must_use]
    pub fn server_public_key(mut self, file: impl Into<PathBuf>) -> Self {
        self.server_public_key = Some(file.into());
        self
    }

    /// Lets the server ask for the password as it is (`mysql_clear_password`, as PAM and LDAP
    /// need). Only with [`Tls::verify_ca`], [`Tls::verify_identity`] or a Unix socket. Default off.
    #[must_use]
    pub fn allow_cleartext(mut self, allowed: bool) -> Self {
        self.allow_cleartext = allowed;
        self
    }

    /// Compresses what goes over the network, where the server can. Default off: it costs more
    /// than it brings on a local network.
    #[must_use]
    pub fn compress(mut self, wanted: bool) -> Self {
        self.compress = wanted;
        self
    }

    /// One more connection attribute, shown in `performance_schema.session_connect_attrs`: a name of
    /// 1 to 32 characters that does not begin with `_`, and a value of up to 1,024 bytes. The same
    /// name again replaces it.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.attributes.retain(|(known, _)| *known != name);
        self.attributes.push((name, value.into()));
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
            .field("server_public_key", &self.server_public_key)
            .field("allow_cleartext", &self.allow_cleartext)
            .field("compress", &self.compress)
            .field("collation", &self.collation)
            .field("isolation", &self.isolation)
            .field("lc_messages", &self.lc_messages)
            .field("statement_limit", &self.statement_limit)
            .field("wait_timeout", &self.wait_timeout)
            .field("track_gtids", &self.track_gtids)
            .field("track_transactions", &self.track_transactions)
            .field("attributes", &self.attributes)
            .field("program_name", &self.program_name)
            .field("statement_cache", &self.statement_cache)
            .field("local_data", &self.local_data)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Invalid;

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
            "connect_timeout",
            "read_timeout",
            "statement_cache",
            "time_zone",
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
    fn two_are_equal_if_their_settings_are() {
        let config = Config::new().user("app").password("a");
        assert_eq!(config, Config::new().user("app").password("a"));
        assert_ne!(config, config.clone().password("b"));
        config.accepted.keep((String::new(), String::new()));
        assert_eq!(config, Config::new().user("app").password("a"));
    }

    #[test]
    fn the_password_is_never_printed() {
        let config = Config::new().password("s3cret\0");
        let error = config.validate().expect_err("a zero byte is refused");
        assert!(!format!("{config:?} {error} {error:?}").contains("s3cret"));
    }
}
