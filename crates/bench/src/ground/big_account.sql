-- Ten times the rows of `account`, with the keys 1 to 1,000,000.
CREATE TABLE IF NOT EXISTS big_account (
    id BIGINT PRIMARY KEY,
    owner VARCHAR(64) NOT NULL,
    cents BIGINT NOT NULL,
    rating DOUBLE NOT NULL,
    note VARCHAR(64) NULL
);
INSERT IGNORE INTO big_account
SELECT n, CONCAT('owner number ', n), n * 100, n / 7, IF(n % 3 = 0, NULL, CONCAT('note on account ', n))
FROM (
    SELECT account.id + 100000 * digit.d AS n
    FROM account, (
        SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
        UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9
    ) AS digit
) AS numbers
ORDER BY n;
ANALYZE TABLE big_account;
