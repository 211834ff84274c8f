DROP TABLE IF EXISTS steadfast_migration;
