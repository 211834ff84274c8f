//! Data that the schema refuses.

use crate::case::{Case, case};

const STRICT: &str =
    "SET sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE'";
const NO_CHECKS_OF_OUR_OWN: &str = "SET sql_mode = 'ONLY_FULL_GROUP_BY,STRICT_ALL_TABLES'";

pub(crate) const CASES: &[Case] = &[
    case(1062, "23000", "INSERT INTO t (id, n) VALUES (1, 1)"),
    case(1761, "23000", "UPDATE loose_parent SET code = 2 WHERE code = 1"),
    case(1451, "23000", "DELETE FROM parent WHERE id = 1"),
    case(1452, "23000", "INSERT INTO child VALUES (2, 99)"),
    case(1048, "23000", "INSERT INTO t (id, n) VALUES (3, NULL)"),
    case(1364, "HY000", "INSERT INTO t (id) VALUES (3)"),
    case(1423, "HY000", "INSERT INTO small (id) VALUES (3)"),
    case(1369, "44000", "INSERT INTO small VALUES (3, 50)").maria(),
    case(1369, "HY000", "INSERT INTO small VALUES (3, 50)").mysql(),
    case(4025, "23000", "INSERT INTO t (id, n, positive) VALUES (3, 1, -1)").maria(),
    case(3819, "HY000", "INSERT INTO t (id, n, positive) VALUES (3, 1, -1)").mysql(),
    case(1264, "22003", "INSERT INTO t (id, n) VALUES (3, 1000)"),
    case(1265, "01000", "INSERT INTO t (id, n) VALUES (3, '12x')").session(STRICT),
    case(1292, "22007", "INSERT INTO t (id, n, d) VALUES (3, 1, '2020-02-31')").session(STRICT),
    case(1366, "22007", "INSERT INTO t (id, n) VALUES (3, 'x')").maria(),
    case(1366, "HY000", "INSERT INTO t (id, n) VALUES (3, 'x')").mysql(),
    case(1406, "22001", "INSERT INTO t (id, n, s) VALUES (3, 1, 'too long')"),
    case(1690, "22003", "SELECT 9223372036854775807 + 1 FROM t"),
    case(1365, "22012", "UPDATE t SET n = 1 / 0 WHERE id = 1").session(STRICT),
    case(1411, "HY000", "UPDATE t SET d = STR_TO_DATE('x', '%Y') WHERE id = 1").session(STRICT),
    case(1416, "22003", "INSERT INTO shapes VALUES ('x')"),
    case(1441, "22008", "UPDATE t SET d = DATE_ADD('9999-12-31', INTERVAL 1 DAY)").session(STRICT),
    case(1242, "21000", "SELECT (SELECT id FROM t)"),
    case(1172, "42000", "SELECT id INTO @one FROM t"),
    case(1526, "HY000", "INSERT INTO parts VALUES (99)"),
    case(1748, "HY000", "INSERT INTO parts PARTITION (low) VALUES (15)"),
    case(1139, "42000", "SELECT 'a' REGEXP '('").maria(),
    case(1644, "45000", "CALL says_no()"),
    case(1644, "45000", "DELETE FROM t"),
    case(167, "22003", "INSERT INTO counter VALUES (NULL)").maria(),
    case(1906, "HY000", "INSERT INTO generated_one VALUES (1, 5)").maria(),
    case(3105, "HY000", "INSERT INTO generated_one VALUES (1, 5)").mysql(),
    case(1055, "42000", "SELECT n, s FROM t GROUP BY n").session(NO_CHECKS_OF_OUR_OWN),
    case(3140, "22032", "INSERT INTO texts VALUES ('{')").mysql(),
    case(3141, "22032", "SELECT JSON_EXTRACT('{', '$')").mysql(),
    case(3143, "42000", "SELECT JSON_EXTRACT('{}', 'x')").mysql(),
];
