//! Names, folders and targets that are refused.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use steadfast_connection::{Config, Fault};
use steadfast_manager::{BackupError, BackupOptions, RestoreOptions, backup, restore, verify};

use steadfast_testkit::server;

use crate::ground::Ground;

#[test]
fn a_name_that_is_taken_is_refused_and_untouched() {
    let ground = Ground::new("CREATE TABLE t (a INT)");
    fs::write(ground.dir(), "mine").unwrap();
    assert!(
        matches!(ground.back_up(), Err(BackupError::NameTaken { path }) if path == ground.dir())
    );
    assert_eq!(fs::read_to_string(ground.dir()).unwrap(), "mine");
    fs::remove_file(ground.dir()).unwrap();
    // Also an empty folder, and a link that leads nowhere.
    fs::create_dir(ground.dir()).unwrap();
    assert!(matches!(ground.back_up(), Err(BackupError::NameTaken { .. })));
    fs::remove_dir(ground.dir()).unwrap();
    std::os::unix::fs::symlink("nowhere", ground.dir()).unwrap();
    assert!(matches!(ground.back_up(), Err(BackupError::NameTaken { .. })));
    fs::remove_file(ground.dir()).unwrap();

    ground.back_up().unwrap();
    assert!(matches!(ground.back_up(), Err(BackupError::NameTaken { .. })));
    verify(&ground.dir()).unwrap();
    assert!(!ground.partial().exists());
}

#[test]
fn an_unfinished_backup_is_replaced_unless_somebody_holds_it_or_it_is_strange() {
    let ground = Ground::new("CREATE TABLE t (a INT)");
    fs::create_dir_all(ground.partial().join("data/x")).unwrap();
    fs::write(ground.partial().join("data/x/00000.tsv.zst"), "half").unwrap();
    let held = File::open(ground.partial()).unwrap();
    held.try_lock().unwrap();
    match ground.back_up() {
        Err(error @ BackupError::InProgress { .. }) => assert_eq!(error.fault(), Fault::Busy),
        other => panic!("{other:?}"),
    }
    drop(held);

    fs::write(ground.partial().join("diary"), "mine").unwrap();
    assert!(
        matches!(ground.back_up(), Err(BackupError::StrangePartial { entry, .. }) if entry == "diary")
    );
    assert!(ground.partial().join("data/x/00000.tsv.zst").exists());
    fs::remove_file(ground.partial().join("diary")).unwrap();

    ground.back_up().unwrap();
    verify(&ground.dir()).unwrap();
    assert!(!ground.partial().exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_told_with_its_path() {
    let ground = Ground::new("CREATE TABLE t (a INT)");
    let missing = ground.dir().join("no/such");
    match backup(&ground.config(), &missing, &BackupOptions::new()) {
        Err(BackupError::File { path, .. }) => assert!(path.ends_with("no/such.partial")),
        other => panic!("{other:?}"),
    }
    // Root may write anywhere but where no folder is.
    let file = ground.dir().with_file_name("file");
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o400)).unwrap();
    match backup(&ground.config(), &file.join("night"), &BackupOptions::new()) {
        Err(BackupError::File { path, .. }) => assert!(path.starts_with(&file)),
        other => panic!("{other:?}"),
    }
    for no_name in ["/", "..", ""] {
        let refused = backup(&ground.config(), no_name.as_ref(), &BackupOptions::new());
        assert!(
            matches!(refused, Err(BackupError::Config(_) | BackupError::NameTaken { .. })),
            "{no_name}: {refused:?}"
        );
    }
}

#[test]
fn a_database_that_holds_anything_is_not_restored_into() {
    let ground = Ground::new("CREATE TABLE t (a INT); INSERT INTO t VALUES (1)");
    ground.back_up().unwrap();
    let mut things = vec![
        ("CREATE TABLE other (a INT)", "DROP TABLE other"),
        ("CREATE VIEW other AS SELECT 1", "DROP VIEW other"),
        ("CREATE PROCEDURE other() SELECT 1", "DROP PROCEDURE other"),
        ("CREATE EVENT other ON SCHEDULE EVERY 1 DAY DO SELECT 1", "DROP EVENT other"),
    ];
    if server().is_mariadb() {
        things.push(("CREATE SEQUENCE other", "DROP SEQUENCE other"));
    }
    for (make, drop) in things {
        ground.copy.sql(make).unwrap();
        match ground.restore() {
            Err(BackupError::NotEmpty { example, .. }) => {
                assert!(example.contains("other"), "{example}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(ground.copy.sql("SHOW TABLES LIKE 't'").unwrap(), "");
        ground.copy.sql(drop).unwrap();
    }
    ground.restore().unwrap();
    ground.assert_alike();
}

#[test]
fn settings_and_places_that_are_wrong_are_refused_before_anything_is_done() {
    let ground = Ground::new("CREATE TABLE t (a INT)");
    let options = BackupOptions::new().chunk_bytes(1).answer_timeout(Duration::ZERO);
    let refused = backup(&ground.config(), &ground.dir(), &options);
    assert!(matches!(refused, Err(BackupError::Config(invalid)) if invalid.len() == 2));
    let nameless = Config::new().password("s3cret");
    let refused = backup(&nameless, &ground.dir(), &BackupOptions::new()).unwrap_err();
    assert!(matches!(refused, BackupError::NoDatabase));
    let missing = ground.config().database("no_such_database");
    let refused = backup(&missing, &ground.dir(), &BackupOptions::new()).unwrap_err();
    assert_eq!(refused.errno(), Some(1049));
    assert!(matches!(verify(&ground.dir()), Err(BackupError::NotABackup { .. })));
    let refused =
        restore(&ground.config(), &ground.dir(), ground.copy.name(), &RestoreOptions::new());
    assert!(matches!(refused, Err(BackupError::NotABackup { .. })));
    ground.back_up().unwrap();
    let refused = restore(&ground.config(), &ground.dir(), &"x".repeat(65), &RestoreOptions::new());
    assert!(refused.is_err() && !ground.partial().exists());
}

#[test]
fn no_password_is_written_anywhere() {
    let ground = Ground::new("CREATE TABLE t (a INT)");
    let account = format!("dumper{}", std::process::id());
    let grant = format!(
        "CREATE USER '{account}'@'%' IDENTIFIED BY 's3cret-w0rd'; GRANT ALL ON `{}`.* TO '{account}'@'%'",
        ground.database.name()
    );
    ground.database.sql(&grant).unwrap();
    let config = ground.config().user(&account).password("s3cret-w0rd");
    // An account that may read this database and nothing else can take a backup.
    let taken = backup(&config, &ground.dir(), &BackupOptions::new()).unwrap();
    // MySQL lets go of a table that was read whether or not the binary log is on.
    assert_eq!(taken.alterations_waited, server().is_mariadb());
    let texts = [
        fs::read_to_string(ground.dir().join("manifest.json")).unwrap(),
        format!("{taken:?} {taken}"),
    ];
    assert!(texts.iter().all(|text| !text.contains("s3cret")));
    ground.database.sql(&format!("DROP USER '{account}'@'%'")).unwrap();
}
