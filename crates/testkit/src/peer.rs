//! A server that accepts and says nothing, or something fixed.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::door::Door;

/// A listener that accepts and never speaks: a client that has no limit of its own waits for ever.
///
/// # Panics
/// If the machine has no port left.
#[track_caller]
pub fn silent_peer() -> Peer {
    scripted_peer(b"")
}

/// A listener that sends `bytes` to everybody who connects, and is silent from then on.
///
/// # Panics
/// If the machine has no port left.
#[track_caller]
pub fn scripted_peer(bytes: &[u8]) -> Peer {
    let accepted = Arc::new(AtomicU64::new(0));
    let (bytes, count) = (bytes.to_owned(), Arc::clone(&accepted));
    let door = Door::open(move |mut stream| {
        // A few bytes fit into any socket's buffer; whoever has gone already misses nothing.
        drop(stream.write_all(&bytes));
        count.fetch_add(1, Ordering::AcqRel);
    });
    Peer { door, accepted }
}

/// A running [`silent_peer`] or [`scripted_peer`]; it ends, and closes its connections, on drop.
#[derive(Debug)]
pub struct Peer {
    door: Door,
    accepted: Arc<AtomicU64>,
}

impl Peer {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.door.addr()
    }

    /// The port it listens on, at 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.addr().port()
    }

    /// How many connections it has accepted.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Acquire)
    }
}
