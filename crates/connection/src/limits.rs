//! What the server takes at most in one statement, checked before anything is sent.
//!
//! A packet above `max_allowed_packet` costs the connection: the server answers 1153, or nothing at
//! all, and closes. So large statements are measured first. The limit is the server's to tell, and
//! small statements need not know it: it is asked for, once, before the first large one.

use diesel::mysql::MysqlType;

use crate::ServerError;
use crate::ffi::Handle;

/// Placeholders of a prepared statement: their number is a 16-bit field of the protocol (error
/// 1390).
pub(crate) const PLACEHOLDERS: usize = 65_535;

/// Bytes that are sent without asking for the limit. The servers' defaults are 16 MB (MariaDB) and
/// 64 MB (MySQL); for decades they were 1 MB.
const UNASKED: u64 = 1_000_000;

/// Refuses values that no statement can carry.
pub(crate) fn check_values(
    handle: &mut Handle,
    types: &[MysqlType],
    values: &[Option<Vec<u8>>],
) -> Result<(), ServerError> {
    if values.len() > PLACEHOLDERS {
        return Err(ServerError::too_many_values(handle.vendor(), values.len()));
    }
    // `COM_STMT_EXECUTE`: 11 bytes, a bit and two bytes of type for each, the values. Numbers and
    // times count as one byte, so the sum is never above the truth.
    let frame = 11 + values.len().div_ceil(8) + 2 * values.len();
    let bytes = types.iter().zip(values).map(|(of, value)| match value {
        Some(bytes) if is_text(*of) => with_length(bytes.len()),
        Some(_) => 1,
        None => 0,
    });
    check_bytes(handle, frame + bytes.sum::<usize>())
}

/// Refuses a packet that reaches the server's limit: it takes less (`net_realloc` in the servers'
/// `net_serv.cc`).
pub(crate) fn check_bytes(handle: &mut Handle, bytes: usize) -> Result<(), ServerError> {
    let bytes = bytes as u64;
    if bytes <= UNASKED {
        return Ok(());
    }
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

/// Sent as a length and as many bytes.
fn is_text(of: MysqlType) -> bool {
    use MysqlType as T;
    matches!(of, T::String | T::Blob | T::Numeric | T::Bit | T::Set | T::Enum)
}

/// Bytes of a "length-encoded string".
fn with_length(bytes: usize) -> usize {
    bytes
        + match bytes {
            0..=250 => 1,
            251..=0xFFFF => 3,
            0x1_0000..=0xFF_FFFF => 4,
            _ => 9,
        }
}
