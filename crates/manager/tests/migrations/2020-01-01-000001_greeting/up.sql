-- A table, a row with signs in it that mean something elsewhere, and a comment behind.
CREATE TABLE greeting (word VARCHAR(20) NOT NULL PRIMARY KEY);
INSERT INTO greeting VALUES ('hello; -- world');
-- the end
