//! A port of our own that people come to, and how it is closed: what a server without a database is
//! made of.

use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;

use crate::sockets;

/// A listener on 127.0.0.1; on drop it closes all that came, and waits for the threads that serve them.
#[derive(Debug)]
pub(crate) struct Door {
    addr: SocketAddr,
    inside: Arc<Inside>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Inside {
    listener: TcpListener,
    /// Who has come; `None` once it is closed. What is kept here is not closed by its servant's return.
    guests: Mutex<Option<Vec<TcpStream>>>,
}

impl Door {
    /// Runs `serve` for each who comes, in a thread of its own. The connection outlives it, unless it
    /// shuts it down itself.
    ///
    /// # Panics
    /// If the machine has no port left.
    #[track_caller]
    pub(crate) fn open(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        let addr = listener.local_addr().expect("it is bound");
        let inside = Arc::new(Inside { listener, guests: Mutex::new(Some(Vec::new())) });
        let acceptor = thread::spawn({
            let inside = Arc::clone(&inside);
            move || inside.accept(&serve)
        });
        Self { addr, inside, acceptor: Some(acceptor) }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Inside {
    fn accept(&self, serve: &(impl Fn(TcpStream) + Sync)) {
        thread::scope(|scope| {
            while let Ok((stream, _)) = self.listener.accept() {
                let Ok(kept) = stream.try_clone() else { return };
                match &mut *self.guests.lock() {
                    Some(guests) => guests.push(kept),
                    None => return,
                }
                scope.spawn(move || serve(stream));
            }
        });
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let guests = self.inside.guests.lock().take();
        // Ends the `accept` that the thread stands in, with EINVAL.
        sockets::stop_listening(&self.inside.listener);
        for stream in guests.into_iter().flatten() {
            drop(stream.shutdown(Shutdown::Both));
        }
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}
