//! What can go wrong with a connection; `server.rs` has the failures with a number.

use std::fmt;

use crate::Fault;

mod server;

pub use server::ServerError;

/// One setting that is out of range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    setting: &'static str,
    value: String,
    allowed: String,
}

impl Invalid {
    /// `setting` has `value`, and `allowed` says what it may be, with its unit.
    pub fn new(setting: &'static str, value: impl fmt::Debug, allowed: impl Into<String>) -> Self {
        Self { setting, value: format!("{value:?}"), allowed: allowed.into() }
    }

    /// The setting's name, as in the builder.
    pub fn setting(&self) -> &'static str {
        self.setting
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}: allowed is {}", self.setting, self.value, self.allowed)
    }
}

/// What can go wrong with a connection.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Settings are out of range; nothing was tried.
    #[error("{}", list(.0))]
    Config(Vec<Invalid>),
    /// There is no connection to the server.
    #[error("no connection to {endpoint}: {source}")]
    Connect {
        /// Host and port, or the path of the socket.
        endpoint: String,
        /// What the client library or the server said.
        source: Box<ServerError>,
    },
    /// TLS was asked for and the connection is not encrypted.
    #[error("tls = {mode}, but {endpoint} gave no encrypted connection")]
    Tls {
        /// The mode asked for.
        mode: &'static str,
        /// Host and port, or the path of the socket.
        endpoint: String,
    },
    /// The server refused or the connection broke.
    #[error("{0}")]
    Server(#[from] Box<ServerError>),
    /// A call that does not fit the state the connection is in.
    #[error("{0}")]
    Misuse(&'static str),
    /// The source of a `LOAD DATA LOCAL` could not be read. What was sent before is in effect,
    /// unless it stands in a transaction that is rolled back.
    #[error("the data to load could not be read: {0}")]
    Source(String),
    /// What the program does with each new connection failed, for a reason of its own.
    #[error("a new connection could not be prepared: {0}")]
    Prepare(String),
}

impl Error {
    /// What the caller can do about it.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Config(_)
            | Self::Tls { .. }
            | Self::Misuse(_)
            | Self::Source(_)
            | Self::Prepare(_) => Fault::Permanent,
            Self::Connect { source, .. } | Self::Server(source) => source.fault(),
        }
    }

    /// The number, if the server or the client library gave one.
    pub fn errno(&self) -> Option<u32> {
        self.server().map(ServerError::errno)
    }

    /// SQLSTATE, if the server or the client library gave one.
    pub fn sqlstate(&self) -> Option<&str> {
        self.server().map(ServerError::sqlstate)
    }

    /// The numbered failure, if there is one.
    pub fn server(&self) -> Option<&ServerError> {
        match self {
            Self::Connect { source, .. } | Self::Server(source) => Some(source),
            Self::Config(_)
            | Self::Tls { .. }
            | Self::Misuse(_)
            | Self::Source(_)
            | Self::Prepare(_) => None,
        }
    }

    /// The failure of what a program does with each new connection. A failure of the server or of this
    /// crate in it keeps its number and its kind; anything else is [`Error::Prepare`].
    pub fn of_preparation(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(own) => return *own,
            Err(other) => other,
        };
        let numbered = match error.downcast_ref::<diesel::result::Error>() {
            Some(diesel) => ServerError::find(diesel),
            None => error.downcast_ref::<ServerError>().cloned(),
        };
        numbered.map_or_else(|| Self::Prepare(error.to_string()), Self::from)
    }
}

impl From<ServerError> for Error {
    fn from(error: ServerError) -> Self {
        Self::Server(Box::new(error))
    }
}

impl From<Error> for diesel::result::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Server(source) | Error::Connect { source, .. } => (*source).into(),
            other => Self::QueryBuilderError(Box::new(other)),
        }
    }
}

fn list(invalid: &[Invalid]) -> String {
    let lines: Vec<String> = invalid.iter().map(Invalid::to_string).collect();
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Vendor;

    #[test]
    fn a_failed_preparation_keeps_its_number_and_tells_its_text() {
        let denied = ServerError::new(Vendor::MariaDb, 1142, "42000", "denied");
        for error in [
            Box::<dyn std::error::Error + Send + Sync>::from(denied.clone()),
            diesel::result::Error::from(denied.clone()).into(),
            Error::from(denied).into(),
        ] {
            assert_eq!(Error::of_preparation(error).errno(), Some(1142));
        }
        let own = Error::of_preparation("no such tenant".into());
        assert_eq!(own.to_string(), "a new connection could not be prepared: no such tenant");
        assert_eq!((own.fault(), own.errno()), (Fault::Permanent, None));
    }

    #[test]
    fn an_invalid_setting_names_itself_its_value_and_what_is_allowed() {
        let error = Error::Config(vec![
            Invalid::new("port", 0, "1 to 65,535"),
            Invalid::new("host", "a;b", "letters, digits and .:_-"),
        ]);
        assert_eq!(
            error.to_string(),
            "port = 0: allowed is 1 to 65,535; host = \"a;b\": allowed is letters, digits and .:_-"
        );
    }
}
