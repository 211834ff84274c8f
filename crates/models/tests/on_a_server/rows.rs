//! Insert, find, change, delete; any connection, inside a transaction or not.

use diesel::Connection as _;
use diesel::connection::LoadConnection;
use diesel::mysql::Mysql;
use diesel::prelude::*;
use steadfast_models::{AutoKey, Error, Model, SoftDelete, Versioned};

use crate::account::{Account, NewAccount, accounts, bank, open};

#[test]
fn a_created_account_is_what_the_server_made_of_it() {
    let (_database, mut conn) = bank();

    let ada = open("Ada", 12_50, &mut conn);

    assert_eq!((ada.owner.as_str(), ada.cents, ada.version), ("Ada", 12_50, 1));
    assert_eq!(ada.deleted_at, None);
    assert_eq!(ada, Account::find(ada.key(), &mut conn).unwrap());
    assert_eq!(ada, ada.reload(&mut conn).unwrap());
}

#[test]
fn a_created_account_is_the_one_just_made_and_no_other() {
    let (_database, mut conn) = bank();
    let ada = open("Ada", 1, &mut conn);
    let bob = open("Bob", 2, &mut conn);
    assert_ne!(ada.id, bob.id);
    assert_eq!((ada.cents, bob.cents), (1, 2));
}

#[test]
fn a_row_that_brings_its_own_key_is_not_taken_for_an_earlier_one() {
    let (_database, mut conn) = bank();
    let ada = open("Ada", 1, &mut conn);

    let own_key = (accounts::id.eq(ada.id + 10), accounts::owner.eq("Bob"));
    let refused = Account::create(own_key, &mut conn);

    assert!(matches!(refused, Err(Error::NotFound { table: "accounts", .. })), "{refused:?}");
    assert_eq!(Account::find(ada.id + 10, &mut conn).unwrap().owner, "Bob");
}

#[test]
fn many_rows_are_inserted_at_once_and_none_is_none() {
    let (_database, mut conn) = bank();
    let new = |owner: &str| NewAccount { owner: owner.to_owned(), ..NewAccount::default() };

    let rows = Account::insert(vec![new("Ada"), new("Bob"), new("Cleo")], &mut conn).unwrap();
    let none = Account::insert(Vec::<NewAccount>::new(), &mut conn).unwrap();

    assert_eq!((rows, none), (3, 0));
    let owners: Vec<String> =
        Account::query().select(accounts::owner).order(accounts::id).load(&mut conn).unwrap();
    assert_eq!(owners, ["Ada", "Bob", "Cleo"]);
}

#[test]
fn what_does_not_exist_is_none_or_named() {
    let (_database, mut conn) = bank();

    assert_eq!(Account::find_optional(7, &mut conn).unwrap(), None);
    assert!(!Account::exists(7, &mut conn).unwrap());
    assert!(!Account::delete(7, &mut conn).unwrap());
    let missing = Account::find(7, &mut conn).unwrap_err();
    assert_eq!(missing.to_string(), "accounts 7 does not exist");
}

#[test]
fn a_deleted_row_is_gone_once() {
    let (_database, mut conn) = bank();
    let ada = open("Ada", 1, &mut conn);
    assert!(Account::exists(ada.id, &mut conn).unwrap());

    assert!(Account::delete(ada.id, &mut conn).unwrap());

    assert!(!Account::delete(ada.id, &mut conn).unwrap());
    assert!(!Account::exists(ada.id, &mut conn).unwrap());
    assert!(matches!(ada.reload(&mut conn), Err(Error::NotFound { .. })));
}

#[test]
fn a_query_takes_every_filter_of_diesel() {
    let (_database, mut conn) = bank();
    let ada = open("Ada", 1, &mut conn);
    let bob = open("Bob", 2, &mut conn);
    let cleo = open("Cleo", 3, &mut conn);
    Account::delete(cleo.id, &mut conn).unwrap();

    let rich: Vec<Account> = Account::query()
        .filter(accounts::cents.ge(2))
        .select(Account::as_select())
        .load(&mut conn)
        .unwrap();

    assert_eq!(rich, [bob]);
    assert!(ada.cents < 2);
}

#[test]
fn a_refused_row_is_an_error_of_the_database() {
    let (_database, mut conn) = bank();
    let ada = open("Ada", 1, &mut conn);

    let taken = Account::insert((accounts::id.eq(ada.id), accounts::owner.eq("Bob")), &mut conn);

    let duplicate = diesel::result::DatabaseErrorKind::UniqueViolation;
    let expected = matches!(
        &taken,
        Err(Error::Query(diesel::result::Error::DatabaseError(kind, _)))
            if std::mem::discriminant(kind) == std::mem::discriminant(&duplicate)
    );
    assert!(expected, "{taken:?}");
}

#[test]
fn all_of_it_works_inside_a_transaction_and_is_undone_with_it() {
    let (_database, mut conn) = bank();

    conn.test_transaction(|conn| {
        let ada = open("Ada", 1, conn);
        ada.update(accounts::cents.eq(5), conn)?;
        Account::soft_delete(ada.id, conn)?;
        Account::restore(ada.id, conn)?;
        assert_eq!(Account::find(ada.id, conn)?.cents, 5);
        Ok::<_, Error>(())
    });

    let left: i64 = accounts::table.count().get_result(&mut conn).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn a_function_on_rows_needs_no_particular_connection() {
    fn balance<C: LoadConnection<Backend = Mysql>>(id: i64, conn: &mut C) -> Result<i64, Error> {
        conn.transaction(|conn| Ok(Account::find(id, conn)?.cents))
    }
    let (_database, mut conn) = bank();
    let ada = open("Ada", 99, &mut conn);
    assert_eq!(balance(ada.id, &mut conn).unwrap(), 99);
}
