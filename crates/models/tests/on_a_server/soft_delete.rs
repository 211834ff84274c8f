//! Hidden, shown again, removed for good.

use diesel::prelude::*;
use steadfast_models::{Cursor, Error, Model, SoftDelete, Timestamps, Versioned};

use crate::account::{Account, accounts, bank, open};

#[test]
fn a_hidden_account_is_passed_over_everywhere() {
    let (_database, mut conn) = bank();
    let ada = open("Ada", 1, &mut conn);
    let bob = open("Bob", 2, &mut conn);

    assert!(Account::soft_delete(ada.id, &mut conn).unwrap());

    assert_eq!(Account::find_optional(ada.id, &mut conn).unwrap(), None);
    assert!(!Account::exists(ada.id, &mut conn).unwrap());
    let page = Account::page_after(&Cursor::ascending(), 10, &mut conn).unwrap();
    assert_eq!(page.items, std::slice::from_ref(&bob));
    let page = Account::page_by_created(&Cursor::descending(), 10, &mut conn).unwrap();
    assert_eq!(page.items, std::slice::from_ref(&bob));
    let by_hand: Vec<i64> =
        accounts::table.filter(Account::alive()).select(accounts::id).load(&mut conn).unwrap();
    assert_eq!(by_hand, [bob.id]);
}

#[test]
fn a_hidden_account_is_still_there_and_knows_when_it_was_hidden() {
    let (_database, mut conn) = bank();
    let ada = open("Ada", 1, &mut conn);
    assert!(!ada.is_deleted());

    Account::soft_delete(ada.id, &mut conn).unwrap();

    let hidden = Account::find_even_deleted(ada.id, &mut conn).unwrap().unwrap();
    assert!(hidden.is_deleted());
    assert!(hidden.deleted_at().unwrap() >= ada.created_at, "{hidden:?}");
    assert_eq!((hidden.owner, hidden.cents), (ada.owner, ada.cents));
}

#[test]
fn a_hidden_account_is_hidden_once_and_keeps_its_moment() {
    let (_database, mut conn) = bank();
    let ada = open("Ada", 1, &mut conn);
    Account::soft_delete(ada.id, &mut conn).unwrap();
    let first = Account::find_even_deleted(ada.id, &mut conn).unwrap();

    assert!(!Account::soft_delete(ada.id, &mut conn).unwrap());

    assert_eq!(Account::find_even_deleted(ada.id, &mut conn).unwrap(), first);
}

#[test]
fn a_restored_account_is_back_and_only_a_hidden_one_is_restored() {
    let (_database, mut conn) = bank();
    let ada = open("Ada", 1, &mut conn);
    assert!(!Account::restore(ada.id, &mut conn).unwrap());
    Account::soft_delete(ada.id, &mut conn).unwrap();

    assert!(Account::restore(ada.id, &mut conn).unwrap());

    let back = Account::find(ada.id, &mut conn).unwrap();
    assert_eq!((back.deleted_at, back.cents), (None, 1));
    assert!(!Account::restore(ada.id, &mut conn).unwrap());
}

#[test]
fn a_removed_account_is_gone_hidden_or_not() {
    let (_database, mut conn) = bank();
    let ada = open("Ada", 1, &mut conn);
    let bob = open("Bob", 2, &mut conn);
    Account::soft_delete(bob.id, &mut conn).unwrap();

    assert!(Account::hard_delete(ada.id, &mut conn).unwrap());
    assert!(Account::hard_delete(bob.id, &mut conn).unwrap());

    assert!(!Account::hard_delete(bob.id, &mut conn).unwrap());
    let left: i64 = accounts::table.count().get_result(&mut conn).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn a_change_to_an_account_that_was_hidden_meanwhile_is_stale() {
    let (_database, mut conn) = bank();
    let ada = open("Ada", 1, &mut conn);
    Account::soft_delete(ada.id, &mut conn).unwrap();

    let refused = ada.update(accounts::cents.eq(0), &mut conn);

    assert!(matches!(refused, Err(Error::StaleObject { .. })), "{refused:?}");
    Account::restore(ada.id, &mut conn).unwrap();
    assert_eq!(Account::find(ada.id, &mut conn).unwrap().cents, 1);
}
