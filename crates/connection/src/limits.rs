//! What the server takes at most in one statement, checked before anything is sent.
//!
//! A packet above `max_allowed_packet` costs the connection: the server answers 1153, or nothing at
//! all, and closes. So large statements are measured first. The limit is the server's to tell, and
//! small statements need not know it: it is asked for, once, before the first large one.

use diesel::mysql::MysqlType;

use crate::ServerError;
use crate::ffi::Handle;
use crate::wire::Parameters;

/// Placeholders of a prepared statement: their number is a 16-bit field of the protocol (error
/// 1390).
pub(crate) const PLACEHOLDERS: usize = 65_535;

/// Bytes that are sent without asking for the limit. The servers' defaults are 16 MB (MariaDB) and
/// 64 MB (MySQL); for decades they were 1 MB.
const UNASKED: usize = 1_000_000;

/// Refuses values that no statement can carry.
pub(crate) fn check_values(
    handle: &mut Handle,
    types: &[MysqlType],
    values: &[Option<Vec<u8>>],
) -> Result<(), ServerError> {
    if values.len() > PLACEHOLDERS {
        return Err(ServerError::too_many_values(handle.vendor(), values.len()));
    }
    // What is surely small is not looked at closely: a value with its length, a type, a name.
    let bytes: usize = values.iter().map(|value| value.as_ref().map_or(0, Vec::len) + 16).sum();
    if bytes <= UNASKED {
        return Ok(());
    }
    let named = handle.channel.dialect.names_values;
    check_bytes(handle, 10 + Parameters { types, values }.size(named))
}

/// Refuses a text that is too long to be prepared.
pub(crate) fn check_preparation(handle: &mut Handle, sql: &str) -> Result<(), ServerError> {
    check_bytes(handle, 1 + sql.len())
}

/// Refuses a text that is too long to be sent as it is.
pub(crate) fn check_text(handle: &mut Handle, sql: &str) -> Result<(), ServerError> {
    let attributes = if handle.channel.dialect.names_values { 2 } else { 0 };
    check_bytes(handle, 1 + attributes + sql.len())
}

/// Refuses a packet that reaches the server's limit: it takes less (`net_realloc` in the servers'
/// `net_serv.cc`).
fn check_bytes(handle: &mut Handle, bytes: usize) -> Result<(), ServerError> {
    if bytes <= UNASKED {
        return Ok(());
    }
    let bytes = bytes as u64;
    let limit = limit(handle)?;
    if bytes >= limit { Err(ServerError::too_large(handle.vendor(), bytes, limit)) } else { Ok(()) }
}

fn limit(handle: &mut Handle) -> Result<u64, ServerError> {
    if let Some(limit) = handle.packet_limit {
        return Ok(limit);
    }
    handle.query("SELECT @@max_allowed_packet")?;
    let mut limit = None;
    if let Some(mut rows) = handle.rows()? {
        while rows.fetch()? {
            let text = rows.row().and_then(|row| row.get(0));
            limit = text.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        }
    }
    handle.finish()?;
    handle.packet_limit = limit;
    // A server that does not tell its limit has to refuse by itself.
    Ok(limit.unwrap_or(u64::MAX))
}
