//! Where a server is reached, and as whom.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use url::Url;

use crate::Error;

/// One server's address and account.
#[derive(Clone)]
pub(crate) struct Endpoint {
    url: Url,
    socket: Option<PathBuf>,
}

impl Endpoint {
    /// A private server: root, no password, a loopback port and a socket.
    pub(crate) fn private(port: u16, socket: &Path) -> Self {
        let url = format!("mysql://root@127.0.0.1:{port}/");
        Self { url: Url::parse(&url).expect("all parts are plain"), socket: Some(socket.into()) }
    }

    /// Somebody's own server.
    pub(crate) fn external(url: &str) -> Result<Self, Error> {
        let refuse = |reason: &str| Err(Error::Url { reason: reason.to_owned() });
        let url = match Url::parse(url) {
            Ok(url) => url,
            Err(error) => return refuse(&error.to_string()),
        };
        if !matches!(url.scheme(), "mysql" | "mariadb") {
            return refuse("it begins with mysql://");
        }
        if url.host_str().is_none_or(str::is_empty) {
            return refuse("the host is missing");
        }
        let socket = url.query_pairs().find(|(key, _)| key == "unix_socket");
        let socket = socket.map(|(_, path)| PathBuf::from(path.as_ref()));
        Ok(Self { url, socket })
    }

    pub(crate) fn socket(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or("localhost")
    }

    pub(crate) fn port(&self) -> u16 {
        self.url.port().unwrap_or(3306)
    }

    /// The URL of a database, over TCP unless the given URL named a socket.
    pub(crate) fn url(&self, database: &str) -> String {
        let mut url = self.url.clone();
        url.set_path(&format!("/{database}"));
        url.into()
    }

    /// The URL of a database through another address, such as a proxy's.
    pub(crate) fn url_through(&self, addr: SocketAddr, database: &str) -> String {
        let mut url = self.url.clone();
        let host = addr.ip().to_string();
        url.set_host(Some(&host)).expect("an address is a host");
        url.set_port(Some(addr.port())).expect("the scheme has ports");
        url.set_path(&format!("/{database}"));
        let others: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(key, _)| key != "unix_socket")
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect();
        url.set_query(None);
        if !others.is_empty() {
            url.query_pairs_mut().extend_pairs(others);
        }
        url.into()
    }

    /// The URL of a database over the unix socket, or over TCP if there is no socket.
    pub(crate) fn socket_url(&self, database: &str) -> String {
        let Some(socket) = &self.socket else { return self.url(database) };
        let mut url = self.url.clone();
        url.set_path(&format!("/{database}"));
        if !url.query_pairs().any(|(key, _)| key == "unix_socket") {
            // Appended by hand: form encoding would turn every slash of the path into %2F.
            let path = socket.display().to_string().replace('%', "%25").replace('&', "%26");
            let query = url.query().map(|query| format!("{query}&")).unwrap_or_default();
            url.set_query(Some(&format!("{query}unix_socket={path}")));
            url.set_host(Some("localhost")).expect("localhost is a host");
            url.set_port(None).expect("the scheme has ports");
        }
        url.into()
    }

    /// Tells the client where to connect and as whom; the password goes through the environment,
    /// where `ps` does not show it.
    pub(crate) fn tell(&self, client: &mut Command) {
        match &self.socket {
            Some(socket) => client
                .args(["--protocol=socket".to_owned(), format!("--socket={}", socket.display())]),
            None => client.args([
                "--protocol=tcp".to_owned(),
                format!("--host={}", self.host()),
                format!("--port={}", self.port()),
            ]),
        };
        let user = decode(self.url.username());
        client.arg(format!("--user={}", if user.is_empty() { "root" } else { &user }));
        match self.url.password() {
            Some(password) => client.env("MYSQL_PWD", decode(password)),
            None => client.env_remove("MYSQL_PWD"),
        };
    }

    /// What to type for a shell on `database`; without the password.
    pub(crate) fn shell_command(&self, database: &str) -> String {
        let user = decode(self.url.username());
        match &self.socket {
            Some(socket) => format!("mariadb --socket={} -u {user} {database}", socket.display()),
            None => {
                format!("mariadb -h {} -P {} -u {user} -p {database}", self.host(), self.port())
            }
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("host", &self.host())
            .field("port", &self.port())
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}

/// `p%40ss` to `p@ss`. A form's decoder would also turn a plus into a space.
fn decode(text: &str) -> String {
    let form = format!("v={}", text.replace('+', "%2B"));
    let value = url::form_urlencoded::parse(form.as_bytes()).next();
    value.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_ones_own_keeps_account_and_parameters() {
        let endpoint = Endpoint::external("mysql://me:p%40%3A+s@db.example:3307/?tls=required");
        let endpoint = endpoint.expect("it is a good URL");
        assert_eq!(endpoint.url("shop"), "mysql://me:p%40%3A+s@db.example:3307/shop?tls=required");
        assert_eq!((endpoint.host(), endpoint.port()), ("db.example", 3307));
        assert_eq!(decode("p%40%3A+s"), "p@:+s");
        assert!(!format!("{endpoint:?}").contains("p%40"), "no password in Debug");
    }

    #[test]
    fn a_socket_url_names_the_socket_once() {
        let endpoint = Endpoint::private(3311, Path::new("/run/a.sock"));
        let url = endpoint.socket_url("shop");
        assert_eq!(url, "mysql://root@localhost/shop?unix_socket=/run/a.sock");
        let again = Endpoint::external(&url).expect("it is a good URL");
        assert_eq!(again.socket(), Some(Path::new("/run/a.sock")));
        assert_eq!(again.socket_url("shop"), url);
        let through = again.url_through(([127, 0, 0, 1], 4000).into(), "shop");
        assert_eq!(through, "mysql://root@127.0.0.1:4000/shop");
    }

    #[test]
    fn a_bad_url_is_refused_without_repeating_it() {
        for bad in ["postgres://u:secret@h/", "mysql:///", "secret"] {
            let error = Endpoint::external(bad).expect_err("it is no good URL");
            assert!(matches!(error, Error::Url { .. }), "{error:?}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
