//! Other kinds of keys, and a type with no part but the key.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use steadfast_models::{Cursor, Model, Versioned, model};

use crate::account::connect;

/// Many a program has such an alias where its rows are; the macro must not stumble over it.
type Result<T> = std::result::Result<T, steadfast_models::Error>;

diesel::table! {
    settings (name) { name -> Varchar, value -> Varchar, changes -> Bigint }
}

#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Identifiable, Insertable)]
#[diesel(primary_key(name), check_for_backend(diesel::mysql::Mysql))]
struct Setting {
    name: String,
    value: String,
    changes: i64,
}

model! { Setting => settings, key = name: String, version = changes }

diesel::table! {
    blobs (hash) { hash -> Binary }
}

#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Identifiable, Insertable)]
#[diesel(primary_key(hash), check_for_backend(diesel::mysql::Mysql))]
struct Blob {
    hash: Vec<u8>,
}

model! { Blob => blobs, key = hash: Vec<u8> }

#[test]
fn a_row_with_a_text_key_is_found_changed_paged_and_deleted_for_good() -> Result<()> {
    let database = steadfast_testkit::server().database();
    let mut conn = connect(&database);
    conn.batch_execute(
        "CREATE TABLE settings (name VARCHAR(50) NOT NULL PRIMARY KEY, value VARCHAR(50) NOT NULL,
         changes BIGINT NOT NULL) ENGINE = InnoDB",
    )
    .unwrap();
    let setting =
        |name: &str| Setting { name: name.to_owned(), value: String::new(), changes: i64::MAX - 1 };
    Setting::insert(vec![setting("c"), setting("a"), setting("b")], &mut conn)?;

    let a = Setting::find("a".to_owned(), &mut conn)?;
    let a = a.update_and_read(settings::value.eq("new"), &mut conn)?;
    assert_eq!((a.value.as_str(), a.changes), ("new", i64::MAX));

    let first = Setting::page_after(&Cursor::ascending(), 2, &mut conn)?;
    let names = |rows: &[Setting]| rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&first.items), ["a", "b"]);
    let last = Setting::page_after(&first.next.unwrap(), 2, &mut conn)?;
    assert_eq!((names(&last.items), last.next), (vec!["c".to_owned()], None));

    assert!(Setting::delete("b".to_owned(), &mut conn)?);
    let left: i64 = settings::table.count().get_result(&mut conn)?;
    assert_eq!(left, 2);
    Ok(())
}

#[test]
fn a_row_with_a_binary_key_is_found_and_deleted() -> Result<()> {
    let database = steadfast_testkit::server().database();
    let mut conn = connect(&database);
    conn.batch_execute("CREATE TABLE blobs (hash BINARY(4) NOT NULL PRIMARY KEY) ENGINE = InnoDB")
        .unwrap();
    let hash = vec![0, 0xff, b'\'', b'\\'];
    Blob::insert(&Blob { hash: hash.clone() }, &mut conn)?;

    assert_eq!(Blob::find(hash.clone(), &mut conn)?.hash, hash);
    assert!(Blob::delete(hash.clone(), &mut conn)?);
    assert!(!Blob::exists(hash, &mut conn)?);
    Ok(())
}
