//! Failures that take two: locks, snapshots, KILL, a lost network.

use std::thread;
use std::time::Duration;

use diesel::result::Error as DieselError;
use steadfast_connection::Connection;
use steadfast_testkit::{Rule, eventually, server};

use crate::case::{Case, Path, Stage, case, fail};

/// How something is made to happen.
pub(crate) struct Scene {
    pub(crate) case: Case,
    pub(crate) play: fn(&mut Stage, &Case, Path) -> Result<(), String>,
}

pub(crate) const fn scene(
    case: Case,
    play: fn(&mut Stage, &Case, Path) -> Result<(), String>,
) -> Scene {
    Scene { case, play }
}

pub(crate) const LOCK: &str = "SELECT * FROM parent WHERE id = 1 FOR UPDATE";
const NOWAIT: &str = "SELECT * FROM parent WHERE id = 1 FOR UPDATE NOWAIT";
const SNAPSHOTS: &str = "SET innodb_snapshot_isolation = 1";

pub(crate) const SCENES: &[Scene] = &[
    scene(case(1213, "40001", "UPDATE parent SET code = code WHERE id = 1"), deadlock),
    scene(case(1205, "HY000", NOWAIT).maria(), locked),
    scene(case(1205, "HY000", LOCK).mysql().session("SET innodb_lock_wait_timeout = 1"), locked),
    scene(case(3572, "HY000", NOWAIT).mysql(), locked),
    scene(case(1020, "HY000", "UPDATE t SET n = 3 WHERE id = 2").maria().session(SNAPSHOTS), changed),
    scene(case(1412, "HY000", "SELECT * FROM newer"), newer),
    scene(case(1317, "70100", LOCK), killed_query),
    scene(case(3024, "HY000", "SELECT /*+ MAX_EXECUTION_TIME(20) */ COUNT(*) FROM information_schema.columns a, information_schema.columns b, information_schema.columns c").mysql(), alone),
    scene(case(2013, "08S01", LOCK), killed_connection),
    scene(case(2013, "08S01", LOCK), lost),
];

fn alone(stage: &mut Stage, case: &Case, path: Path) -> Result<(), String> {
    stage.run(case, path)
}

/// Somebody else holds the row.
fn locked(stage: &mut Stage, case: &Case, path: Path) -> Result<(), String> {
    let mut holder = holder(stage, 1);
    let mut victim = stage.victim(case.session, "BEGIN");
    let error = fail(&mut victim.conn, case.sql, path)?;
    holder.rollback().unwrap();
    stage.check(victim, &error, case, path)
}

fn holder(stage: &Stage, id: u32) -> Connection {
    let mut holder = stage.open();
    holder.begin("BEGIN").unwrap();
    holder.batch(&format!("SELECT * FROM parent WHERE id = {id} FOR UPDATE")).unwrap();
    holder
}

/// Two lock crosswise. The other one has changed more rows, so the server chooses ours.
fn deadlock(stage: &mut Stage, case: &Case, path: Path) -> Result<(), String> {
    let mut other = holder(stage, 1);
    other.batch("UPDATE t SET n = n + 1; INSERT INTO counter VALUES (1), (2), (3), (4)").unwrap();
    let mut victim = stage.victim("", "BEGIN");
    victim.conn.batch("SELECT * FROM parent WHERE id = 2 FOR UPDATE").unwrap();
    let error = thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            other.batch("SELECT * FROM parent WHERE id = 2 FOR UPDATE").unwrap();
            other.rollback().unwrap();
        });
        wait_for_lock(stage);
        let error = fail(&mut victim.conn, case.sql, path);
        waiting.join().unwrap();
        error
    })?;
    stage.check(victim, &error, case, path)
}

/// Until somebody waits for a row. (`innodb_trx` is of no use: it stays as it is while it is polled.)
fn wait_for_lock(stage: &mut Stage) {
    let sql =
        "SHOW GLOBAL STATUS WHERE variable_name = 'Innodb_row_lock_current_waits' AND value > 0";
    eventually(Duration::from_secs(20), || {
        let mut rows = stage.observer.query(sql).unwrap();
        rows.next().unwrap().is_some()
    });
}

/// The row has changed since the transaction's snapshot.
fn changed(stage: &mut Stage, case: &Case, path: Path) -> Result<(), String> {
    let mut victim = stage.victim(case.session, "START TRANSACTION WITH CONSISTENT SNAPSHOT");
    stage.observer.batch("UPDATE t SET n = n + 1 WHERE id = 2").unwrap();
    let error = fail(&mut victim.conn, case.sql, path)?;
    stage.observer.batch("UPDATE t SET n = 2 WHERE id = 2").unwrap();
    stage.check(victim, &error, case, path)
}

/// The table was rebuilt since the transaction's snapshot.
fn newer(stage: &mut Stage, case: &Case, path: Path) -> Result<(), String> {
    stage.observer.batch("CREATE OR REPLACE VIEW passing AS SELECT 1").unwrap();
    stage.observer.batch("DROP TABLE IF EXISTS newer; CREATE TABLE newer (id INT)").unwrap();
    stage.observer.batch("INSERT INTO newer VALUES (1)").unwrap();
    let mut victim = stage.victim("", "START TRANSACTION WITH CONSISTENT SNAPSHOT");
    stage.observer.batch("ALTER TABLE newer ADD other INT, ALGORITHM = COPY").unwrap();
    let error = fail(&mut victim.conn, case.sql, path)?;
    stage.check(victim, &error, case, path)
}

fn killed_query(stage: &mut Stage, case: &Case, path: Path) -> Result<(), String> {
    killed(stage, case, path, "KILL QUERY")
}

pub(crate) fn killed_connection(stage: &mut Stage, case: &Case, path: Path) -> Result<(), String> {
    killed(stage, case, path, "KILL")
}

/// An administrator ends it while it waits for a lock.
fn killed(stage: &mut Stage, case: &Case, path: Path, kill: &str) -> Result<(), String> {
    let mut holder = holder(stage, 1);
    let mut victim = stage.victim(case.session, "BEGIN");
    let id = victim.conn.thread_id();
    let error = thread::scope(|scope| {
        let waiting = scope.spawn(|| fail(&mut victim.conn, case.sql, path));
        wait_for_lock(stage);
        stage.observer.batch(&format!("{kill} {id}")).unwrap();
        waiting.join().unwrap()
    });
    holder.rollback().unwrap();
    stage.check(victim, &error?, case, path)
}

/// The network goes while the answer is waited for.
fn lost(stage: &mut Stage, case: &Case, path: Path) -> Result<(), String> {
    let proxy = server().proxy();
    let config = stage.config.clone().host("127.0.0.1").port(proxy.port());
    let conn = Connection::open(&config).unwrap();
    let mut victim = stage.victim_on(conn, "BEGIN");
    proxy.rule(Rule::cut_after().containing("DO 0"));
    proxy.rule(Rule::cut_after().command(steadfast_testkit::Command::Execute));
    let error = match path {
        Path::Prepared => fail(&mut victim.conn, case.sql, path)?,
        Path::Batch => victim
            .conn
            .batch(&format!("DO 0; {}", case.sql))
            .map_err(|failure| DieselError::from(failure.into_source_error()))
            .err()
            .ok_or("it did not fail")?,
    };
    stage.check(victim, &error, case, path)
}
