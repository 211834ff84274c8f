//! One moment for all tables, whoever writes meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use steadfast_connection::Connection;
use steadfast_manager::{
    BackupError, BackupOptions, Consistency, RestoreOptions, backup, compare, restore, verify,
};
use steadfast_testkit::{eventually, server};

use crate::ground::Ground;

const ACCOUNTS: u32 = 2000;

/// Two tables, so that a transfer crosses from one file to another.
fn bank() -> Ground {
    Ground::new(&format!(
        "CREATE TABLE a (id INT PRIMARY KEY, cents BIGINT NOT NULL, filler VARCHAR(200) DEFAULT (REPEAT('x', 200)));
         CREATE TABLE z LIKE a;
         INSERT INTO a (id, cents) SELECT seq, 100 FROM seq_1_to_{ACCOUNTS};
         INSERT INTO z (id, cents) SELECT seq, 100 FROM seq_1_to_{ACCOUNTS};"
    ))
}

/// Set also if `work` stops at a surprise: the scope waits for the mover.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Runs `work` while money moves between the tables all the time.
fn while_money_moves(ground: &Ground, work: impl FnOnce()) {
    let (stop, moved) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let mover = scope.spawn(|| {
            let mut conn = Connection::open(&ground.config()).unwrap();
            let mut n = 0_u32;
            while !stop.load(Ordering::Acquire) {
                n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let (from, to) = (n % ACCOUNTS + 1, (n >> 12) % ACCOUNTS + 1);
                let sql = format!(
                    "BEGIN; UPDATE z SET cents = cents - 7 WHERE id = {from}; \
                     UPDATE a SET cents = cents + 7 WHERE id = {to}; COMMIT"
                );
                conn.batch(&sql).unwrap();
                moved.fetch_add(1, Ordering::Relaxed);
            }
        });
        let stopped = Stop(&stop);
        eventually(Duration::from_secs(30), || moved.load(Ordering::Relaxed) > 0);
        work();
        drop(stopped);
        mover.join().unwrap();
    });
}

#[test]
fn the_money_adds_up_in_every_backup_taken_while_it_moves() {
    let ground = bank();
    while_money_moves(&ground, || {
        let mut positions = Vec::new();
        for round in 0..6 {
            let dir = ground.dir().with_file_name(format!("round{round}"));
            let options = BackupOptions::new().chunk_bytes(8192);
            let taken = backup(&ground.config(), &dir, &options).unwrap();
            if server().is_mariadb() {
                assert_eq!(taken.consistency, Consistency::SnapshotPosition);
                positions.push(taken.binlog.unwrap().position);
            } else {
                // MySQL tells no position of the binary log inside the snapshot, so none is claimed.
                assert_eq!((taken.consistency, taken.binlog), (Consistency::Snapshot, None));
            }

            let name = format!("moved_{round}_{}", std::process::id());
            restore(&ground.config(), &dir, &name, &RestoreOptions::new()).unwrap();
            let sum = "SELECT (SELECT SUM(cents) FROM a) + (SELECT SUM(cents) FROM z)";
            assert_eq!(server().sql(&name, sum).unwrap(), (2 * ACCOUNTS * 100).to_string());
            server().sql("", &format!("DROP DATABASE `{name}`")).unwrap();
        }
        if server().is_mariadb() {
            assert!(positions.is_sorted() && positions.first() < positions.last(), "{positions:?}");
        }
    });
}

#[test]
fn compare_finds_a_changed_a_missing_a_doubled_and_a_new_row_and_other_tables() {
    let ground = bank();
    ground.there_and_back();
    let config = ground.config().database(ground.copy.name());
    let compared = || compare(&config, &ground.dir()).unwrap();
    assert!(compared().is_equal());
    for (change, undo) in [
        ("UPDATE a SET cents = 101 WHERE id = 5", "UPDATE a SET cents = 100 WHERE id = 5"),
        ("DELETE FROM z WHERE id = 9", "INSERT INTO z (id, cents) VALUES (9, 100)"),
        ("INSERT INTO z (id, cents) VALUES (0, 0)", "DELETE FROM z WHERE id = 0"),
        (
            "UPDATE a SET filler = NULL WHERE id = 1",
            "UPDATE a SET filler = REPEAT('x', 200) WHERE id = 1",
        ),
        ("CREATE TABLE more (a INT)", "DROP TABLE more"),
        ("RENAME TABLE a TO b", "RENAME TABLE b TO a"),
        (
            "ALTER TABLE a DROP filler",
            "ALTER TABLE a ADD filler VARCHAR(200) DEFAULT (REPEAT('x', 200))",
        ),
    ] {
        ground.copy.sql(change).unwrap();
        assert!(!compared().is_equal(), "{change}");
        ground.copy.sql(undo).unwrap();
        assert!(compared().is_equal(), "{undo}");
    }
}

#[test]
fn a_table_altered_after_the_snapshot_is_told_and_no_backup_appears() {
    // `a` holds the backup up long enough: it waits for `aa`, which another session has locked.
    let ground = bank();
    ground.database.sql("CREATE TABLE aa (a INT)").unwrap();
    let mut holder = Connection::open(&ground.config()).unwrap();
    holder.batch("LOCK TABLES aa WRITE").unwrap();
    thread::scope(|scope| {
        let backup = scope.spawn(|| ground.back_up());
        let waits = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table metadata%' \
                     AND DB = DATABASE()";
        eventually(Duration::from_secs(30), || ground.database.sql(waits).unwrap() == "1");
        ground.database.sql("ALTER TABLE z ADD COLUMN b INT, ALGORITHM=COPY").unwrap();
        holder.batch("UNLOCK TABLES").unwrap();
        match backup.join().unwrap() {
            Err(error @ BackupError::ChangedDuringBackup { .. }) => {
                assert!(error.to_string().contains("\"z\""), "{error}");
                assert_eq!(error.fault(), steadfast_connection::Fault::Transient);
            }
            other => panic!("{other:?}"),
        }
    });
    assert!(!ground.dir().exists() && !ground.partial().exists());
    ground.there_and_back();
}

#[test]
fn a_table_that_was_read_can_be_altered_while_the_backup_goes_on() {
    let ground = bank();
    ground.database.sql("CREATE TABLE y (a INT)").unwrap();
    let mut holder = Connection::open(&ground.config()).unwrap();
    holder.batch("LOCK TABLES y WRITE").unwrap();
    thread::scope(|scope| {
        let backup = scope.spawn(|| ground.back_up());
        let waits = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table metadata%' \
                     AND DB = DATABASE()";
        eventually(Duration::from_secs(30), || ground.database.sql(waits).unwrap() == "1");
        // `a` has been read; without letting go of it this would wait for the whole backup, and it for us.
        ground.database.sql("SET lock_wait_timeout=20; ALTER TABLE a ADD COLUMN b INT").unwrap();
        holder.batch("UNLOCK TABLES").unwrap();
        assert!(!backup.join().unwrap().unwrap().alterations_waited);
    });
    verify(&ground.dir()).unwrap();
}

#[test]
fn tables_without_transactions_are_refused_unless_allowed() {
    let ground = Ground::new(
        "CREATE TABLE m (a INT) ENGINE=MyISAM; INSERT INTO m VALUES (1); CREATE TABLE i (a INT);
         CREATE TABLE e (a INT) ENGINE=MEMORY; CREATE TABLE u (a INT) ENGINE=MRG_MyISAM UNION=(m);",
    );
    match ground.back_up() {
        Err(BackupError::NonTransactional { tables }) => {
            assert_eq!(tables, ["e (MEMORY)", "m (MyISAM)"]);
        }
        other => panic!("{other:?}"),
    }
    assert!(!ground.dir().exists() && !ground.partial().exists());
    let options = BackupOptions::new().non_transactional(true);
    let taken = backup(&ground.config(), &ground.dir(), &options).unwrap();
    assert_eq!((taken.rows, taken.exceptions.len()), (1, 3));
    ground.restore().unwrap();
    assert_eq!(ground.copy.sql("SELECT a FROM m").unwrap(), "1");
}
