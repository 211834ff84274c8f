//! Statements that are wrong whatever the data.

use mysqlclient_sys::SUPPORTS_MYSQL_SSL_MODE;

use crate::case::{After, Case, Path, case};

const LOAD: &str = "LOAD DATA LOCAL INFILE 'x' INTO TABLE t";
/// libmysqlclient tells the server that it sends files, allowed or not, so that none of them refuses
/// before Steadfast does.
const NO_FILE: [Case; 2] = if SUPPORTS_MYSQL_SSL_MODE {
    [case(2068, "HY000", LOAD).maria(), case(2068, "HY000", LOAD).mysql().text_on_mysql()]
} else {
    [case(4166, "HY000", LOAD).maria(), case(3948, "42000", LOAD).mysql().text_on_mysql()]
};

const SAFE: &str = "SET sql_safe_updates = 1";
const SMALL_JOINS: &str = "SET sql_big_selects = 0, max_join_size = 1";

pub(crate) const CASES: &[Case] = &[
    case(1051, "42S02", "DROP TEMPORARY TABLE nowhere"),
    case(1052, "23000", "SELECT id FROM t, parent"),
    case(1054, "42S22", "SELECT nothing FROM t"),
    case(1056, "42000", "SELECT SUM(n) AS total FROM t GROUP BY total"),
    case(1064, "42000", "SELECTED 1"),
    case(1065, "42000", "").only(Path::Prepared),
    case(1066, "42000", "SELECT * FROM t, t"),
    case(1093, "HY000", "UPDATE t SET n = (SELECT MAX(n) FROM t)").mysql(),
    case(1093, "HY000", "INSERT INTO t (id, n) VALUES (9, (SELECT MAX(n) FROM t))").mysql(),
    case(1094, "HY000", "KILL 4000000000"),
    case(1096, "HY000", "SELECT *"),
    case(1102, "42000", "SELECT * FROM `a `.b"),
    case(1103, "42000", "SELECT * FROM `a `"),
    case(1104, "42000", "SELECT * FROM t a, t b, t c WHERE a.s <> b.s").session(SMALL_JOINS),
    case(1109, "42S02", "DELETE nowhere FROM t"),
    case(1110, "42000", "INSERT INTO t (id, id) VALUES (1, 1)"),
    case(1111, "HY000", "SELECT * FROM t WHERE SUM(n) = 1"),
    case(1115, "42000", "SELECT CONVERT('a' USING nowhere)"),
    case(1136, "21S01", "INSERT INTO t (id, n) VALUES (1)"),
    case(1140, "42000", "SELECT n, SUM(n) FROM t").session("SET sql_mode = 'ONLY_FULL_GROUP_BY'"),
    case(1146, "42S02", "SELECT * FROM nowhere"),
    case(1175, "HY000", "UPDATE t SET n = 1").session(SAFE),
    case(1176, "42000", "SELECT * FROM t USE INDEX (nowhere)"),
    case(1191, "HY000", "SELECT * FROM t WHERE MATCH (s) AGAINST ('a')"),
    case(1193, "HY000", "SET nowhere = 1"),
    case(1210, "HY000", "SELECT NTH_VALUE(n, 0) OVER () FROM t").mysql(),
    case(1221, "HY000", "UPDATE t, parent SET n = 1 LIMIT 1").mysql(),
    case(1222, "21000", "SELECT 1 UNION SELECT 1, 2"),
    case(1228, "HY000", "SET GLOBAL last_insert_id = 1"),
    case(1229, "HY000", "SET SESSION max_connections = 10"),
    case(1230, "42000", "SET identity = DEFAULT"),
    case(1231, "42000", "SET sql_mode = 'nowhere'"),
    case(1232, "42000", "SET sort_buffer_size = 'x'"),
    case(1235, "42000", "SELECT * FROM t WHERE id IN (SELECT id FROM parent LIMIT 1)"),
    case(1238, "HY000", "SET GLOBAL version = 'x'"),
    case(1241, "21000", "SELECT (1, 2)"),
    case(1243, "HY000", "EXECUTE nowhere").only(Path::Batch),
    case(1247, "42S22", "SELECT SUM(a) AS a2, (SELECT a2) FROM (SELECT 1 AS a) b"),
    case(1248, "42000", "SELECT * FROM (SELECT 1)").mysql(),
    case(1250, "42000", "SELECT id FROM t UNION SELECT id FROM parent ORDER BY t.id"),
    case(1253, "42000", "SELECT _latin1'a' COLLATE utf8mb4_bin"),
    case(1267, "HY000", "SELECT 'a' COLLATE utf8mb4_bin = 'b' COLLATE utf8mb4_general_ci"),
    case(
        1270,
        "HY000",
        "SELECT CONCAT('a' COLLATE utf8mb4_bin, 'b' COLLATE utf8mb4_general_ci, 'c' COLLATE utf8mb4_unicode_ci)",
    ),
    case(
        1271,
        "HY000",
        "SELECT 'a' COLLATE utf8mb4_bin IN ('b' COLLATE utf8mb4_general_ci, 'c' COLLATE utf8mb4_unicode_ci, 'd')",
    ),
    case(1273, "HY000", "SELECT 'a' COLLATE nowhere"),
    case(1286, "42000", "SET default_storage_engine = nowhere"),
    case(1288, "HY000", "UPDATE summed SET total = 1"),
    case(1295, "HY000", "PREPARE a FROM 'PREPARE b FROM \"DO 1\"'"),
    case(1298, "HY000", "SET time_zone = 'nowhere'"),
    case(1305, "42000", "CALL nowhere()"),
    case(1318, "42000", "CALL nothing()"),
    case(1327, "42000", "SELECT 1 INTO nowhere"),
    case(1347, "HY000", "SHOW CREATE VIEW t"),
    case(1348, "HY000", "UPDATE half SET more = 1"),
    case(1356, "HY000", "SELECT * FROM hollow"),
    case(1393, "HY000", "UPDATE joined SET id = 9, code = 9"),
    case(1394, "HY000", "INSERT INTO joined VALUES (1, 1)"),
    case(1395, "HY000", "DELETE FROM joined"),
    case(1414, "42000", "CALL tells(1)"),
    case(1442, "HY000", "INSERT INTO locked VALUES (9, 9)"),
    case(1449, "HY000", "CALL orphan()"),
    case(1456, "HY000", "CALL deep(1)"),
    case(1471, "HY000", "INSERT INTO summed VALUES (1)"),
    case(1582, "42000", "SELECT ABS(1, 2)"),
    case(1583, "42000", "SELECT UNIX_TIMESTAMP(1 AS a)").maria(),
    case(1621, "HY000", "SET SESSION max_allowed_packet = 1024"),
    case(1630, "42000", "SELECT MAX (n) FROM t"),
    NO_FILE[0],
    NO_FILE[1],
    case(4092, "42S02", "DROP VIEW t").maria().after(After::Committed),
    case(1649, "HY000", "SET lc_messages = 'nowhere'"),
    case(1735, "HY000", "SELECT * FROM parts PARTITION (nowhere)"),
    case(1747, "HY000", "SELECT * FROM t PARTITION (low)"),
    case(4078, "HY000", "SELECT POINT(1, 1) + 1 FROM t").maria(),
    case(4079, "HY000", "SELECT ABS(POINT(1, 1))").maria(),
    case(4161, "HY000", "SELECT CAST(1 AS nowhere)").maria(),
    // What the transaction's state does not allow.
    case(1568, "25001", "SET TRANSACTION READ ONLY"),
    case(1679, "HY000", "SET SESSION binlog_format = 'ROW'"),
    case(1694, "HY000", "SET SESSION sql_log_bin = 0"),
    case(1400, "XAE09", "XA START 'x'").after(After::Refused).text_on_mysql(),
    case(1399, "XAE07", "XA END 'x'").after(After::Refused).text_on_mysql(),
    case(1927, "70100", "KILL CONNECTION_ID()").maria(),
    case(1969, "70100", "SET STATEMENT max_statement_time = 0.01 FOR SELECT SLEEP(30)").maria(),
];

/// What needs a session outside a transaction.
pub(crate) const ALONE: &[Case] = &[
    case(1792, "25006", "INSERT INTO t (id, n) VALUES (9, 9)")
        .session("START TRANSACTION READ ONLY"),
    case(1099, "HY000", "DELETE FROM counter").session("LOCK TABLES counter READ"),
    case(1100, "HY000", "DELETE FROM child").session("LOCK TABLES parent READ"),
    case(1192, "HY000", "FLUSH TABLES WITH READ LOCK")
        .session("FLUSH TABLES t FOR EXPORT")
        .only(Path::Batch)
        .mysql(),
    case(1223, "HY000", "DELETE FROM parent").session("FLUSH TABLES WITH READ LOCK"),
    case(1397, "XAE04", "XA COMMIT 'nowhere'").text_on_mysql(),
    case(1399, "XAE07", "COMMIT").session("XA START '{id}'"),
    case(1399, "XAE07", "DROP TABLE t").session("XA START '{id}'"),
    case(1046, "3D000", "SELECT * FROM t")
        .session("CREATE DATABASE passing_{id}; USE passing_{id}; DROP DATABASE passing_{id}"),
];
