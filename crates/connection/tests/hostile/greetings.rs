//! What can go wrong before anybody is let in: the greeting, and how the client is told to prove
//! who it is.

use std::io;

use steadfast_connection::{Connection, Error, Tls};
use steadfast_testkit::{ScriptedServer, Talk, packet};

use crate::attacks::{ATTACKS, Spoil};
use crate::scene::{LIMIT, PASSWORD, Scene, config, play_all, timed, within};

/// Opens against `script`, which never lets anybody in.
fn refused<S>(tls: Tls, script: S) -> Result<(), String>
where
    S: Fn(&mut Talk) -> io::Result<()> + Send + Sync + 'static,
{
    let server = ScriptedServer::start(script);
    // A greeting that makes no sense is looked at once more, for the reason: that is one more limit.
    let outcome = within(LIMIT * 2, || Connection::open(&config(&server).tls(tls)))?;
    let received = server.received();
    if received.windows(PASSWORD.len()).any(|bytes| bytes == PASSWORD.as_bytes()) {
        return Err("the password was sent".to_owned());
    }
    match outcome {
        Ok(conn) => Err(format!("connected: {conn:?}")),
        Err(error) if error.errno().is_none() && !matches!(error, Error::Tls { .. }) => {
            Err(format!("no number: {error}"))
        }
        Err(error) if error.to_string().contains(PASSWORD) => Err("the password shows".to_owned()),
        Err(_) => Ok(()),
    }
}

fn scene<S>(name: impl Into<String>, script: S) -> Scene
where
    S: Fn(&mut Talk) -> io::Result<()> + Clone + Send + Sync + 'static,
{
    Scene { name: name.into(), play: Box::new(move || refused(Tls::disabled(), script.clone())) }
}

/// A first packet, and nothing after it.
fn greeted(name: &'static str, greeting: Vec<u8>) -> Scene {
    scene(name, move |talk| {
        talk.send(std::slice::from_ref(&greeting))?;
        talk.fall_silent()
    })
}

fn with_version(version: &[u8]) -> Vec<u8> {
    packet::greeting_with(version, packet::CAPABILITIES, b"mysql_native_password")
}

/// A greeting with `bytes` at a place counted from the end of the version.
fn altered(place: usize, bytes: &[u8]) -> Vec<u8> {
    let mut greeting = packet::greeting();
    let start = 1 + b"5.5.5-10.11.19-MariaDB\0".len() + place;
    greeting[start..start + bytes.len()].copy_from_slice(bytes);
    greeting
}

#[test]
fn a_greeting_that_is_none_is_refused_within_the_limit() {
    let good = packet::greeting();
    let mut scenes = vec![
        greeted("empty", Vec::new()),
        greeted("protocol 9", [&[9][..], &good[1..]].concat()),
        greeted("protocol 0", [&[0][..], &good[1..]].concat()),
        greeted("protocol 11", [&[11][..], &good[1..]].concat()),
        greeted("protocol 254", [&[254][..], &good[1..]].concat()),
        greeted("an error", packet::err(1129, "HY000", "Host is blocked")),
        greeted("an error of one byte", vec![0xff]),
        greeted("an error without a text", vec![0xff, 0x69, 4]),
        greeted("an EOF", packet::eof(2)),
        greeted("an OK", packet::ok(2)),
        greeted("a request for a file", packet::file_request(b"/etc/passwd")),
        greeted("an empty version", with_version(b"")),
        greeted("a version of 64 KiB", with_version(&vec![b'5'; 0x1_0000])),
        greeted("a version of 16 MB", with_version(&vec![b'5'; 0xff_0000])),
        greeted("a version without an end", [&[10][..], &[b'5'; 300]].concat()),
        greeted("a version of percent signs", with_version(b"%s%s%n%n%99999d")),
        greeted("a version that is no text", with_version(&[0xff; 40])),
        greeted("a scramble of 0 bytes", altered(20, &[0])),
        greeted("a scramble of 255 bytes", altered(20, &[255])),
        greeted("no capabilities", altered(13, &[0, 0, 45, 2, 0, 0, 0])),
        greeted("all capabilities", altered(13, &[255; 7])),
        greeted("all of MariaDB's own capabilities", altered(21, &[255; 10])),
        greeted("character set 0", altered(15, &[0])),
        greeted("character set 255", altered(15, &[255])),
        greeted("a plugin without an end", good[..good.len() - 1].to_vec()),
        greeted("bytes after the plugin", [&good[..], &[0xee; 500]].concat()),
        greeted(
            "an unknown plugin",
            packet::greeting_with(b"8.4.0", packet::CAPABILITIES | 1, b"no_such_plugin"),
        ),
        greeted(
            "a plugin with a path",
            packet::greeting_with(b"8.4.0", packet::CAPABILITIES, b"../../../../tmp/evil"),
        ),
        greeted(
            "a plugin with a name of 4 KiB",
            packet::greeting_with(b"8.4.0", packet::CAPABILITIES, &[b'p'; 4096]),
        ),
    ];
    for length in 0..good.len() {
        let cut = good[..length].to_vec();
        scenes.push(scene(format!("cut after {length} bytes"), move |talk: &mut Talk| {
            talk.send(std::slice::from_ref(&cut))
        }));
        let begun = packet::frame(0, &good)[..length].to_vec();
        scenes.push(scene(format!("closed after {length} bytes"), move |talk: &mut Talk| {
            talk.send_raw(&begun)
        }));
    }
    play_all(&scenes);
}

#[test]
fn every_attack_on_the_greeting_the_verdict_and_the_set_up_is_survived() {
    let mut scenes = Vec::new();
    for attack in &ATTACKS {
        for point in 0..3 {
            let spoil = attack.spoil;
            let play = move || opened(move |talk: &mut Talk| spoiled(talk, point, spoil));
            let name = format!("{} at {point} of open", attack.name);
            scenes.push(Scene { name, play: Box::new(play) });
        }
    }
    play_all(&scenes);
}

/// Opens against `script`: an attack may leave the answer as it was, or only add to it.
fn opened<S>(script: S) -> Result<(), String>
where
    S: Fn(&mut Talk) -> io::Result<()> + Send + Sync + 'static,
{
    let server = ScriptedServer::start(script);
    match within(LIMIT * 2, || Connection::open(&config(&server)))? {
        Err(error) if error.errno().is_none() => Err(format!("no number: {error}")),
        _ => Ok(()),
    }
}

/// Welcomes a client, but for the packet at `point`: greeting, verdict, answer to the set-up.
fn spoiled(talk: &mut Talk, point: usize, spoil: Spoil) -> io::Result<()> {
    for step in 0..3 {
        let request = if step == 0 { Vec::new() } else { talk.receive()? };
        let honest = match step {
            0 => vec![packet::greeting()],
            1 => vec![packet::ok(packet::AUTOCOMMIT)],
            _ => talk.honest(&request),
        };
        if step == point {
            spoil(talk, honest)?;
        } else {
            talk.send(&honest)?;
        }
    }
    talk.serve()
}

/// Told to prove who it is in another way, the client never says the password.
#[test]
fn no_way_to_authenticate_makes_the_client_tell_the_password() {
    let salt = b"12345678901234567890\0";
    let switches: [(&'static str, Vec<u8>); 16] = [
        ("to clear text", packet::switch_to(b"mysql_clear_password", b"")),
        ("to a dialog", packet::switch_to(b"dialog", b"\x04Password: ")),
        ("to sha256_password", packet::switch_to(b"sha256_password", salt)),
        ("to the old password", packet::switch_to(b"mysql_old_password", b"12345678\0")),
        ("to the old password, in one byte", vec![0xfe]),
        ("to an unknown plugin", packet::switch_to(b"no_such_plugin", salt)),
        ("to a plugin with a path", packet::switch_to(b"/tmp/evil", salt)),
        ("to a plugin without a name", packet::switch_to(b"", salt)),
        ("to a name without an end", [&[0xfe][..], &[b'p'; 200]].concat()),
        ("to native without a scramble", packet::switch_to(b"mysql_native_password", b"")),
        ("to native with a short scramble", packet::switch_to(b"mysql_native_password", b"12")),
        ("to native with a long scramble", packet::switch_to(b"mysql_native_password", &[7; 5000])),
        ("to ed25519 without a scramble", packet::switch_to(b"client_ed25519", b"")),
        ("to ed25519 with a long scramble", packet::switch_to(b"client_ed25519", &[7; 5000])),
        ("to caching_sha2 without a scramble", packet::switch_to(b"caching_sha2_password", b"")),
        ("to gssapi", packet::switch_to(b"auth_gssapi_client", b"principal\0mech\0")),
    ];
    let mut scenes = Vec::new();
    for (name, switch) in switches {
        for tls in [Tls::disabled(), Tls::preferred(), Tls::required()] {
            let switch = switch.clone();
            let name = format!("{name}, {tls:?}");
            let play = move || {
                let switch = switch.clone();
                refused(tls.clone(), move |talk: &mut Talk| switching(talk, &switch))
            };
            scenes.push(Scene { name, play: Box::new(play) });
        }
    }
    play_all(&scenes);
}

/// Asks for another way, and again with whatever it answers.
fn switching(talk: &mut Talk, switch: &[u8]) -> io::Result<()> {
    talk.send(&[packet::greeting()])?;
    talk.receive()?;
    for _ in 0..3 {
        talk.send(&[switch.to_vec()])?;
        talk.receive()?;
    }
    talk.send(&[packet::err(1045, "28000", "no")])
}

/// `caching_sha2_password` asks for the whole password; without TLS it would have to be encrypted
/// with a key that the server names itself.
#[test]
fn a_key_that_the_server_names_itself_never_encrypts_the_password() {
    let scenes = [
        ("noise", b"\x01no key at all".to_vec()),
        ("an empty key", vec![1]),
        ("a good key", [&[1][..], SERVERS_KEY.as_bytes()].concat()),
        ("a key of 1 MB", vec![1; 1 << 20]),
    ]
    .map(|(name, key)| {
        let play = move || {
            let key = key.clone();
            let server = ScriptedServer::start(move |talk: &mut Talk| {
                let capabilities = packet::CAPABILITIES | 1;
                let plugin = b"caching_sha2_password";
                talk.send(&[packet::greeting_with(b"8.4.0", capabilities, plugin)])?;
                talk.receive()?;
                talk.send(&[vec![1, 4]])?;
                talk.receive()?;
                talk.send(std::slice::from_ref(&key))?;
                talk.receive()?;
                talk.send_raw(b"the password has come")
            });
            let outcome = timed(|| Connection::open(&config(&server)))?;
            // Encrypted with RSA of 2,048 bits it has 256 bytes.
            let received = server.received();
            if received.len() > 400 {
                return Err(format!("{} bytes were sent", received.len()));
            }
            outcome.map_or_else(|_| Ok(()), |conn| Err(format!("connected: {conn:?}")))
        };
        Scene { name: name.to_owned(), play: Box::new(play) }
    });
    play_all(&scenes);
}

/// Made for this test alone, with `openssl genrsa 2048 | openssl rsa -pubout`.
const SERVERS_KEY: &str = include_str!("servers-key.pem");

#[test]
fn a_server_that_offers_tls_and_cannot_do_it_is_refused() {
    let answers: [(&'static str, &'static [u8]); 5] = [
        ("noise", &[0xee; 200]),
        ("an alert", &[21, 3, 3, 0, 2, 2, 40]),
        ("half a record", &[22, 3, 3, 0x40]),
        ("a record of lies", &[22, 3, 3, 0xff, 0xff, 2, 0xff, 0xff, 0xff]),
        ("plain text", b"\x07\0\0\x02\0\0\0\x02\0\0\0"),
    ];
    let mut scenes = Vec::new();
    for (name, answer) in answers {
        for is_silent in [false, true] {
            let script = move |talk: &mut Talk| fail_at_tls(talk, answer, is_silent);
            let play = move || refused(Tls::required(), script);
            let name = format!("{name}, {}", if is_silent { "silent" } else { "closing" });
            scenes.push(Scene { name, play: Box::new(play) });
        }
    }
    play_all(&scenes);
}

fn fail_at_tls(talk: &mut Talk, answer: &[u8], is_silent: bool) -> io::Result<()> {
    let capabilities = packet::CAPABILITIES | 1 << 11;
    let plugin = b"mysql_native_password";
    talk.send(&[packet::greeting_with(b"5.5.5-10.11.19-MariaDB", capabilities, plugin)])?;
    talk.receive()?;
    talk.send_raw(answer)?;
    if is_silent { talk.fall_silent() } else { Ok(()) }
}
