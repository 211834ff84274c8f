//! Maintenance of tables: what each task does, and that it is recorded.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod ground;

use std::time::Duration;

use ground::config;
use steadfast_manager::{Database, Error, Migrate, Task, TaskRefusal};
use steadfast_testkit::{TestDatabase, server};

fn opened(database: &TestDatabase) -> Database {
    Database::open(config(database).migrate(Migrate::Run)).unwrap()
}

const RUNS: &str = "SELECT task, IFNULL(target, '-'), state, items, took_us > 0, by_host <> '' \
                    FROM steadfast_maintenance ORDER BY id";

#[test]
fn analyze_reads_the_distribution_of_every_table_anew() {
    let database = server().database();
    let db = opened(&database);
    database.sql("CREATE TABLE `odd``name` (i INT PRIMARY KEY, j INT, KEY (j))").unwrap();
    database.sql("INSERT INTO `odd``name` SELECT seq, seq % 7 FROM seq_1_to_700").unwrap();
    let stale = "UPDATE mysql.innodb_index_stats SET stat_value = 1 \
                 WHERE database_name = DATABASE() AND stat_name LIKE 'n_diff%'";
    database.sql(stale).unwrap();

    let report = db.maintain(Task::analyze()).unwrap();

    assert_eq!((report.items, report.finished, report.recorded), (5, true, true), "{report:?}");
    assert!(!report.has_errors(), "{report:?}");
    let fresh = "SELECT stat_value FROM mysql.innodb_index_stats WHERE database_name = DATABASE() \
                 AND table_name LIKE 'odd%' AND index_name = 'j' AND stat_name = 'n_diff_pfx01'";
    assert_eq!(database.sql(fresh).unwrap(), "7");
    assert_eq!(database.sql(RUNS).unwrap(), "analyze\t-\tdone\t5\t1\t1");
}

#[test]
fn optimize_gives_space_back_that_deleted_rows_left() {
    let database = server().database();
    let db = opened(&database);
    let fill = "CREATE TABLE big (i INT PRIMARY KEY, t VARCHAR(200)); \
                INSERT INTO big SELECT seq, REPEAT('x', 200) FROM seq_1_to_20000; \
                DELETE FROM big WHERE i > 100";
    database.sql(fill).unwrap();
    let view = if server().is_mariadb() { "INNODB_SYS_TABLESPACES" } else { "INNODB_TABLESPACES" };
    let size = &format!(
        "SELECT FILE_SIZE FROM information_schema.{view} WHERE NAME = CONCAT(DATABASE(), '/big')"
    );
    let before: u64 = database.sql(size).unwrap().parse().unwrap();

    let report = db.maintain(Task::optimize(["big"])).unwrap();

    let after: u64 = database.sql(size).unwrap().parse().unwrap();
    assert!(after < before / 2, "{before} -> {after}");
    assert_eq!((report.items, report.target.as_deref()), (1, Some("big")));
    assert_eq!(database.sql("SELECT COUNT(*) FROM big").unwrap(), "100");
    assert_eq!(database.sql(RUNS).unwrap(), "optimize\tbig\tdone\t1\t1\t1");
}

#[test]
fn check_reads_every_table_and_finds_nothing_in_whole_ones() {
    let database = server().database();
    let db = opened(&database);
    let report = db.maintain(Task::check()).unwrap();
    assert_eq!((report.items, report.notes.len(), report.has_errors()), (4, 0, false));
}

#[test]
fn check_names_a_table_that_is_damaged() {
    let database = server().database();
    let db = opened(&database);
    // What a crash leaves of a MyISAM table: the data file is shorter than its index says.
    database.sql("CREATE TABLE old (i INT, t CHAR(200)) ENGINE=MyISAM").unwrap();
    database.sql("INSERT INTO old SELECT seq, 'x' FROM seq_1_to_500; FLUSH TABLES").unwrap();
    let folder = database.sql("SELECT @@datadir").unwrap();
    let file = std::path::Path::new(&folder).join(database.name()).join("old.MYD");
    let whole = std::fs::metadata(&file).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(whole / 2).unwrap();

    let report = db.maintain(Task::check()).unwrap();

    assert!(report.has_errors(), "{report:?}");
    assert!(report.notes.iter().all(|note| note.table == "old"), "{:?}", report.notes);
}

#[test]
fn a_task_on_what_is_not_there_is_refused() {
    let database = server().database();
    let db = opened(&database);
    let refused = db.maintain(Task::optimize(["nowhere"])).unwrap_err();
    let expected = TaskRefusal::NoTable { table: "nowhere".to_owned() };
    assert!(matches!(&refused, Error::TaskRefused(refusal) if *refusal == expected), "{refused:?}");
}

#[test]
fn a_run_is_made_even_if_it_cannot_be_recorded() {
    let database = server().database();
    let db = Database::open(config(&database)).unwrap();
    database.sql("CREATE TABLE a (i INT)").unwrap();
    let report = db.maintain(Task::analyze()).unwrap();
    assert_eq!((report.items, report.recorded), (1, false));
}

#[test]
fn a_closed_database_takes_no_task() {
    let database = server().database();
    let db = opened(&database);
    db.close(Duration::from_secs(5));
    let refused = db.maintain(Task::analyze());
    assert!(matches!(refused, Err(Error::Closed)), "{refused:?}");
}
