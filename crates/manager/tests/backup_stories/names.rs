//! Names that are hard on SQL, on files, or on both.

use steadfast_connection::Config;
use steadfast_manager::{BackupOptions, RestoreOptions, backup, restore, verify};
use steadfast_testkit::server;
use tempfile::TempDir;

use crate::ground::{Ground, tables_of};

/// Beyond the first plane of Unicode the server takes no names: no emoji but the old ones.
fn hard_names() -> Vec<String> {
    let names = [
        "plain",
        "PLAIN",
        "Plain",
        "two words",
        " lead",
        "do.t",
        "a/b",
        "../../etc",
        "back\\slash",
        "tick`tick",
        "``",
        "'quote'",
        "\"double\"",
        "☃",
        "äöü",
        "select",
        "con",
        "nul",
        "a@b",
        "@41",
        "%s",
        "-x",
        "~",
        "*",
        "tab\tbed",
        "a;b",
        "/*",
        "--",
        "#",
    ];
    let long = ["x".repeat(64), "☃".repeat(40), "Ä".repeat(45)];
    names.iter().map(|name| (*name).to_owned()).chain(long).collect()
}

#[test]
fn tables_and_columns_of_any_name_come_back() {
    let sql: Vec<String> = hard_names()
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let quoted = quoted(name);
            format!("CREATE TABLE {quoted} ({quoted} INT, `1` ENUM('a')); INSERT INTO {quoted} VALUES ({at}, 0);\n")
        })
        .collect();
    let ground = Ground::new(&format!("SET sql_mode='';{}", sql.concat()));
    let (taken, _) = ground.there_and_back();
    assert_eq!(taken.tables, hard_names().len());
    assert_eq!(tables_of(&ground.copy).len(), hard_names().len());
    verify(&ground.dir()).unwrap();
}

const ALIKE: [&str; 3] = ["Sh`op.1 /☃", "SH`OP.1 /☃", "sh`op.1 /☃"];

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Dropping one of them makes the server forget the events of all, so they are dropped together.
fn drop_all_alike() {
    for name in ALIKE {
        server().sql("", &format!("DROP DATABASE IF EXISTS {}", quoted(name))).unwrap();
    }
}

#[test]
fn databases_whose_names_differ_in_capitals_alone_are_not_mixed_up() {
    let folder = TempDir::new().unwrap();
    let config = Config::from_url(&server().socket_url("")).unwrap();
    drop_all_alike();
    for (at, name) in ALIKE.iter().enumerate() {
        let name = quoted(name);
        let sql = format!(
            "CREATE DATABASE {name}; USE {name}; CREATE TABLE t{at} (a INT); INSERT INTO t{at} VALUES ({at});
             CREATE PROCEDURE p{at}() SELECT {at}; CREATE EVENT e{at} ON SCHEDULE EVERY 1 DAY DO SELECT {at};"
        );
        server().sql("", &sql).unwrap();
    }
    for (at, name) in ALIKE.iter().enumerate() {
        let (config, dir) = (config.clone().database(*name), folder.path().join(at.to_string()));
        let taken = backup(&config, &dir, &BackupOptions::new()).unwrap();
        assert_eq!((taken.tables, taken.objects), (1, 2), "{name}");
    }
    drop_all_alike();
    for (at, name) in ALIKE.iter().enumerate() {
        let dir = folder.path().join(at.to_string());
        let restored = restore(&config, &dir, name, &RestoreOptions::new()).unwrap();
        assert_eq!((restored.tables, restored.objects, restored.rows), (1, 2, 1), "{name}");
        let seen = server().sql(name, &format!("SELECT a FROM t{at}; CALL p{at}()")).unwrap();
        assert_eq!(seen, format!("{at}\n{at}"));
    }
    drop_all_alike();
}
