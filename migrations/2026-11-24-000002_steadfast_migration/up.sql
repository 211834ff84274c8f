-- How far each migration came. The table that diesel keeps knows only what is done, but DDL commits
-- statement by statement, so a migration that fails in its third statement leaves the first two behind.
-- The column statement says which one failed, and the migration is not run again unasked.
-- IF NOT EXISTS: as for steadfast_outcome. Besides, the record must exist before the first migration
-- can be recorded, so this statement also runs by itself ahead of all others.
CREATE TABLE IF NOT EXISTS steadfast_migration (
    version VARCHAR(50) NOT NULL COMMENT 'as in __diesel_schema_migrations',
    name VARCHAR(255) NOT NULL,
    state ENUM('running', 'done', 'failed') NOT NULL,
    checksum CHAR(64) NOT NULL COMMENT 'SHA-256 of up.sql, lower case hexadecimal',
    statement INT UNSIGNED NULL COMMENT 'the statement that failed, the first is 1',
    errno INT UNSIGNED NULL,
    `sqlstate` CHAR(5) NULL,
    error VARCHAR(1000) NULL,
    started TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    took_us BIGINT UNSIGNED NULL COMMENT 'NULL while it runs',
    by_user VARCHAR(288) NOT NULL COMMENT 'CURRENT_USER() of whoever ran it',
    by_host VARCHAR(255) NOT NULL COMMENT 'the machine it was run from',
    PRIMARY KEY (version)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;
