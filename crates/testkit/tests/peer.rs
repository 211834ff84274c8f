//! Peers that accept and say nothing, or something fixed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::panic::catch_unwind;
use std::time::{Duration, Instant};

use steadfast_testkit::{eventually, scripted_peer, silent_peer};

const TEN_SECONDS: Duration = Duration::from_secs(10);

#[test]
fn a_silent_peer_accepts_and_says_nothing_until_it_is_dropped() {
    let peer = silent_peer();
    let mut stream = TcpStream::connect_timeout(&peer.addr(), TEN_SECONDS).unwrap();
    eventually(TEN_SECONDS, || peer.accepted() == 1);
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(peer);
    stream.set_read_timeout(Some(TEN_SECONDS)).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_scripted_peer_says_its_line_to_everybody() {
    let peer = scripted_peer(b"go away");
    for number in 1..=3 {
        let mut stream = TcpStream::connect_timeout(&peer.addr(), TEN_SECONDS).unwrap();
        stream.set_read_timeout(Some(TEN_SECONDS)).unwrap();
        let mut said = [0; 7];
        stream.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"go away");
        eventually(TEN_SECONDS, || peer.accepted() == number);
    }
    assert_eq!(peer.port(), peer.addr().port());
}

#[test]
fn eventually_waits_no_longer_than_it_must() {
    let start = Instant::now();
    let mut looks = 0;
    eventually(TEN_SECONDS, || {
        looks += 1;
        looks == 20
    });
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn eventually_gives_up_when_the_time_is_over() {
    let start = Instant::now();
    let limit = Duration::from_millis(30);
    assert!(catch_unwind(|| eventually(limit, || false)).is_err());
    assert!(start.elapsed() >= limit);
}
