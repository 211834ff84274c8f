//! Attacks that can be made on any answer, each at every point of every call.

use std::io;
use std::time::Duration;

use steadfast_testkit::{Talk, packet};

use crate::calls::{CALLS, Call};
use crate::scene::{LIMIT, Scene, attacked, play_all};

/// Spoils the packets that a decent server would send.
pub(crate) type Spoil = fn(&mut Talk, Vec<Vec<u8>>) -> io::Result<()>;

/// What an attack does to the call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    /// The call cannot have a good answer.
    Fatal,
    /// It depends on the call.
    Odd,
    /// The server says more than it was asked, or in the wrong order. libmariadb does not look at
    /// sequence numbers, so the next call may take the rest for its own answer: a wrong one, as
    /// such a server can always give.
    Lies,
}

pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) harm: Harm,
    pub(crate) spoil: Spoil,
}

const fn fatal(name: &'static str, spoil: Spoil) -> Attack {
    Attack { name, harm: Harm::Fatal, spoil }
}

const fn odd(name: &'static str, spoil: Spoil) -> Attack {
    Attack { name, harm: Harm::Odd, spoil }
}

const fn lies(name: &'static str, spoil: Spoil) -> Attack {
    Attack { name, harm: Harm::Lies, spoil }
}

/// An orderly close, as far as the script is concerned.
fn close() -> io::Result<()> {
    Err(io::Error::other("the script closes"))
}

fn cut(talk: &mut Talk, honest: &[Vec<u8>], count: usize) -> io::Result<()> {
    let bytes = packet::framed(talk.sequence(), honest);
    talk.send_raw(&bytes[..count.min(bytes.len() - 1)])?;
    close()
}

fn raw(talk: &mut Talk, bytes: &[u8]) -> io::Result<()> {
    talk.send_raw(bytes)?;
    talk.fall_silent()
}

/// In place of the first packet, the others following.
fn instead(talk: &mut Talk, honest: Vec<Vec<u8>>, first: Vec<u8>) -> io::Result<()> {
    let mut packets = honest;
    packets[0] = first;
    talk.send(&packets)
}

/// After all but the last packet.
fn at_the_end(talk: &mut Talk, honest: Vec<Vec<u8>>, last: Vec<u8>) -> io::Result<()> {
    let mut packets = honest;
    *packets.last_mut().unwrap() = last;
    talk.send(&packets)
}

/// The same noise in each run.
fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(count).collect()
}

fn noisy(talk: &mut Talk, honest: &[Vec<u8>], seed: u64) -> io::Result<()> {
    let mut bytes = packet::framed(talk.sequence(), honest);
    for pair in noise(seed, 12).chunks(2) {
        let place = usize::from(pair[0]) * 7 % bytes.len();
        bytes[place] = pair[1];
    }
    raw(talk, &bytes)
}

pub(crate) const ATTACKS: [Attack; 58] = [
    fatal("closes at once", |_, _| close()),
    fatal("closes after one byte", |talk, honest| cut(talk, &honest, 1)),
    fatal("closes within the header", |talk, honest| cut(talk, &honest, 3)),
    fatal("closes after the header", |talk, honest| cut(talk, &honest, 4)),
    fatal("closes within the first packet", |talk, honest| cut(talk, &honest, 5)),
    fatal("closes before the last byte", |talk, honest| cut(talk, &honest, usize::MAX)),
    odd("closes before the last packet", |talk, mut honest| {
        honest.pop();
        talk.send(&honest)?;
        close()
    }),
    fatal("closes in the middle", |talk, honest| {
        let half = packet::framed(0, &honest).len() / 2;
        cut(talk, &honest, half)
    }),
    odd("closes after the answer", |talk, honest| {
        talk.send(&honest)?;
        close()
    }),
    fatal("says nothing", |talk, _| talk.fall_silent()),
    fatal("falls silent within the header", |talk, _| raw(talk, &[7, 0])),
    fatal("falls silent within a packet", |talk, _| raw(talk, &[7, 0, 0, 1, 0, 0])),
    fatal("falls silent before the last byte", |talk, honest| {
        let bytes = packet::framed(talk.sequence(), &honest);
        raw(talk, &bytes[..bytes.len() - 1])
    }),
    lies("numbers packets from 0", |talk, honest| raw(talk, &packet::framed(0, &honest))),
    lies("numbers packets from 9", |talk, honest| raw(talk, &packet::framed(9, &honest))),
    lies("numbers all packets alike", |talk, honest| {
        let bytes = honest.iter().flat_map(|one| packet::frame(1, one)).collect::<Vec<_>>();
        raw(talk, &bytes)
    }),
    lies("sends packets backwards", |talk, mut honest| {
        honest.reverse();
        talk.send(&honest)
    }),
    lies("answers twice", |talk, honest| {
        talk.send(&honest)?;
        talk.send(&honest)
    }),
    lies("answers twice in one write", |talk, honest| {
        let first = packet::framed(1, &honest);
        raw(talk, &[first.clone(), first].concat())
    }),
    lies("adds an unasked packet", |talk, mut honest| {
        honest.push(packet::ok(packet::AUTOCOMMIT));
        talk.send(&honest)
    }),
    lies("adds an unasked error", |talk, mut honest| {
        honest.push(packet::err(1105, "HY000", "unasked"));
        talk.send(&honest)
    }),
    fatal("claims a longer packet", |talk, honest| {
        let mut bytes = packet::framed(talk.sequence(), &honest);
        bytes[1] = bytes[1].wrapping_add(40);
        raw(talk, &bytes)
    }),
    odd("claims a shorter packet", |talk, honest| {
        let mut bytes = packet::framed(talk.sequence(), &honest);
        bytes[0] = bytes[0].wrapping_sub(1);
        raw(talk, &bytes)
    }),
    odd("sends an empty packet", |talk, honest| instead(talk, honest, Vec::new())),
    odd("ends with an empty packet", |talk, honest| at_the_end(talk, honest, Vec::new())),
    fatal("sends empty packets alone", |talk, _| talk.send(&vec![Vec::new(); 300])),
    fatal("claims a packet of 16 MB", |talk, _| raw(talk, &[0xff, 0xff, 0xff, 1, 0, 0])),
    fatal("sends 4 MB of zeros and stops", |talk, _| {
        talk.send_raw(&[0xff, 0xff, 0x3f, 1])?;
        for _ in 0..60 {
            talk.send_raw(&[0; 0x1_0000])?;
        }
        close()
    }),
    odd("sends a packet of 1 MB", |talk, honest| instead(talk, honest, vec![0; 1 << 20])),
    fatal("speaks HTTP", |talk, _| raw(talk, b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    fatal("sends 0xff alone", |talk, _| raw(talk, &[0xff; 4096])),
    odd("sends zeros", |talk, _| raw(talk, &[0; 4096])),
    odd("spoils bytes, 1", |talk, honest| noisy(talk, &honest, 1)),
    odd("spoils bytes, 2", |talk, honest| noisy(talk, &honest, 2)),
    odd("spoils bytes, 3", |talk, honest| noisy(talk, &honest, 3)),
    odd("spoils bytes, 4", |talk, honest| noisy(talk, &honest, 4)),
    odd("spoils bytes, 5", |talk, honest| noisy(talk, &honest, 5)),
    odd("spoils bytes, 6", |talk, honest| noisy(talk, &honest, 6)),
    odd("sends noise in a good frame", |talk, honest| instead(talk, honest, noise(7, 64))),
    fatal("fails with one byte", |talk, _| talk.send(&[vec![0xff]])),
    fatal("fails with half a number", |talk, _| talk.send(&[vec![0xff, 0x69]])),
    fatal("fails with a number alone", |talk, _| talk.send(&[vec![0xff, 0x69, 4]])),
    fatal("fails without a state", |talk, _| talk.send(&[b"\xff\x69\x04no state".to_vec()])),
    fatal("fails with a cut state", |talk, _| talk.send(&[b"\xff\x69\x04#HY".to_vec()])),
    fatal("fails with the number 0", |talk, _| talk.send(&[packet::err(0, "00000", "")])),
    fatal("fails with the number 65,535", |talk, _| {
        talk.send(&[packet::err(0xffff, "HY000", "progress?")])
    }),
    fatal("fails with a client's number", |talk, _| {
        talk.send(&[packet::err(2013, "HY000", "lost, it says")])
    }),
    fatal("fails with a long text that is no UTF-8", |talk, _| {
        talk.send(&[[packet::err(1105, "HY000", ""), vec![0xe2; 60_000]].concat()])
    }),
    odd("fails in place of the last packet", |talk, honest| {
        at_the_end(talk, honest, packet::err(1213, "40001", "late"))
    }),
    odd("sends an EOF first", |talk, honest| instead(talk, honest, packet::eof(2))),
    odd("sends an EOF of one byte", |talk, honest| instead(talk, honest, vec![0xfe])),
    odd("sends an OK of one byte", |talk, honest| instead(talk, honest, vec![0])),
    odd("sends an OK with a cut number", |talk, honest| instead(talk, honest, vec![0, 0xfc, 1])),
    odd("sends an OK with NULL as number", |talk, honest| {
        instead(talk, honest, vec![0, 0xfb, 0xfb, 2, 0, 0, 0])
    }),
    odd("sends an OK with lies about lengths", |talk, honest| {
        instead(talk, honest, [packet::ok(0x4002), vec![0xfe; 9]].concat())
    }),
    odd("sends an OK where rows were asked for", |talk, honest| {
        instead(talk, honest, packet::ok(packet::AUTOCOMMIT))
    }),
    odd("drips the answer for half a limit", |talk, honest| {
        let bytes = packet::framed(talk.sequence(), &honest);
        let pause = LIMIT / 2 / u32::try_from(bytes.len()).unwrap();
        for byte in bytes {
            talk.send_raw(&[byte])?;
            pause_for(pause);
        }
        Ok(())
    }),
    odd("asks for a file", |talk, honest| {
        instead(talk, honest, packet::file_request(b"/etc/passwd"))
    }),
];

/// Of the script, which has no condition to wait for.
#[expect(clippy::disallowed_methods, reason = "a slow server is made of pauses")]
pub(crate) fn pause_for(pause: Duration) {
    std::thread::sleep(pause);
}

#[test]
fn every_call_survives_every_attack_at_every_point() {
    let mut scenes = Vec::new();
    for call in &CALLS {
        for point in 0..call.requests {
            scenes.extend(ATTACKS.iter().map(|attack| scene(attack, call, point)));
        }
    }
    play_all(&scenes);
}

fn scene(attack: &Attack, call: &Call, point: usize) -> Scene {
    let (spoil, run) = (attack.spoil, call.run);
    // Whoever drops a stream does not ask how it would have ended.
    let harm = match attack.harm {
        Harm::Fatal if call.name == "dropped stream" && point == 1 => Harm::Odd,
        harm => harm,
    };
    let play = move || {
        let on = move |talk: &mut Talk, nth, request: &[u8]| {
            let honest = talk.honest(request);
            // What has no answer, such as a statement's close, is no point.
            if honest.is_empty() || nth != point {
                return talk.send(&honest).map(|()| true);
            }
            spoil(talk, honest).map(|()| true)
        };
        attacked(on, harm, run)
    };
    let name = format!("{} at {point} of {}", attack.name, call.name);
    Scene { name, play: Box::new(play) }
}
