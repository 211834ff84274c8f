-- What became of a transaction attempt. The attempt writes C in its own transaction, so the row is there
-- exactly if the transaction was committed. Whoever has to find out about a lost answer writes A, and
-- the primary key keeps the two from both being true.
--
-- IF NOT EXISTS, here and in the tables that follow: DDL commits by itself, so a process that dies
-- between this statement and the record of it leaves the table behind, and the next run must go on
-- instead of failing for ever with errno 1050. It does not look at the shape of a table that is there
-- already. That is what scripts/schema compares.
-- Engine, character set and collation are named because the defaults of servers differ by vendor and
-- version, and utf8mb4_bin is the same on all of them. The DEFAULT of each TIMESTAMP is named because an
-- old server adds ON UPDATE by itself to the first one that has none.
CREATE TABLE IF NOT EXISTS steadfast_outcome (
    attempt BINARY(16) NOT NULL COMMENT 'UUIDv7, new for every attempt',
    state ENUM('C', 'A') NOT NULL COMMENT 'committed, or aborted and never to be committed',
    idem_key VARBINARY(128) NULL COMMENT 'a key of the caller, if there is one',
    result BLOB NULL COMMENT 'the answer to give again when idem_key comes again',
    resolves SMALLINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'how often the outcome had to be looked up',
    at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    PRIMARY KEY (attempt),
    UNIQUE KEY steadfast_outcome_idem_key (idem_key),
    KEY steadfast_outcome_at (at)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin;
