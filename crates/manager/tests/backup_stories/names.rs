//! Names that are hard on SQL, on files, or on both.

use steadfast_manager::{BackupOptions, RestoreOptions, backup, restore, verify};
use steadfast_testkit::server;
use tempfile::TempDir;

use crate::ground::{Ground, tables_of};

/// Beyond the first plane of Unicode the server takes no names: no emoji but the old ones.
fn hard_names() -> Vec<String> {
    let names = [
        "plain", "PLAIN", "Plain", "two words", " lead", "do.t", "a/b", "../../etc", "back\\slash", "tick`tick", "``",
        "'quote'", "\"double\"", "☃", "äöü", "select", "con", "nul", "a@b", "@41", "%s", "-x", "~", "*", "tab\tbed", "a;b",
        "/*", "--", "#",
    ];
    let long = ["x".repeat(64), "☃".repeat(64), "Ä".repeat(63)];
    names.iter().map(|name| (*name).to_owned()).chain(long).collect()
}

#[test]
fn tables_and_columns_of_any_name_come_back() {
    let sql: String = hard_names()
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let quoted = format!("`{}`", name.replace('`', "``"));
            format!("CREATE TABLE {quoted} ({quoted} INT, `1` ENUM('a')); INSERT INTO {quoted} VALUES ({at}, 0);\n")
        })
        .collect();
    let ground = Ground::new(&format!("SET sql_mode='';{sql}"));
    let (taken, _) = ground.there_and_back();
    assert_eq!(taken.tables, hard_names().len());
    assert_eq!(tables_of(&ground.copy).len(), hard_names().len());
    verify(&ground.dir()).unwrap();
}

#[test]
fn a_database_of_any_name_is_backed_up_and_restored_beside_its_like() {
    let folder = TempDir::new().unwrap();
    for (at, name) in ["Sh`op.1 /☃", "SH`OP.1 /☃", "sh`op.1 /☃"].iter().enumerate() {
        let quoted = format!("`{}`", name.replace('`', "``"));
        let sql = format!(
            "DROP DATABASE IF EXISTS {quoted}; CREATE DATABASE {quoted}; USE {quoted}; \
             CREATE TABLE t{at} (a INT); INSERT INTO t{at} VALUES ({at}); CREATE PROCEDURE p{at}() SELECT {at}; \
             CREATE EVENT e{at} ON SCHEDULE EVERY 1 DAY DO SELECT {at};"
        );
        server().sql("", &sql).unwrap();
    }
    for (at, name) in ["Sh`op.1 /☃", "SH`OP.1 /☃", "sh`op.1 /☃"].iter().enumerate() {
        let config = steadfast_connection::Config::from_url(&server().socket_url("")).unwrap();
        let dir = folder.path().join(at.to_string());
        let taken = backup(&config.clone().database(*name), &dir, &BackupOptions::new()).unwrap();
        assert_eq!((taken.tables, taken.objects), (1, 2), "{name}");
        let quoted = format!("`{}`", name.replace('`', "``"));
        server().sql("", &format!("DROP DATABASE {quoted}")).unwrap();
        let restored = restore(&config, &dir, name, &RestoreOptions::new()).unwrap();
        assert_eq!((restored.tables, restored.objects, restored.rows), (1, 2, 1));
        assert_eq!(server().sql(name, &format!("SELECT a FROM t{at}")).unwrap(), at.to_string());
        server().sql("", &format!("DROP DATABASE {quoted}")).unwrap();
    }
}
