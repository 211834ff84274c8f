//! A server that is after the password.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A server without TLS that wants `plugin`: in its greeting, or by a switch to it. After the
/// client's answers it says what `replies` hold, then closes; gives all it heard.
pub(crate) fn thief(
    in_greeting: bool,
    plugin: &'static str,
    replies: &'static [&'static [u8]],
) -> (u16, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut greeting =
            b"\x0a8.4.0\0\x01\0\0\0abcdefgh\0\xff\xf7\x2d\x02\0\xff\x81\x15".to_vec();
        greeting.extend([0; 10]);
        greeting.extend(b"ijklmnopqrst\0");
        let first = if in_greeting { plugin } else { "mysql_native_password" };
        greeting.extend([first.as_bytes(), b"\0"].concat());
        send(&mut peer, 0, &greeting);
        let mut heard = hear(&mut peer);
        let mut sequence = 2;
        if !in_greeting {
            let switch = [b"\xfe", plugin.as_bytes(), b"\0abcdefghijklmnopqrst\0"].concat();
            send(&mut peer, sequence, &switch);
            sequence += 2;
            heard.extend(hear(&mut peer));
        }
        for reply in replies {
            send(&mut peer, sequence, reply);
            sequence += 2;
            heard.extend(hear(&mut peer));
        }
        heard
    });
    (port, thread)
}

fn send(peer: &mut TcpStream, sequence: u8, payload: &[u8]) {
    let [low, middle, high, _] = u32::try_from(payload.len()).unwrap().to_le_bytes();
    // The client may have hung up.
    drop(peer.write_all(&[&[low, middle, high, sequence], payload].concat()));
}

fn hear(peer: &mut TcpStream) -> Vec<u8> {
    let mut heard = vec![0; 4096];
    let length = peer.read(&mut heard).unwrap_or(0);
    heard.truncate(length);
    heard
}
