//! What the server tells beside an answer: warnings, and changes of the session's state.

use crate::wire::{Bytes, LAST_GTID, Malformed, TRACK_GTIDS, TRACK_STATE};
use crate::{Connection, Error};

/// What a session is told of its transactions
/// ([`Config::track_transactions`](crate::Config::track_transactions)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransactionTracking {
    /// What the transaction has done: [`SessionChange::Transaction`].
    State,
    /// That, and the statements that would open the same again:
    /// [`SessionChange::Characteristics`].
    Characteristics,
}

impl TransactionTracking {
    pub(crate) const ALL: [Self; 2] = [Self::State, Self::Characteristics];

    /// As `session_track_transaction_info` writes it, such as `STATE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::State => "STATE",
            Self::Characteristics => "CHARACTERISTICS",
        }
    }
}

/// One change of the session's state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionChange {
    /// A system variable that `session_track_system_variables` names was set.
    Variable {
        /// Its name.
        name: String,
        /// What it now is.
        value: String,
    },
    /// Another database is in use.
    Schema(String),
    /// Something that stays with the session was left behind, such as a temporary table.
    State,
    /// The transaction that was committed, where MySQL is asked for it
    /// ([`Config::track_gtids`](crate::Config::track_gtids)). MariaDB tells it as the variable
    /// `last_gtid`.
    Gtid(String),
    /// The statements that would open the same transaction again, with
    /// [`TransactionTracking::Characteristics`].
    Characteristics(String),
    /// Eight letters about the transaction (manual, "Server Tracking of Client Session State"),
    /// where [`Config::track_transactions`](crate::Config::track_transactions) is set. MySQL tells
    /// them without being asked too.
    Transaction(String),
}

impl SessionChange {
    /// `texts` are what the server wrote for this kind, in its order.
    fn of(kind: u8, texts: &[String]) -> Vec<Self> {
        let each = |change: fn(String) -> Self| texts.iter().cloned().map(change).collect();
        match kind {
            0 => texts.as_chunks::<2>().0.iter().cloned().map(Self::variable).collect(),
            1 => each(Self::Schema),
            2 => vec![Self::State],
            3 => each(Self::Gtid),
            4 => each(Self::Characteristics),
            5 => each(Self::Transaction),
            _ => Vec::new(),
        }
    }

    fn variable([name, value]: [String; 2]) -> Self {
        Self::Variable { name, value }
    }
}

/// Reads the "session state info" of an OK packet: the kind of each change, and its texts.
fn read(changes: &[u8]) -> Result<Vec<(u8, Vec<String>)>, Malformed> {
    let mut found = Vec::new();
    let mut changes = Bytes::new(changes);
    while changes.left() > 0 {
        let kind = changes.u8()?;
        let mut change = Bytes::new(changes.text()?);
        if kind == TRACK_GTIDS {
            // How they are written: there is one way.
            change.u8()?;
        }
        let mut texts = Vec::new();
        if kind == TRACK_STATE {
            // A single letter, without a length of its own.
            texts.push(String::from_utf8_lossy(change.take(change.left())?).into_owned());
        }
        while change.left() > 0 {
            texts.push(String::from_utf8_lossy(change.text()?).into_owned());
        }
        found.push((kind, texts));
    }
    Ok(found)
}

/// How grave a [`Warning`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Nothing is wrong.
    Note,
    /// The statement did something else than it says, such as cutting a value off.
    Warning,
    /// The statement failed, or a part of it was skipped.
    Error,
}

/// One warning of the last statement.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// How grave it is.
    pub level: Level,
    /// The number, such as 1265.
    pub errno: u32,
    /// The text, in the server's language. For people: no decision may hang on it.
    pub message: String,
}

impl Connection {
    /// The warnings of the last statement: `SHOW WARNINGS`, which leaves them as they are.
    ///
    /// The server keeps `max_error_count` of them, by default 64 (MariaDB) and 1024 (MySQL);
    /// [`warnings`](Self::warnings) counts all. A statement that uses no table
    /// and gives no warning leaves the list of the one before (manual, "SHOW WARNINGS"): ask only
    /// where that count is above 0.
    ///
    /// ```no_run
    /// use steadfast_connection::{Config, Connection};
    ///
    /// let mut conn = Connection::open(&Config::from_url("mysql://root@127.0.0.1/shop")?)?;
    /// conn.batch("INSERT IGNORE INTO orders (id) VALUES (1), (1)")?;
    /// if conn.warnings() > 0 {
    ///     for warning in conn.warning_list()? {
    ///         println!("{} {}", warning.errno, warning.message);
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Blocks
    /// For one round trip, at most the read timeout.
    ///
    /// # Errors
    /// [`Error::Server`].
    pub fn warning_list(&mut self) -> Result<Vec<Warning>, Error> {
        let mut rows = self.query("SHOW WARNINGS")?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let text = |column| String::from_utf8_lossy(row.get(column).unwrap_or_default());
            let level = match &*text(0) {
                "Note" => Level::Note,
                "Warning" => Level::Warning,
                _ => Level::Error,
            };
            let errno = text(1).parse().unwrap_or_default();
            found.push(Warning { level, errno, message: text(2).into_owned() });
        }
        Ok(found)
    }

    /// What the answer to the last statement said of the session's state. Answers with rows say
    /// nothing of it.
    ///
    /// The schema and [`SessionChange::State`] are always told, the others where
    /// [`Config::track_gtids`](crate::Config::track_gtids) and
    /// [`Config::track_transactions`](crate::Config::track_transactions) ask for them.
    pub fn session_changes(&self) -> Vec<SessionChange> {
        // A server whose text is not of the known form has told nothing that we understand.
        let changes = read(&self.handle.channel.summary.changes).unwrap_or_default();
        changes.iter().flat_map(|(kind, texts)| SessionChange::of(*kind, texts)).collect()
    }

    /// The GTID of the transaction that the last statement committed, if
    /// [`Config::track_gtids`](crate::Config::track_gtids) asks for it and the server writes a binary
    /// log: what a replica is to have reached before it is read from (`MASTER_GTID_WAIT` on MariaDB,
    /// `WAIT_FOR_EXECUTED_GTID_SET` on MySQL).
    pub fn last_gtid(&self) -> Option<String> {
        self.session_changes().into_iter().find_map(|change| match change {
            SessionChange::Gtid(gtid) => Some(gtid),
            SessionChange::Variable { name, value } if name == LAST_GTID => Some(value),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_change_is_read_and_a_cut_one_refused() {
        let bytes = [
            &[0, 4, 1, b'a', 1, b'b', 1, 5, 4][..],
            b"shop",
            &[2, 1, b'1', 3, 5, 0, 3],
            b"u:1",
            &[5, 2, 1, b'T', 4, 1, 0],
        ]
        .concat();
        let read_all = |bytes: &[u8]| -> Result<Vec<SessionChange>, Malformed> {
            let found = read(bytes)?;
            Ok(found.iter().flat_map(|(kind, texts)| SessionChange::of(*kind, texts)).collect())
        };
        assert_eq!(
            read_all(&bytes).unwrap(),
            [
                SessionChange::Variable { name: "a".to_owned(), value: "b".to_owned() },
                SessionChange::Schema("shop".to_owned()),
                SessionChange::State,
                SessionChange::Gtid("u:1".to_owned()),
                SessionChange::Transaction("T".to_owned()),
                SessionChange::Characteristics(String::new()),
            ]
        );
        for length in [1, 2, 5, 8, bytes.len() - 1] {
            assert_eq!(read_all(&bytes[..length]), Err(Malformed), "{length}");
        }
    }
}
