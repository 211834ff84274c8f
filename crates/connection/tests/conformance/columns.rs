//! Every type of column, with the values at its edges, as the server writes them.

/// A type of column, and values of it as SQL. NULL is added to each.
pub(crate) struct Column {
    pub(crate) kind: &'static str,
    pub(crate) values: &'static [&'static str],
}

const fn column(kind: &'static str, values: &'static [&'static str]) -> Column {
    Column { kind, values }
}

pub(crate) const NUMERIC: &[Column] = &[
    column("TINYINT", &["-128", "-1", "0", "1", "127"]),
    column("TINYINT UNSIGNED", &["0", "127", "128", "255"]),
    column("TINYINT(1)", &["-128", "0", "1", "2"]),
    column("TINYINT(1) UNSIGNED", &["0", "1", "255"]),
    column("SMALLINT", &["-32768", "-129", "-1", "0", "128", "32767"]),
    column("SMALLINT UNSIGNED", &["0", "256", "32768", "65535"]),
    column("MEDIUMINT", &["-8388608", "-1", "0", "8388607"]),
    column("MEDIUMINT UNSIGNED", &["0", "8388608", "16777215"]),
    column("INT", &["-2147483648", "-1", "0", "70000", "2147483647"]),
    column("INT UNSIGNED", &["0", "2147483648", "4294967295"]),
    column("INT(8) UNSIGNED ZEROFILL", &["0", "42", "4294967295"]),
    column("BIGINT", &["-9223372036854775808", "-1", "0", "16777217", "9223372036854775807"]),
    column("BIGINT UNSIGNED", &["0", "9223372036854775808", "18446744073709551615"]),
    column("DECIMAL(10,2)", &["-99999999.99", "-0.01", "0", "1.50", "127.00", "99999999.99"]),
    column("DECIMAL(5,0)", &["-99999", "0", "255", "99999"]),
    column("DECIMAL(10,2) UNSIGNED", &["0", "0.05", "99999999.99"]),
    column(
        "DECIMAL(65,30)",
        &[
            "0.000000000000000000000000000001",
            "-99999999999999999999999999999999999.999999999999999999999999999999",
        ],
    ),
    column("DECIMAL(65,0)", &["99999999999999999999999999999999999999999999999999999999999999999"]),
    column("FLOAT", &["0", "-0e0", "0.1", "16777217", "-3.402823e38", "1.17549435e-38", "1e-45"]),
    column("FLOAT UNSIGNED", &["0", "2.5", "3.4e38"]),
    column("FLOAT(7,3)", &["0", "1234.5678", "-0.0005"]),
    column("DOUBLE", &["0", "-0e0", "0.1", "1e300", "-1.7976931348623157e308", "5e-324", "3e9"]),
    column("DOUBLE UNSIGNED", &["0", "2.5", "1e308"]),
    column("BIT(1)", &["b'0'", "b'1'"]),
    column("BIT(7)", &["b'0'", "b'1010101'"]),
    column("BIT(12)", &["b'0'", "b'101000000011'"]),
    column("BIT(64)", &["0", "1", "18446744073709551615"]),
];

pub(crate) const TEXT: &[Column] = &[
    column("CHAR(10)", &["''", "'a'", "' a '", "'żółw 🐢'"]),
    column(
        "VARCHAR(200)",
        &["''", "'a'", "'żółw 🐢'", "'a\\'b\\\\c\"'", "'a\\0b'", "REPEAT('x', 200)"],
    ),
    // What other types may be read from.
    column(
        "VARCHAR(100)",
        &[
            "'12'",
            "'-1'",
            "' 7'",
            "'300'",
            "'1e3'",
            "'1.5'",
            "'abc'",
            "'99999999999999999999'",
            "'2024-02-29'",
            "'2024-02-29 13:14:15.123456'",
            "'-12:30:00.5'",
        ],
    ),
    column("VARCHAR(20) CHARACTER SET latin1", &["''", "'Grüße'", "x'e4f6fc'"]),
    column("VARCHAR(20) CHARACTER SET ucs2", &["''", "'Grüße'"]),
    column("VARCHAR(20) CHARACTER SET utf16", &["'🐢'"]),
    column("VARCHAR(20) CHARACTER SET sjis", &["'カメ'"]),
    column("VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", &["'ż'"]),
    column("TINYTEXT", &["''", "'ż'", "REPEAT('x', 255)"]),
    column("TEXT", &["''", "'ż'", "REPEAT('x', 65535)"]),
    column("MEDIUMTEXT", &["''", "'ż'", "REPEAT('x', 70000)"]),
    column("LONGTEXT", &["''", "'ż'", "REPEAT('ż', 70000)"]),
    column("BINARY(4)", &["''", "x'00ff'", "x'31323334'"]),
    column("VARBINARY(200)", &["''", "x'00ff00'", "'12'", "REPEAT(x'00', 200)"]),
    column("TINYBLOB", &["''", "x'00ff00'", "REPEAT(x'ff', 255)"]),
    column("BLOB", &["''", "x'00ff00'", "'7'", "REPEAT(x'ff', 65535)"]),
    column("MEDIUMBLOB", &["''", "x'00ff00'", "REPEAT(x'ff', 70000)"]),
    column("LONGBLOB", &["''", "x'00ff00'", "REPEAT(x'ff', 70000)"]),
    column("ENUM('small','żółty','')", &["'small'", "'żółty'", "''", "3", "99"]),
    column("SET('a','b','c')", &["''", "'a'", "'a,c'", "7"]),
];

pub(crate) const TIME: &[Column] = &[
    column(
        "DATE",
        &[
            "'1000-01-01'",
            "'2024-02-29'",
            "'9999-12-31'",
            "'0000-00-00'",
            "'2024-00-00'",
            "'0001-01-01'",
        ],
    ),
    column(
        "TIME",
        &["'00:00:00'", "'23:59:59'", "'24:00:00'", "'838:59:59'", "'-00:00:01'", "'-838:59:59'"],
    ),
    column("TIME(3)", &["'01:02:03.004'", "'-01:02:03.004'"]),
    column(
        "TIME(6)",
        &["'00:00:00'", "'23:59:59.999999'", "'-00:00:00.000001'", "'838:59:58.999999'"],
    ),
    column(
        "DATETIME",
        &[
            "'1000-01-01 00:00:00'",
            "'2024-02-29 13:14:15'",
            "'9999-12-31 23:59:59'",
            "'0000-00-00 00:00:00'",
            "'2024-00-01 01:00:00'",
        ],
    ),
    column("DATETIME(3)", &["'2024-02-29 13:14:15.678'"]),
    column(
        "DATETIME(6)",
        &[
            "'2024-02-29 13:14:15.000001'",
            "'9999-12-31 23:59:59.999999'",
            "'0000-00-00 00:00:00'",
            "'2024-02-29 00:00:00'",
        ],
    ),
    column(
        "TIMESTAMP",
        &["'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'0000-00-00 00:00:00'"],
    ),
    column(
        "TIMESTAMP(6)",
        &["'1970-01-01 00:00:01.000001'", "'2038-01-19 03:14:07.999999'", "'0000-00-00 00:00:00'"],
    ),
    column("YEAR", &["1901", "2155", "0", "'0000'", "1970"]),
];

pub(crate) const OTHER: &[Column] = &[
    column(
        "JSON",
        &["'null'", "'true'", "'1.50'", "'\"ż\"'", "'[]'", "'{\"a\": [1, \"ż\", null]}'"],
    ),
    column(
        "GEOMETRY",
        &["ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('LINESTRING(0 0,1 1)')"],
    ),
    column("POINT", &["ST_GeomFromText('POINT(-1.5 1e10)')"]),
    column("POLYGON", &["ST_GeomFromText('POLYGON((0 0,0 3,3 3,0 0))')"]),
    column("GEOMETRYCOLLECTION", &["ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1))')"]),
];

pub(crate) const MARIADB: &[Column] = &[
    column(
        "UUID",
        &["'00000000-0000-0000-0000-000000000000'", "'6ccd780c-baba-1026-9564-5b8c656024db'"],
    ),
    column("INET6", &["'::'", "'2001:db8::ff00:42:8329'"]),
    column("INET4", &["'0.0.0.0'", "'192.0.2.255'"]),
];

/// What has a type although it is of no column.
/// Those that give a number, or NULL.
pub(crate) const EXPRESSIONS_OF_NUMBERS: &[&str] = &[
    "NULL",
    "1",
    "-1",
    "TRUE",
    "18446744073709551615",
    "-9223372036854775808",
    "1.5",
    "-0.000",
    "1e0",
    "1 + 1",
    "1 / 3",
    "7 DIV 2",
    "1 = 2",
    "NULL = 1",
    "COALESCE(NULL, 5)",
    "(SELECT COUNT(*) FROM (SELECT 1 UNION SELECT 2) AS x)",
    "(SELECT SUM(n) FROM (SELECT 1 AS n UNION SELECT 2) AS x)",
    "(SELECT AVG(n) FROM (SELECT 1 AS n UNION SELECT 2) AS x)",
    "(SELECT MAX(n) FROM (SELECT 1 AS n UNION SELECT 2) AS x)",
    "CAST(1 AS SIGNED)",
    "CAST(1 AS UNSIGNED)",
    "CAST(1 AS DECIMAL(9,3))",
    "CONCAT('a', NULL)",
    "LENGTH('ż')",
    "PI()",
    "POW(2, 70)",
    "FLOOR(-1.5)",
    "ROUND(2.555, 2)",
    "BIT_COUNT(7)",
    "JSON_EXTRACT('[1, 2]', '$[1]')",
    "BIT_OR(6)",
    "STD(3)",
    "YEAR('2024-02-29')",
    "UNIX_TIMESTAMP('2024-02-29')",
    "INTERVAL(23, 1, 15, 30)",
    "ROW_NUMBER() OVER ()",
];

/// Those that give a text or bytes.
pub(crate) const EXPRESSIONS_OF_TEXTS: &[&str] = &[
    "'a'",
    "''",
    "x'00ff'",
    "b'101'",
    "_latin1'x'",
    "N'ż'",
    "IF(0, 1, 'x')",
    "CAST('x' AS BINARY)",
    "CAST('x' AS CHAR)",
    "CONCAT('a', 1)",
    "HEX('ż')",
    "MD5('a')",
    "UNHEX('00ff')",
    "JSON_OBJECT('a', 1)",
    "GROUP_CONCAT('a')",
    "DAYNAME('2024-02-29')",
    "ST_AsText(ST_GeomFromText('POINT(1 2)'))",
];

/// Those that give a time.
pub(crate) const EXPRESSIONS_OF_TIMES: &[&str] = &[
    "DATE'2024-02-29'",
    "TIME'-10:11:12'",
    "TIME'10:11:12.123456'",
    "TIMESTAMP'2024-02-29 13:14:15'",
    "TIMESTAMP'2024-02-29 13:14:15.5'",
    "CAST('2024-02-29' AS DATE)",
    "CAST('10:11:12' AS TIME(2))",
    "CAST('2024-02-29' AS DATETIME)",
    "SEC_TO_TIME(1000000)",
    "MAKEDATE(2024, 60)",
    "FROM_UNIXTIME(0)",
    "TIMEDIFF('10:00:00', '12:30:00.5')",
];
