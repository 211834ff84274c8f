//! The server keeps the times.

use diesel::prelude::*;
use steadfast_models::{Model, Timestamps, Versioned};

use crate::account::{Account, AccountForm, accounts, bank, open};

#[test]
fn the_server_writes_both_times_at_first_and_one_at_every_change() {
    let (_database, mut conn) = bank();
    let ada = open("Ada", 1, &mut conn);
    assert_eq!(ada.created_at(), ada.updated_at());

    let changed = ada.update_and_read(accounts::cents.eq(2), &mut conn).unwrap();

    assert_eq!(changed.created_at(), ada.created_at());
    assert!(changed.updated_at() > ada.updated_at(), "{changed:?}");
}

#[test]
fn raw_sql_keeps_them_too() {
    let (_database, mut conn) = bank();
    let ada = open("Ada", 1, &mut conn);

    diesel::sql_query("UPDATE accounts SET cents = cents + 1").execute(&mut conn).unwrap();

    assert!(ada.reload(&mut conn).unwrap().updated_at > ada.updated_at);
}

#[test]
fn touch_moves_one_time_forward_and_nothing_else() {
    let (_database, mut conn) = bank();
    let ada = open("Ada", 1, &mut conn);

    assert!(ada.touch(&mut conn).unwrap());

    let touched = ada.reload(&mut conn).unwrap();
    assert!(touched.updated_at > ada.updated_at, "{touched:?}");
    assert_eq!(Account { updated_at: ada.updated_at, ..touched }, ada);
}

#[test]
fn touching_a_row_that_is_gone_says_so() {
    let (_database, mut conn) = bank();
    let ada = open("Ada", 1, &mut conn);
    Account::delete(ada.id, &mut conn).unwrap();
    assert!(!ada.touch(&mut conn).unwrap());
}

#[test]
fn a_form_that_changes_nothing_still_counts_as_a_change() {
    let (_database, mut conn) = bank();
    let ada = open("Ada", 1, &mut conn);

    let saved = ada.update_and_read(AccountForm::default(), &mut conn).unwrap();

    assert_eq!((saved.version, saved.cents, saved.owner), (2, 1, ada.owner));
    assert!(saved.updated_at > ada.updated_at);
}
