//! Packets to and from the server.
//!
//! On a plain connection they go straight to the socket: one system call sends a command, one
//! receives its answer. On an encrypted or compressed one they go through the client library, which
//! alone can read those.

use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use socket2::Socket;

use super::answer::{Dialect, ERR, OK, Refusal, Summary};
use super::parse::Malformed;
use crate::Interrupter;
use crate::ServerError;
use crate::fault::{CR_SERVER_GONE_ERROR, CR_SERVER_LOST, Vendor};
use crate::ffi::Handle;

/// Room to begin with, and to come back to after a large result.
const ROOM: usize = 16 * 1024;
/// A stream's buffer grows to this: more in one system call gains nothing.
const STREAM_ROOM: usize = 256 * 1024;
/// Larger answers' buffers are not kept for the next.
const KEEP_ROOM: usize = 1024 * 1024;

const HEADER: usize = 4;
/// A packet with this many bytes goes on in the next.
const FULL: usize = 0xff_ffff;
/// The highest value that `max_allowed_packet` can have.
const LARGEST: usize = 1 << 30;

const COM_PING: u8 = 0x0e;
const COM_STMT_CLOSE: u8 = 0x19;
const COM_RESET_CONNECTION: u8 = 0x1f;

const CR_MALFORMED_PACKET: u32 = 2027;
const CR_NET_PACKET_TOO_LARGE: u32 = 2020;
const CR_COMMANDS_OUT_OF_SYNC: u32 = 2014;

/// ERR packets with this number only tell how far a statement has come.
const PROGRESS_REPORT: u16 = 0xffff;

/// Statements that are no longer used, for the server to be told of with the next command.
#[derive(Clone, Debug, Default)]
pub(super) struct Closed(Arc<Mutex<Vec<u32>>>);

impl Closed {
    pub(super) fn push(&self, statement: u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(statement);
    }

    fn take(&self) -> Vec<u32> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The server has forgotten all of them by itself.
    fn forget(&self) {
        self.take();
    }
}

/// The way to the server and what has come on it.
pub(crate) struct Channel {
    /// `None` where packets go through the client library.
    socket: Option<Socket>,
    read_timeout: Duration,
    write_timeout: Duration,
    received: Vec<u8>,
    filled: usize,
    read: usize,
    /// Packets stay where they are until the whole result has come.
    keeping: bool,
    sequence: u8,
    outgoing: Vec<u8>,
    payload: usize,
    /// Where the packets lie that describe the columns under way.
    pub(super) ranges: Vec<Range<usize>>,
    closed: Closed,
    /// When the last statement began.
    pub(super) last_use: Instant,
    pub(crate) dialect: Dialect,
    pub(crate) summary: Summary,
}

impl Channel {
    /// Through the client library.
    pub(crate) fn through_library(dialect: Dialect) -> Self {
        Self {
            socket: None,
            read_timeout: Duration::ZERO,
            write_timeout: Duration::ZERO,
            received: Vec::new(),
            filled: 0,
            read: 0,
            keeping: false,
            sequence: 0,
            outgoing: Vec::new(),
            payload: 0,
            ranges: Vec::new(),
            closed: Closed::default(),
            last_use: Instant::now(),
            dialect,
            summary: Summary::default(),
        }
    }

    /// Straight to the socket, with the limits for each call on it.
    pub(crate) fn direct(
        socket: BorrowedFd<'_>,
        dialect: Dialect,
        read_timeout: Duration,
        write_timeout: Duration,
    ) -> io::Result<Self> {
        let socket = Socket::from(socket.try_clone_to_owned()?);
        socket.set_nonblocking(false)?;
        let mut channel =
            Self { socket: Some(socket), write_timeout, ..Self::through_library(dialect) };
        channel.set_read_timeout(read_timeout)?;
        Ok(channel)
    }

    /// How long to wait for the next byte; nothing where the client library waits.
    pub(crate) fn set_read_timeout(&mut self, limit: Duration) -> io::Result<()> {
        self.read_timeout = limit;
        self.socket.as_ref().map_or(Ok(()), |socket| socket.set_read_timeout(Some(limit)))
    }

    pub(crate) fn is_direct(&self) -> bool {
        self.socket.is_some()
    }

    pub(super) fn closed(&self) -> Closed {
        self.closed.clone()
    }

    /// From here on all packets stay where they are, until this is switched off or the next command
    /// is sent.
    pub(super) fn keep(&mut self, keeping: bool) {
        self.keeping = keeping;
    }

    pub(super) fn bytes(&self, range: &Range<usize>) -> &[u8] {
        self.received.get(range.clone()).unwrap_or_default()
    }

    pub(super) fn received(&self) -> &[u8] {
        self.received.get(..self.filled).unwrap_or_default()
    }

    /// Makes room for `wanted` bytes behind what is there.
    fn make_room(&mut self, wanted: usize) {
        if !self.keeping && self.read > 0 {
            self.received.copy_within(self.read..self.filled, 0);
            self.filled -= self.read;
            self.read = 0;
        }
        let room = self.received.len();
        if room - self.filled < wanted {
            let grown = (self.filled + wanted).max(room * 2).max(ROOM);
            self.received.resize(grown, 0);
        } else if !self.keeping && self.filled * 2 > room && room < STREAM_ROOM {
            self.received.resize(room * 2, 0);
        }
    }

    /// The rows that have come whole already, which are nearly all in a large result, as a
    /// [`RowSet`] wants them, and their number.
    pub(super) fn whole_rows(&mut self) -> (&[u8], usize) {
        let (start, mut at, mut due) = (self.read, self.read, self.sequence);
        let received = self.received.get_mut(..self.filled).unwrap_or_default();
        let mut count = 0;
        while let Some(head) = received.get_mut(at..).and_then(|left| left.first_chunk_mut()) {
            let [low, middle, high, sequence, first] = head;
            let length = u32::from_le_bytes([*low, *middle, *high, 0]) as usize;
            let end = at + HEADER + length;
            let is_row = *first == OK && (1..FULL).contains(&length) && *sequence == due;
            if !is_row || end > self.filled {
                break;
            }
            // A length of four bytes is what a row set has before each row.
            *sequence = 0;
            at = end;
            due = due.wrapping_add(1);
            count += 1;
        }
        self.read = at;
        self.sequence = due;
        (self.received.get(start..at).unwrap_or_default(), count)
    }

    /// Forgets the last answer but for the state of the transaction, which an error does not tell.
    pub(crate) fn begin(&mut self) {
        self.read = 0;
        self.filled = 0;
        self.keeping = false;
        self.sequence = 0;
        if self.received.len() > KEEP_ROOM {
            self.received = Vec::new();
        }
        self.summary = Summary { status: self.summary.lasting(), ..Summary::default() };
    }

    /// Puts the end of statements no longer used before the command that is about to be sent.
    fn close_unused(&mut self) {
        let closed = self.closed.take();
        if closed.is_empty() {
            return;
        }
        let mut closes = Vec::with_capacity(closed.len() * (HEADER + 5));
        for statement in closed {
            closes.extend_from_slice(&[5, 0, 0, 0, COM_STMT_CLOSE]);
            closes.extend_from_slice(&statement.to_le_bytes());
        }
        self.payload = closes.len();
        self.outgoing.splice(0..0, closes);
    }

    /// Whoever answers what nobody asked is no server to talk to.
    pub(crate) fn in_step(&self, vendor: Vendor) -> Result<(), ServerError> {
        if self.read == self.filled {
            return Ok(());
        }
        let message = "packets came that nobody asked for";
        Err(ServerError::new(vendor, CR_COMMANDS_OUT_OF_SYNC, "HY000", message))
    }

    /// The length of the packet's next part, if its head has come.
    fn head(&self, at: usize) -> Option<(usize, u8)> {
        let head = self.received.get(at..self.filled)?.first_chunk()?;
        let [low, middle, high, sequence] = *head;
        let length = u32::from_le_bytes([low, middle, high, 0]);
        Some((length as usize, sequence))
    }
}

impl Handle {
    /// Begins a command: its text is to be written to what this returns, and then
    /// [sent](Self::send).
    pub(super) fn command(&mut self, code: u8) -> &mut Vec<u8> {
        let channel = &mut self.channel;
        channel.outgoing.clear();
        channel.payload = 0;
        channel.outgoing.extend_from_slice(&[0, 0, 0, 0, code]);
        &mut channel.outgoing
    }

    /// Sends the command begun.
    pub(super) fn send(&mut self) -> Result<(), ServerError> {
        self.settle()?;
        let vendor = self.vendor();
        self.channel.in_step(vendor)?;
        let channel = &mut self.channel;
        channel.begin();
        channel.close_unused();
        if channel.socket.is_none() {
            return self.send_through_library();
        }
        let length = channel.outgoing.len() - channel.payload - HEADER;
        if length < FULL {
            if let Some(head) = channel.outgoing.get_mut(channel.payload..channel.payload + 3) {
                head.copy_from_slice(length.to_le_bytes().get(..3).unwrap_or_default());
            }
            channel.sequence = 1;
        } else {
            channel.sequence = split(&mut channel.outgoing, channel.payload);
        }
        let sent = self.send_all(&self.channel.outgoing);
        if self.channel.outgoing.capacity() > KEEP_ROOM {
            self.channel.outgoing = Vec::new();
        }
        sent.map_err(|error| gone(vendor, &error))
    }

    /// Sends all of `bytes` to the socket, and cuts the connection if that fails: what was sent is only
    /// a part, which nothing must complete. The limit counts from the last byte that the server took.
    fn send_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
        let Some(socket) = &self.channel.socket else { return Ok(()) };
        while !bytes.is_empty() {
            match socket.send_with_flags(bytes, flags) {
                Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error)
                    if error.kind() == ErrorKind::WouldBlock
                        && self.is_ready_within(libc::POLLOUT, self.channel.write_timeout) => {}
                Err(error) => {
                    self.cut();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Sends an empty packet in the middle of an answer. The client library has no such call.
    pub(super) fn send_nothing(&mut self) -> Result<(), ServerError> {
        let vendor = self.vendor();
        let sequence = self.channel.sequence;
        self.channel.sequence = sequence.wrapping_add(1);
        if self.channel.socket.is_none() {
            return Err(self.malformed(Malformed));
        }
        self.send_all(&[0, 0, 0, sequence]).map_err(|error| lost(vendor, &error.to_string()))
    }

    /// Commands for statements no longer used go first, each by itself.
    fn send_through_library(&mut self) -> Result<(), ServerError> {
        let outgoing = std::mem::take(&mut self.channel.outgoing);
        let (closes, command) = outgoing.split_at(self.channel.payload);
        for close in closes.chunks(HEADER + 5) {
            self.send_command(close.get(HEADER..).unwrap_or_default())?;
        }
        let sent = self.send_command(command.get(HEADER..).unwrap_or_default());
        self.channel.outgoing = outgoing;
        sent
    }

    /// The next packet. It stays where it is until the next is asked for, or the
    /// [kept](Channel::keep) ones are [taken](Channel::take).
    ///
    /// # Errors
    /// What the server refuses, and what breaks the connection.
    pub(super) fn packet(&mut self) -> Result<Range<usize>, ServerError> {
        loop {
            let received = match self.channel.socket {
                Some(_) => self.packet_from_socket(),
                None => self.packet_from_library(),
            };
            // Whatever failed here, an answer that still comes is not that to the next command.
            let range = received.inspect_err(|error| {
                if error.is_disconnect() {
                    self.cut();
                }
            })?;
            let bytes = self.channel.bytes(&range);
            if bytes.first() != Some(&ERR) {
                return Ok(range);
            }
            match Refusal::read(bytes) {
                Ok(Refusal { errno: PROGRESS_REPORT, .. }) => {}
                Ok(refusal) => {
                    let sqlstate = String::from_utf8_lossy(refusal.sqlstate);
                    let message = String::from_utf8_lossy(refusal.message);
                    let errno = refusal.errno.into();
                    return Err(ServerError::new(self.vendor(), errno, &sqlstate, &message));
                }
                Err(malformed) => return Err(self.malformed(malformed)),
            }
        }
    }

    fn packet_from_socket(&mut self) -> Result<Range<usize>, ServerError> {
        let start = self.part()?;
        let mut end = self.channel.read;
        let mut last = end - start;
        if last < FULL {
            return Ok(start..end);
        }
        // It goes on: what has come of it must stay, and the heads between its parts must go.
        let keeping = std::mem::replace(&mut self.channel.keeping, true);
        while last == FULL {
            let at = self.part()?;
            last = self.channel.read - at;
            self.channel.received.copy_within(at..self.channel.filled, end);
            self.channel.filled -= at - end;
            end += last;
            self.channel.read = end;
            if end - start > LARGEST {
                let message = "a packet of more than 1 GiB";
                let errno = CR_NET_PACKET_TOO_LARGE;
                return Err(ServerError::new(self.vendor(), errno, "08S01", message));
            }
        }
        self.channel.keeping = keeping;
        Ok(start..end)
    }

    /// Receives one part of a packet; gives where it starts.
    fn part(&mut self) -> Result<usize, ServerError> {
        // `fill` may move what is there to the front, so the place is looked up again.
        while self.channel.head(self.channel.read).is_none() {
            self.fill(HEADER)?;
        }
        loop {
            let at = self.channel.read;
            let Some((length, sequence)) = self.channel.head(at) else {
                return Err(self.malformed(Malformed));
            };
            let (start, end) = (at + HEADER, at + HEADER + length);
            if end > self.channel.filled {
                // The room grows with what comes: a length alone takes no memory.
                self.fill((end - self.channel.filled).min(STREAM_ROOM))?;
                continue;
            }
            // A server that ends the session says why on its own account, out of any sequence.
            let is_error = self.channel.received.get(start) == Some(&ERR);
            if sequence != self.channel.sequence && !is_error {
                let message =
                    format!("packet {sequence} came where {} was due", self.channel.sequence);
                return Err(ServerError::new(
                    self.vendor(),
                    CR_MALFORMED_PACKET,
                    "HY000",
                    &message,
                ));
            }
            self.channel.sequence = sequence.wrapping_add(1);
            self.channel.read = end;
            return Ok(start);
        }
    }

    /// Receives more, once.
    fn fill(&mut self, wanted: usize) -> Result<(), ServerError> {
        let vendor = self.vendor();
        let Channel { socket, received, filled, read_timeout, .. } = {
            self.channel.make_room(wanted);
            &mut self.channel
        };
        let Some(mut socket) = socket.as_ref() else { return Err(lost(vendor, "closed")) };
        let room = received.get_mut(*filled..).unwrap_or_default();
        loop {
            match socket.read(room) {
                Ok(0) => return Err(lost(vendor, "the server closed the connection")),
                Ok(more) => {
                    *filled += more;
                    return Ok(());
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                        return Err(lost(vendor, &format!("no answer within {read_timeout:?}")));
                    }
                    _ => return Err(lost(vendor, &error.to_string())),
                },
            }
        }
    }

    fn packet_from_library(&mut self) -> Result<Range<usize>, ServerError> {
        if !self.channel.keeping {
            self.channel.filled = 0;
        }
        let mut received = std::mem::take(&mut self.channel.received);
        let start = self.channel.filled;
        received.truncate(start);
        let outcome = self.append_packet(&mut received);
        self.channel.filled = received.len();
        self.channel.read = received.len();
        self.channel.received = received;
        outcome?;
        Ok(start..self.channel.filled)
    }

    pub(crate) fn malformed(&self, Malformed: Malformed) -> ServerError {
        self.cut();
        let message = "a packet does not hold what it must";
        ServerError::new(self.vendor(), CR_MALFORMED_PACKET, "HY000", message)
    }

    /// Ends the TCP connection, so that the server ends the session and frees its locks, also while
    /// the caller keeps this handle.
    pub(crate) fn cut(&self) {
        if let Ok(interrupter) = Interrupter::new(self.socket()) {
            interrupter.shutdown();
        }
    }

    /// Remembers what an OK packet tells.
    pub(super) fn note_ok(&mut self, range: &Range<usize>) -> Result<u16, ServerError> {
        let bytes = self.channel.bytes(range);
        let is_ok = bytes.first() == Some(&OK);
        let summary = Summary::of_ok(bytes, self.channel.dialect.tracks);
        self.note_summary(if is_ok { summary } else { Err(Malformed) })
    }

    /// Remembers what the packet behind the last row tells.
    pub(super) fn note_end(&mut self, range: &Range<usize>) -> Result<u16, ServerError> {
        let summary = self.channel.dialect.end(self.channel.bytes(range));
        self.note_summary(summary)
    }

    pub(crate) fn note_summary(
        &mut self,
        summary: Result<Summary, Malformed>,
    ) -> Result<u16, ServerError> {
        let summary = summary.map_err(|malformed| self.malformed(malformed))?;
        if !summary.changes.is_empty() {
            let schema = summary.schema().map_err(|malformed| self.malformed(malformed))?;
            if let Some(schema) = schema {
                self.schema = Some(String::from_utf8_lossy(schema).into_owned());
            }
        }
        let status = summary.status;
        self.channel.summary = summary;
        Ok(status)
    }

    /// `COM_PING`.
    pub(crate) fn ping(&mut self) -> Result<(), ServerError> {
        self.plain_command(COM_PING)
    }

    /// `COM_RESET_CONNECTION`: rolls back, drops temporary tables, user locks, variables and
    /// prepared statements.
    pub(crate) fn reset(&mut self) -> Result<(), ServerError> {
        self.channel.closed.forget();
        self.plain_command(COM_RESET_CONNECTION)
    }

    fn plain_command(&mut self, code: u8) -> Result<(), ServerError> {
        self.command(code);
        self.send()?;
        let answer = self.packet()?;
        self.note_ok(&answer).map(drop)
    }
}

/// Cuts a command of 16 MiB or more into parts; gives the number of parts.
fn split(outgoing: &mut Vec<u8>, payload: usize) -> u8 {
    let command = outgoing.split_off(payload);
    let command = command.get(HEADER..).unwrap_or_default();
    let mut parts = 0_u8;
    // A last part of full length is followed by an empty one.
    let mut left = command;
    loop {
        let (part, rest) = left.split_at(left.len().min(FULL));
        outgoing.extend_from_slice(part.len().to_le_bytes().get(..3).unwrap_or_default());
        outgoing.push(parts);
        outgoing.extend_from_slice(part);
        parts = parts.wrapping_add(1);
        left = rest;
        if part.len() < FULL {
            return parts;
        }
    }
}

fn lost(vendor: Vendor, reason: &str) -> ServerError {
    ServerError::new(vendor, CR_SERVER_LOST, "08S01", reason)
}

/// Not all of a command could be sent, so it was not executed.
fn gone(vendor: Vendor, error: &io::Error) -> ServerError {
    let reason = match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => "the server takes no more data".to_owned(),
        _ => error.to_string(),
    };
    ServerError::new(vendor, CR_SERVER_GONE_ERROR, "08S01", &reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "moves 100 MB")]
    fn a_command_of_full_length_is_followed_by_an_empty_part() {
        for (length, parts) in [(FULL, 2), (FULL + 1, 2), (2 * FULL, 3)] {
            let mut outgoing = vec![9; 9];
            outgoing.extend_from_slice(&[0; HEADER]);
            outgoing.resize(9 + HEADER + length, 7);

            assert_eq!(split(&mut outgoing, 9), parts);

            assert_eq!(outgoing.len(), 9 + length + usize::from(parts) * HEADER);
            assert_eq!(&outgoing[9..13], &[0xff, 0xff, 0xff, 0]);
            let last = &outgoing[9 + usize::from(parts - 1) * (FULL + HEADER)..];
            assert_eq!(last[3], parts - 1);
            assert_eq!(last.len() - HEADER, length - usize::from(parts - 1) * FULL);
        }
    }
}
