//! The packets of the protocol, as a server writes them: payloads, to which [`framed`] adds the
//! headers. Pages named are those of the MariaDB manual, "Clients & Utilities › Protocol".

/// Status: statements commit by themselves.
pub const AUTOCOMMIT: u16 = 2;
/// Status: a transaction is open.
pub const IN_TRANSACTION: u16 = 1;
/// Status: a further answer follows.
pub const MORE_RESULTS: u16 = 8;
/// Status: the OK packet ends with changes of the session's state.
pub const STATE_CHANGED: u16 = 1 << 14;

/// Column types by number.
pub mod kind {
    #![allow(missing_docs, reason = "the names are the protocol's own")]
    pub const TINY: u8 = 1;
    pub const LONG: u8 = 3;
    pub const DOUBLE: u8 = 5;
    pub const LONGLONG: u8 = 8;
    pub const DATE: u8 = 10;
    pub const TIME: u8 = 11;
    pub const DATETIME: u8 = 12;
    pub const NEWDECIMAL: u8 = 246;
    pub const BLOB: u8 = 252;
    pub const VAR_STRING: u8 = 253;
}

/// What MariaDB 10.11 offers, without TLS, compression and its own extensions. `CLIENT_MYSQL` (bit 0)
/// is not set: that is how MariaDB is told from MySQL.
pub const CAPABILITIES: u32 = 2 // FOUND_ROWS
    | 4 // LONG_FLAG
    | 8 // CONNECT_WITH_DB
    | 128 // LOCAL_FILES
    | 512 // PROTOCOL_41
    | 1 << 13 // TRANSACTIONS
    | 1 << 15 // SECURE_CONNECTION
    | 1 << 16 // MULTI_STATEMENTS
    | 1 << 17 // MULTI_RESULTS
    | 1 << 18 // PS_MULTI_RESULTS
    | 1 << 19 // PLUGIN_AUTH
    | 1 << 20 // CONNECT_ATTRS
    | 1 << 23; // SESSION_TRACK

/// One packet: length, sequence number, payload.
///
/// # Panics
/// If the payload is longer than one packet can be.
pub fn frame(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("it is short");
    assert!(length < 0xff_ffff, "one packet");
    [&length.to_le_bytes()[..3], &[sequence], payload].concat()
}

/// Packets one after the other.
pub fn framed(first: u8, payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut sequence = first;
    for payload in payloads {
        bytes.extend(frame(sequence, payload));
        sequence = sequence.wrapping_add(1);
    }
    bytes
}

/// A number of variable length.
pub fn length(number: u64) -> Vec<u8> {
    match number {
        0..=250 => vec![number.to_le_bytes()[0]],
        251..=0xffff => [&[0xfc], &number.to_le_bytes()[..2]].concat(),
        0x1_0000..=0xff_ffff => [&[0xfd], &number.to_le_bytes()[..3]].concat(),
        _ => [&[0xfe], &number.to_le_bytes()[..]].concat(),
    }
}

/// A text with its length before it.
pub fn text(bytes: &[u8]) -> Vec<u8> {
    [&length(bytes.len() as u64), bytes].concat()
}

/// The greeting of a MariaDB server ("Connecting to the server").
pub fn greeting() -> Vec<u8> {
    greeting_with(b"5.5.5-10.11.19-MariaDB", CAPABILITIES, b"mysql_native_password")
}

/// A greeting with this version, these capabilities and this way to authenticate.
pub fn greeting_with(version: &[u8], capabilities: u32, plugin: &[u8]) -> Vec<u8> {
    let [low0, low1, high0, high1] = capabilities.to_le_bytes();
    let mut payload = vec![10];
    payload.extend_from_slice(version);
    payload.push(0);
    payload.extend_from_slice(&77_u32.to_le_bytes());
    payload.extend_from_slice(b"12345678\0");
    payload.extend_from_slice(&[low0, low1, 45, 2, 0, high0, high1, 21]);
    payload.extend_from_slice(&[0; 10]);
    payload.extend_from_slice(b"123456789012\0");
    payload.extend_from_slice(plugin);
    payload.push(0);
    payload
}

/// "Go on with this plugin instead", with what it needs to begin.
pub fn switch_to(plugin: &[u8], data: &[u8]) -> Vec<u8> {
    [&[0xfe], plugin, &[0], data].concat()
}

/// "Done", with one row affected (`OK_Packet`).
pub fn ok(status: u16) -> Vec<u8> {
    [&[0, 1, 0][..], &status.to_le_bytes(), &[0, 0]].concat()
}

/// "Done", with these bytes as the changes of the session's state.
pub fn ok_with_state(changes: &[u8]) -> Vec<u8> {
    [ok(AUTOCOMMIT | STATE_CHANGED), text(b""), text(changes)].concat()
}

/// "Failed" (`ERR_Packet`).
pub fn err(errno: u16, sqlstate: &str, message: &str) -> Vec<u8> {
    [&[0xff][..], &errno.to_le_bytes(), b"#", sqlstate.as_bytes(), message.as_bytes()].concat()
}

/// The end of columns or rows.
pub fn eof(status: u16) -> Vec<u8> {
    [&[0xfe, 0, 0][..], &status.to_le_bytes()].concat()
}

/// "Send me that file" (`LOCAL_INFILE`).
pub fn file_request(name: &[u8]) -> Vec<u8> {
    [&[0xfb], name].concat()
}

/// The description of a column ("Column definition packet").
pub fn column(name: &[u8], kind: u8) -> Vec<u8> {
    let mut payload = text(b"def");
    for part in [&b"shop"[..], b"t", b"t", name, name] {
        payload.extend(text(part));
    }
    // utf8mb4 for text, binary for all others.
    let (charset, flags): (u16, u16) = if kind == kind::VAR_STRING { (45, 0) } else { (63, 128) };
    payload.push(12);
    payload.extend_from_slice(&charset.to_le_bytes());
    payload.extend_from_slice(&1020_u32.to_le_bytes());
    payload.push(kind);
    payload.extend_from_slice(&flags.to_le_bytes());
    payload.extend_from_slice(&[0, 0, 0]);
    payload
}

/// A row in text form; `None` is NULL.
pub fn text_row(values: &[Option<&[u8]>]) -> Vec<u8> {
    values.iter().flat_map(|value| value.map_or_else(|| vec![0xfb], text)).collect()
}

/// A row in binary form: the values as they go over the wire; `None` is NULL.
pub fn binary_row(values: &[Option<Vec<u8>>]) -> Vec<u8> {
    let mut nulls = vec![0; (values.len() + 9) / 8];
    for (index, value) in values.iter().enumerate() {
        if value.is_none() {
            nulls[(index + 2) / 8] |= 1 << ((index + 2) % 8);
        }
    }
    let values = values.iter().flatten().flatten().copied().collect::<Vec<_>>();
    [vec![0], nulls, values].concat()
}

/// The first packet of the answer to a PREPARE.
pub fn prepared(id: u32, columns: u16, params: u16) -> Vec<u8> {
    let mut payload = vec![0];
    payload.extend_from_slice(&id.to_le_bytes());
    payload.extend_from_slice(&columns.to_le_bytes());
    payload.extend_from_slice(&params.to_le_bytes());
    payload.extend_from_slice(&[0, 0, 0]);
    payload
}
