//! The number behind a refusal that came before the greeting.
//!
//! A server that is full (1040) or has blocked the host (1129) says so in place of its greeting, in
//! the clear. libmariadb does not pass that on where TLS was asked for, since nobody vouches for
//! it: it gives 2002 and puts the number into the text. Where nobody is vouched for anyway
//! (`preferred`, `required`) we look for ourselves, because "full" and "unreachable" call for
//! different answers.

use std::io::{ErrorKind, Read};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::fault::Vendor;
use crate::tls::Mode;
use crate::{Config, ServerError};

/// A refusal comes at once or never.
const PATIENCE: Duration = Duration::from_secs(1);
/// Above any error packet: its text has at most 512 characters.
const LONGEST: usize = 2100;

/// What the server says instead of a greeting, if it does.
///
/// # Blocks
/// At most a second for connecting and a second for the packet.
pub(crate) fn refusal(config: &Config) -> Option<ServerError> {
    if !matches!(config.tls.mode, Mode::Preferred | Mode::Required) {
        return None;
    }
    let packet = match &config.unix_socket {
        Some(path) => {
            let socket = UnixStream::connect(path).ok()?;
            socket.set_read_timeout(Some(PATIENCE)).ok()?;
            first_packet(socket)
        }
        None => {
            let address = (config.host.as_str(), config.port).to_socket_addrs().ok()?.next()?;
            let socket = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
            socket.set_read_timeout(Some(PATIENCE)).ok()?;
            first_packet(socket)
        }
    };
    parse(&packet)
}

/// The payload of the first packet, as much of it as came.
fn first_packet(mut socket: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 512];
    loop {
        match socket.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => bytes.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
        let whole = match bytes.get(..3) {
            Some(&[a, b, c]) => usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16,
            _ => continue,
        };
        if bytes.len() >= whole + 4 || bytes.len() > LONGEST {
            break;
        }
    }
    bytes.get(4..).unwrap_or_default().to_vec()
}

/// An error packet: 0xff, the number in two bytes, and the text; before the greeting usually
/// without a SQLSTATE, which would stand after a `#`.
fn parse(packet: &[u8]) -> Option<ServerError> {
    let [0xff, low, high, rest @ ..] = packet else { return None };
    let errno = u32::from(u16::from_le_bytes([*low, *high]));
    let (sqlstate, text) = match rest {
        [b'#', rest @ ..] if rest.len() >= 5 => rest.split_at(5),
        _ => (&b"08004"[..], rest),
    };
    let sqlstate = String::from_utf8_lossy(sqlstate);
    let text = String::from_utf8_lossy(text);
    Some(ServerError::new(Vendor::MariaDb, errno, &sqlstate, &text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_with_and_without_a_state() {
        let plain = parse(b"\xff\x10\x04Too many connections").expect("a refusal");
        assert_eq!(
            (plain.errno(), plain.sqlstate(), plain.message()),
            (1040, "08004", "Too many connections")
        );
        let stated = parse(b"\xff\x69\x04#HY000Host is blocked").expect("a refusal");
        assert_eq!(
            (stated.errno(), stated.sqlstate(), stated.message()),
            (1129, "HY000", "Host is blocked")
        );
    }

    #[test]
    fn greetings_and_rubbish_are_no_refusals() {
        for packet in [&b""[..], b"\xff", b"\xff\x10", b"\x0a10.11.19-MariaDB\0", b"SSH-2.0"] {
            assert!(parse(packet).is_none(), "{packet:?}");
        }
        let cut = first_packet(&b"\x17\0\0\0\xff\x10\x04Too"[..]);
        assert_eq!(cut, b"\xff\x10\x04Too");
    }
}
