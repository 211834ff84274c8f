//! A door to the server that opens slowly: a connection takes longer to open, and is as fast as any then.
//!
//! It stands for a far or busy server, for an encrypted handshake, a slow name lookup. It counts who comes
//! through, so that nobody's own bookkeeping is believed.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use super::pause;

/// On the loopback a server answers at once or not at all.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Where to connect instead of to the server. It stays open as long as the program runs.
#[derive(Clone, Debug)]
pub(super) struct Door {
    addr: SocketAddr,
    came: Arc<AtomicU32>,
}

impl Door {
    /// Opens a door to `server` behind which everybody waits for `delay`.
    ///
    /// # Errors
    /// The system has no port or thread left.
    pub(super) fn to(server: SocketAddr, delay: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let door = Self { addr: listener.local_addr()?, came: Arc::default() };
        let came = Arc::clone(&door.came);
        spawn("door", move || {
            for client in listener.incoming().flatten() {
                came.fetch_add(1, Ordering::Relaxed);
                // A client whose thread cannot be started is cut off, and says so.
                drop(spawn("door-wait", move || drop(lead(&client, server, delay))));
            }
        })?;
        Ok(door)
    }

    /// `mysql://root@127.0.0.1:PORT/DATABASE`.
    pub(super) fn url(&self, database: &str) -> String {
        format!("mysql://root@{}/{database}", self.addr)
    }

    /// How many have come so far.
    pub(super) fn came(&self) -> u32 {
        self.came.load(Ordering::Relaxed)
    }
}

fn lead(client: &TcpStream, server: SocketAddr, delay: Duration) -> io::Result<()> {
    pause(delay);
    let server = TcpStream::connect_timeout(&server, CONNECT_WITHIN)?;
    for stream in [client, &server] {
        stream.set_nodelay(true)?;
    }
    let (from, to) = (server.try_clone()?, client.try_clone()?);
    spawn("door-back", move || carry(&from, &to))?;
    carry(client, &server);
    Ok(())
}

/// Passes on what comes, and that it ends; a reset is passed on as an end.
fn carry(mut from: &TcpStream, mut to: &TcpStream) {
    drop(io::copy(&mut from, &mut to));
    drop(to.shutdown(Shutdown::Write));
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::time::Instant;

    use super::*;

    #[test]
    fn only_the_beginning_is_slow_and_everybody_is_counted() -> io::Result<()> {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let delay = Duration::from_millis(50);
        let door = Door::to(server.local_addr()?, delay)?;
        let start = Instant::now();
        let mut client = TcpStream::connect_timeout(&door.addr, CONNECT_WITHIN)?;
        let (mut accepted, _) = server.accept()?;
        let opened = start.elapsed();
        let mut bytes = [0; 2];

        client.write_all(b"hi")?;
        accepted.read_exact(&mut bytes)?;
        accepted.write_all(b"ho")?;
        client.read_exact(&mut bytes)?;
        drop(accepted);

        assert_eq!(&bytes, b"ho");
        assert_eq!(client.read(&mut bytes)?, 0);
        assert!(opened >= delay, "{opened:?}");
        assert_eq!(door.came(), 1);
        Ok(())
    }
}
