-- Rows of about a kilobyte, with the keys 1 to @row_count, which is at most 1,048,576. Into an empty table without these
-- checks, InnoDB writes whole pages and no undo.
CREATE TABLE wide (id BIGINT PRIMARY KEY, body VARCHAR(1000) NOT NULL);
CREATE TABLE digit (d BIGINT PRIMARY KEY);
INSERT INTO digit VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15);
SET unique_checks = 0, foreign_key_checks = 0;
INSERT INTO wide
SELECT n, RPAD(CONCAT('body ', n, ': '), 1000, 'all that a row of this table has to say. ')
FROM (
    SELECT 1 + a.d + 16 * b.d + 256 * c.d + 4096 * e.d + 65536 * f.d AS n
    FROM digit a, digit b, digit c, digit e, digit f
) AS numbers
WHERE n <= @row_count
ORDER BY n;
DROP TABLE digit;
