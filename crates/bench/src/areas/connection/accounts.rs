//! The tables, and what is done to them once: each contestant's way of reading and writing a row.

use diesel::connection::LoadConnection;
use diesel::mysql::Mysql;
use diesel::prelude::*;
use mysql::prelude::Queryable;

use super::expect_same;
use crate::ground::ROWS;
use crate::harness::Failure;

diesel::table! {
    account (id) {
        id -> BigInt,
        owner -> Text,
        cents -> BigInt,
        rating -> Double,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    /// The same columns as `account`, ten times the rows.
    big_account (id) {
        id -> BigInt,
        owner -> Text,
        cents -> BigInt,
        rating -> Double,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    entry (id) {
        id -> BigInt,
        account -> BigInt,
        cents -> BigInt,
        text -> Text,
    }
}

#[derive(Queryable)]
pub(super) struct Account {
    id: i64,
    owner: String,
    cents: i64,
    rating: f64,
    note: Option<String>,
}

/// A row of `account` as the `mysql` crate gives it.
pub(super) type Columns = (i64, String, i64, f64, Option<String>);

impl Account {
    pub(super) fn of((id, owner, cents, rating, note): Columns) -> Self {
        Self { id, owner, cents, rating, note }
    }

    /// Looks at every column, so that none can be left unread.
    pub(super) fn is_whole(&self) -> bool {
        let note_fits = self.note.is_none() == (self.id % 3 == 0);
        note_fits && self.owner.starts_with("owner") && self.cents >= 100 && self.rating > 0.0
    }
}

fn any_id() -> i64 {
    fastrand::i64(1..=ROWS)
}

/// The text that diesel builds for [`select`].
const SELECT: &str = "SELECT `account`.`id`, `account`.`owner`, `account`.`cents`, `account`.`rating`, \
                      `account`.`note` FROM `account` WHERE (`account`.`id` = ?) LIMIT ?";

/// And for [`insert`].
const INSERT: &str = "INSERT INTO `entry` (`account`, `cents`, `text`) VALUES (?, ?, ?)";

/// And for the UPDATE of [`transaction`].
const UPDATE: &str =
    "UPDATE `account` SET `cents` = (`account`.`cents` + ?) WHERE (`account`.`id` = ?)";

/// One row by its primary key, into a struct.
pub(in crate::areas) fn select<C>(connection: &mut C) -> Result<(), Failure>
where
    C: LoadConnection<Backend = Mysql>,
{
    let id = any_id();
    let found: Account = account::table.find(id).first(connection)?;
    expect_same(id, found.id)
}

/// The same by the `mysql` crate.
pub(in crate::areas) fn select_by_mysql<C: Queryable>(connection: &mut C) -> Result<(), Failure> {
    let id = any_id();
    let found: Option<Columns> = connection.exec_first(SELECT, (id, 1_i64))?;
    expect_same(Some(id), found.map(Account::of).map(|account| account.id))
}

/// One row of three columns and a generated key, committed by itself.
pub(super) fn insert<C>(connection: &mut C) -> Result<(), Failure>
where
    C: Connection<Backend = Mysql>,
{
    let row = (entry::account.eq(any_id()), entry::cents.eq(5_000), entry::text.eq("rent"));
    let inserted = diesel::insert_into(entry::table).values(row).execute(connection)?;
    expect_same(1, inserted)
}

/// The same by the `mysql` crate.
pub(super) fn insert_by_mysql(connection: &mut mysql::Conn) -> Result<(), Failure> {
    connection.exec_drop(INSERT, (any_id(), 5_000_i64, "rent"))?;
    expect_same(1, connection.affected_rows())
}

/// BEGIN, one UPDATE by the primary key, COMMIT.
pub(super) fn transaction<C>(connection: &mut C) -> Result<(), Failure>
where
    C: Connection<Backend = Mysql>,
{
    let updated = connection.transaction(|connection| {
        diesel::update(account::table.find(any_id()))
            .set(account::cents.eq(account::cents + 1))
            .execute(connection)
    })?;
    expect_same(1, updated)
}

/// The same by the `mysql` crate.
pub(super) fn transaction_by_mysql(connection: &mut mysql::Conn) -> Result<(), Failure> {
    let mut transaction = connection.start_transaction(mysql::TxOpts::default())?;
    transaction.exec_drop(UPDATE, (1_i64, any_id()))?;
    expect_same(1, transaction.affected_rows())?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mysql_crate_gets_the_text_that_diesel_builds() {
        let text = |query: String| query.split_once(" -- ").map(|(text, _binds)| text.to_owned());
        let id = 1_i64;
        let select = diesel::debug_query::<Mysql, _>(&account::table.find(id).limit(1)).to_string();
        let row = (entry::account.eq(id), entry::cents.eq(5_000), entry::text.eq("rent"));
        let insert = diesel::insert_into(entry::table).values(row);
        let insert = diesel::debug_query::<Mysql, _>(&insert).to_string();
        let update =
            diesel::update(account::table.find(id)).set(account::cents.eq(account::cents + 1));
        let update = diesel::debug_query::<Mysql, _>(&update).to_string();

        assert_eq!(text(select).as_deref(), Some(SELECT));
        assert_eq!(text(insert).as_deref(), Some(INSERT));
        assert_eq!(text(update).as_deref(), Some(UPDATE));
    }
}
