//! A free loopback port that stays free while its owner is down.
//!
//! The kernel gives a client's end of a connection a port from 32768 up, so a port from there may be
//! taken by any client while a killed server is restarted. Ours come from below.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, TcpListener};

const LOWEST: u16 = 15_000;
const HIGHEST: u16 = 32_000;

/// A port that nobody listened on a moment ago. Somebody may be quicker: whoever binds it tries again.
pub(crate) fn free() -> u16 {
    let span = u64::from(HIGHEST - LOWEST);
    loop {
        let offset = u16::try_from(chance() % span).expect("the span is below 2^16");
        let port = LOWEST + offset;
        if !is_taken(port) {
            return port;
        }
    }
}

/// Whether somebody listens on the port.
pub(crate) fn is_taken(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err()
}

/// A number that differs between threads, processes and calls: std seeds each map's hasher by chance.
pub(crate) fn chance() -> u64 {
    RandomState::new().build_hasher().finish()
}
