DROP TABLE IF EXISTS steadfast_maintenance;
