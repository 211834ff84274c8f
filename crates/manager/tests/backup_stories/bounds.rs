//! Many rows, no rows, no key, and the largest row.

use steadfast_manager::{BackupError, BackupOptions, backup};

use steadfast_testkit::server;

use crate::ground::Ground;

#[test]
fn tables_of_every_shape_come_back_in_several_chunks() {
    let ground = Ground::new(
        "CREATE TABLE hollow (a INT);
         CREATE TABLE nokey (a INT, b VARCHAR(50)); INSERT INTO nokey SELECT seq % 7, LEFT(SHA2(seq % 100, 256), 32) FROM seq_1_to_30000;
         CREATE TABLE comp (a INT, b VARCHAR(40), c DATE, d INT, PRIMARY KEY (b, a, c));
         INSERT INTO comp SELECT seq, LEFT(SHA2(seq, 256), 32), '2026-01-01', seq FROM seq_1_to_30000;
         CREATE TABLE `generated` (a INT AS (7) VIRTUAL, b INT DEFAULT 1); INSERT INTO `generated` (b) VALUES (1), (2);
         CREATE TABLE only_generated (a INT AS (7) VIRTUAL); INSERT INTO only_generated VALUES (), (), ();
         CREATE TABLE sparse (id BIGINT PRIMARY KEY); INSERT INTO sparse VALUES (0), (9223372036854775807);",
    );
    let options = BackupOptions::new().chunk_bytes(100_000);
    let taken = backup(&ground.config(), &ground.dir(), &options).unwrap();
    assert_eq!((taken.tables, taken.rows), (6, 30_000 + 30_000 + 2 + 3 + 2));
    let restored = ground.restore().unwrap();
    assert_eq!((restored.rows, restored.compared), (taken.rows, true));
    ground.assert_alike();
    let chunks = |table: &str| {
        let folder = ground.dir().join("data").join(ground.database.name()).join(table);
        std::fs::read_dir(folder).map_or(0, Iterator::count)
    };
    assert!(chunks("comp") > 10 && chunks("nokey") > 5);
    assert_eq!((chunks("hollow"), chunks("sparse")), (0, 1));
}

#[test]
fn a_row_near_the_packet_limit_comes_back() {
    // The server takes packets of 16 MiB, and escaping makes this row nearly 24.
    let ground = Ground::new(
        "CREATE TABLE t (id INT PRIMARY KEY, b LONGBLOB, c LONGBLOB);
         INSERT INTO t VALUES (1, REPEAT('\\0', 12000000), NULL), (2, REPEAT(0x5C0A, 100), 'x');",
    );
    ground.there_and_back();
}

#[test]
fn an_empty_database_comes_back_empty() {
    let ground = Ground::new("SELECT 1");
    let (taken, restored) = ground.there_and_back();
    assert_eq!((taken.tables, taken.objects, taken.rows), (0, 0, 0));
    assert!(restored.compared);
    let sentence = taken.to_string();
    assert!(sentence.contains("0 tables, 0 rows") && !sentence.contains('\n'), "{sentence}");
    // MySQL tells no position of the binary log inside the snapshot.
    let consistency = if server().is_mariadb() { "snapshot-position" } else { "snapshot" };
    assert_eq!(serde_json::to_value(&taken).unwrap()["consistency"], consistency);
}

#[test]
fn an_account_that_does_not_see_everything_is_refused() {
    let ground = Ground::new("CREATE TABLE t (id INT PRIMARY KEY); CREATE TABLE hidden (id INT)");
    let (name, user) = (ground.database.name().to_owned(), format!("u{}", std::process::id()));
    let grant = |what: &str| {
        let sql = format!("CREATE USER IF NOT EXISTS {user}@'%'; GRANT {what} TO {user}@'%'");
        ground.database.sql(&sql).unwrap();
    };
    let back_up = || backup(&ground.config().user(&user), &ground.dir(), &BackupOptions::new());

    grant(&format!("SELECT, SHOW VIEW ON `{name}`.*"));
    match back_up() {
        Err(BackupError::MissingPrivileges { privileges }) => {
            assert_eq!(privileges, ["TRIGGER", "EVENT", "EXECUTE"]);
        }
        other => panic!("{other:?}"),
    }
    assert!(!ground.dir().exists() && !ground.partial().exists());

    grant(&format!("TRIGGER, EVENT, EXECUTE ON `{name}`.*"));
    assert_eq!(back_up().unwrap().tables, 2);
    ground.database.sql(&format!("DROP USER {user}@'%'")).unwrap();
}
