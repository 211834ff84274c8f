//! The answers of a server that knows one table of three rows, and what a transaction is.

use super::packet::{self, kind};

/// What a decent server remembers of a session.
#[derive(Debug, Default)]
pub(super) struct Session {
    in_transaction: bool,
    /// Texts of prepared statements; a statement's id is its place, from 1.
    prepared: Vec<Vec<u8>>,
    /// In the middle of a LOAD DATA LOCAL: an empty packet ends it.
    loading: bool,
}

const COM_QUERY: u8 = 0x03;
const COM_PREPARE: u8 = 0x16;
const COM_EXECUTE: u8 = 0x17;
/// Quit, long data and close have no answer.
const UNANSWERED: [u8; 3] = [0x01, 0x18, 0x19];

impl Session {
    pub(super) fn answer(&mut self, request: &[u8]) -> Vec<Vec<u8>> {
        if self.loading {
            self.loading = !request.is_empty();
            return if self.loading { Vec::new() } else { vec![packet::ok(self.status())] };
        }
        match request.split_first() {
            Some((command, _)) if UNANSWERED.contains(command) => Vec::new(),
            Some((&COM_QUERY, sql)) => self.query(sql),
            Some((&COM_PREPARE, sql)) => self.prepare(sql),
            Some((&COM_EXECUTE, rest)) => self.execute(rest),
            _ => vec![packet::ok(self.status())],
        }
    }

    fn status(&self) -> u16 {
        packet::AUTOCOMMIT | if self.in_transaction { packet::IN_TRANSACTION } else { 0 }
    }

    fn query(&mut self, sql: &[u8]) -> Vec<Vec<u8>> {
        let statements: Vec<_> = sql
            .split(|byte| *byte == b';')
            .map(<[u8]>::trim_ascii)
            .filter(|statement| !statement.is_empty())
            .collect();
        let mut packets = Vec::new();
        for (left, statement) in (0..statements.len()).rev().zip(statements) {
            let more = if left > 0 { packet::MORE_RESULTS } else { 0 };
            if statement.starts_with(b"SELECT") {
                packets.extend(result(self.status() | more, false));
            } else if statement.starts_with(b"LOAD") {
                self.loading = true;
                packets.push(packet::file_request(b"data.csv"));
            } else {
                self.begin_or_end(statement);
                packets.push(packet::ok(self.status() | more));
            }
        }
        packets
    }

    fn begin_or_end(&mut self, statement: &[u8]) {
        let word = statement.split(|byte| *byte == b' ').next().unwrap_or_default();
        match word {
            b"BEGIN" | b"START" => self.in_transaction = true,
            b"COMMIT" | b"ROLLBACK" => self.in_transaction = false,
            _ => {}
        }
    }

    fn prepare(&mut self, sql: &[u8]) -> Vec<Vec<u8>> {
        self.prepared.push(sql.to_owned());
        let params = sql.split(|byte| *byte == b'?').count() - 1;
        let columns = if sql.starts_with(b"SELECT") { COLUMNS.len() } else { 0 };
        let number = |count: usize| u16::try_from(count).expect("a few");
        let id = u32::from(number(self.prepared.len()));
        let mut packets = vec![packet::prepared(id, number(columns), number(params))];
        if params > 0 {
            packets.extend((0..params).map(|_| packet::column(b"?", kind::LONGLONG)));
            packets.push(packet::eof(self.status()));
        }
        if columns > 0 {
            packets.extend(described());
            packets.push(packet::eof(self.status()));
        }
        packets
    }

    fn execute(&mut self, rest: &[u8]) -> Vec<Vec<u8>> {
        let id = rest.first_chunk().map_or(0, |id| u32::from_le_bytes(*id)) as usize;
        // MariaDB's -1 is "the one prepared last".
        let sql = self.prepared.get(id.wrapping_sub(1)).or(self.prepared.last());
        match sql {
            Some(sql) if sql.starts_with(b"SELECT") => result(self.status(), true),
            Some(_) => vec![packet::ok(self.status())],
            None => vec![packet::err(1243, "HY000", "Unknown prepared statement handler")],
        }
    }
}

const COLUMNS: [(&[u8], u8); 7] = [
    (b"id", kind::LONGLONG),
    (b"name", kind::VAR_STRING),
    (b"at", kind::DATETIME),
    (b"span", kind::TIME),
    (b"day", kind::DATE),
    (b"score", kind::DOUBLE),
    (b"note", kind::BLOB),
];

fn described() -> impl Iterator<Item = Vec<u8>> {
    COLUMNS.iter().map(|(name, kind)| packet::column(name, *kind))
}

fn result(status: u16, binary: bool) -> Vec<Vec<u8>> {
    let mut packets = vec![packet::length(COLUMNS.len() as u64)];
    packets.extend(described());
    packets.push(packet::eof(status));
    packets.extend((1..=3).map(if binary { binary_row } else { text_row }));
    packets.push(packet::eof(status));
    packets
}

fn text_row(id: u8) -> Vec<u8> {
    packet::text_row(&[
        Some(id.to_string().as_bytes()),
        Some(b"Grace"),
        Some(b"2026-05-04 03:02:01.000009"),
        Some(b"49:02:03"),
        Some(b"2026-05-04"),
        Some(b"1.5"),
        None,
    ])
}

fn binary_row(id: u8) -> Vec<u8> {
    packet::binary_row(&[
        Some(u64::from(id).to_le_bytes().to_vec()),
        Some(packet::text(b"Grace")),
        Some(vec![11, 0xea, 0x07, 5, 4, 3, 2, 1, 9, 0, 0, 0]),
        Some(vec![8, 0, 2, 0, 0, 0, 1, 2, 3]),
        Some(vec![4, 0xea, 0x07, 5, 4]),
        Some(1.5_f64.to_le_bytes().to_vec()),
        None,
    ])
}
