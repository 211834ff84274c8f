//! Failures with their numbers: what the server or the client library said, and what a caller can
//! do about it.
//!
//! diesel's errors carry a text and a coarse kind. Ours travel inside them: [`ServerError`]
//! implements diesel's `DatabaseErrorInformation` and writes number, state, vendor and position in a
//! fixed form into `details`, from which [`ServerError::find`] reads them back, so that every layer
//! above can decide by number.

use std::fmt;

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind};

use super::Error;
use crate::fault::{
    CR_SERVER_GONE_ERROR, CR_SERVER_LOST, CR_SSL_CONNECTION_ERROR, Fault, Loss, Vendor, classify,
};

const TOO_LARGE: &str = "54000";
const TOO_MANY_VALUES: &str = "54023";

/// A failure told by the server, or by the client library about the way to it.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerError {
    errno: u32,
    sqlstate: String,
    message: String,
    vendor: Vendor,
    fault: Fault,
    position: Option<usize>,
    details: String,
}

impl ServerError {
    pub(crate) fn new(vendor: Vendor, errno: u32, sqlstate: &str, message: &str) -> Self {
        // The client libraries say HY000 or nothing, which is no class at all.
        let is_lost = matches!(errno, CR_SERVER_GONE_ERROR | CR_SERVER_LOST | 2055);
        let sqlstate = if is_lost { "08S01" } else { sqlstate };
        let (fault, _) = classify(vendor, errno, sqlstate);
        Self::with_fault(vendor, errno, sqlstate, message, fault)
    }

    fn with_fault(vendor: Vendor, errno: u32, sqlstate: &str, message: &str, fault: Fault) -> Self {
        let (sqlstate, message) = (sqlstate.to_owned(), message.to_owned());
        let details = String::new();
        Self { errno, sqlstate, message, vendor, fault, position: None, details }.written()
    }

    /// With its fields in `details`, as [`find`](Self::find) reads them back.
    fn written(mut self) -> Self {
        let Self { errno, sqlstate, .. } = &self;
        let (vendor, fault) = (self.vendor.as_str(), self.fault.as_str());
        let position = self.position.map_or(String::new(), |index| index.to_string());
        self.details = format!(
            "errno={errno};sqlstate={sqlstate};vendor={vendor};fault={fault};position={position}"
        );
        self
    }

    fn but(self, fault: Fault) -> Self {
        Self { fault, ..self }.written()
    }

    /// The same failure, of the statement with this index in its text.
    pub(crate) fn at(self, index: usize) -> Self {
        Self { position: Some(index), ..self }.written()
    }

    /// A statement that commits by itself (DDL, LOCK TABLES …) ended the transaction it stood in.
    /// The server says so with a status bit and no error, so the number is 0; 25000 is "invalid
    /// transaction state".
    pub(crate) fn ended_by_statement(vendor: Vendor) -> Self {
        let message = "a statement in the transaction committed it, as DDL does";
        Self::with_fault(vendor, 0, "25000", message, Fault::Permanent)
    }

    /// A result was dropped long before its end, and with it the connection. Permanent: run again,
    /// the same code drops it again.
    pub(crate) fn cut(vendor: Vendor) -> Self {
        let message = "a result was dropped long before its end, which cut the connection";
        Self::with_fault(vendor, CR_SERVER_LOST, "08S01", message, Fault::Permanent)
    }

    /// The limit for what was done on the connection passed, which shut it down.
    pub(crate) fn overdue(vendor: Vendor) -> Self {
        let message = "the limit for the operation has passed, which shut the connection down";
        Self::new(vendor, CR_SERVER_LOST, "08S01", message)
    }

    /// The source of a `LOAD DATA LOCAL` failed: what the server took for the whole file was not.
    pub(crate) fn broken_load(vendor: Vendor, reason: &str) -> Self {
        Self::with_fault(vendor, 2068, "HY000", reason, Fault::Permanent)
    }

    /// The connection was lost before; nothing of what was asked for was sent.
    pub(crate) fn broken(vendor: Vendor) -> Self {
        Self::new(
            vendor,
            CR_SERVER_GONE_ERROR,
            "08S01",
            "the connection is broken; nothing was sent",
        )
    }

    /// A text without a statement. The client library must not get it: it takes the length 0 for
    /// "look for a zero byte".
    pub(crate) fn empty_query(vendor: Vendor) -> Self {
        Self::new(vendor, 1065, "42000", "the query is empty")
    }

    /// More values than a statement has room for; nothing was sent. 54023 is "too many arguments".
    pub(crate) fn too_many_values(vendor: Vendor, values: usize) -> Self {
        let message = format!("{values} values, but a statement takes 65,535: send fewer rows");
        Self::new(vendor, 0, TOO_MANY_VALUES, &message)
    }

    /// A statement above the server's limit; nothing was sent. 54000 is "program limit exceeded".
    pub(crate) fn too_large(vendor: Vendor, bytes: u64, limit: u64) -> Self {
        let message = format!(
            "a statement of {bytes} bytes, but the server's max_allowed_packet is {limit}: send \
             less at once, or raise it"
        );
        Self::new(vendor, 0, TOO_LARGE, &message)
    }

    /// True if nothing was sent because it is too much for one statement.
    pub(crate) fn is_above_a_limit(&self) -> bool {
        self.errno == 0 && (self.sqlstate == TOO_LARGE || self.has_too_many_values())
    }

    /// True if it was [`too_many_values`](Self::too_many_values).
    pub(crate) fn has_too_many_values(&self) -> bool {
        self.errno == 0 && self.sqlstate == TOO_MANY_VALUES
    }

    /// The same failure while connecting, where a TLS error stays wrong until somebody changes
    /// something; later it is how a lost connection shows.
    pub(crate) fn refused(self) -> Self {
        if self.errno != CR_SSL_CONNECTION_ERROR {
            return self;
        }
        self.but(Fault::Permanent)
    }

    /// The same failure of a statement that changes something outside a transaction. If the
    /// connection was lost after sending (2006 is before), it may have happened; and the statements
    /// before it in the same text did happen, so the text cannot be run again.
    pub(crate) fn in_doubt(self, is_doubtful: bool) -> Self {
        let lost = self.fault == Fault::Disconnected && self.errno != CR_SERVER_GONE_ERROR;
        let invites = matches!(self.fault, Fault::Transient | Fault::Disconnected | Fault::Busy);
        let has_begun = invites && self.position.is_some_and(|index| index > 0);
        if is_doubtful && (lost || has_begun) { self.uncertain() } else { self }
    }

    /// The same failure, in answer to a COMMIT whose outcome it does not tell.
    pub(crate) fn uncertain(&self) -> Self {
        self.clone().but(Fault::Uncertain)
    }

    /// The numbered failure inside one of diesel's, if it came from a
    /// [`Connection`](crate::Connection): number, SQLSTATE, vendor, position and fault.
    pub fn find(error: &diesel::result::Error) -> Option<Self> {
        use diesel::result::Error as Diesel;
        match error {
            Diesel::DatabaseError(_, info) => Self::read_back(&**info),
            Diesel::RollbackErrorOnCommit { commit_error, rollback_error } => {
                Self::find(commit_error).or_else(|| Self::find(rollback_error))
            }
            Diesel::QueryBuilderError(inner)
            | Diesel::SerializationError(inner)
            | Diesel::DeserializationError(inner) => Self::find_in(&**inner),
            _ => None,
        }
    }

    /// The numbered failure among an error and its causes.
    fn find_in(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut causes = std::iter::successors(Some(error), |error| error.source());
        causes.find_map(|error| {
            let ours = error.downcast_ref::<Error>().and_then(Error::server);
            ours.or_else(|| error.downcast_ref()).cloned()
        })
    }

    fn read_back(info: &(dyn DatabaseErrorInformation + Send + Sync)) -> Option<Self> {
        let mut fields = info.details()?.split(';');
        let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=');
        let errno = field("errno")?.parse().ok()?;
        let sqlstate = field("sqlstate")?;
        let vendor = match field("vendor")? {
            "mariadb" => Vendor::MariaDb,
            _ => Vendor::MySql,
        };
        let fault = Fault::from_str(field("fault")?)?;
        let position = field("position")?.parse().ok();
        let found = Self::with_fault(vendor, errno, sqlstate, info.message(), fault);
        Some(Self { position, ..found }.written())
    }

    /// The number, such as 1213; from 2000 to 2999 it is the client library's. 0 if none was given.
    pub fn errno(&self) -> u32 {
        self.errno
    }

    /// The five characters of SQLSTATE, such as `40001`.
    pub fn sqlstate(&self) -> &str {
        &self.sqlstate
    }

    /// The text, in the server's language. For people: no decision may hang on it.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whose server it was.
    pub fn vendor(&self) -> Vendor {
        self.vendor
    }

    /// Which statement of a text of several failed; the first is 0. `None` where one statement was
    /// sent, or none.
    pub fn statement_position(&self) -> Option<usize> {
        self.position
    }

    /// What the caller can do about it.
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// True if the connection did not survive it.
    pub fn is_disconnect(&self) -> bool {
        self.loss() == Loss::Connection
    }

    /// True if the server takes no writes (`read_only`, `super_read_only`): after a failover the
    /// old writer says so. 1290 is also used for other options that forbid a statement, which the
    /// number alone does not tell apart.
    pub fn refuses_writes(&self) -> bool {
        matches!(self.errno, 1290 | 1836 | 1874)
    }

    /// True if the client library, not the server, gave the number.
    pub(crate) fn is_from_client(&self) -> bool {
        // libmariadb has a second range of its own.
        (2000..3000).contains(&self.errno) || (5000..6000).contains(&self.errno)
    }

    pub(crate) fn loss(&self) -> Loss {
        classify(self.vendor, self.errno, &self.sqlstate).1
    }

    /// diesel's kind; where diesel's own table has gaps, docs/faults.md names them.
    fn kind(&self) -> DatabaseErrorKind {
        use DatabaseErrorKind as Kind;
        match (self.errno, self.vendor) {
            (1022 | 1062 | 1169 | 1586 | 1761 | 1762 | 1859 | 1869, _) => Kind::UniqueViolation,
            (1216 | 1217 | 1451 | 1452 | 1701 | 1828 | 1829 | 1830 | 1832 | 1833 | 1834, _)
            | (3730, Vendor::MySql) => Kind::ForeignKeyViolation,
            (1048 | 1263 | 1364 | 1423 | 1566, _) => Kind::NotNullViolation,
            (1369, _) | (4025, Vendor::MariaDb) | (3819, Vendor::MySql) => Kind::CheckViolation,
            (1213 | 1614, _) | (1020, Vendor::MariaDb) | (3101, Vendor::MySql) => {
                Kind::SerializationFailure
            }
            (1207 | 1792, _) => Kind::ReadOnlyTransaction,
            // Too large for the server, or values that do not fit the placeholders.
            (1153 | 1390 | 2030 | 2031 | 2033 | 2034 | 2036, _) => Kind::UnableToSendCommand,
            _ if self.is_above_a_limit() => Kind::UnableToSendCommand,
            _ if self.is_disconnect() => Kind::ClosedConnection,
            _ if self.sqlstate == "40001" => Kind::SerializationFailure,
            _ => Kind::Unknown,
        }
    }
}

impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerError({self})")
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.errno, self.sqlstate, self.message)
    }
}

impl std::error::Error for ServerError {}

impl DatabaseErrorInformation for ServerError {
    fn message(&self) -> &str {
        &self.message
    }

    fn details(&self) -> Option<&str> {
        Some(&self.details)
    }

    fn hint(&self) -> Option<&str> {
        None
    }

    fn table_name(&self) -> Option<&str> {
        None
    }

    fn column_name(&self) -> Option<&str> {
        None
    }

    fn constraint_name(&self) -> Option<&str> {
        None
    }

    /// diesel means a character of the text, which the server tells in its message alone.
    fn statement_position(&self) -> Option<i32> {
        None
    }
}

impl From<ServerError> for diesel::result::Error {
    fn from(error: ServerError) -> Self {
        Self::DatabaseError(error.kind(), Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_state_vendor_and_fault_survive_the_way_through_diesel() {
        let sent = ServerError::new(Vendor::MariaDb, 1213, "40001", "Deadlock; found=true");
        let diesel: diesel::result::Error = sent.clone().into();
        assert_eq!(ServerError::find(&diesel), Some(sent.clone()));

        let placed: diesel::result::Error = sent.clone().at(2).into();
        assert_eq!(
            ServerError::find(&placed).and_then(|error| error.statement_position()),
            Some(2)
        );

        let doubtful: diesel::result::Error = sent.uncertain().into();
        assert_eq!(ServerError::find(&doubtful).map(|error| error.fault()), Some(Fault::Uncertain));
    }

    #[test]
    fn the_number_is_found_in_causes_and_in_a_failed_rollback() {
        use diesel::result::Error as Diesel;
        let sent = || ServerError::new(Vendor::MySql, 1213, "40001", "Deadlock");
        for error in [
            Diesel::QueryBuilderError(Box::new(sent())),
            Diesel::SerializationError(Box::new(Error::from(sent()))),
            Diesel::RollbackErrorOnCommit {
                commit_error: Box::new(Diesel::RollbackTransaction),
                rollback_error: Box::new(sent().into()),
            },
        ] {
            assert_eq!(ServerError::find(&error), Some(sent()), "{error:?}");
        }
        assert_eq!(ServerError::find(&Diesel::NotFound), None);
    }

    #[test]
    fn a_text_that_has_begun_outside_a_transaction_does_not_invite_to_run_it_again() {
        let deadlock = || ServerError::new(Vendor::MySql, 1213, "40001", "Deadlock");
        assert_eq!(deadlock().at(1).in_doubt(true).fault(), Fault::Uncertain);
        assert_eq!(deadlock().at(1).in_doubt(true).statement_position(), Some(1));
        assert_eq!(deadlock().at(0).in_doubt(true).fault(), Fault::Transient);
        assert_eq!(deadlock().at(1).in_doubt(false).fault(), Fault::Transient);
        let wrong = ServerError::new(Vendor::MySql, 1064, "42000", "");
        assert_eq!(wrong.at(1).in_doubt(true).fault(), Fault::Permanent);
    }

    #[test]
    fn the_kinds_diesel_leaves_unknown_are_known() {
        for (vendor, errno, kind) in [
            (Vendor::MariaDb, 4025, DatabaseErrorKind::CheckViolation),
            (Vendor::MariaDb, 1020, DatabaseErrorKind::SerializationFailure),
            (Vendor::MySql, 4025, DatabaseErrorKind::Unknown),
            (Vendor::MySql, 1761, DatabaseErrorKind::UniqueViolation),
            (Vendor::MySql, 2013, DatabaseErrorKind::ClosedConnection),
            (Vendor::MariaDb, 2034, DatabaseErrorKind::UnableToSendCommand),
        ] {
            let error = ServerError::new(vendor, errno, "HY000", "");
            assert_eq!(format!("{:?}", error.kind()), format!("{kind:?}"), "{errno}");
        }
    }
}
