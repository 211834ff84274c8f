//! A server made of a script: it speaks the protocol as well, or as badly, as a test tells it to.
//!
//! [`packet`] writes the packets, [`Talk`] is one client's connection, and [`Talk::honest`] gives
//! the answer that a decent server would give, for the script to send, spoil or replace.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::door::Door;

mod honest;
pub mod packet;

/// A listener that runs a script for each client; it ends, and closes its connections, on drop.
#[derive(Debug)]
pub struct ScriptedServer {
    door: Door,
    received: Received,
}

/// Every byte that a client has sent so far, of all clients together.
type Received = Arc<Mutex<Vec<u8>>>;

impl ScriptedServer {
    /// Runs `script` for each client, in a thread of its own; when it returns, the connection is
    /// closed. An error is what a client that has gone away looks like, and is nobody's failure.
    ///
    /// # Panics
    /// If the machine has no port left.
    #[track_caller]
    pub fn start<S>(script: S) -> Self
    where
        S: Fn(&mut Talk) -> io::Result<()> + Send + Sync + 'static,
    {
        let received = Received::default();
        let door = Door::open({
            let received = Arc::clone(&received);
            move |stream| {
                let mut talk = Talk::new(stream, Arc::clone(&received));
                // The client may go away at any point.
                drop(script(&mut talk));
                drop(talk.stream.shutdown(Shutdown::Both));
            }
        });
        Self { door, received }
    }

    /// The port it listens on, at 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.door.addr().port()
    }

    /// Every byte that a client has sent so far, of all clients together.
    pub fn received(&self) -> Vec<u8> {
        self.received.lock().clone()
    }
}

/// The server's end of one client's connection.
#[derive(Debug)]
pub struct Talk {
    stream: TcpStream,
    received: Received,
    /// The sequence number of the next packet.
    sequence: u8,
    honest: honest::Session,
}

impl Talk {
    fn new(stream: TcpStream, received: Received) -> Self {
        // Without it, a pause between two small packets is Nagle's and not the script's.
        drop(stream.set_nodelay(true));
        Self { stream, received, sequence: 0, honest: honest::Session::default() }
    }

    /// The client's next packet, without its header.
    ///
    /// # Errors
    /// When the client has closed.
    pub fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut header = [0; 4];
        self.read_exact(&mut header)?;
        let [a, b, c, sequence] = header;
        let mut payload = vec![0; u32::from_le_bytes([a, b, c, 0]) as usize];
        self.read_exact(&mut payload)?;
        self.sequence = sequence.wrapping_add(1);
        Ok(payload)
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.stream.read_exact(buffer)?;
        self.received.lock().extend_from_slice(buffer);
        Ok(())
    }

    /// The sequence number that the next packet should bear.
    pub fn sequence(&self) -> u8 {
        self.sequence
    }

    /// Sends packets with a header and the right sequence numbers.
    ///
    /// # Errors
    /// When the client has closed.
    pub fn send(&mut self, payloads: &[Vec<u8>]) -> io::Result<()> {
        let bytes = packet::framed(self.sequence, payloads);
        // The sequence of this talk goes on at 256 as the protocol's does.
        self.sequence = self.sequence.wrapping_add(u8::try_from(payloads.len() % 256).unwrap_or(0));
        self.send_raw(&bytes)
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the client has closed.
    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Says nothing more until the client closes.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn fall_silent(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer)? {
                0 => return Ok(()),
                count => self.received.lock().extend_from_slice(&buffer[..count]),
            }
        }
    }

    /// What a decent server would answer to `request`; none if it would say nothing.
    pub fn honest(&mut self, request: &[u8]) -> Vec<Vec<u8>> {
        self.honest.answer(request)
    }

    /// Greets as MariaDB and lets everybody in.
    ///
    /// # Errors
    /// When the client has closed.
    pub fn welcome(&mut self) -> io::Result<()> {
        self.send(&[packet::greeting()])?;
        self.receive()?;
        self.send(&[packet::ok(packet::AUTOCOMMIT)])
    }

    /// Answers honestly until the client closes.
    ///
    /// # Errors
    /// When the client has closed.
    pub fn serve(&mut self) -> io::Result<()> {
        loop {
            let request = self.receive()?;
            let answer = self.honest(&request);
            self.send(&answer)?;
        }
    }
}
