//! Attacks that can be made on any answer, each at every point of every call.

use std::io;
use std::time::Duration;

use steadfast_testkit::{Talk, packet};

use crate::calls::{CALLS, Call};
use crate::scene::{LIMIT, Scene, attacked, play_all};

/// Spoils the packets that a decent server would send.
pub(crate) type Spoil = fn(&mut Talk, Vec<Vec<u8>>) -> io::Result<()>;

/// What must come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Harm {
    /// Nothing: the call gives the right answer.
    Harmless,
    /// The call fails because the connection is lost or makes no sense, and is broken.
    Lost,
    /// The call fails with this number, which the server said.
    Told(u32),
    /// It fails, or gives the right answer.
    Odd,
    /// It may be believed: a true answer could look the same.
    Believable,
    /// The same, but it leaves packets behind that the next call finds.
    Leaving,
    /// As `Odd`, and the next call may take the rest for its own answer, where that comes late or goes
    /// through the client library.
    More,
}

use Harm::{Believable, Harmless, Lost, More, Odd, Told};

pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// To what we read ourselves.
    harm: Harm,
    /// To what the client library reads.
    harm_to_text: Harm,
    pub(crate) spoil: Spoil,
}

const fn fatal(name: &'static str, spoil: Spoil) -> Attack {
    attack(name, Lost, Lost, spoil)
}

const fn odd(name: &'static str, spoil: Spoil) -> Attack {
    attack(name, Odd, Odd, spoil)
}

/// The client library takes it for something else.
const fn seen(name: &'static str, spoil: Spoil) -> Attack {
    attack(name, Lost, Odd, spoil)
}

const fn more(name: &'static str, spoil: Spoil) -> Attack {
    attack(name, More, More, spoil)
}

const fn attack(name: &'static str, harm: Harm, harm_to_text: Harm, spoil: Spoil) -> Attack {
    Attack { name, harm, harm_to_text, spoil }
}

impl Attack {
    /// What must come of it at this request of a call.
    pub(crate) fn harm_to(&self, call: &Call, point: usize) -> Harm {
        match if call.text.contains(&point) { self.harm_to_text } else { self.harm } {
            // Whoever drops a stream does not ask how it would have ended.
            Lost | Told(_) if call.name == "dropped stream" && point == 1 => Odd,
            harm => harm,
        }
    }
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
    fatal("closes before the last packet", |talk, mut honest| {
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
    seen("numbers packets from 0", |talk, honest| raw(talk, &packet::framed(0, &honest))),
    seen("numbers packets from 9", |talk, honest| raw(talk, &packet::framed(9, &honest))),
    odd("numbers all packets alike", |talk, honest| {
        let bytes = honest.iter().flat_map(|one| packet::frame(1, one)).collect::<Vec<_>>();
        raw(talk, &bytes)
    }),
    attack("sends packets backwards", Odd, Believable, |talk, mut honest| {
        honest.reverse();
        talk.send(&honest)
    }),
    more("answers twice", |talk, honest| {
        talk.send(&honest)?;
        talk.send(&honest)
    }),
    more("answers twice in one write", |talk, honest| {
        let first = packet::framed(1, &honest);
        raw(talk, &[first.clone(), first].concat())
    }),
    more("adds an unasked packet", |talk, mut honest| {
        honest.push(packet::ok(packet::AUTOCOMMIT));
        talk.send(&honest)
    }),
    more("adds an unasked error", |talk, mut honest| {
        honest.push(packet::err(1105, "HY000", "unasked"));
        talk.send(&honest)
    }),
    fatal("claims a longer packet", |talk, honest| {
        let mut bytes = packet::framed(talk.sequence(), &honest);
        bytes[1] = bytes[1].wrapping_add(40);
        raw(talk, &bytes)
    }),
    fatal("claims a shorter packet", |talk, honest| {
        let mut bytes = packet::framed(talk.sequence(), &honest);
        bytes[0] = bytes[0].wrapping_sub(1);
        raw(talk, &bytes)
    }),
    fatal("sends an empty packet", |talk, honest| instead(talk, honest, Vec::new())),
    fatal("ends with an empty packet", |talk, honest| at_the_end(talk, honest, Vec::new())),
    fatal("sends empty packets alone", |talk, _| talk.send(&vec![Vec::new(); 300])),
    fatal("claims a packet of 16 MB", |talk, _| raw(talk, &[0xff, 0xff, 0xff, 1, 0, 0])),
    fatal("sends 4 MB of zeros and stops", |talk, _| {
        talk.send_raw(&[0xff, 0xff, 0x3f, 1])?;
        for _ in 0..60 {
            talk.send_raw(&[0; 0x1_0000])?;
        }
        close()
    }),
    attack("sends a packet of 1 MB", Believable, Believable, |talk, honest| {
        instead(talk, honest, vec![0; 1 << 20])
    }),
    fatal("speaks HTTP", |talk, _| raw(talk, b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    fatal("sends 0xff alone", |talk, _| raw(talk, &[0xff; 4096])),
    fatal("sends zeros", |talk, _| raw(talk, &[0; 4096])),
    attack("spoils bytes, 1", Odd, Believable, |talk, honest| noisy(talk, &honest, 1)),
    attack("spoils bytes, 2", Odd, Believable, |talk, honest| noisy(talk, &honest, 2)),
    attack("spoils bytes, 3", Odd, Believable, |talk, honest| noisy(talk, &honest, 3)),
    attack("spoils bytes, 4", Odd, Believable, |talk, honest| noisy(talk, &honest, 4)),
    attack("spoils bytes, 5", Odd, Believable, |talk, honest| noisy(talk, &honest, 5)),
    attack("spoils bytes, 6", Odd, Believable, |talk, honest| noisy(talk, &honest, 6)),
    odd("sends noise in a good frame", |talk, honest| instead(talk, honest, noise(7, 64))),
    seen("fails with one byte", |talk, _| talk.send(&[vec![0xff]])),
    seen("fails with half a number", |talk, _| talk.send(&[vec![0xff, 0x69]])),
    attack("fails with a number alone", Told(1129), Odd, |talk, _| {
        talk.send(&[vec![0xff, 0x69, 4]])
    }),
    attack("fails without a state", Told(1129), Told(1129), |talk, _| {
        talk.send(&[b"\xff\x69\x04no state".to_vec()])
    }),
    seen("fails with a cut state", |talk, _| talk.send(&[b"\xff\x69\x04#HY".to_vec()])),
    attack("fails with the number 0", Told(0), Odd, |talk, _| {
        talk.send(&[packet::err(0, "00000", "")])
    }),
    fatal("fails with the number 65,535", |talk, _| {
        talk.send(&[packet::err(0xffff, "HY000", "progress?")])
    }),
    fatal("fails with a client's number", |talk, _| {
        talk.send(&[packet::err(2013, "HY000", "lost, it says")])
    }),
    attack("fails with a long text that is no UTF-8", Told(1105), Told(1105), |talk, _| {
        talk.send(&[[packet::err(1105, "HY000", ""), vec![0xe2; 60_000]].concat()])
    }),
    attack("fails in place of the last packet", Told(1213), Told(1213), |talk, honest| {
        at_the_end(talk, honest, packet::err(1213, "40001", "late"))
    }),
    seen("sends an EOF first", |talk, honest| instead(talk, honest, packet::eof(2))),
    seen("sends an EOF of one byte", |talk, honest| instead(talk, honest, vec![0xfe])),
    seen("sends an OK of one byte", |talk, honest| instead(talk, honest, vec![0])),
    seen("sends an OK with a cut number", |talk, honest| instead(talk, honest, vec![0, 0xfc, 1])),
    attack("sends an OK with NULL as number", Lost, Believable, |talk, honest| {
        instead(talk, honest, vec![0, 0xfb, 0xfb, 2, 0, 0, 0])
    }),
    seen("sends an OK with lies about lengths", |talk, honest| {
        instead(talk, honest, [packet::ok(0x4002), vec![0xfe; 9]].concat())
    }),
    attack("sends an OK where rows were asked for", Believable, Believable, |talk, honest| {
        instead(talk, honest, packet::ok(packet::AUTOCOMMIT))
    }),
    attack("drips the answer for half a limit", Harmless, Harmless, |talk, honest| {
        let bytes = packet::framed(talk.sequence(), &honest);
        let pause = LIMIT / 2 / u32::try_from(bytes.len()).unwrap();
        for byte in bytes {
            talk.send_raw(&[byte])?;
            pause_for(pause);
        }
        Ok(())
    }),
    seen("asks for a file", |talk, honest| {
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
    let (spoil, run, harm) = (attack.spoil, call.run, attack.harm_to(call, point));
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
