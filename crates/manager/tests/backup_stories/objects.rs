//! Everything beside tables: keys between them, views, routines, triggers, events, sequences.

use steadfast_connection::Config;
use steadfast_manager::{BackupError, Definers, RestoreOptions, backup_schema, restore};
use steadfast_testkit::{TestDatabase, server};

use crate::ground::Ground;

/// What MySQL has not: sequences, and rows that a constraint was not asked about.
const OF_MARIADB: &str = r"
CREATE SEQUENCE numbers START 5 INCREMENT 3 CACHE 10;
CREATE SEQUENCE spent MAXVALUE 2 NOCACHE;
CREATE SEQUENCE round MAXVALUE 2 NOCACHE CYCLE;
SELECT NEXTVAL(numbers), NEXTVAL(spent), NEXTVAL(round); SELECT NEXTVAL(spent), NEXTVAL(round); SELECT NEXTVAL(round);
CREATE TABLE hen (id INT PRIMARY KEY DEFAULT NEXTVAL(numbers), egg INT, self INT, FOREIGN KEY (self) REFERENCES hen (id));
CREATE TABLE counted (n INT CHECK (n > 0), KEY (n)) COMMENT 'it''s; AUTO_INCREMENT=1';
SET check_constraint_checks=0; INSERT INTO counted VALUES (-1);
";

/// The same tables without them. MySQL refuses a key that refers to a column that is not unique, unless told (6125).
const OF_MYSQL: &str = r"
CREATE TABLE hen (id INT PRIMARY KEY DEFAULT 5, egg INT, self INT, FOREIGN KEY (self) REFERENCES hen (id));
CREATE TABLE counted (n INT CHECK (n > 0), KEY (n)) COMMENT 'it''s; AUTO_INCREMENT=1';
INSERT INTO counted VALUES (1);
SET restrict_fk_on_non_standard_key=0;
";

const ALL: &str = r"
CREATE TABLE egg (a INT, b INT, hen INT, PRIMARY KEY (a, b), CONSTRAINT laid FOREIGN KEY (hen) REFERENCES hen (id) ON
  DELETE CASCADE);
INSERT INTO hen VALUES (1, NULL, NULL); INSERT INTO egg VALUES (7, 1, 1), (7, 2, 1); UPDATE hen SET egg = 7, self = 1;
ALTER TABLE hen ADD FOREIGN KEY (egg) REFERENCES egg (a);
CREATE TABLE log (id INT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(100));
CREATE TABLE nothing (a INT, b INT, KEY (b));
CREATE TABLE parts (id INT, at DATE, PRIMARY KEY (id, at)) PARTITION BY RANGE (YEAR(at)) (PARTITION p0 VALUES LESS THAN
  (2020), PARTITION p1 VALUES LESS THAN MAXVALUE);
INSERT INTO parts VALUES (1, '2019-01-01'), (1, '2026-01-01');
CREATE VIEW a_last AS SELECT * FROM m_middle;
";

const REST: &str = r#"
DELIMITER //
CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC RETURN n * 2; //
CREATE PROCEDURE report(IN `od``d` INT, OUT total INT)
  COMMENT 'says; how'
BEGIN
  -- a comment; with a semicolon
  DECLARE i INT DEFAULT 0; # and one more;
  /* `hen`; */
  WHILE i < `od``d` DO SET i = i + 1; END WHILE;
  SELECT COUNT(*) + i INTO total FROM egg WHERE 'it''s; \\' IS NOT NULL;
END //
SET sql_mode='ANSI_QUOTES,NO_BACKSLASH_ESCAPES' //
CREATE PROCEDURE ansi() SELECT '\' AS "col", "id" FROM "hen" //
SET sql_mode=DEFAULT //
SET NAMES latin1 COLLATE latin1_german1_ci //
CREATE FUNCTION old_client() RETURNS VARCHAR(9) DETERMINISTIC RETURN 'plain' //
SET NAMES utf8mb4 //
CREATE TRIGGER first BEFORE INSERT ON egg FOR EACH ROW INSERT INTO log (text) VALUES ('first') //
CREATE TRIGGER third BEFORE INSERT ON egg FOR EACH ROW INSERT INTO log (text) VALUES ('third') //
CREATE TRIGGER a_second BEFORE INSERT ON egg FOR EACH ROW PRECEDES third
BEGIN
  INSERT INTO log (text) VALUES ('second; ☃');
END //
CREATE EVENT clean ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 03:00:00' DISABLE COMMENT 'ä;' DO
BEGIN
  DELETE FROM log;
  DELETE FROM nothing;
END //
SET time_zone='+02:00' //
CREATE EVENT elsewhere ON SCHEDULE EVERY 1 HOUR DO SELECT 1 //
DELIMITER ;
CREATE OR REPLACE VIEW m_middle AS SELECT id, twice(id) AS doubled FROM z_first;
CREATE SQL SECURITY INVOKER VIEW with_check AS SELECT * FROM counted WHERE n > 0 WITH CASCADED CHECK OPTION;
"#;

fn all() -> Ground {
    let made = "CREATE VIEW z_first AS SELECT id FROM hen; CREATE VIEW m_middle AS SELECT id, 1 AS doubled FROM z_first;";
    let (tables, last_view) = ALL.split_once("CREATE VIEW a_last").unwrap();
    let vendors = if server().is_mariadb() { OF_MARIADB } else { OF_MYSQL };
    let collation = "ALTER DATABASE COLLATE utf8mb4_german2_ci;";
    Ground::new(&format!("{collation}{vendors}{tables}{made}CREATE VIEW a_last{last_view}{REST}"))
}

/// All definitions, as the client shows them.
fn definitions(database: &TestDatabase) -> String {
    let shown = [
        "VIEW a_last",
        "VIEW m_middle",
        "VIEW z_first",
        "VIEW with_check",
        "FUNCTION twice",
        "PROCEDURE report",
        "PROCEDURE ansi",
        "FUNCTION old_client",
        "EVENT clean",
        "EVENT elsewhere",
        "DATABASE",
    ];
    let mut sql = shown.map(|what| format!("SHOW CREATE {what};")).concat();
    if server().is_mariadb() {
        sql.push_str(
            "SHOW CREATE SEQUENCE numbers; SHOW CREATE SEQUENCE spent; \
             SELECT * FROM numbers; SELECT * FROM spent; SELECT * FROM round;",
        );
    }
    sql.push_str(
        "SELECT TRIGGER_NAME, ACTION_ORDER, ACTION_STATEMENT, SQL_MODE, DEFINER, CHARACTER_SET_CLIENT, \
         COLLATION_CONNECTION, DATABASE_COLLATION FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() \
         ORDER BY TRIGGER_NAME; SELECT EVENT_NAME, STATUS, TIME_ZONE FROM information_schema.EVENTS WHERE EVENT_SCHEMA = \
         DATABASE() ORDER BY EVENT_NAME;",
    );
    let sql = sql.replace("DATABASE;", &format!("DATABASE `{}`;", database.name()));
    database.sql(&sql).unwrap().replace(database.name(), "DB")
}

#[test]
fn everything_beside_the_rows_comes_back() {
    let ground = all();
    let (taken, restored) = ground.there_and_back();
    let sequences = if server().is_mariadb() { 3 } else { 0 };
    assert_eq!(taken.objects, sequences + 4 + 4 + 3 + 2);
    assert_eq!(restored.objects, taken.objects);
    assert_eq!(restored.notes, [""; 0]);
    assert_eq!(definitions(&ground.database), definitions(&ground.copy));
}

#[test]
fn what_comes_back_works() {
    let ground = all();
    ground.there_and_back();
    let log = ground.copy.sql("INSERT INTO egg VALUES (9, 9, 1); SELECT text FROM log ORDER BY id");
    assert_eq!(log.unwrap(), "first\nsecond; ☃\nthird");
    assert_eq!(ground.copy.sql("CALL report(2, @n); SELECT @n").unwrap(), "5");
    assert_eq!(ground.copy.sql("SELECT * FROM a_last").unwrap(), "1\t2");
    if server().is_mariadb() {
        // The next value is one that the original has not given yet.
        assert_eq!(ground.copy.sql("SELECT NEXTVAL(numbers)").unwrap(), "35");
        assert_eq!(ground.copy.sql("SELECT NEXTVAL(spent)").unwrap_err().errno(), Some(4084));
        assert_eq!(ground.copy.sql("SELECT NEXTVAL(round)").unwrap(), "2");
    }
    let orphan = ground.copy.sql("INSERT INTO egg VALUES (8, 8, 99)").unwrap_err();
    assert_eq!(orphan.errno(), Some(1452));
}

#[test]
fn the_schema_alone_is_one_text_that_the_client_takes() {
    let ground = all();
    let taken = backup_schema(&ground.config(), &ground.dir()).unwrap();
    assert_eq!((taken.rows, taken.tables), (0, 6));
    let text = std::fs::read_to_string(ground.dir().join("schema.sql")).unwrap();
    assert!(!text.replace("AUTO_INCREMENT=1'", "").contains("AUTO_INCREMENT="), "{text}");

    // Through the client, and through our restore: the same schema again.
    let by_client = server().database();
    by_client.sql(&text.replace(ground.database.name(), by_client.name())).unwrap();
    restore(&ground.config(), &ground.dir(), ground.copy.name(), &RestoreOptions::new()).unwrap();
    for copy in [&by_client, &ground.copy] {
        let config = Config::from_url(&copy.socket_url()).unwrap();
        let dir = ground.dir().with_file_name(copy.name());
        backup_schema(&config, &dir).unwrap();
        let again = std::fs::read_to_string(dir.join("schema.sql")).unwrap();
        let plain = |text: &str, name| {
            text.replace(name, "DB").lines().skip(1).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(plain(&again, copy.name()), plain(&text, ground.database.name()));
    }
}

#[test]
fn a_missing_account_is_told_before_anything_is_changed_and_can_be_replaced() {
    let ground = Ground::new("CREATE TABLE t (a INT)");
    let account = format!("gone{}", std::process::id());
    let sql = format!(
        "CREATE USER '{account}'@'h%'; CREATE DEFINER='{account}'@'h%' VIEW v AS SELECT a FROM t;
         CREATE DEFINER='{account}'@'h%' PROCEDURE p() SELECT 'DEFINER=`x`';"
    );
    ground.database.sql(&sql).unwrap();
    ground.back_up().unwrap();
    ground.database.sql(&format!("DROP USER '{account}'@'h%'")).unwrap();

    match ground.restore() {
        Err(BackupError::MissingDefiners { accounts }) => {
            assert_eq!(accounts, [format!("{account}@h%")]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(ground.copy.sql("SHOW TABLES").unwrap(), "");

    let options = RestoreOptions::new().definers(Definers::Current);
    let restored = restore(&ground.config(), &ground.dir(), ground.copy.name(), &options).unwrap();
    assert_eq!(restored.objects, 2);
    assert_eq!(ground.copy.sql("SELECT * FROM v; CALL p()").unwrap(), "DEFINER=`x`");
}
