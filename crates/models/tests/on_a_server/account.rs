//! The example type: an account with everything a row can have.

use chrono::NaiveDateTime;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use steadfast_connection::{Config, Connection};
use steadfast_models::{AutoKey, model};
use steadfast_testkit::TestDatabase;

diesel::table! {
    accounts (id) {
        id -> Bigint,
        owner -> Varchar,
        cents -> Bigint,
        version -> Unsigned<Integer>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        deleted_at -> Nullable<Timestamp>,
    }
}

const TABLE: &str = "CREATE TABLE accounts (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    owner VARCHAR(100) NOT NULL,
    cents BIGINT NOT NULL DEFAULT 0,
    version INT UNSIGNED NOT NULL DEFAULT 1,
    created_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    updated_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
    deleted_at TIMESTAMP(6) NULL,
    KEY (created_at, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin";

#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Identifiable)]
#[diesel(check_for_backend(diesel::mysql::Mysql))]
pub(crate) struct Account {
    pub(crate) id: i64,
    pub(crate) owner: String,
    pub(crate) cents: i64,
    pub(crate) version: u32,
    pub(crate) created_at: NaiveDateTime,
    pub(crate) updated_at: NaiveDateTime,
    pub(crate) deleted_at: Option<NaiveDateTime>,
}

model! {
    Account => accounts,
    auto_key = id: i64,
    version = version,
    soft_delete = deleted_at,
    timestamps = (created_at, updated_at),
}

#[derive(Clone, Debug, Default, Insertable)]
#[diesel(table_name = accounts)]
pub(crate) struct NewAccount {
    pub(crate) owner: String,
    pub(crate) cents: i64,
    pub(crate) created_at: Option<NaiveDateTime>,
}

/// A form that was sent in: what is `None` stays as it is.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = accounts)]
pub(crate) struct AccountForm {
    pub(crate) owner: Option<String>,
    pub(crate) cents: Option<i64>,
}

/// A fresh database with an empty table, and a connection to it.
pub(crate) fn bank() -> (TestDatabase, Connection) {
    let database = steadfast_testkit::server().database();
    let mut conn = connect(&database);
    conn.batch_execute(TABLE).unwrap();
    (database, conn)
}

pub(crate) fn connect(database: &TestDatabase) -> Connection {
    Connection::open(&Config::from_url(&database.url()).unwrap()).unwrap()
}

/// A new account of `owner` with `cents` in it.
pub(crate) fn open(owner: &str, cents: i64, conn: &mut Connection) -> Account {
    let new = NewAccount { owner: owner.to_owned(), cents, created_at: None };
    Account::create(new, conn).unwrap()
}
