//! Under another name than the original's.

use steadfast_testkit::server;

use crate::ground::Ground;

#[test]
fn views_and_defaults_follow_the_new_name_and_bodies_are_told() {
    let ground = Ground::new("CREATE TABLE t (a INT); INSERT INTO t VALUES (3)");
    let name = ground.database.name();
    let (sequence, default, accounts) = if server().is_mariadb() {
        ("CREATE SEQUENCE s;", format!("NEXTVAL({name}.s)"), "mysql.global_priv")
    } else {
        ("", "1".to_owned(), "mysql.user")
    };
    ground
        .database
        .sql(&format!(
            "{sequence} CREATE TABLE d (a INT DEFAULT {default});
             CREATE FUNCTION f(n INT) RETURNS INT DETERMINISTIC RETURN n + 1;
             CREATE VIEW near AS SELECT {name}.f(a) AS b FROM {name}.t;
             CREATE VIEW far AS SELECT t.a, '`{name}`.`t`' AS text FROM {name}.t JOIN {accounts} LIMIT 1;
             CREATE TABLE `{name}` (id INT); INSERT INTO `{name}` VALUES (8);
             CREATE VIEW same AS SELECT `{name}`.id FROM `{name}` JOIN {accounts} LIMIT 1;
             CREATE TRIGGER g AFTER INSERT ON d FOR EACH ROW INSERT INTO {name}.t VALUES (NEW.a);
             CREATE PROCEDURE p() SELECT '{name}.t', a FROM t;"
        ))
        .unwrap();
    ground.back_up().unwrap();
    let restored = ground.restore().unwrap();

    let name = ground.database.name().to_owned();
    assert_eq!(restored.notes, [format!("trigger \"g\" names database {name:?} in its body")]);
    // Whatever still leads to the original would fail now.
    ground.database.sql(&format!("DROP DATABASE `{name}`")).unwrap();
    let seen =
        ground.copy.sql("SELECT * FROM near; SELECT * FROM far; SELECT * FROM same").unwrap();
    assert_eq!(seen, format!("4\n3\t`{name}`.`t`\n8"));
    ground.copy.sql("DROP TRIGGER g; INSERT INTO d VALUES ()").unwrap();
}

#[test]
fn an_invalid_view_does_not_stop_a_restore_and_is_told() {
    let ground = Ground::new(
        "CREATE TABLE t (a INT); CREATE VIEW v AS SELECT a FROM t; CREATE VIEW w AS SELECT a FROM v; DROP TABLE t",
    );
    let taken = ground.back_up().unwrap();
    assert_eq!(taken.exceptions.len(), 2, "{:?}", taken.exceptions);
    let restored = ground.restore().unwrap();
    assert_eq!((restored.objects, restored.notes.len()), (0, 2), "{:?}", restored.notes);
}
