DROP TABLE IF EXISTS steadfast_outcome;
