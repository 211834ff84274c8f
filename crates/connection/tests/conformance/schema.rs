//! The tables that the cases of the DSL work on.

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

diesel::table! {
    users (id) {
        id -> Integer,
        name -> Text,
        hair -> Nullable<Text>,
        age -> Nullable<Integer>,
        born -> Nullable<Date>,
    }
}

diesel::table! {
    posts (id) {
        id -> Integer,
        user_id -> Integer,
        title -> Text,
        body -> Nullable<Text>,
        score -> Double,
        likes -> Unsigned<BigInt>,
        published -> Bool,
        at -> Timestamp,
    }
}

diesel::table! {
    comments (id) {
        id -> Integer,
        post_id -> Integer,
        words -> Text,
    }
}

diesel::table! {
    counters (name) {
        name -> Text,
        hits -> BigInt,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    pairs (left, right) {
        left -> Integer,
        right -> Integer,
        weight -> Nullable<Numeric>,
    }
}

diesel::joinable!(posts -> users (user_id));
diesel::joinable!(comments -> posts (post_id));
diesel::allow_tables_to_appear_in_same_query!(users, posts, comments, counters, pairs);

pub(crate) const TABLES: &[&str] = &["users", "posts", "comments", "counters", "pairs"];

pub(crate) const SETUP: &str = "
    CREATE TABLE users (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50) NOT NULL,
        hair VARCHAR(20) DEFAULT 'brown', age INT, born DATE, CONSTRAINT name_once UNIQUE (name),
        CONSTRAINT of_age CHECK (age >= 0));
    CREATE TABLE posts (id INT AUTO_INCREMENT PRIMARY KEY, user_id INT NOT NULL,
        title VARCHAR(100) NOT NULL, body TEXT, score DOUBLE NOT NULL DEFAULT 0.5,
        likes BIGINT UNSIGNED NOT NULL DEFAULT 0, published BOOL NOT NULL DEFAULT FALSE,
        at TIMESTAMP(6) NOT NULL DEFAULT '2024-02-29 12:00:00',
        CONSTRAINT by_user FOREIGN KEY (user_id) REFERENCES users (id));
    CREATE TABLE comments (id INT AUTO_INCREMENT PRIMARY KEY, post_id INT NOT NULL,
        words VARCHAR(200) NOT NULL,
        CONSTRAINT on_post FOREIGN KEY (post_id) REFERENCES posts (id) ON DELETE CASCADE);
    CREATE TABLE counters (name VARCHAR(50) PRIMARY KEY, hits BIGINT NOT NULL, note VARCHAR(50));
    CREATE TABLE pairs (`left` INT, `right` INT, weight DECIMAL(20,5), PRIMARY KEY (`left`, `right`));
";

pub(crate) const SEED: &str = "
    DELETE FROM comments; DELETE FROM posts; DELETE FROM users; DELETE FROM counters; DELETE FROM pairs;
    ALTER TABLE users AUTO_INCREMENT = 1; ALTER TABLE posts AUTO_INCREMENT = 1;
    ALTER TABLE comments AUTO_INCREMENT = 1;
    INSERT INTO users VALUES (1, 'Sean', 'brown', 30, '1990-01-31'), (2, 'Tess', NULL, 25, NULL),
        (3, 'Żółw 🐢', 'green', NULL, '1900-02-28'), (4, '', '', 0, '2024-02-29'),
        (5, 'o''Neil %_', 'grey', 99, '1925-12-31');
    INSERT INTO posts VALUES (1, 1, 'First', 'Hello', 0.1, 18446744073709551615, TRUE,
            '2024-02-29 13:14:15.123456'),
        (2, 1, 'Second', NULL, -1.5, 0, FALSE, '1970-01-01 00:00:01'),
        (3, 2, 'Third', '', 1e100, 7, TRUE, '2038-01-19 03:14:07.999999'),
        (4, 3, 'żółty', 'żółty', 0, 8, TRUE, '2024-02-29 12:00:00');
    INSERT INTO comments VALUES (1, 1, 'yes'), (2, 1, 'no'), (3, 3, 'maybe');
    INSERT INTO counters VALUES ('a', 1, NULL), ('b', 2, 'two');
    INSERT INTO pairs VALUES (1, 1, 1.5), (1, 2, NULL), (2, 1, -0.00001);
";

#[derive(
    Queryable, QueryableByName, Selectable, Identifiable, AsChangeset, Clone, Debug, PartialEq,
)]
#[diesel(table_name = users)]
pub(crate) struct User {
    pub(crate) id: i32,
    pub(crate) name: String,
    pub(crate) hair: Option<String>,
    pub(crate) age: Option<i32>,
    pub(crate) born: Option<NaiveDate>,
}

#[derive(Queryable, Selectable, Identifiable, Associations, Clone, Debug, PartialEq)]
#[diesel(table_name = posts, belongs_to(User))]
pub(crate) struct Post {
    pub(crate) id: i32,
    pub(crate) user_id: i32,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) score: f64,
    pub(crate) likes: u64,
    pub(crate) published: bool,
    pub(crate) at: NaiveDateTime,
}

#[derive(Queryable, Selectable, Identifiable, Associations, Clone, Debug, PartialEq)]
#[diesel(table_name = comments, belongs_to(Post))]
pub(crate) struct Comment {
    pub(crate) id: i32,
    pub(crate) post_id: i32,
    pub(crate) words: String,
}
