//! What std has no safe call for.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use rustix::net::{Shutdown, listen, shutdown, sockopt};

/// As std's own listeners have.
const BACKLOG: i32 = 128;

/// Ends listening and a waiting `accept`, which fails with EINVAL; the port stays bound. It is Linux that
/// does so.
pub(crate) fn stop_listening(listener: &TcpListener) {
    if let Err(error) = shutdown(listener, Shutdown::Both) {
        assert_eq!(error, rustix::io::Errno::NOTCONN, "it can only have been done before");
    }
}

/// Takes the last call back.
pub(crate) fn listen_again(listener: &TcpListener) {
    listen(listener, BACKLOG).expect("the port is still ours");
}

/// Lets the close of the stream send a reset in place of an orderly end.
pub(crate) fn reset_on_close(stream: &TcpStream) {
    sockopt::set_socket_linger(stream, Some(Duration::ZERO)).expect("it is a socket");
}
