//! The network between a client and the server, with faults on demand.

mod command;
mod framing;
mod link;
mod rule;
mod shared;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use command::Command;
use link::Link;
pub use rule::{Armed, Rule};
use shared::{Counts, Register, Shared};

use crate::{Error, port, sockets};

/// On the loopback a server answers at once or not at all.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Pause after a failed `accept`, such as when the process has no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// A TCP proxy in front of a server. It knows where packets begin and end, so that a fault strikes
/// exactly one: see [`Rule`].
///
/// A connection that switches to TLS or compression is passed on byte by byte from then on: it can
/// still be cut, delayed and lost, but rules and counters see no more packets of it.
///
/// ```
/// use steadfast_testkit::{Command, Rule, Server, server};
///
/// let proxy = server().proxy();
/// let client = Server::external(&server().url_through(&proxy, "")).unwrap();
/// client.sql("", "SELECT 1").unwrap();
/// assert_eq!(proxy.commands()[&Command::Query], 1);
///
/// let lost = proxy.rule(Rule::cut_before().containing("SELECT 2"));
/// assert_eq!(client.sql("", "SELECT 2").unwrap_err().errno(), Some(2013));
/// assert_eq!(lost.fired(), 1);
/// ```
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    listener: Arc<TcpListener>,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<Vec<JoinHandle<()>>>>,
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From client to server.
    ToServer = 0,
    /// From server to client.
    ToClient = 1,
}

/// Packets that arrived at the proxy, also those it lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packets {
    to_server: u64,
    to_client: u64,
}

impl Packets {
    /// Packets from the client, its part of the handshake included.
    pub fn to_server(self) -> u64 {
        self.to_server
    }

    /// Packets from the server, its part of the handshake included.
    pub fn to_client(self) -> u64 {
        self.to_client
    }
}

impl Proxy {
    /// Starts a proxy for a server, on a free port of 127.0.0.1. Nothing is connected yet.
    ///
    /// # Errors
    /// [`Error::Io`] if the address is unknown or the system has no port or thread left.
    pub fn to(server: impl ToSocketAddrs) -> Result<Self, Error> {
        let addresses = server.to_socket_addrs().map_err(Error::io("looking the server up"))?;
        let servers: Vec<SocketAddr> = addresses.collect();
        // A port that was given, not drawn by the kernel, stays ours while `refuse` does not listen.
        let listener = loop {
            match TcpListener::bind((Ipv4Addr::LOCALHOST, port::free())) {
                Ok(listener) => break Arc::new(listener),
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(Error::io("listening")(error)),
            }
        };
        let addr = listener.local_addr().map_err(Error::io("asking for the port"))?;
        let shared = Arc::new(Shared::default());
        let acceptor = thread::Builder::new().name("proxy-accept".to_owned()).spawn({
            let (listener, shared) = (Arc::clone(&listener), Arc::clone(&shared));
            move || accept(&listener, &servers, &shared)
        });
        let acceptor = Some(acceptor.map_err(Error::io("starting a thread"))?);
        Ok(Self { addr, listener, shared, acceptor })
    }

    /// Where clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The port clients connect to, at 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// Arms a rule, for the connections there are and those to come.
    pub fn rule(&self, rule: Rule) -> Armed {
        self.shared.arm(rule)
    }

    /// Makes everything that is sent in a direction wait, from now on; zero ends it.
    pub fn delay(&self, direction: Direction, delay: Duration) {
        self.shared.set_delay(direction, delay);
    }

    /// Loses everything from now on: connections stay open and silent, new ones are accepted and
    /// reach nobody. Neither end hears of the other's close: the server keeps the client's locks.
    pub fn black_hole(&self) {
        let mut register = self.shared.register.lock();
        register.black_hole = true;
        for link in &register.links {
            link.fall_silent();
        }
    }

    /// Refuses new connections (ECONNREFUSED), as a server that is down does. Those that are open stay.
    pub fn refuse(&self) {
        let mut register = self.shared.register.lock();
        if !register.refusing {
            register.refusing = true;
            sockets::stop_listening(&self.listener);
        }
    }

    /// Ends every fault: no rule is armed, nothing waits, new connections are accepted and passed on.
    /// Connections that lost something stay lost; [`cut`](Self::cut) ends them.
    ///
    /// # Panics
    /// If the system does not let it listen again.
    pub fn heal(&self) {
        self.shared.disarm_all();
        self.delay(Direction::ToServer, Duration::ZERO);
        self.delay(Direction::ToClient, Duration::ZERO);
        let mut register = self.shared.register.lock();
        register.black_hole = false;
        if register.refusing {
            sockets::listen_again(&self.listener);
            register.refusing = false;
        }
        self.shared.changed.notify_all();
    }

    /// Cuts every connection there is, lost ones included; both ends see its end.
    pub fn cut(&self) {
        end_all(&mut self.shared.register.lock(), false);
    }

    /// Cuts every connection there is; clients see a reset (ECONNRESET).
    pub fn reset(&self) {
        end_all(&mut self.shared.register.lock(), true);
    }

    /// All packets so far.
    pub fn packets(&self) -> Packets {
        self.shared.total.read()
    }

    /// The packets of each connection accepted so far, in the order of their coming.
    pub fn connections(&self) -> Vec<Packets> {
        self.shared.register.lock().counts.iter().map(|counts| counts.read()).collect()
    }

    /// How many connections are open, silent ones included.
    pub fn open(&self) -> usize {
        let register = self.shared.register.lock();
        register.links.len() + register.swallowed.len()
    }

    /// How many of each command arrived so far.
    pub fn commands(&self) -> BTreeMap<Command, u64> {
        self.shared.commands()
    }
}

impl Drop for Proxy {
    /// Cuts every connection and ends every thread.
    fn drop(&mut self) {
        let mut register = self.shared.register.lock();
        register.closing = true;
        end_all(&mut register, false);
        // Ends the `accept` that the thread stands in, with EINVAL.
        sockets::stop_listening(&self.listener);
        self.shared.changed.notify_all();
        drop(register);
        let pumps = self.acceptor.take().and_then(|acceptor| acceptor.join().ok());
        for pump in pumps.into_iter().flatten() {
            drop(pump.join());
        }
    }
}

fn end_all(register: &mut Register, reset: bool) {
    for link in register.links.drain(..) {
        link.cut(reset);
    }
    for stream in register.swallowed.drain(..) {
        if reset {
            sockets::reset_on_close(&stream);
        }
    }
}

/// Accepts until the proxy is dropped; returns the threads that may still run.
fn accept(
    listener: &TcpListener,
    servers: &[SocketAddr],
    shared: &Arc<Shared>,
) -> Vec<JoinHandle<()>> {
    let mut pumps: Vec<JoinHandle<()>> = Vec::new();
    loop {
        if let Ok((client, _)) = listener.accept() {
            pumps.retain(|pump| !pump.is_finished());
            pumps.extend(welcome(client, servers, shared));
        } else {
            let mut register = shared.register.lock();
            if !register.closing {
                // Refusing, until told otherwise; or a passing trouble of the system.
                shared.changed.wait_for(&mut register, ACCEPT_PAUSE);
            }
        }
        if shared.register.lock().closing {
            return pumps;
        }
    }
}

/// Connects a new client to the server, or to nobody.
fn welcome(client: TcpStream, servers: &[SocketAddr], shared: &Arc<Shared>) -> Vec<JoinHandle<()>> {
    let counts = Arc::new(Counts::default());
    {
        let mut register = shared.register.lock();
        register.counts.push(Arc::clone(&counts));
        if register.black_hole {
            register.swallowed.push(client);
            return Vec::new();
        }
    }
    let mut connections =
        servers.iter().map(|server| TcpStream::connect_timeout(server, CONNECT_WITHIN));
    let Some(server) = connections.find_map(Result::ok) else {
        // The server is down: nobody is there to say goodbye to the client.
        sockets::reset_on_close(&client);
        return Vec::new();
    };
    let link = Arc::new(Link::new(client, server, counts));
    let mut register = shared.register.lock();
    if register.closing {
        return Vec::new();
    }
    if register.black_hole {
        link.fall_silent();
    }
    register.links.push(Arc::clone(&link));
    drop(register);
    Link::run(&link, shared)
}
