//! A network with a delay, between the contestants and the server.
//!
//! What is sent arrives later by the delay, each way; what is sent meanwhile arrives as much later, not
//! after another delay. A proxy that sleeps before it passes on would add up the delays of packets that
//! need no answer. Opening a TCP connection costs nothing extra here: all contestants do it once, and on a
//! real network it would cost each of them one round trip more.
//!
//! All is done by one thread, which starts none for a connection: it shares the contestants' processor.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// On the loopback a server answers at once or not at all.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// One direction of a connection.
struct Way {
    from: TcpStream,
    to: TcpStream,
    /// Bytes and when they are due; empty for the end.
    under_way: VecDeque<(Instant, Vec<u8>)>,
    /// Whether more may come.
    open: bool,
}

/// Starts a relay to `server` that adds `one_way` to each direction; where to connect instead.
///
/// It runs as long as the program does.
///
/// # Errors
/// The system has no port or thread left.
pub(crate) fn relay(server: SocketAddr, one_way: Duration) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let addr = listener.local_addr()?;
    thread::Builder::new().name("relay".to_owned()).spawn(move || {
        // If it fails, the contestants lose their connections and say so.
        drop(carry(&listener, server, one_way));
    })?;
    Ok(addr)
}

fn carry(listener: &TcpListener, server: SocketAddr, delay: Duration) -> io::Result<()> {
    wake_up_in_time()?;
    let mut ways: Vec<Way> = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let ready = wait(listener, &ways)?;
        let mut ready = ready.into_iter();
        let has_client = ready.next() == Some(true);
        let readable = ways.iter_mut().filter(|way| way.open).zip(ready);
        for (way, _) in readable.filter(|(_, is_ready)| *is_ready) {
            way.read(&mut buffer, delay);
        }
        for way in &mut ways {
            way.pass_on();
        }
        ways.retain(|way| way.open || !way.under_way.is_empty());
        if has_client {
            let (client, _) = listener.accept()?;
            let server = TcpStream::connect_timeout(&server, CONNECT_WITHIN)?;
            ways.push(Way::new(client.try_clone()?, server.try_clone()?)?);
            ways.push(Way::new(server, client)?);
        }
    }
}

/// Waits until something can be read or is due: whether there is a client, and whether each way that is
/// open can be read.
fn wait(listener: &TcpListener, ways: &[Way]) -> io::Result<Vec<bool>> {
    let due = ways.iter().filter_map(|way| way.under_way.front()).map(|(due, _)| *due).min();
    let left = due.map(|due| due.saturating_duration_since(Instant::now()));
    let left = left.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
    let mut fds = vec![PollFd::new(listener, PollFlags::IN)];
    // One that has ended would stay readable.
    let open = ways.iter().filter(|way| way.open);
    fds.extend(open.map(|way| PollFd::new(&way.from, PollFlags::IN)));
    match poll(&mut fds, left.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(fds.iter().map(|fd| !fd.revents().is_empty()).collect())
}

impl Way {
    fn new(from: TcpStream, to: TcpStream) -> io::Result<Self> {
        to.set_nodelay(true)?;
        Ok(Self { from, to, under_way: VecDeque::new(), open: true })
    }

    /// Takes what has come; there is something, or the end.
    fn read(&mut self, buffer: &mut [u8], delay: Duration) {
        // A reset is passed on as an end.
        let count = self.from.read(buffer).unwrap_or(0);
        self.open = count > 0;
        let bytes = buffer.get(..count).unwrap_or_default().to_vec();
        self.under_way.push_back((Instant::now() + delay, bytes));
    }

    /// Passes on what is due.
    fn pass_on(&mut self) {
        while self.under_way.front().is_some_and(|(due, _)| *due <= Instant::now()) {
            let Some((_, bytes)) = self.under_way.pop_front() else { return };
            let outcome = match bytes.as_slice() {
                [] => self.to.shutdown(Shutdown::Write),
                bytes => self.to.write_all(bytes),
            };
            if outcome.is_err() {
                // Nobody is there any more.
                self.open = false;
                self.under_way.clear();
            }
        }
    }
}

/// From here on this thread sleeps no longer than it wants to. Usually Linux lets a sleeper wait up to
/// 50 µs more, to wake up several at a time: a fifth of the delay.
fn wake_up_in_time() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer to each byte, at once.
    fn echo() -> io::Result<SocketAddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let addr = listener.local_addr()?;
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut bytes = [0; 16];
                while let Ok(count @ 1..) = stream.read(&mut bytes) {
                    drop(stream.write_all(bytes.get(..count).unwrap_or_default()));
                }
            }
        });
        Ok(addr)
    }

    #[test]
    fn a_round_trip_takes_both_ways_and_two_sent_together_take_no_longer() -> io::Result<()> {
        let one_way = Duration::from_millis(20);
        let addr = relay(echo()?, one_way)?;
        let mut stream = TcpStream::connect_timeout(&addr, CONNECT_WITHIN)?;
        stream.set_nodelay(true)?;
        let mut answers = [0; 2];

        let started = Instant::now();
        stream.write_all(b"1")?;
        stream.write_all(b"2")?;
        stream.read_exact(&mut answers)?;
        let took = started.elapsed();

        assert_eq!(&answers, b"12");
        assert!(took >= 2 * one_way, "{took:?}");
        assert!(took < 3 * one_way, "{took:?}");
        Ok(())
    }

    #[test]
    fn an_end_is_passed_on() -> io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let addr = relay(listener.local_addr()?, Duration::from_millis(1))?;
        let client = TcpStream::connect_timeout(&addr, CONNECT_WITHIN)?;
        let (mut accepted, _) = listener.accept()?;

        drop(client);

        assert_eq!(accepted.read(&mut [0; 1])?, 0);
        Ok(())
    }
}
