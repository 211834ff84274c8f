//! A server asks for a file, at any point and by any name: it never gets one.

use std::io::Write;

use steadfast_connection::Connection;
use steadfast_testkit::{ScriptedServer, Talk, packet};

use crate::calls::{CALLS, Checked, load_data};
use crate::scene::{Scene, config, open, play_all, timed};

const MARK: &[u8] = b"mark-of-a-file-that-stays-here";

#[test]
fn no_file_leaves_at_any_point_of_any_call() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(MARK).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let names = [path.clone(), format!("file://{path}"), "/etc/passwd".to_owned(), String::new()];
    let loading = ("load data", load_data as fn(&mut Connection) -> Checked);
    let calls = CALLS.iter().map(|call| (call.name, call.run)).chain([loading]);
    let mut scenes = Vec::new();
    for (call, run) in calls {
        for point in 0..3 {
            for name in &names {
                for allowed in [false, true] {
                    let asked = packet::file_request(name.as_bytes());
                    let play = move || asked_for_a_file(&asked, point, allowed, run);
                    let name = format!("{name:?} at {point} of {call}, allowed {allowed}");
                    scenes.push(Scene { name, play: Box::new(play) });
                }
            }
        }
    }
    play_all(&scenes);
}

fn asked_for_a_file(
    asked: &[u8],
    point: usize,
    allowed: bool,
    run: fn(&mut Connection) -> Checked,
) -> Result<(), String> {
    let asked = asked.to_owned();
    let server = ScriptedServer::start(move |talk: &mut Talk| {
        talk.welcome()?;
        let setup = talk.receive()?;
        let answer = talk.honest(&setup);
        talk.send(&answer)?;
        let mut nth = 0;
        loop {
            let request = talk.receive()?;
            let honest = talk.honest(&request);
            if honest.is_empty() {
                continue;
            }
            // From the point on, every question is answered with one; an empty packet, the end of
            // a file that was not given, with an error.
            let answer = match nth {
                _ if nth < point => honest,
                _ if request.is_empty() => vec![packet::err(1105, "HY000", "no file came")],
                _ => vec![asked.clone()],
            };
            talk.send(&answer)?;
            nth += 1;
        }
    });
    let mut conn = open(&config(&server).local_data(allowed))?;
    drop(timed(|| run(&mut conn))?);
    if !conn.is_broken() {
        drop(timed(|| crate::calls::raw_rows(&mut conn))?);
    }
    drop(conn);
    let received = server.received();
    for secret in [MARK, &b"root:x:0:0"[..]] {
        if received.windows(secret.len()).any(|bytes| bytes == secret) {
            return Err("the file was sent".to_owned());
        }
    }
    Ok(())
}

#[test]
fn a_file_asked_for_before_the_connection_stands_is_not_sent() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(MARK).unwrap();
    let asked = packet::file_request(file.path().to_str().unwrap().as_bytes());
    let scenes = [0, 1, 2].map(|point| {
        let asked = asked.clone();
        let play = move || {
            let asked = asked.clone();
            let server = ScriptedServer::start(move |talk: &mut Talk| {
                if point > 0 {
                    talk.send(&[packet::greeting()])?;
                    talk.receive()?;
                }
                if point > 1 {
                    talk.send(&[packet::ok(packet::AUTOCOMMIT)])?;
                    talk.receive()?;
                }
                talk.send(std::slice::from_ref(&asked))?;
                talk.fall_silent()
            });
            let outcome = timed(|| Connection::open(&config(&server)))?;
            let received = server.received();
            if received.windows(MARK.len()).any(|bytes| bytes == MARK) {
                return Err("the file was sent".to_owned());
            }
            outcome.map_or_else(|_| Ok(()), |conn| Err(format!("connected: {conn:?}")))
        };
        Scene { name: format!("at {point} of open"), play: Box::new(play) }
    });
    play_all(&scenes);
}
