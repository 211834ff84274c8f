//! Two editors, and nothing is lost.

use std::thread;

use diesel::Connection as _;
use diesel::prelude::*;
use steadfast_connection::Connection;
use steadfast_models::{Error, Model, SoftDelete, Versioned};

use crate::account::{Account, AccountForm, accounts, bank, connect, open};

#[test]
fn the_second_editor_is_told_and_the_first_one_is_kept() {
    let (database, mut first) = bank();
    let mut second = connect(&database);
    let id = open("Ada", 100, &mut first).id;
    let seen_by_first = Account::find(id, &mut first).unwrap();
    let seen_by_second = Account::find(id, &mut second).unwrap();
    let form = AccountForm { owner: Some("Ada L.".to_owned()), ..AccountForm::default() };
    seen_by_first.update(form, &mut first).unwrap();

    let refused = seen_by_second.update(accounts::owner.eq("Countess"), &mut second);

    let stale = refused.unwrap_err();
    assert!(
        matches!(&stale, Error::StaleObject { table: "accounts", key, version: 1 } if *key == id.to_string()),
        "{stale:?}"
    );
    let kept = Account::find(id, &mut second).unwrap();
    assert_eq!((kept.owner.as_str(), kept.cents, kept.version()), ("Ada L.", 100, 2));
    kept.update(accounts::owner.eq("Countess"), &mut second).unwrap();
    assert_eq!(Account::find(id, &mut first).unwrap().owner, "Countess");
}

#[test]
fn a_change_to_what_is_there_already_is_no_conflict() {
    let (_database, mut conn) = bank();
    let ada = open("Ada", 100, &mut conn);
    ada.update(accounts::cents.eq(100), &mut conn).unwrap();
    assert_eq!(ada.reload(&mut conn).unwrap().version, 2);
}

#[test]
fn an_account_saved_twice_from_one_reading_is_stale() {
    let (_database, mut conn) = bank();
    let ada = open("Ada", 100, &mut conn);
    ada.update(accounts::cents.eq(1), &mut conn).unwrap();
    let again = ada.update(accounts::cents.eq(2), &mut conn);
    assert!(matches!(again, Err(Error::StaleObject { .. })), "{again:?}");
    assert_eq!(ada.reload(&mut conn).unwrap().cents, 1);
}

#[test]
fn an_account_that_is_gone_is_stale() {
    let (_database, mut conn) = bank();
    let ada = open("Ada", 100, &mut conn);
    Account::hard_delete(ada.id, &mut conn).unwrap();
    let refused = ada.update(accounts::cents.eq(2), &mut conn);
    assert!(matches!(refused, Err(Error::StaleObject { .. })), "{refused:?}");
}

#[test]
fn an_account_changed_since_it_was_read_is_not_deleted() {
    let (_database, mut conn) = bank();
    let seen = open("Ada", 0, &mut conn);
    seen.update(accounts::cents.eq(500), &mut conn).unwrap();

    let refused = seen.delete_unchanged(&mut conn);

    assert!(matches!(refused, Err(Error::StaleObject { .. })), "{refused:?}");
    let now = Account::find(seen.id, &mut conn).unwrap();
    now.delete_unchanged(&mut conn).unwrap();
    assert!(!Account::exists(seen.id, &mut conn).unwrap());
}

#[test]
fn a_change_made_over_an_old_snapshot_does_not_overwrite_a_newer_one() {
    let (database, mut reader) = bank();
    let mut writer = connect(&database);
    let id = open("Ada", 100, &mut reader).id;

    let refused = reader.transaction(|reader| {
        let seen = Account::find(id, reader)?;
        seen.update(accounts::cents.eq(200), &mut writer)?;
        // The snapshot still shows 100. A server with innodb_snapshot_isolation refuses by itself.
        assert_eq!(Account::find(id, reader)?.cents, 100);
        seen.update(accounts::cents.eq(seen.cents + 1), reader)
    });

    assert!(matches!(refused, Err(Error::StaleObject { .. } | Error::Query(_))), "{refused:?}");
    assert_eq!(Account::find(id, &mut writer).unwrap().cents, 200);
}

#[test]
fn eight_editors_who_read_again_when_told_lose_nothing() {
    const EDITORS: i64 = 8;
    const CHANGES: i64 = 25;
    let (database, mut conn) = bank();
    let id = open("Ada", 0, &mut conn).id;

    thread::scope(|scope| {
        for _ in 0..EDITORS {
            scope.spawn(|| add_cents(CHANGES, id, &mut connect(&database)));
        }
    });

    let sum = Account::find(id, &mut conn).unwrap();
    assert_eq!((sum.cents, sum.version()), (EDITORS * CHANGES, 1 + EDITORS * CHANGES));
}

/// Adds `cents` one by one, each over the account as it is then.
fn add_cents(cents: i64, id: i64, conn: &mut Connection) {
    let mut added = 0;
    while added < cents {
        let seen = Account::find(id, conn).unwrap();
        match seen.update(accounts::cents.eq(seen.cents + 1), conn) {
            Ok(()) => added += 1,
            // Somebody else was faster, so of all editors one always gets on.
            Err(Error::StaleObject { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
}
