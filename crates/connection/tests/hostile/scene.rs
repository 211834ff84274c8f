//! One attack on one call, and what must be true afterwards.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use steadfast_connection::{Config, Connection, Error, Tls};
use steadfast_testkit::{ScriptedServer, Talk};

use crate::attacks::Harm;

pub(crate) const LIMIT: Duration = Duration::from_secs(1);
/// Threads at a time: most scenes wait for a limit.
const AT_ONCE: usize = 64;
/// Of the most limits that one call can use up one after the other: those of a transaction.
const LIMITS: u32 = 3;

/// For a busy machine: that a call ends at all is what counts here, `limits_deadline.rs` measures.
const SLACK: Duration = Duration::from_secs(10);

pub(crate) const PASSWORD: &str = "pa55-of-the-account";

pub(crate) fn config(server: &ScriptedServer) -> Config {
    Config::new()
        .port(server.port())
        .user("shop")
        .password(PASSWORD)
        .tls(Tls::disabled())
        .local_data(true)
        .connect_timeout(limit())
        .read_timeout(limit())
        .write_timeout(limit())
}

fn limit() -> Duration {
    if is_slowed_down() { LIMIT * 3 } else { LIMIT }
}

/// True where a checker of memory makes everything many times slower: nothing is timed then.
pub(crate) fn is_slowed_down() -> bool {
    std::env::var_os("STEADFAST_SLOWED_DOWN").is_some()
}

/// Opens where nothing is wrong yet, however busy the machine is.
pub(crate) fn open(config: &Config) -> Result<Connection, String> {
    let config = config.clone().connect_timeout(LIMIT * 60);
    Connection::open(&config).map_err(|error| format!("open: {error}"))
}

/// One attack on one call.
pub(crate) struct Scene {
    pub(crate) name: String,
    pub(crate) play: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
}

/// Plays all scenes, many at a time, and fails with the names of those that went wrong.
pub(crate) fn play_all(scenes: &[Scene]) {
    let wanted = std::env::var("STEADFAST_HOSTILE").unwrap_or_default();
    let scenes: Vec<_> = scenes.iter().filter(|scene| scene.name.contains(&wanted)).collect();
    let next = AtomicUsize::new(0);
    let failed = thread::scope(|scope| {
        let play = || {
            let mut failed = Vec::new();
            while let Some(scene) = scenes.get(next.fetch_add(1, Ordering::Relaxed)) {
                eprintln!("begin {}", scene.name);
                let outcome = catch_unwind(AssertUnwindSafe(&scene.play))
                    .unwrap_or_else(|_| Err("panicked".to_owned()));
                eprintln!("end   {}", scene.name);
                if let Err(text) = outcome {
                    failed.push(format!("{}: {text}", scene.name));
                }
            }
            failed
        };
        let crew: Vec<_> = (0..AT_ONCE.min(scenes.len())).map(|_| scope.spawn(play)).collect();
        crew.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let count = scenes.len();
    assert!(failed.is_empty(), "{} of {count} scenes:\n{}", failed.len(), failed.join("\n"));
}

/// Runs a call and tells how it ended; too slow is a failure.
pub(crate) fn timed<T>(limits: u32, call: impl FnOnce() -> T) -> Result<T, String> {
    let started = Instant::now();
    let outcome = call();
    let took = started.elapsed();
    if took > LIMIT * limits + SLACK && !is_slowed_down() {
        return Err(format!("took {took:?}"));
    }
    Ok(outcome)
}

/// Opens, runs `call` against a server that plays `attack` from then on, and looks at what is left.
pub(crate) fn attacked<A, C>(attack: A, harm: Harm, call: C) -> Result<(), String>
where
    A: Fn(&mut Talk, usize, &[u8]) -> io::Result<bool> + Send + Sync + 'static,
    C: FnOnce(&mut Connection) -> Result<(), Error>,
{
    let server = ScriptedServer::start(move |talk: &mut Talk| {
        talk.welcome()?;
        let setup = talk.receive()?;
        let answer = talk.honest(&setup);
        talk.send(&answer)?;
        for nth in 0.. {
            let request = talk.receive()?;
            if !attack(talk, nth, &request)? {
                let answer = talk.honest(&request);
                talk.send(&answer)?;
            }
        }
        Ok(())
    });
    let mut conn = open(&config(&server))?;
    let outcome = timed(LIMITS, || call(&mut conn))?;
    if let Err(error) = &outcome
        && error.errno().is_none()
        && !matches!(error, Error::Misuse(_))
    {
        return Err(format!("no number: {error}"));
    }
    if harm == Harm::Fatal && outcome.is_ok() {
        return Err("succeeded".to_owned());
    }
    in_step(&mut conn, harm, &outcome)
}

/// Unless it is broken, the next query gets its own answer, or an error and is broken then.
fn in_step(conn: &mut Connection, harm: Harm, outcome: &Result<(), Error>) -> Result<(), String> {
    if conn.is_broken() {
        return Ok(());
    }
    for _ in 0..2 {
        match timed(LIMITS, || crate::calls::check(conn))? {
            Ok(true) => {}
            _ if harm == Harm::Lies => {}
            Ok(false) => return Err(format!("out of step after {outcome:?}")),
            Err(_) if conn.is_broken() => return Ok(()),
            Err(error) => return Err(format!("not broken, but {error} after {outcome:?}")),
        }
    }
    Ok(())
}
