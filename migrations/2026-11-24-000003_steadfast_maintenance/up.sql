-- One row for each run of a maintenance task, so that health can say when a task last succeeded.
-- IF NOT EXISTS: as for steadfast_outcome.
CREATE TABLE IF NOT EXISTS steadfast_maintenance (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    task VARCHAR(100) NOT NULL,
    target VARCHAR(200) NULL COMMENT 'a table, or NULL for the whole database',
    state ENUM('running', 'done', 'failed') NOT NULL,
    items BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'rows or tables that were handled',
    started TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    took_us BIGINT UNSIGNED NULL COMMENT 'NULL while it runs',
    errno INT UNSIGNED NULL,
    error VARCHAR(1000) NULL,
    by_host VARCHAR(255) NOT NULL COMMENT 'the machine it was run from',
    PRIMARY KEY (id),
    KEY steadfast_maintenance_task (task, started)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;
