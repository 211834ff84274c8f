//! The packets that end something: OK, ERR and EOF.

use super::parse::{Bytes, Malformed, put_text};
use crate::counts::Counts;
use crate::ffi::Handle;

pub(crate) const OK: u8 = 0x00;
pub(crate) const LOCAL_DATA: u8 = 0xfb;
pub(crate) const EOF: u8 = 0xfe;
pub(crate) const ERR: u8 = 0xff;

pub(crate) const STATUS_IN_TRANSACTION: u16 = 1;
pub(crate) const STATUS_MORE_RESULTS: u16 = 1 << 3;
pub(crate) const STATUS_CURSOR_EXISTS: u16 = 1 << 6;
pub(crate) const STATUS_LAST_ROW_SENT: u16 = 1 << 7;
pub(crate) const STATUS_OUT_PARAMETERS: u16 = 1 << 12;
pub(crate) const STATUS_SESSION_CHANGED: u16 = 1 << 14;

pub(crate) const TRACK_VARIABLES: u8 = 0;
pub(crate) const TRACK_SCHEMA: u8 = 1;
pub(crate) const TRACK_STATE: u8 = 2;
pub(crate) const TRACK_GTIDS: u8 = 3;

/// MariaDB's variable that changes with each commit.
pub(crate) const LAST_GTID: &str = "last_gtid";

/// A row may begin with EOF's byte: its first value then has a length in eight bytes.
const SHORTEST_LONG_ROW: usize = 0xff_ffff;

/// What client library and server have agreed on in the greeting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// The server tells of changes of the session.
    pub(crate) tracks: bool,
    /// No EOF stands behind descriptions, and behind rows an OK packet with EOF's first byte
    /// (`CLIENT_DEPRECATE_EOF`: libmysqlclient, always).
    pub(crate) ends_with_ok: bool,
    /// The values of an execution are counted and named (`CLIENT_QUERY_ATTRIBUTES`: libmysqlclient
    /// with MySQL, always).
    pub(crate) names_values: bool,
}

impl Dialect {
    /// True for the packet behind the last row.
    pub(crate) fn is_end(self, packet: &[u8]) -> bool {
        if self.ends_with_ok {
            packet.first() == Some(&EOF) && packet.len() < SHORTEST_LONG_ROW
        } else {
            is_eof(packet)
        }
    }

    /// Reads the packet behind the last row.
    pub(crate) fn end(self, packet: &[u8]) -> Result<Summary, Malformed> {
        match self.is_end(packet) {
            true if self.ends_with_ok => Summary::of_ok(packet, self.tracks),
            true => Summary::of_eof(packet),
            false => Err(Malformed),
        }
    }
}

/// What the server tells at the end of a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) affected_rows: u64,
    pub(crate) insert_id: u64,
    pub(crate) warnings: u16,
    pub(crate) status: u16,
    pub(crate) counts: Option<Counts>,
    /// The changes of the session's state, as they came ("session state info").
    pub(crate) changes: Vec<u8>,
}

impl Summary {
    /// What of the status holds until the next answer: the state of the transaction.
    pub(crate) fn lasting(&self) -> u16 {
        self.status & !(STATUS_SESSION_CHANGED | STATUS_MORE_RESULTS)
    }

    /// Reads an OK packet.
    pub(crate) fn of_ok(packet: &[u8], tracks: bool) -> Result<Self, Malformed> {
        let mut bytes = Bytes::new(packet);
        bytes.u8()?;
        let mut summary = Self {
            affected_rows: bytes.number()?,
            insert_id: bytes.number()?,
            status: bytes.u16()?,
            warnings: bytes.u16()?,
            ..Self::default()
        };
        if bytes.left() == 0 {
            return Ok(summary);
        }
        // A text for people.
        let told = bytes.text();
        if let Ok(text @ [_, ..]) = told {
            summary.counts = Counts::read(text);
        }
        if tracks && summary.status & STATUS_SESSION_CHANGED != 0 {
            told?;
            summary.changes.extend_from_slice(bytes.text()?);
        }
        Ok(summary)
    }

    /// Reads an EOF packet, which tells neither affected rows nor changes.
    pub(crate) fn of_eof(packet: &[u8]) -> Result<Self, Malformed> {
        let mut bytes = Bytes::new(packet);
        bytes.u8()?;
        Ok(Self { warnings: bytes.u16()?, status: bytes.u16()?, ..Self::default() })
    }

    /// Whether the session differs from before. The same bit is set where all that is told is that a
    /// transaction was begun or ended, or its GTID, which MariaDB tells as a variable.
    pub(crate) fn session_changed(&self) -> Result<bool, Malformed> {
        if self.status & STATUS_SESSION_CHANGED == 0 {
            return Ok(false);
        }
        let mut bytes = Bytes::new(&self.changes);
        while bytes.left() > 0 {
            let kind = bytes.u8()?;
            let change = bytes.text()?;
            let is_gtid =
                kind == TRACK_VARIABLES && Bytes::new(change).text() == Ok(LAST_GTID.as_bytes());
            if kind < TRACK_GTIDS && !is_gtid {
                return Ok(true);
            }
        }
        // What is not told in detail is taken for a change.
        Ok(self.changes.is_empty())
    }

    /// The database now in use, if that changed.
    pub(crate) fn schema(&self) -> Result<Option<&[u8]>, Malformed> {
        let mut bytes = Bytes::new(&self.changes);
        while bytes.left() > 0 {
            let kind = bytes.u8()?;
            let change = bytes.text()?;
            if kind == TRACK_SCHEMA {
                return Bytes::new(change).text().map(Some);
            }
        }
        Ok(None)
    }
}

impl Handle {
    /// True if the last answer said that a transaction is open.
    pub(crate) fn in_transaction(&self) -> bool {
        self.channel.summary.status & STATUS_IN_TRANSACTION != 0
    }

    /// True if the rows at hand are a procedure's OUT and INOUT parameters.
    pub(crate) fn has_out_parameters(&self) -> bool {
        self.channel.summary.status & STATUS_OUT_PARAMETERS != 0
    }

    /// True if the last answer said that session state changed (schema, variables, temporary tables
    /// …).
    pub(crate) fn session_changed(&self) -> bool {
        // What cannot be read is taken for a change.
        self.channel.summary.session_changed().unwrap_or(true)
    }

    pub(crate) fn affected_rows(&self) -> u64 {
        self.channel.summary.affected_rows
    }

    pub(crate) fn insert_id(&self) -> u64 {
        self.channel.summary.insert_id
    }

    pub(crate) fn warnings(&self) -> u32 {
        self.channel.summary.warnings.into()
    }

    pub(crate) fn counts(&self) -> Option<Counts> {
        self.channel.summary.counts
    }
}

/// True for EOF; a row may begin with the same byte, but is longer then.
fn is_eof(packet: &[u8]) -> bool {
    packet.first() == Some(&EOF) && packet.len() < 9
}

/// Writes one kind of change of the session's state as an OK packet has it.
pub(crate) fn put_change(out: &mut Vec<u8>, kind: u8, texts: &[Vec<u8>]) {
    let mut change = Vec::new();
    match (kind, texts) {
        // A single letter, without a length of its own.
        (TRACK_STATE, [letter, ..]) => change.extend_from_slice(letter),
        _ => {
            if kind == TRACK_GTIDS {
                // How they are written: there is one way.
                change.push(0);
            }
            for text in texts {
                put_text(&mut change, text);
            }
        }
    }
    out.push(kind);
    put_text(out, &change);
}

/// What an ERR packet says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal<'a> {
    pub(crate) errno: u16,
    pub(crate) sqlstate: &'a [u8],
    pub(crate) message: &'a [u8],
}

impl<'a> Refusal<'a> {
    pub(crate) fn read(packet: &'a [u8]) -> Result<Self, Malformed> {
        let mut bytes = Bytes::new(packet);
        bytes.u8()?;
        let errno = bytes.u16()?;
        match bytes.rest() {
            [b'#', state_and_message @ ..] => {
                let mut bytes = Bytes::new(state_and_message);
                Ok(Self { errno, sqlstate: bytes.take(5)?, message: bytes.rest() })
            }
            // A server that refuses before the greeting knows no states.
            message => Ok(Self { errno, sqlstate: b"HY000", message }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ok_packet_tells_of_the_schema_behind_other_changes() {
        let changes = [&[5, 2, 1, b'T'][..], &[1, 5, 4, b's', b'h', b'o', b'p']].concat();
        let mut packet = vec![OK, 0xfc, 0x2c, 0x01, 9, 0x02, 0x40, 3, 0, 0, 11];
        packet.extend_from_slice(&changes);

        let summary = Summary::of_ok(&packet, true).unwrap();

        assert_eq!((summary.affected_rows, summary.insert_id, summary.warnings), (300, 9, 3));
        assert_eq!(summary.counts, None);
        assert_eq!(summary.schema(), Ok(Some(&b"shop"[..])));
        packet.pop();
        assert_eq!(Summary::of_ok(&packet, true), Err(Malformed));
        assert!(Summary::of_ok(&packet, false).unwrap().changes.is_empty());
    }

    #[test]
    fn rows_end_with_an_eof_packet_or_with_an_ok_packet_that_looks_like_one() {
        let eof = [EOF, 1, 0, 0x22, 0];
        let ok = [EOF, 0, 0, 0x22, 0, 1, 0, b'i', b'n', b'f', b'o'];
        let old = Dialect::default();
        let new = Dialect { ends_with_ok: true, ..old };
        for (dialect, end, other) in [(old, &eof[..], &ok[..]), (new, &ok, &[OK, 0, 0, 2, 0, 0])] {
            let summary = dialect.end(end).unwrap();
            assert_eq!((summary.status, summary.warnings), (0x22, 1));
            assert!(dialect.is_end(end) && !dialect.is_end(other));
            assert_eq!(dialect.end(other), Err(Malformed));
        }
    }

    #[test]
    fn the_begin_of_a_transaction_is_no_change_of_the_session() {
        let told = |changes: &[u8]| {
            let status = STATUS_SESSION_CHANGED;
            Summary { status, changes: changes.into(), ..Summary::default() }.session_changed()
        };
        let transaction = [&[5, 9, 8][..], b"T_______"].concat();
        assert_eq!(told(&transaction), Ok(false));
        assert_eq!(told(&[&transaction[..], &[2, 2, 1, b'1']].concat()), Ok(true));
        assert_eq!(told(&[]), Ok(true), "nothing is told of it");
        let gtid = [&[0, 16, 9][..], b"last_gtid", &[5], b"0-1-7"].concat();
        assert_eq!(told(&gtid), Ok(false));
        assert_eq!(told(&[&gtid[..], &[0, 4, 1, b'a', 1, b'b']].concat()), Ok(true));
        assert_eq!(told(&[5, 9, 8]), Err(Malformed));
        assert_eq!(Summary::default().session_changed(), Ok(false));
    }

    #[test]
    fn a_refusal_is_read_with_and_without_its_state() {
        let read = Refusal::read(b"\xff\xbd\x04#40001Deadlock").unwrap();
        assert_eq!(
            (read.errno, read.sqlstate, read.message),
            (1213, &b"40001"[..], &b"Deadlock"[..])
        );
        let read = Refusal::read(b"\xff\x10\x04Too many").unwrap();
        assert_eq!((read.errno, read.sqlstate), (1040, &b"HY000"[..]));
        assert_eq!(Refusal::read(b"\xff\x10"), Err(Malformed));
        assert_eq!(Refusal::read(b"\xff\x10\x04#400"), Err(Malformed));
    }
}
