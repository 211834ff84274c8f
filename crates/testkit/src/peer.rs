//! A server that accepts and says nothing, or something fixed.

use std::io::Write;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;

use crate::sockets;

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
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
    let addr = listener.local_addr().expect("it is bound");
    let inside = Arc::new(Inside {
        listener,
        accepted: AtomicU64::new(0),
        closing: AtomicBool::new(false),
        held: Mutex::new(Vec::new()),
    });
    let thread = thread::spawn({
        let (inside, bytes) = (Arc::clone(&inside), bytes.to_owned());
        move || inside.accept(&bytes)
    });
    Peer { addr, inside, thread: Some(thread) }
}

/// A running [`silent_peer`] or [`scripted_peer`]; it ends, and closes its connections, on drop.
#[derive(Debug)]
pub struct Peer {
    addr: SocketAddr,
    inside: Arc<Inside>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Inside {
    listener: TcpListener,
    accepted: AtomicU64,
    closing: AtomicBool,
    /// The accepted connections: dropping one would close it, which is a way of speaking.
    held: Mutex<Vec<TcpStream>>,
}

impl Peer {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The port it listens on, at 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// How many connections it has accepted.
    pub fn accepted(&self) -> u64 {
        self.inside.accepted.load(Ordering::Acquire)
    }
}

impl Inside {
    fn accept(&self, bytes: &[u8]) {
        while let Ok((mut stream, _)) = self.listener.accept() {
            let mut held = self.held.lock();
            if self.closing.load(Ordering::Acquire) {
                return;
            }
            // A few bytes fit into any socket's buffer; whoever has gone already misses nothing.
            drop(stream.write_all(bytes));
            held.push(stream);
            drop(held);
            self.accepted.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.inside.closing.store(true, Ordering::Release);
        // Ends the `accept` that the thread stands in, with EINVAL.
        sockets::stop_listening(&self.inside.listener);
        for stream in self.inside.held.lock().drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
