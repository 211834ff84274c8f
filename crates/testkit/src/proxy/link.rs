//! One client's connection through the proxy: two sockets, a thread for each direction.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::framing::{Arrived, ends_framing};
use super::rule::{Action, Fault};
use super::shared::{Counts, Shared};
use super::{Command, Direction};
use crate::sockets;

/// A write to somebody who does not read comes back this often to see whether it is still wanted.
const WRITE_PATIENCE: Duration = Duration::from_millis(20);

/// One client and its connection to the server.
#[derive(Debug)]
pub(super) struct Link {
    client: TcpStream,
    server: TcpStream,
    state: AtomicU8,
    /// TLS or compression has begun: the bytes are passed on as they come.
    opaque: AtomicBool,
    pumps_ended: AtomicU8,
    counts: Arc<Counts>,
}

/// The link's states; they only ever go up.
mod state {
    /// Everything passes.
    pub(super) const OPEN: u8 = 0;
    /// The next bytes from the server cut the link.
    pub(super) const CUT_AT_ANSWER: u8 = 1;
    /// The same, and the client is to see a reset.
    pub(super) const RESET_AT_ANSWER: u8 = 2;
    /// Nothing passes, both ends stay open.
    pub(super) const BLACK_HOLE: u8 = 3;
    /// Over.
    pub(super) const ENDED: u8 = 4;
}

impl Link {
    pub(super) fn new(client: TcpStream, server: TcpStream, counts: Arc<Counts>) -> Self {
        for stream in [&client, &server] {
            // Both can only fail on a socket that is no longer one, which the first read shows.
            drop(stream.set_nodelay(true));
            drop(stream.set_write_timeout(Some(WRITE_PATIENCE)));
        }
        Self {
            client,
            server,
            state: AtomicU8::new(state::OPEN),
            opaque: AtomicBool::new(false),
            pumps_ended: AtomicU8::new(0),
            counts,
        }
    }

    /// Starts both directions. `link` is in the registry of `shared` and leaves it at the end.
    pub(super) fn run(link: &Arc<Self>, shared: &Arc<Shared>) -> Vec<JoinHandle<()>> {
        let start = |direction: Direction, name: &str| {
            let (link, shared) = (Arc::clone(link), Arc::clone(shared));
            let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
                link.pump(direction, &shared);
                shared.forget_if_over(&link);
            });
            thread.expect("a thread for the proxy")
        };
        vec![
            start(Direction::ToServer, "proxy-to-server"),
            start(Direction::ToClient, "proxy-to-client"),
        ]
    }

    /// Cuts both sides. With `reset` the client sees one when the last holder of the link lets go.
    pub(super) fn cut(&self, reset: bool) {
        self.state.fetch_max(state::ENDED, Ordering::AcqRel);
        if reset {
            // Closing a socket that lingers for no time sends a reset; a shutdown would send an end
            // first. So only the reader is woken, and the close follows when the threads are done.
            sockets::reset_on_close(&self.client);
            drop(self.client.shutdown(Shutdown::Read));
        } else {
            drop(self.client.shutdown(Shutdown::Both));
        }
        // The server hears an end, and when the threads are done a reset: one that stands in a write to a
        // full window would learn of the end alone at its next probe, minutes later (tcp(7), tcp_retries2).
        sockets::reset_on_close(&self.server);
        drop(self.server.shutdown(Shutdown::Both));
    }

    /// Loses everything from now on.
    pub(super) fn fall_silent(&self) {
        self.state.fetch_max(state::BLACK_HOLE, Ordering::AcqRel);
    }

    /// Tells that one direction has ended; whether the link is over now. In a black hole it is not:
    /// its sockets stay open until it is cut.
    pub(super) fn pump_ended(&self) -> bool {
        let both = self.pumps_ended.fetch_add(1, Ordering::AcqRel) == 1;
        both && self.state() != state::BLACK_HOLE
    }

    fn state(&self) -> u8 {
        self.state.load(Ordering::Acquire)
    }

    fn ends(&self, direction: Direction) -> (&TcpStream, &TcpStream) {
        match direction {
            Direction::ToServer => (&self.client, &self.server),
            Direction::ToClient => (&self.server, &self.client),
        }
    }

    fn pump(&self, direction: Direction, shared: &Shared) {
        let (mut from, _) = self.ends(direction);
        let mut arrived = Arrived::default();
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let count = match from.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            if direction == Direction::ToClient {
                match self.state() {
                    state::CUT_AT_ANSWER => self.cut(false),
                    state::RESET_AT_ANSWER => self.cut(true),
                    _ => {}
                }
            }
            match self.state() {
                state::ENDED => return,
                // Read and lost, so that the sender goes on sending.
                state::BLACK_HOLE => continue,
                _ => {}
            }
            arrived.push(&chunk[..count]);
            self.pass_on(direction, &mut arrived, shared);
        }
        self.close_behind(direction);
    }

    /// Passes on what has arrived in whole, up to a packet at which a rule strikes.
    fn pass_on(&self, direction: Direction, arrived: &mut Arrived, shared: &Shared) {
        let mut passing = 0;
        while self.state() < state::BLACK_HOLE && !self.opaque.load(Ordering::Acquire) {
            let Some(packet) = arrived.packet_at(passing) else { break };
            let packet_bytes = packet.len();
            self.count(direction, packet, shared);
            let action = shared.rules_at(direction, packet);
            if direction == Direction::ToServer && ends_framing(packet) {
                // Set before the server can answer in the new way.
                self.opaque.store(true, Ordering::Release);
            }
            if let Some(action) = action {
                self.write(direction, &arrived.take(passing), shared);
                let packet = arrived.take(packet_bytes);
                self.strike(action, direction, &packet, shared);
                passing = 0;
            } else {
                passing += packet_bytes;
            }
        }
        let bytes = if self.opaque.load(Ordering::Acquire) {
            arrived.take_all()
        } else {
            arrived.take(passing)
        };
        self.write(direction, &bytes, shared);
    }

    fn count(&self, direction: Direction, packet: &[u8], shared: &Shared) {
        self.counts.add(direction);
        shared.total.add(direction);
        if direction == Direction::ToServer
            && let Some(command) = Command::of(packet)
        {
            shared.count_command(command);
        }
    }

    fn strike(&self, action: Action, direction: Direction, packet: &[u8], shared: &Shared) {
        match action.fault {
            Fault::CutBefore => self.cut(action.reset),
            Fault::BlackHole => self.fall_silent(),
            Fault::CutAtAnswer => {
                let next = if action.reset { state::RESET_AT_ANSWER } else { state::CUT_AT_ANSWER };
                // Before the request goes: the answer cannot come earlier.
                self.state.fetch_max(next, Ordering::AcqRel);
                self.write(direction, packet, shared);
            }
            Fault::CutUnderWay => {
                self.state.fetch_max(state::CUT_AT_ANSWER, Ordering::AcqRel);
                self.write(direction, packet, shared);
                drop(self.client.shutdown(Shutdown::Both));
            }
        }
    }

    /// Writes all of `bytes`, unless the link is cut or falls silent meanwhile.
    fn write(&self, direction: Direction, mut bytes: &[u8], shared: &Shared) {
        let (_, mut to) = self.ends(direction);
        if !bytes.is_empty() {
            shared.delay(direction);
        }
        while !bytes.is_empty() && self.state() < state::BLACK_HOLE {
            match to.write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) => match error.kind() {
                    // Whoever does not read is waited for, but not when the link is over.
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                    _ => return self.cut(false),
                },
            }
        }
    }

    /// One end has closed. The other hears of it, unless bytes from there are still waited for.
    fn close_behind(&self, direction: Direction) {
        match (self.state(), direction) {
            (state::OPEN, _) => drop(self.ends(direction).1.shutdown(Shutdown::Write)),
            (state::CUT_AT_ANSWER, Direction::ToClient) => self.cut(false),
            (state::RESET_AT_ANSWER, Direction::ToClient) => self.cut(true),
            // The server's answer is to come; or nobody may hear; or it is over.
            _ => {}
        }
    }
}
