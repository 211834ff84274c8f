//! The commands of the protocol by their first byte.

use super::framing::HEADER_BYTES;

/// What a client asks for: the first byte of a packet with sequence number 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Command {
    /// `COM_QUIT`, the orderly goodbye; it has no answer.
    Quit,
    /// `COM_INIT_DB`.
    InitDb,
    /// `COM_QUERY`: a statement as text.
    Query,
    /// `COM_PING`.
    Ping,
    /// `COM_CHANGE_USER`.
    ChangeUser,
    /// `COM_STMT_PREPARE`.
    Prepare,
    /// `COM_STMT_EXECUTE`.
    Execute,
    /// `COM_STMT_SEND_LONG_DATA`; it has no answer.
    SendLongData,
    /// `COM_STMT_CLOSE`; it has no answer.
    CloseStatement,
    /// `COM_STMT_RESET`.
    ResetStatement,
    /// `COM_SET_OPTION`: several statements in a query allowed or not.
    SetOption,
    /// `COM_STMT_FETCH`.
    Fetch,
    /// `COM_RESET_CONNECTION`.
    ResetConnection,
    /// `COM_STMT_BULK_EXECUTE`, MariaDB's own.
    BulkExecute,
    /// Any other, by its byte.
    Other(u8),
}

impl Command {
    /// The command of a whole packet, if the packet is one.
    pub(super) fn of(packet: &[u8]) -> Option<Self> {
        let (header, payload) = packet.split_first_chunk::<HEADER_BYTES>()?;
        if header[3] == 0 { payload.first().copied().map(Self::from) } else { None }
    }
}

impl From<u8> for Command {
    fn from(byte: u8) -> Self {
        match byte {
            0x01 => Self::Quit,
            0x02 => Self::InitDb,
            0x03 => Self::Query,
            0x0e => Self::Ping,
            0x11 => Self::ChangeUser,
            0x16 => Self::Prepare,
            0x17 => Self::Execute,
            0x18 => Self::SendLongData,
            0x19 => Self::CloseStatement,
            0x1a => Self::ResetStatement,
            0x1b => Self::SetOption,
            0x1c => Self::Fetch,
            0x1f => Self::ResetConnection,
            0xfa => Self::BulkExecute,
            other => Self::Other(other),
        }
    }
}
