//! A database saved and brought back through the handle; the stories of the format are told apart.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod ground;

use ground::{TEN_SECONDS, config};
use steadfast_manager::{Database, Error, Migrate};
use steadfast_testkit::server;

#[test]
fn what_was_saved_comes_back_equal() {
    let database = server().database();
    let copy = server().database();
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("monday");
    let db = Database::open(config(&database).migrate(Migrate::Run)).unwrap();
    let fill = "CREATE TABLE t (i INT PRIMARY KEY, f DOUBLE, s VARCHAR(20)); \
                INSERT INTO t SELECT seq, seq / 7, REPEAT('ü', seq % 20) FROM seq_1_to_1000";
    database.sql(fill).unwrap();

    db.backup(&dir).unwrap();
    db.verify(&dir).unwrap();
    db.restore(&dir, copy.name()).unwrap();

    assert!(db.compare(&dir, copy.name()).unwrap().is_equal());
    let sum = "SELECT COUNT(*), SUM(CRC32(CONCAT(i, f, s))) FROM t";
    assert_eq!(copy.sql(sum).unwrap(), database.sql(sum).unwrap());
    copy.sql("UPDATE t SET s = 'other' WHERE i = 5").unwrap();
    assert!(!db.compare(&dir, copy.name()).unwrap().is_equal());
    let again = db.restore(&dir, copy.name());
    assert!(matches!(again, Err(Error::Backup(_))), "it is not empty: {again:?}");
    db.backup_schema(folder.path().join("schema")).unwrap();
}

#[test]
fn a_closed_database_is_not_saved() {
    let database = server().database();
    let folder = tempfile::tempdir().unwrap();
    let db = Database::open(config(&database)).unwrap();
    db.close(TEN_SECONDS);
    let refused = db.backup(folder.path().join("late"));
    assert!(matches!(refused, Err(Error::Closed)), "{refused:?}");
}
