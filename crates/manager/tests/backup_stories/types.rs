//! Every type of column, at its ends, comes back bit by bit.

use steadfast_testkit::{Vendor, server};

use crate::ground::Ground;

const NUMBERS: &str = "
CREATE TABLE whole (
  id INT PRIMARY KEY, t TINYINT, tu TINYINT UNSIGNED, s SMALLINT, su SMALLINT UNSIGNED ZEROFILL, m MEDIUMINT,
  mu MEDIUMINT UNSIGNED, i INT, iu INT UNSIGNED, b BIGINT, bu BIGINT UNSIGNED, d DECIMAL(65,30), d0 DECIMAL(65,0),
  b1 BIT(1), b8 BIT(8), b12 BIT(12), b64 BIT(64));
INSERT INTO whole VALUES
  (1, -128, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0,
   -99999999999999999999999999999999999.999999999999999999999999999999,
   -99999999999999999999999999999999999999999999999999999999999999999, 0, 0, 0, 0),
  (2, 127, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807, 18446744073709551615,
   0.000000000000000000000000000001, 1, 1, 255, 4095, 18446744073709551615),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (4, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10.5, 11, 1, 0x09, 0x0A0D, 0x00090A0D5C0A5C09),
  (5, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10.5, 11, 1, 0x5C, 0x095C, 0x5C4E5C4E5C4E5C4E),
  (6, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10.5, 11, 1, 0x0A, 0x0D00, 0x0A0A0A0A0A0A0A0A);
CREATE TABLE counted (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, v INT);
SET sql_mode='NO_AUTO_VALUE_ON_ZERO';
INSERT INTO counted VALUES (0, 0), (5, 5);
ALTER TABLE counted AUTO_INCREMENT = 4711;
";

#[test]
fn whole_numbers_decimals_and_bits_come_back() {
    let ground = Ground::new(NUMBERS);
    let (taken, _) = ground.there_and_back();
    assert_eq!((taken.tables, taken.rows), (2, 8));
    let next = "INSERT INTO counted (v) VALUES (1); SELECT MAX(id) FROM counted";
    assert_eq!(ground.copy.sql(next).unwrap(), "4711");
}

/// FLOAT is the column that mysqldump and mydumper change: they take its six digits. `CHECKSUM TABLE` compares
/// the bits; -0 comes into a FLOAT as what is too small for it, and the server prints it as 0.
#[test]
fn floats_and_doubles_of_random_bits_come_back() {
    let ground = Ground::new(
        "CREATE TABLE f (id INT PRIMARY KEY, f FLOAT, d DOUBLE, f73 FLOAT(7,3), dec_f DOUBLE(20,5));
         INSERT INTO f SELECT seq, (RAND(seq) - 0.5) * POW(10, FLOOR(RAND(seq + 1) * 76) - 38),
           (RAND(seq + 2) - 0.5) * POW(10, FLOOR(RAND(seq + 3) * 600) - 300), RAND(seq) * 1000, RAND(seq) * 1e9
           FROM seq_1_to_20000;
         INSERT INTO f VALUES (30000, 1e-45, 5e-324, 0.001, 1), (30001, -1e-50, '-0', -1e-50, '-0'),
           (30002, 3.402823e38, 1.7976931348623157e308, 9999.999, 2), (30003, 1.17549435e-38, 2.2250738585072014e-308,
           0, 0), (30004, NULL, NULL, NULL, NULL), (30005, 16777217, 9007199254740993, 0, 0), (30006, 1e-40, 1e-310, 0, 0);",
    );
    ground.there_and_back();
    let text = "SELECT id, CAST(f AS DOUBLE), d, CAST(f73 AS DOUBLE), dec_f FROM f ORDER BY id";
    assert_eq!(ground.database.sql(text).unwrap(), ground.copy.sql(text).unwrap());
    let signs = "SELECT ATAN2(f, -1) < 0 FROM f WHERE id IN (30001, 30003) ORDER BY id";
    assert_eq!(ground.copy.sql(signs).unwrap(), "1\n0");
}

/// What a loader could take for something else: separators, escapes, the word and the sign for NULL.
const TRICKY: [&str; 12] = [
    "''",
    "'NULL'",
    "'\\\\N'",
    "'\\\\'",
    "'\\\\\\\\'",
    "'a\\tb'",
    "'a\\nb\\n'",
    "'\\r\\n'",
    "'x\\0y'",
    "' '",
    "'\\\\\\n'",
    "NULL",
];

#[test]
fn texts_and_bytes_come_back_in_every_character_set() {
    let columns = |name: &str, set: &str| {
        format!(
            "{name}c CHAR(20) CHARACTER SET {set}, {name}v VARCHAR(50) CHARACTER SET {set}, {name}t TEXT CHARACTER SET {set}"
        )
    };
    let sets = [
        ("a", "latin1"),
        ("b", "utf8mb4"),
        ("c", "sjis"),
        ("d", "ucs2"),
        ("e", "gbk"),
        ("f", "utf32"),
        ("g", "utf8mb3"),
    ];
    let columns: Vec<String> = sets.iter().map(|(name, set)| columns(name, set)).collect();
    let mut sql = format!(
        "CREATE TABLE s (id INT AUTO_INCREMENT PRIMARY KEY, {}, bin BINARY(8), vb VARBINARY(50), bl BLOB, lb LONGBLOB);
         CREATE TABLE one (v VARCHAR(10)); INSERT INTO one VALUES (''), ('x'), (NULL), ('');\n",
        columns.join(", ")
    );
    let row = |value: &str, tail: &str| {
        let values = vec![value; sets.len() * 3].join(", ");
        format!("INSERT INTO s VALUES (NULL, {values}, {tail});\n")
    };
    for value in TRICKY {
        sql.push_str(&row(value, &format!("{value}, {value}, {value}, {value}")));
    }
    // 表 and ソ end with a backslash byte in sjis.
    sql.push_str("INSERT INTO s (cc, cv, ct, bc, bv, dv, fv, ev) VALUES ('表ソ', '表\\nソ', 'ソ', '😀☃', '😀', '☃', '😀', '誠');\n");
    sql.push_str("INSERT INTO s (ac, av) VALUES ('äöü', 'ÿ  ');\n");
    sql.push_str("INSERT INTO s (bin, vb, bl, lb) VALUES (0xFFFE0A0D095C0000, 0xC328A0A1, 0x5C4E0A5C, \
                  (SELECT GROUP_CONCAT(UNHEX(LPAD(HEX(seq), 2, '0')) SEPARATOR '') FROM seq_0_to_255));\n");
    sql.push_str("INSERT INTO s (lb) VALUES (REPEAT('\\\\\\0\\n', 3000000));\n");
    let ground = Ground::new(&sql);
    ground.there_and_back();
    let hexes: Vec<String> = sets
        .iter()
        .flat_map(|(name, _)| ["c", "v", "t"].map(|kind| format!("HEX({name}{kind})")))
        .collect();
    let text = format!(
        "SELECT id, {}, HEX(bin), HEX(vb), HEX(bl), SHA2(lb, 256) FROM s ORDER BY id",
        hexes.join(", ")
    );
    assert_eq!(ground.database.sql(&text).unwrap(), ground.copy.sql(&text).unwrap());
}

#[test]
fn labels_error_values_and_sets_come_back() {
    let ground = Ground::new(
        "CREATE TABLE e (id INT PRIMARY KEY, e ENUM('a','b','ö'), numbers ENUM('1','0','00','2'), hollow ENUM('','x'),
           wide ENUM('a','☃') CHARACTER SET ucs2, st SET('a','b','c'), hs SET('','x','y'), big SET(
           'a1','a2','a3','a4','a5','a6','a7','a8','a9','b0','b1','b2','b3','b4','b5','b6','b7','b8','b9','c0','c1','c2',
           'c3','c4','c5','c6','c7','c8','c9','d0','d1','d2','d3','d4','d5','d6','d7','d8','d9','e0','e1','e2','e3','e4',
           'e5','e6','e7','e8','e9','f0','f1','f2','f3','f4','f5','f6','f7','f8','f9','g0','g1','g2','g3','g4'));
         SET sql_mode='';
         INSERT INTO e VALUES (1,'a','1','','a','a','x','a1'), (2,'ö','0','x','☃','a,c','',18446744073709551615),
           (3,0,0,0,0,0,0,0), (4,'wrong','wrong','wrong','wrong','wrong','wrong','wrong'),
           (5,NULL,NULL,NULL,NULL,NULL,NULL,NULL), (6,'b','00','x','a','a,b,c',1,9223372036854775809), (7,'b','2','x','a','',3,1);",
    );
    ground.there_and_back();
    let text = "SELECT id, CAST(e AS UNSIGNED), CAST(numbers AS UNSIGNED), CAST(hollow AS UNSIGNED), \
                CAST(wide AS UNSIGNED), CAST(st AS UNSIGNED), CAST(hs AS UNSIGNED), CAST(big AS UNSIGNED) FROM e";
    assert_eq!(ground.database.sql(text).unwrap(), ground.copy.sql(text).unwrap());
    assert!(ground.copy.sql(text).unwrap().contains("3\t0\t0\t0\t0\t0\t0\t0"));
}

#[test]
fn dates_times_and_years_come_back() {
    let ground = Ground::new(
        "SET time_zone='+05:30', sql_mode='ALLOW_INVALID_DATES';
         CREATE TABLE d (id INT PRIMARY KEY, d DATE, t TIME, t6 TIME(6), dt DATETIME, dt6 DATETIME(6), ts TIMESTAMP NULL,
           ts6 TIMESTAMP(6) NULL, y YEAR);
         INSERT INTO d VALUES (1,'0000-00-00','-838:59:59','-838:59:59.999999','0000-00-00 00:00:00','0000-00-00 00:00:00',
             '0000-00-00 00:00:00','0000-00-00 00:00:00',0),
           (2,'9999-12-31','838:59:59','838:59:59.999999','9999-12-31 23:59:59','9999-12-31 23:59:59.999999',
             '2038-01-19 08:44:07','2038-01-19 08:44:07.999999',2155),
           (3,'2026-02-31','-00:00:01','-00:00:00.000001','2026-02-31 00:00:00','2026-00-00 00:00:00.5',
             '1970-01-01 05:30:01','1970-01-01 05:30:01.000001',1901), (4,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL),
           (5,'2026-00-10','00:00:00','00:00:00','2026-03-29 02:30:00','2026-10-25 02:30:00.1','2026-03-29 02:30:00',
             '2026-10-25 02:30:00.1',2026);",
    );
    ground.there_and_back();
    let text = "SELECT * FROM d ORDER BY id";
    assert_eq!(ground.database.sql(text).unwrap(), ground.copy.sql(text).unwrap());
}

#[test]
fn json_addresses_identifiers_and_shapes_come_back() {
    // MySQL has no types for identifiers and addresses: there they are text.
    let types = if server().is_mariadb() {
        "u UUID, i6 INET6, i4 INET4"
    } else {
        "u CHAR(36), i6 VARCHAR(39), i4 VARCHAR(15)"
    };
    let ground = Ground::new(&format!(
        "CREATE TABLE x (id INT PRIMARY KEY, j JSON, {types}, g GEOMETRY, p POINT,
           doubled INT AS (id * 2) VIRTUAL, `stored` INT AS (id + 1) STORED, hidden INT INVISIBLE DEFAULT 7,
           KEY (`stored`));
         INSERT INTO x (id, j, u, i6, i4, g, p, hidden) VALUES
           (1, '{{\"a\": \"t\\\\tn\\\\n\", \"big\": 12345678901234567890123, \"a\": 1}}', '00000000-0000-0000-0000-000000000000',
             '::', '0.0.0.0', ST_GeomFromText('POINT(1 2)', 4326), POINT(9, 10), 1),
           (2, '[]', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '255.255.255.255',
             ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))'), POINT(0, 0), NULL),
           (3, NULL, NULL, NULL, NULL, NULL, NULL, 3),
           (4, '\"😀\"', '0a0d5c09-000a-0d5c-090a-0d5c4e090a0d', '0a0d:5c09:000a:0d5c:090a::', '10.13.92.9',
             ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 0))'), POINT(1e300, -0e0), 4);"
    ));
    ground.there_and_back();
    let text = "SELECT id, HEX(j), HEX(CAST(u AS BINARY(16))), u, i6, i4, HEX(g), HEX(p), doubled, `stored`, hidden FROM x";
    assert_eq!(ground.database.sql(text).unwrap(), ground.copy.sql(text).unwrap());
}

#[test]
fn history_of_a_versioned_table_comes_back() {
    if !server().version().runs(Vendor::MariaDb, "tables with a history") {
        return;
    }
    let ground = Ground::new(
        "CREATE TABLE v (id INT PRIMARY KEY, a INT) WITH SYSTEM VERSIONING;
         CREATE TABLE w (id INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START INVISIBLE, e TIMESTAMP(6) GENERATED ALWAYS
           AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING;
         INSERT INTO v VALUES (1, 1), (2, 2); INSERT INTO w (id) VALUES (1), (2);
         UPDATE v SET a = 10; DELETE FROM v WHERE id = 2; DELETE FROM w WHERE id = 1;",
    );
    let (taken, _) = ground.there_and_back();
    assert_eq!(taken.rows, 4 + 2);
    for text in [
        "SELECT *, row_start, row_end FROM v FOR SYSTEM_TIME ALL ORDER BY id, a, row_start",
        "SELECT id, s, e FROM w FOR SYSTEM_TIME ALL ORDER BY id",
    ] {
        assert_eq!(ground.database.sql(text).unwrap(), ground.copy.sql(text).unwrap());
    }
}
