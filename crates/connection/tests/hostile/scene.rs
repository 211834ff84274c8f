//! One attack on one call, and what must be true afterwards.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use steadfast_connection::{Config, Connection, Error, Tls};
use steadfast_testkit::{ScriptedServer, Talk};

use crate::attacks::{Harm, pause_for};
use crate::calls::{Answer, Checked, raw_rows};

pub(crate) const LIMIT: Duration = Duration::from_secs(1);
/// Threads at a time: most scenes wait for a limit.
const AT_ONCE: usize = 32;
/// What a call may take beyond its limit.
const SLACK: Duration = Duration::from_secs(1);

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

/// Runs a call, which waits for the server in vain once at most, and tells how it ended; too slow is a
/// failure.
pub(crate) fn timed<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    within(LIMIT, call)
}

/// The same with another limit.
pub(crate) fn within<T>(limit: Duration, call: impl FnOnce() -> T) -> Result<T, String> {
    let started = clock();
    let outcome = call();
    let took = clock().saturating_sub(started);
    if took > limit + SLACK && !is_slowed_down() {
        return Err(format!("took {took:?}"));
    }
    Ok(outcome)
}

/// The time that this process could have run: it stands still while the machine lets none of its
/// threads go on, which is nobody's fault here.
fn clock() -> Duration {
    const TICK: Duration = Duration::from_millis(1);
    static TICKS: AtomicU32 = AtomicU32::new(0);
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        thread::spawn(|| -> ! {
            loop {
                pause_for(TICK);
                TICKS.fetch_add(1, Ordering::Relaxed);
            }
        });
    });
    TICK * TICKS.load(Ordering::Relaxed)
}

/// Opens, runs `call` against a server that plays `attack` from then on, and looks at what is left.
pub(crate) fn attacked<A, C>(attack: A, harm: Harm, call: C) -> Result<(), String>
where
    A: Fn(&mut Talk, usize, &[u8]) -> io::Result<bool> + Send + Sync + 'static,
    C: FnOnce(&mut Connection) -> Checked,
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
    let outcome = timed(|| call(&mut conn))?;
    if let Err(error) = &outcome
        && error.errno().is_none()
        && !matches!(error, Error::Misuse(_))
    {
        return Err(format!("no number: {error}"));
    }
    let broken = conn.is_broken();
    match (harm, &outcome) {
        (Harm::Harmless, Err(_)) | (Harm::Lost | Harm::Told(_), Ok(_)) => {
            return Err(format!("{outcome:?}, but {harm:?}"));
        }
        (Harm::Lost, Err(error))
            if !broken || error.server().is_none_or(|error| !error.is_disconnect()) =>
        {
            return Err(format!("{error} is not a loss, broken {broken}"));
        }
        (Harm::Told(errno), Err(error)) if error.errno() != Some(errno) => {
            return Err(format!("{error} is not {errno}"));
        }
        (_, Err(error)) if is_our_own(error) && !broken => {
            return Err(format!("not broken by {error}"));
        }
        (Harm::Believable | Harm::Leaving, _) | (_, Err(_) | Ok(Answer::Right)) => {}
        (_, Ok(Answer::Wrong)) => return Err("a wrong answer".to_owned()),
    }
    in_step(&mut conn, harm, &outcome)
}

/// True for what the client says where it cannot go on: all its numbers but those of a wrong count of
/// values and of a file refused, behind which it can.
fn is_our_own(error: &Error) -> bool {
    error.errno().is_some_and(|errno| matches!(errno, 2000..=2999) && !matches!(errno, 2034 | 2068))
}

/// Unless it is broken, the next query gets its own answer, or an error and is broken then.
fn in_step(conn: &mut Connection, harm: Harm, outcome: &Checked) -> Result<(), String> {
    for _ in 0..2 {
        if conn.is_broken() {
            return Ok(());
        }
        match timed(|| raw_rows(conn))? {
            Ok(_) if harm == Harm::Leaving => return Err("what was left is not found".to_owned()),
            Ok(Answer::Right) => {}
            _ if harm == Harm::More => {}
            Ok(Answer::Wrong) => return Err(format!("out of step after {outcome:?}")),
            Err(_) if conn.is_broken() => {}
            Err(error) => return Err(format!("not broken, but {error} after {outcome:?}")),
        }
    }
    Ok(())
}
