//! Changes of the schema that are refused: most have committed before.

use crate::case::{After, Case, Path, case};

const COMMITTED: After = After::Committed;

/// A statement that commits what was open and then fails.
const fn ddl(errno: u32, sqlstate: &'static str, sql: &'static str) -> Case {
    case(errno, sqlstate, sql).after(COMMITTED)
}

/// One that is refused as it is read.
const fn unread(errno: u32, sqlstate: &'static str, sql: &'static str) -> Case {
    case(errno, sqlstate, sql).after(After::Unread)
}

pub(crate) const CASES: &[Case] = &[
    ddl(1007, "HY000", "CREATE DATABASE mysql").maria(),
    ddl(1007, "HY000", "CREATE DATABASE sys").mysql(),
    ddl(1008, "HY000", "DROP DATABASE nowhere"),
    ddl(1050, "42S01", "CREATE TABLE t (id INT)"),
    ddl(1051, "42S02", "DROP TABLE nowhere"),
    unread(
        1059,
        "42000",
        "CREATE TABLE x (a2345678901234567890123456789012345678901234567890123456789012345 INT)",
    ),
    ddl(1060, "42S21", "ALTER TABLE t ADD id INT"),
    ddl(1061, "42000", "ALTER TABLE t ADD KEY s (n)"),
    unread(1063, "42000", "CREATE TABLE x (id DATE AUTO_INCREMENT PRIMARY KEY)"),
    ddl(1067, "42000", "CREATE TABLE x (id INT DEFAULT 'x')"),
    ddl(1068, "42000", "ALTER TABLE t ADD PRIMARY KEY (n)"),
    ddl(1071, "42000", "CREATE TABLE x (s VARCHAR(4000), PRIMARY KEY (s)) CHARACTER SET utf8mb4"),
    ddl(1072, "42000", "ALTER TABLE t ADD KEY (nowhere)"),
    unread(1074, "42000", "CREATE TABLE x (s CHAR(300))"),
    ddl(1075, "42000", "CREATE TABLE x (id INT AUTO_INCREMENT)"),
    ddl(1089, "HY000", "ALTER TABLE t ADD KEY (n(3))"),
    ddl(1090, "42000", "ALTER TABLE counter DROP id"),
    ddl(1091, "42000", "ALTER TABLE t DROP nowhere"),
    ddl(1113, "42000", "CREATE TABLE x").maria(),
    ddl(4028, "HY000", "CREATE TABLE x").mysql(),
    ddl(1118, "42000", "CREATE TABLE x (a VARCHAR(65000), b VARCHAR(65000)) CHARACTER SET latin1"),
    ddl(1166, "42000", "CREATE TABLE x (`a ` INT)"),
    ddl(1170, "42000", "CREATE TABLE x (b BLOB, PRIMARY KEY (b))"),
    ddl(1171, "42000", "CREATE TABLE x (id INT NULL, PRIMARY KEY (id))").mysql(),
    ddl(1239, "42000", "CREATE TABLE x (a INT, FOREIGN KEY (a) REFERENCES parent (id, code))"),
    ddl(1280, "42000", "ALTER TABLE t ADD KEY `primary` (n)"),
    ddl(1291, "HY000", "CREATE TABLE x (e ENUM('a', 'a'))"),
    unread(1294, "HY000", "CREATE TABLE x (a INT ON UPDATE CURRENT_TIMESTAMP)"),
    ddl(1304, "42000", "CREATE FUNCTION one() RETURNS INT DETERMINISTIC RETURN 1").text_on_mysql(),
    ddl(1305, "42000", "DROP PROCEDURE nowhere").text_on_mysql(),
    unread(1313, "42000", "CREATE PROCEDURE x() RETURN 1"),
    unread(1320, "42000", "CREATE FUNCTION x() RETURNS INT DETERMINISTIC BEGIN SET @a = 1; END"),
    unread(1330, "42000", "CREATE PROCEDURE x(a INT, a INT) DO 1"),
    unread(1331, "42000", "CREATE PROCEDURE x() BEGIN DECLARE a INT; DECLARE a INT; END"),
    ddl(1347, "HY000", "ALTER VIEW t AS SELECT 1").text_on_mysql(),
    unread(1351, "HY000", "CREATE VIEW x AS SELECT @a"),
    ddl(1353, "HY000", "CREATE VIEW x (a, b) AS SELECT 1").text_on_mysql(),
    ddl(1359, "HY000", "CREATE TRIGGER guard BEFORE DELETE ON t FOR EACH ROW SET @a = 1")
        .text_on_mysql(),
    ddl(1360, "HY000", "DROP TRIGGER nowhere").text_on_mysql(),
    ddl(1361, "HY000", "CREATE TRIGGER x BEFORE DELETE ON passing FOR EACH ROW SET @a = 1")
        .session("CREATE TEMPORARY TABLE passing (a INT)")
        .text_on_mysql(),
    unread(1362, "HY000", "CREATE TRIGGER x BEFORE DELETE ON t FOR EACH ROW SET OLD.n = 1"),
    unread(1363, "HY000", "CREATE TRIGGER x BEFORE DELETE ON t FOR EACH ROW SET @a = NEW.n"),
    unread(
        1422,
        "HY000",
        "CREATE FUNCTION x() RETURNS INT DETERMINISTIC BEGIN COMMIT; RETURN 1; END",
    ),
    unread(1425, "42000", "CREATE TABLE x (a DECIMAL(65, 60))").only(Path::Batch),
    unread(1426, "42000", "CREATE TABLE x (a DECIMAL(99, 1))").only(Path::Batch),
    unread(1427, "42000", "CREATE TABLE x (a DECIMAL(3, 5))"),
    unread(1439, "42000", "CREATE TABLE x (a INT(999))"),
    ddl(
        1493,
        "HY000",
        "CREATE TABLE x (a INT) PARTITION BY RANGE (a) (PARTITION p VALUES LESS THAN (9), PARTITION q VALUES LESS THAN (5))",
    ),
    ddl(1503, "HY000", "CREATE TABLE x (a INT PRIMARY KEY, b INT) PARTITION BY HASH (b)"),
    ddl(1505, "HY000", "ALTER TABLE t DROP PARTITION p"),
    ddl(1507, "HY000", "ALTER TABLE parts DROP PARTITION nowhere"),
    ddl(1508, "HY000", "ALTER TABLE parts DROP PARTITION low, mid"),
    ddl(1517, "HY000", "ALTER TABLE parts ADD PARTITION (PARTITION low VALUES LESS THAN (99))"),
    ddl(1539, "HY000", "DROP EVENT nowhere"),
    ddl(1553, "HY000", "ALTER TABLE cascading DROP KEY alone"),
    ddl(1564, "HY000", "CREATE TABLE x (a VARCHAR(5)) PARTITION BY HASH (ASCII(a))"),
    ddl(1701, "42000", "TRUNCATE parent"),
    ddl(1824, "HY000", "CREATE TABLE x (a INT, FOREIGN KEY (a) REFERENCES nowhere (id))").mysql(),
    ddl(1829, "HY000", "ALTER TABLE parent DROP id"),
    ddl(1846, "0A000", "ALTER TABLE t MODIFY n BIGINT NOT NULL, ALGORITHM = INPLACE"),
    ddl(1845, "0A000", "ALTER TABLE t ENGINE = InnoDB, ALGORITHM = INSTANT"),
    ddl(1396, "HY000", "DROP USER nobody@nowhere"),
    ddl(1141, "42000", "REVOKE SELECT ON *.* FROM nobody@nowhere"),
    ddl(1049, "42000", "CREATE TABLE nowhere.x (id INT)"),
    case(1049, "42000", "USE nowhere").text_on_mysql(),
    ddl(1524, "HY000", "CREATE USER somebody IDENTIFIED WITH nowhere"),
    ddl(1451, "23000", "DROP TABLE parent").maria(),
    ddl(3730, "HY000", "DROP TABLE parent").mysql(),
    ddl(1005, "HY000", "CREATE TABLE x (a INT, FOREIGN KEY (a) REFERENCES nowhere (id))").maria(),
    unread(1901, "HY000", "CREATE TABLE x (a INT, b INT AS (RAND()) PERSISTENT)").maria(),
    case(4124, "HY000", "SELECT * FROM t FOR SYSTEM_TIME ALL").maria(),
    ddl(3780, "HY000", "CREATE TABLE x (a VARCHAR(9), FOREIGN KEY (a) REFERENCES parent (id))")
        .mysql(),
    ddl(3820, "HY000", "CREATE TABLE x (a INT, CHECK (nowhere > 0))").mysql(),
    ddl(3822, "HY000", "CREATE TABLE x (a INT, CONSTRAINT above_zero CHECK (a > 0))").mysql(),
];
