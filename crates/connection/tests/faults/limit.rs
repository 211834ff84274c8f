//! Failures that need a server of their own settings, or an account of few rights.

use mysqlclient_sys::SUPPORTS_MYSQL_SSL_MODE;
use steadfast_connection::Tls;

use crate::case::{After, Case, Path, Stage, case, fail};
use crate::conflict::{LOCK, Scene, killed_connection, scene};

/// What makes a server speak TLS.
pub(crate) const CERTIFICATE: [&str; 2] = [
    concat!("--ssl-cert=", env!("CARGO_MANIFEST_DIR"), "/tests/data/tls/server.pem"),
    concat!("--ssl-key=", env!("CARGO_MANIFEST_DIR"), "/tests/data/tls/server-key.pem"),
];

/// The settings of that server.
pub(crate) const FLAGS: [&str; 5] = [
    "--max-binlog-cache-size=4096",
    "--binlog-cache-size=4096",
    "--secure-file-priv=/tmp",
    CERTIFICATE[0],
    CERTIFICATE[1],
];

const BIG: &str = "INSERT INTO locked_out SELECT seq, REPEAT('x', 60000) FROM (SELECT 1 AS seq UNION SELECT 2) two";

pub(crate) const CASES: &[Case] = &[
    case(1197, "HY000", BIG).session("CREATE TABLE IF NOT EXISTS locked_out (id INT, s LONGTEXT)"),
    case(1114, "HY000", "INSERT INTO heap SELECT 'x' FROM information_schema.columns").session(
        "SET max_heap_table_size = 16384; CREATE TEMPORARY TABLE heap (s CHAR(255)) ENGINE = MEMORY",
    ),
    case(1290, "HY000", "SELECT 1 INTO OUTFILE '/var/never'"),
];

pub(crate) const SCENES: &[Scene] = &[
    scene(case(1390, "HY000", "").only(Path::Prepared), many_placeholders),
    scene(case(1461, "42000", "DO 1 + 1").only(Path::Prepared), no_statements_left),
    scene(LOST_UNDER_TLS, killed_under_tls),
];

/// Under TLS libmariadb gives the number of a failed handshake.
const LOST_UNDER_TLS: Case =
    if SUPPORTS_MYSQL_SSL_MODE { case(2013, "08S01", LOCK) } else { case(2026, "HY000", LOCK) };

/// What an account needs for `ACCOUNT_CASES`.
pub(crate) const GRANTS: &str = "CREATE USER low IDENTIFIED BY 'low';
    GRANT SELECT, INSERT, UPDATE, DELETE ON witness TO low; GRANT SELECT (id) ON t TO low;
    GRANT SELECT ON parent TO low";

pub(crate) const ACCOUNT_CASES: &[Case] = &[
    case(1142, "42000", "DELETE FROM parent"),
    case(1143, "42000", "SELECT n FROM t"),
    case(1044, "42000", "USE mysql").text_on_mysql(),
    case(1227, "42000", "SELECT 1 INTO OUTFILE '/var/never'"),
    case(1370, "42000", "CALL nothing(1)"),
    case(1227, "42000", "SET GLOBAL max_connections = 10"),
    case(1142, "42000", "CREATE TABLE x (id INT)").only(Path::Batch).after(After::Committed),
];

pub(crate) const ACCOUNT_SCENES: &[Scene] = &[scene(case(1095, "HY000", ""), kill_of_another)];

fn many_placeholders(stage: &mut Stage, case: &Case, path: Path) -> Result<(), String> {
    let sql = format!("INSERT INTO witness VALUES (?){}", ", (?)".repeat(65_535));
    let mut victim = stage.victim("", "BEGIN");
    let error = fail(&mut victim.conn, &sql, path)?;
    stage.check(victim, &error, case, path)
}

fn no_statements_left(stage: &mut Stage, case: &Case, path: Path) -> Result<(), String> {
    let mut victim = stage.victim("", "BEGIN");
    stage.observer.batch("SET GLOBAL max_prepared_stmt_count = 0").unwrap();
    let error = fail(&mut victim.conn, case.sql, path);
    stage.observer.batch("SET GLOBAL max_prepared_stmt_count = DEFAULT").unwrap();
    stage.check(victim, &error?, case, path)
}

fn kill_of_another(stage: &mut Stage, case: &Case, path: Path) -> Result<(), String> {
    let sql = format!("KILL {}", stage.observer.thread_id());
    let mut victim = stage.victim("", "BEGIN");
    let error = fail(&mut victim.conn, &sql, path)?;
    stage.check(victim, &error, case, path)
}

/// So the end of a connection shows there.
fn killed_under_tls(stage: &mut Stage, case: &Case, path: Path) -> Result<(), String> {
    let plain = stage.config.clone();
    stage.config = plain.clone().tls(Tls::required());
    let outcome = killed_connection(stage, case, path);
    stage.config = plain;
    outcome
}
