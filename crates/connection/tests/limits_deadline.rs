//! Servers that are slow in every way: how long each call takes beside its limit.
//!
//! `cargo test -p steadfast-connection --test limits_deadline -- --nocapture --include-ignored`
//! plays each scene 1,000 times, 100 at a time, and prints what was seen. `STEADFAST_ROUNDS` is
//! another number.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may stop, and tells what it measured"
)]

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use steadfast_connection::{Config, Connection, Error, Fault, ServerError, Tls};
use steadfast_testkit::{ScriptedServer, Server, Talk, packet, silent_peer};

const LIMIT: Duration = Duration::from_secs(1);
const SLACK: Duration = Duration::from_millis(100);
const AT_ONCE: usize = 100;
/// Each reads the system's certificates first, tens of milliseconds of a processor's time.
const AT_ONCE_WITH_TLS: usize = 2;

fn config(port: u16) -> Config {
    Config::new()
        .port(port)
        .tls(Tls::disabled())
        .connect_timeout(LIMIT)
        .read_timeout(LIMIT)
        .write_timeout(LIMIT)
}

fn rounds() -> usize {
    let rounds = std::env::var("STEADFAST_ROUNDS").ok();
    rounds.map_or(1000, |text| text.parse().expect("a number"))
}

/// Plays `call` many times, many at a time; what it returns is how long the bounded part took.
fn measure(name: &str, call: impl Fn() -> Duration + Sync) {
    measure_at_once(AT_ONCE, name, call);
}

fn measure_at_once(at_once: usize, name: &str, call: impl Fn() -> Duration + Sync) {
    let (next, rounds) = (AtomicUsize::new(0), rounds());
    let mut took = thread::scope(|scope| {
        let play = || {
            let mut took = Vec::new();
            while next.fetch_add(1, Ordering::Relaxed) < rounds {
                took.push(call());
            }
            took
        };
        let crew: Vec<_> = (0..at_once.min(rounds)).map(|_| scope.spawn(play)).collect();
        crew.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    took.sort_unstable();
    let within = took.iter().filter(|took| **took <= LIMIT + SLACK).count();
    let (median, longest) = (took[rounds / 2], took[rounds - 1]);
    eprintln!("{name}: {within} of {rounds} within; median {median:?}, longest {longest:?}");
    assert_eq!(within, rounds, "{name}: median {median:?}, longest {longest:?}");
}

fn failing<T>(call: impl FnOnce() -> Result<T, Error>) -> Duration {
    let started = Instant::now();
    let outcome = call();
    let took = started.elapsed();
    assert!(outcome.is_err_and(|error| error.errno().is_some()), "a numbered failure");
    took
}

/// The socket of a server that lets everybody in, and from the first command on plays `slow`.
fn after_welcome(
    slow: impl Fn(&mut Talk) -> io::Result<()> + Send + Sync + 'static,
) -> ScriptedServer {
    ScriptedServer::start(move |talk: &mut Talk| {
        talk.welcome()?;
        let setup = talk.receive()?;
        let answer = talk.honest(&setup);
        talk.send(&answer)?;
        talk.receive()?;
        slow(talk)
    })
}

/// A byte every 50 ms, each of which a limit per read takes for a sign of life.
fn drip(talk: &mut Talk, bytes: &[u8]) -> io::Result<()> {
    for byte in bytes {
        talk.send_raw(&[*byte])?;
        pause(Duration::from_millis(50));
    }
    talk.fall_silent()
}

#[expect(clippy::disallowed_methods, reason = "a slow server is made of pauses")]
fn pause(pause: Duration) {
    thread::sleep(pause);
}

fn opened(port: u16) -> Connection {
    // Nothing is slow yet but the machine.
    Connection::open(&config(port).connect_timeout(LIMIT * 60)).unwrap()
}

fn query(conn: &mut Connection) -> Result<(), Error> {
    match diesel::sql_query("SELECT 1").execute(conn) {
        Ok(_) => Ok(()),
        Err(error) => Err(ServerError::find(&error).unwrap().into()),
    }
}

/// Where each byte is a sign of life, the whole call has its own limit.
fn within(
    conn: &mut Connection,
    call: impl FnOnce(&mut Connection) -> Result<(), Error>,
) -> Result<(), Error> {
    let outcome = conn.within(LIMIT, call)?;
    assert!(conn.is_broken());
    outcome
}

#[test]
#[ignore = "measures, for minutes"]
fn opening_a_black_hole() {
    let peer = silent_peer();
    measure("open, silent from the start", || failing(|| Connection::open(&config(peer.port()))));
}

#[test]
#[ignore = "measures, for minutes"]
fn opening_with_a_greeting_that_drips() {
    let server =
        ScriptedServer::start(|talk: &mut Talk| drip(talk, &packet::frame(0, &packet::greeting())));
    measure("open, the greeting drips", || failing(|| Connection::open(&config(server.port()))));
}

#[test]
#[ignore = "measures, for minutes"]
fn opening_with_steps_that_each_take_most_of_the_limit() {
    let server = ScriptedServer::start(|talk: &mut Talk| {
        pause(LIMIT * 7 / 10);
        talk.send(&[packet::greeting()])?;
        talk.receive()?;
        pause(LIMIT * 7 / 10);
        talk.send(&[packet::ok(packet::AUTOCOMMIT)])?;
        talk.receive()?;
        pause(LIMIT * 7 / 10);
        talk.fall_silent()
    });
    measure("open, each step takes 0.7 s", || failing(|| Connection::open(&config(server.port()))));
}

#[test]
#[ignore = "measures, for minutes"]
fn opening_with_tls_that_is_offered_and_never_done() {
    let server = ScriptedServer::start(|talk: &mut Talk| {
        let capabilities = packet::CAPABILITIES | 1 << 11;
        let plugin = b"mysql_native_password";
        talk.send(&[packet::greeting_with(b"5.5.5-10.11.19-MariaDB", capabilities, plugin)])?;
        talk.fall_silent()
    });
    let config = config(server.port()).tls(Tls::required()).read_timeout(LIMIT * 60);
    measure_at_once(AT_ONCE_WITH_TLS, "open, TLS is offered and not done", || {
        let started = Instant::now();
        let error = Connection::open(&config).unwrap_err();
        let took = started.elapsed();
        assert_eq!((error.errno(), error.fault()), (Some(2013), Fault::Disconnected), "{error}");
        took
    });
}

#[test]
#[ignore = "measures, for minutes"]
fn opening_with_a_login_that_nobody_answers() {
    let server = ScriptedServer::start(|talk: &mut Talk| {
        talk.send(&[packet::greeting()])?;
        talk.fall_silent()
    });
    let config = config(server.port()).read_timeout(LIMIT * 60);
    measure("open, the login is not answered", || failing(|| Connection::open(&config)));
}

#[test]
#[ignore = "measures, for minutes"]
fn a_ping_that_nobody_answers() {
    let server = after_welcome(Talk::fall_silent);
    measure("ping, silence", || {
        let mut conn = opened(server.port());
        failing(|| conn.ping())
    });
}

#[test]
#[ignore = "measures, for minutes"]
fn a_ping_whose_answer_drips() {
    let server = after_welcome(|talk| {
        let long = packet::ok_with_state(&[0; 60]);
        drip(talk, &packet::frame(1, &long))
    });
    measure("ping, the answer drips", || {
        let mut conn = opened(server.port());
        failing(|| within(&mut conn, Connection::ping))
    });
}

#[test]
#[ignore = "measures, for minutes"]
fn a_query_that_nobody_answers() {
    let server = after_welcome(Talk::fall_silent);
    measure("query, silence", || {
        let mut conn = opened(server.port());
        failing(|| query(&mut conn))
    });
}

#[test]
#[ignore = "measures, for minutes"]
fn a_query_whose_answer_drips() {
    let server = after_welcome(|talk| drip(talk, &packet::frame(1, &[1; 60])));
    measure("query, the answer drips", || {
        let mut conn = opened(server.port());
        failing(|| within(&mut conn, query))
    });
}

#[test]
#[ignore = "measures, for minutes"]
fn a_query_answered_with_progress_for_ever() {
    let server = after_welcome(|talk| {
        for sequence in 1.. {
            let report = packet::err(0xffff, "HY000", "\u{1}\u{1}\u{2}\0\0\0\u{1}x");
            talk.send_raw(&packet::frame(sequence, &report))?;
            pause(Duration::from_millis(20));
        }
        Ok(())
    });
    measure("query, reports of progress for ever", || {
        let mut conn = opened(server.port());
        failing(|| within(&mut conn, query))
    });
}

#[test]
#[ignore = "measures, for minutes"]
fn a_batch_with_further_answers_for_ever() {
    let server = after_welcome(|talk| {
        for sequence in 1_u8.. {
            talk.send_raw(&packet::frame(sequence, &packet::ok(packet::MORE_RESULTS)))?;
            pause(Duration::from_millis(20));
        }
        talk.fall_silent()
    });
    measure("batch, further answers for ever", || {
        let mut conn = opened(server.port());
        let batch = |conn: &mut Connection| match conn.batch("DO 1") {
            Ok(_) => Ok(()),
            Err(failure) => Err(failure.into_source_error().into()),
        };
        failing(|| within(&mut conn, batch))
    });
}

#[test]
#[ignore = "measures, for minutes"]
fn a_server_that_is_frozen() {
    let server = Server::start().unwrap();
    let url = server.url("");
    let config = || {
        let config = Config::from_url(&url).unwrap().connect_timeout(LIMIT * 60);
        config.read_timeout(LIMIT).write_timeout(LIMIT)
    };
    let mut conns: Vec<_> = (0..AT_ONCE).map(|_| Connection::open(&config()).unwrap()).collect();
    server.pause().unwrap();
    let took = thread::scope(|scope| {
        let threads: Vec<_> =
            conns.iter_mut().map(|conn| scope.spawn(|| failing(|| query(conn)))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    server.resume().unwrap();
    let longest = took.iter().max().unwrap();
    eprintln!("query, the server frozen: longest of {AT_ONCE} {longest:?}");
    assert!(*longest <= LIMIT + SLACK, "{longest:?}");
}
