-- What the benchmarks read and write. Plain joins instead of MariaDB's sequences, so that any server fills it.
CREATE TABLE account (
    id BIGINT PRIMARY KEY,
    owner VARCHAR(64) NOT NULL,
    cents BIGINT NOT NULL,
    rating DOUBLE NOT NULL,
    note VARCHAR(64) NULL
);
CREATE TABLE entry (
    id BIGINT PRIMARY KEY AUTO_INCREMENT,
    account BIGINT NOT NULL,
    cents BIGINT NOT NULL,
    text VARCHAR(64) NOT NULL
);
CREATE TABLE digit (d BIGINT PRIMARY KEY);
INSERT INTO digit VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
INSERT INTO account
SELECT n, CONCAT('owner number ', n), n * 100, n / 7, IF(n % 3 = 0, NULL, CONCAT('note on account ', n))
FROM (
    SELECT 1 + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n
    FROM digit a, digit b, digit c, digit e, digit f
) AS numbers
ORDER BY n;
DROP TABLE digit;
ANALYZE TABLE account;
