//! Texts of one or several statements, whose rows nobody wants.

use super::answer::{LOCAL_DATA, OK, STATUS_MORE_RESULTS};
use super::parse::{Bytes, Malformed};
use crate::ServerError;
use crate::ffi::Handle;

const COM_QUERY: u8 = 0x03;

const CR_LOCAL_INFILE_REJECTED: u32 = 2068;

/// An answer that was read away.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    /// How many rows it had; `None` if it was none of rows.
    pub(crate) rows: Option<u64>,
    /// One to a further statement follows.
    pub(crate) is_followed: bool,
}

impl Handle {
    /// `COM_QUERY`. [`read_answer`](Self::read_answer) then reads the answer to each statement.
    pub(crate) fn send_text(&mut self, sql: &str) -> Result<(), ServerError> {
        if sql.is_empty() {
            return Err(ServerError::empty_query(self.vendor()));
        }
        let names_values = self.channel.dialect.names_values;
        let out = self.command(COM_QUERY);
        if names_values {
            // No values, in one set of them.
            out.extend_from_slice(&[0, 1]);
        }
        out.extend_from_slice(sql.as_bytes());
        self.send()
    }

    /// Reads the answer to one statement away, rows and all.
    pub(crate) fn read_answer(&mut self) -> Result<Answer, ServerError> {
        let answer = self.packet()?;
        let packet = self.channel.bytes(&answer);
        let (status, rows) = match packet.first() {
            Some(&OK) => (self.note_ok(&answer)?, None),
            None => return Err(self.malformed(Malformed)),
            Some(&LOCAL_DATA) => return Err(self.refuse_file()?),
            Some(_) => {
                let width = Bytes::new(packet).number().ok();
                let width = width.and_then(|width| usize::try_from(width).ok());
                let (status, rows) =
                    self.skip_rows(width.ok_or_else(|| self.malformed(Malformed))?)?;
                (status, Some(rows))
            }
        };
        Ok(Answer { rows, is_followed: status & STATUS_MORE_RESULTS != 0 })
    }

    /// Nobody wanted a file to be sent: says so, and reads away what the server makes of that.
    pub(super) fn refuse_file(&mut self) -> Result<ServerError, ServerError> {
        self.send_nothing()?;
        match self.read_answer() {
            Err(error) if error.is_disconnect() => Err(error),
            _ => {
                let message = "the server asked for a file, which `load_data` alone may send";
                Ok(ServerError::new(self.vendor(), CR_LOCAL_INFILE_REJECTED, "HY000", message))
            }
        }
    }

    /// Gives the status behind the rows, and their number.
    fn skip_rows(&mut self, width: usize) -> Result<(u16, u64), ServerError> {
        self.skip_descriptions(width)?;
        let mut rows = 0;
        loop {
            let packet = self.packet()?;
            if self.channel.dialect.is_end(self.channel.bytes(&packet)) {
                return self.note_end(&packet).map(|status| (status, rows));
            }
            rows += 1;
        }
    }
}
