//! The main job, end to end: 16 threads move money between accounts, deadlocking as they go, while
//! connections are killed and the server itself is killed and restarted under them. In the end the
//! money adds up to the cent and no transfer happened twice. Then health, maintenance, backup,
//! restore into a second database, comparison, and an orderly close.
//!
//! `cargo run -p steadfast --example ledger` starts a private server for it. With `STEADFAST_URL` set
//! (`mysql://user:password@host/`) it works on that server, in a database of its own, makes no faults
//! there, and drops what it created.
#![expect(clippy::print_stdout, reason = "an example speaks to whoever runs it")]

use std::error::Error as StdError;
use std::process::ExitCode;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use steadfast::manager::Status;
use steadfast::prelude::*;
use steadfast::{Config, Connection, Error, PoolConfig, RetryPolicy, SessionConfig};
use steadfast_testkit::Server;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("examples/ledger_migrations");

const THREADS: i32 = 16;
const ACCOUNTS: i32 = 12;
const FIRST_CENTS: i64 = 100_000;
const TRANSFERS: i64 = 6_000;
const STEP: Duration = Duration::from_millis(500);

pub(crate) type Outcome<T> = Result<T, Box<dyn StdError + Send + Sync>>;

mod schema {
    diesel::table! { accounts (id) { id -> Integer, cents -> BigInt, } }
    diesel::table! {
        transfers (id) {
            id -> BigInt,
            number -> BigInt,
            payer -> Integer,
            payee -> Integer,
            cents -> BigInt,
        }
    }
}
use schema::{accounts, transfers};

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("error")).init();
    let started = Instant::now();
    let outcome = run();
    let took = started.elapsed();
    match outcome {
        Ok(()) => {
            println!("\nEverything adds up. {took:.1?} in all.");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("\nIt does not add up: {error}\n{took:.1?} in all.");
            ExitCode::FAILURE
        }
    }
}

/// The whole job; an error says what does not add up.
pub(crate) fn run() -> Outcome<()> {
    let ground = Ground::find()?;
    let db = stage("Open", || open(&ground))?;
    stage("Transfers", || transfer_all(&db, &ground))?;
    stage("Sums", || check_sums(&db))?;
    stage("Health", || {
        let health = db.health();
        let report: serde_json::Value = serde_json::from_str(&health.to_json())?;
        println!("{}", serde_json::to_string_pretty(&report)?);
        expect(health.status == Status::Up, "the database is not up")
    })?;
    stage("Maintenance", || maintain(&db))?;
    stage("Backup and restore", || back_up_and_restore(&db, &ground))?;
    stage("Close", || {
        let report = db.close(Duration::from_secs(10));
        println!("{report}");
        expect(report.cut.is_empty(), "sessions were cut off")
    })
}

/// Runs a part of the job under a heading, and tells how long it took.
fn stage<T>(name: &str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    println!("\n── {name}");
    let started = Instant::now();
    let outcome = work();
    println!("   {:.1?}", started.elapsed());
    outcome
}

fn expect(holds: bool, otherwise: &str) -> Outcome<()> {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}

/// Where it all happens: a private server, or somebody's.
struct Ground {
    server: Option<Server>,
    /// To the server, without a database.
    url: String,
    database: String,
}

impl Ground {
    fn find() -> Outcome<Self> {
        let database = format!("steadfast_quickstart_{}", std::process::id());
        let (server, url) = match std::env::var("STEADFAST_URL") {
            Ok(url) => (None, url),
            Err(_) => {
                let server = Server::start()?;
                let url = server.url("");
                (Some(server), url)
            }
        };
        match &server {
            Some(_) => println!("A private MariaDB, which will be killed on the way: {url}"),
            None => println!("The server of STEADFAST_URL. No faults are made on it."),
        }
        let ground = Self { server, url, database };
        ground
            .connect()?
            .batch(&format!("CREATE DATABASE `{}` CHARACTER SET utf8mb4", ground.database))?;
        Ok(ground)
    }

    fn connect(&self) -> Result<Connection, steadfast::connection::Error> {
        Connection::open(&self.config())
    }

    fn config(&self) -> Config {
        // The URL was read before: `find` connected with it.
        Config::from_url(&self.url).unwrap_or_default()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let drop = format!(
            "DROP DATABASE IF EXISTS `{0}`; DROP DATABASE IF EXISTS `{0}_restored`",
            self.database
        );
        if let Ok(mut conn) = self.connect()
            && let Err(error) = conn.batch(&drop)
        {
            println!("{} was not dropped: {error}", self.database);
        }
    }
}

fn open(ground: &Ground) -> Outcome<Database> {
    let patient = RetryPolicy::default().attempts(100).deadline(Duration::from_secs(60));
    let db = Database::open(
        DatabaseConfig::new(ground.config().database(&ground.database))
            .pool(PoolConfig::new().name("ledger").size(8).overflow(8))
            .sessions(SessionConfig::new().retry(patient))
            .migrations(MIGRATIONS)
            .migrate(Migrate::Run),
    )?;
    db.transaction(|tx| -> Result<(), Error> {
        let rows: Vec<_> = (1..=ACCOUNTS)
            .map(|id| (accounts::id.eq(id), accounts::cents.eq(FIRST_CENTS)))
            .collect();
        diesel::insert_into(accounts::table).values(rows).execute(tx)?;
        Ok(())
    })?;
    println!("Migrated; {ACCOUNTS} accounts of {}.", money(FIRST_CENTS));
    Ok(db)
}

/// Why a transfer did not happen.
enum Refused {
    Funds,
    Failed(Error),
}

impl<E: Into<Error>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// One transfer. The two rows are locked in whatever order it names them: that is what deadlocks.
fn transfer(db: &Database, number: i64) -> Result<(), Refused> {
    let payer = fastrand::i32(1..=ACCOUNTS);
    let payee = (payer + fastrand::i32(0..ACCOUNTS - 1)) % ACCOUNTS + 1;
    let cents = fastrand::i64(1..=9_000);
    db.transaction_with(&TxOptions::new().name("transfer"), |tx| {
        let paid = diesel::update(accounts::table.find(payer))
            .filter(accounts::cents.ge(cents))
            .set(accounts::cents.eq(accounts::cents - cents))
            .execute(tx)?;
        if paid == 0 {
            return Err(Refused::Funds);
        }
        diesel::update(accounts::table.find(payee))
            .set(accounts::cents.eq(accounts::cents + cents))
            .execute(tx)?;
        diesel::insert_into(transfers::table)
            .values((
                transfers::number.eq(number),
                transfers::payer.eq(payer),
                transfers::payee.eq(payee),
                transfers::cents.eq(cents),
            ))
            .execute(tx)?;
        Ok(())
    })
}

/// What the threads report while they work.
#[derive(Default)]
struct Progress {
    next: AtomicI64,
    done: AtomicI64,
    without_funds: AtomicI64,
}

fn transfer_all(db: &Database, ground: &Ground) -> Outcome<()> {
    let progress = Progress::default();
    let (finished, waiting) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let (finished, progress) = (finished.clone(), &progress);
            scope.spawn(move || {
                let outcome = transfer_until_done(db, progress);
                // Nobody listens any more only if another thread has failed already.
                finished.send(outcome).is_ok()
            });
        }
        drop(finished);
        watch(db, ground, &progress, &waiting)
    })?;
    let health = db.sessions().health();
    println!(
        "{} transfers, {} without funds; {} retries, {} doubtful commits resolved.",
        progress.done.into_inner(),
        progress.without_funds.into_inner(),
        health.retries.total(),
        health.resolved_committed + health.resolved_aborted,
    );
    Ok(())
}

fn transfer_until_done(db: &Database, progress: &Progress) -> Result<(), Error> {
    loop {
        let number = progress.next.fetch_add(1, Ordering::Relaxed);
        if number >= TRANSFERS {
            return Ok(());
        }
        match transfer(db, number) {
            Ok(()) => progress.done.fetch_add(1, Ordering::Relaxed),
            Err(Refused::Funds) => progress.without_funds.fetch_add(1, Ordering::Relaxed),
            Err(Refused::Failed(error)) => {
                progress.next.store(TRANSFERS, Ordering::Relaxed);
                return Err(error);
            }
        };
    }
}

/// Shows the progress, and makes the faults, until every thread has finished.
fn watch(
    db: &Database,
    ground: &Ground,
    progress: &Progress,
    finished: &mpsc::Receiver<Result<(), Error>>,
) -> Outcome<()> {
    let started = Instant::now();
    let mut faults: Vec<(i64, Mishap)> = vec![
        (TRANSFERS * 3 / 4, Mishap::KillConnections),
        (TRANSFERS / 2, Mishap::KillServer),
        (TRANSFERS / 4, Mishap::KillConnections),
    ];
    let mut shown = Instant::now();
    let mut running = THREADS;
    while running > 0 {
        match finished.recv_timeout(Duration::from_millis(20)) {
            Ok(outcome) => {
                outcome?;
                running -= 1;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err("a thread panicked".into()),
        }
        let begun = progress.next.load(Ordering::Relaxed).min(TRANSFERS);
        if let Some(server) = &ground.server
            && let Some((_, fault)) = faults.pop_if(|(at, _)| begun >= *at)
        {
            println!("{}  {}", clock(started), fault.make(server, ground)?);
        }
        if shown.elapsed() >= STEP || running == 0 {
            shown = Instant::now();
            let (retries, stats) = (db.sessions().health().retries.total(), db.pool().stats());
            println!(
                "{}  {begun} of {TRANSFERS} begun, {retries} retries; pool {} lent, {} waiting",
                clock(started),
                stats.lent,
                stats.waiting,
            );
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Mishap {
    KillConnections,
    KillServer,
}

impl Mishap {
    fn make(self, server: &Server, ground: &Ground) -> Outcome<String> {
        match self {
            Self::KillConnections => {
                let query = format!(
                    "SELECT id FROM information_schema.processlist WHERE db = '{}'",
                    ground.database
                );
                let ids: Vec<u64> =
                    server.sql("", &query)?.lines().map(str::parse).collect::<Result<_, _>>()?;
                for id in &ids {
                    // One that has just ended by itself cannot be killed: as good.
                    server.kill_connection(*id).or_else(|error| match error.errno() {
                        Some(1094) => Ok(()),
                        _ => Err(error),
                    })?;
                }
                Ok(format!("KILL of {} connections", ids.len()))
            }
            Self::KillServer => {
                let down = Instant::now();
                server.kill()?;
                server.restart()?;
                Ok(format!("SIGKILL of the server, up again after {:.1?}", down.elapsed()))
            }
        }
    }
}

fn check_sums(db: &Database) -> Outcome<()> {
    let (total, happened, numbers, wrong) = db.with_session(|session| -> Result<_, Error> {
        let mut raw = session.raw();
        let total: i64 = raw.value("SELECT CAST(SUM(cents) AS SIGNED) FROM accounts", ())?;
        let happened: i64 = raw.value("SELECT COUNT(*) FROM transfers", ())?;
        let numbers: i64 = raw.value("SELECT COUNT(DISTINCT number) FROM transfers", ())?;
        let wrong: i64 = raw.value(
            "SELECT COUNT(*) FROM accounts a WHERE a.cents <> ? \
             + (SELECT COALESCE(SUM(cents), 0) FROM transfers WHERE payee = a.id) \
             - (SELECT COALESCE(SUM(cents), 0) FROM transfers WHERE payer = a.id)",
            (FIRST_CENTS,),
        )?;
        Ok((total, happened, numbers, wrong))
    })?;
    println!("{} on all accounts, {happened} transfers, {numbers} different.", money(total));
    expect(total == FIRST_CENTS * i64::from(ACCOUNTS), "money came or went")?;
    expect(happened == numbers, "a transfer happened twice")?;
    expect(wrong == 0, "an account does not agree with its transfers")
}

fn maintain(db: &Database) -> Outcome<()> {
    for task in [
        Task::check(),
        Task::analyze(),
        Task::outcome_retention(Duration::from_secs(3600)),
        Task::kill_idle_transactions(Duration::from_secs(600)),
    ] {
        println!("{}", db.maintain(task)?);
    }
    Ok(())
}

fn back_up_and_restore(db: &Database, ground: &Ground) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let backup = folder.path().join("ledger");
    println!("{}", db.backup(&backup)?);
    println!("{}", db.verify(&backup)?);
    let restored = format!("{}_restored", ground.database);
    println!("{}", db.restore(&backup, &restored)?);
    let comparison = db.compare(&backup, &restored)?;
    println!("{comparison}");
    expect(comparison.is_equal(), "the restored database differs")
}

fn clock(since: Instant) -> String {
    format!("{:5.1} s", since.elapsed().as_secs_f64())
}

fn money(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
