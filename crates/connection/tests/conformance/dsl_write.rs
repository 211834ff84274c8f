//! diesel's query builder: everything that writes. What the tables hold after is compared, too.

use diesel::connection::SimpleConnection as _;
use diesel::dsl::{DuplicatedKeys, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Unsigned as NotNegative};

use crate::schema::counters::dsl as n;
use crate::schema::pairs::dsl as r;
use crate::schema::posts::dsl as p;
use crate::schema::users::dsl as u;
use crate::schema::{SEED, SETUP, TABLES, User, users};
use crate::suite::{Case, Theme, cases};

#[diesel::declare_sql_function]
extern "SQL" {
    fn last_insert_id() -> NotNegative<BigInt>;
}

#[derive(Insertable, Clone)]
#[diesel(table_name = users)]
struct NewUser<'a> {
    name: &'a str,
    hair: Option<&'a str>,
    age: Option<i32>,
}

#[derive(AsChangeset, Identifiable, Clone, Copy)]
#[diesel(table_name = users)]
struct Change<'a> {
    id: i32,
    name: Option<&'a str>,
    age: Option<Option<i32>>,
}

#[derive(AsChangeset)]
#[diesel(table_name = users, treat_none_as_null = true)]
struct Emptied {
    hair: Option<String>,
    age: Option<i32>,
}

pub(crate) fn theme() -> Theme {
    let mut cases = inserts();
    cases.extend(upserts());
    cases.extend(updates());
    cases.extend(deletes());
    Theme { name: "write", setup: SETUP.to_owned(), seed: SEED, tables: TABLES, cases }
}

fn inserts() -> Vec<Case> {
    cases! {
        "insert one" => |conn| diesel::insert_into(u::users).values(u::name.eq("New")).execute(conn);
        "insert a tuple" => |conn| diesel::insert_into(u::users).values((u::name.eq("New"), u::age.eq(7), u::hair.eq(None::<String>))).execute(conn);
        "insert a struct" => |conn| diesel::insert_into(u::users).values(NewUser { name: "New", hair: Some("red"), age: None }).execute(conn);
        "insert None as the default" => |conn| diesel::insert_into(u::users).values(&NewUser { name: "New", hair: None, age: Some(1) }).execute(conn);
        "insert many" => |conn| diesel::insert_into(u::users).values(vec![
            NewUser { name: "A", hair: None, age: Some(1) }, NewUser { name: "B", hair: Some("red"), age: None },
        ]).execute(conn);
        "insert nothing" => |conn| diesel::insert_into(u::users).values(Vec::<NewUser<'_>>::new()).execute(conn);
        "insert an array of tuples" => |conn| diesel::insert_into(n::counters).values([
            (n::name.eq("c"), n::hits.eq(i64::MIN)), (n::name.eq("d"), n::hits.eq(i64::MAX)),
        ]).execute(conn);
        "insert batches of several lengths" => |conn| (1..5).map(|length| {
            let batch: Vec<_> = (0..length).map(|i| (r::left.eq(length + 10), r::right.eq(i))).collect();
            diesel::insert_into(r::pairs).values(batch).execute(conn)
        }).collect::<QueryResult<Vec<_>>>();
        "insert 5,000 rows" => |conn| {
            let batch: Vec<_> = (0..5000).map(|i| (r::left.eq(100), r::right.eq(i))).collect();
            Ok((diesel::insert_into(r::pairs).values(batch).execute(conn)?,
                diesel::delete(r::pairs.filter(r::left.eq(100))).execute(conn)?))
        };
        "insert default values" => |conn| diesel::insert_into(u::users).default_values().execute(conn);
        "insert from a select" => |conn| diesel::insert_into(n::counters)
            .values(u::users.filter(u::id.lt(3)).select((u::name, sql::<BigInt>("age"))))
            .into_columns((n::name, n::hits)).execute(conn);
        "last_insert_id" => |conn| {
            diesel::insert_into(u::users).values(u::name.eq("New")).execute(conn)?;
            diesel::select(last_insert_id()).get_result::<u64>(conn)
        };
        "last_insert_id of a batch" => |conn| {
            diesel::insert_into(u::users).values(vec![u::name.eq("A"), u::name.eq("B")]).execute(conn)?;
            diesel::select(last_insert_id()).get_result::<u64>(conn)
        };
        "a duplicate" => |conn| diesel::insert_into(u::users).values(u::name.eq("Sean")).execute(conn);
        "a duplicate in the middle of a batch" => |conn| diesel::insert_into(u::users)
            .values(vec![u::name.eq("A"), u::name.eq("Sean"), u::name.eq("B")]).execute(conn);
        "too long a text" => |conn| diesel::insert_into(u::users).values(u::name.eq("x".repeat(51))).execute(conn);
        "no such parent" => |conn| diesel::insert_into(p::posts).values((p::user_id.eq(77), p::title.eq("x"))).execute(conn);
        "a check" => |conn| diesel::insert_into(u::users).values((u::name.eq("x"), u::age.eq(-1))).execute(conn);
        "the same insert twice" => |conn| {
            let insert = diesel::insert_into(n::counters).values((n::name.eq("z"), n::hits.eq(1)));
            Ok((insert.execute(conn)?, insert.execute(conn).is_err()))
        };
        "a megabyte" => |conn| diesel::insert_into(p::posts).values((p::user_id.eq(1), p::title.eq("x"), p::body.eq("y".repeat(1 << 20)))).execute(conn);
    }
}

fn upserts() -> Vec<Case> {
    cases! {
        "insert or ignore" => |conn| diesel::insert_or_ignore_into(u::users).values(vec![u::name.eq("Sean"), u::name.eq("New")]).execute(conn);
        "replace" => |conn| diesel::replace_into(n::counters).values((n::name.eq("b"), n::hits.eq(20))).execute(conn);
        "replace many" => |conn| diesel::replace_into(n::counters).values(vec![(n::name.eq("b"), n::hits.eq(20)), (n::name.eq("c"), n::hits.eq(30))]).execute(conn);
        "on conflict, nothing" => |conn| diesel::insert_into(n::counters).values((n::name.eq("a"), n::hits.eq(5))).on_conflict_do_nothing().execute(conn);
        "on conflict, update" => |conn| diesel::insert_into(n::counters).values((n::name.eq("a"), n::hits.eq(5)))
            .on_conflict(DuplicatedKeys).do_update().set(n::hits.eq(n::hits + 1)).execute(conn);
        "on conflict, without one" => |conn| diesel::insert_into(n::counters).values((n::name.eq("new"), n::hits.eq(5)))
            .on_conflict(DuplicatedKeys).do_update().set(n::hits.eq(n::hits + 1)).execute(conn);
        "on conflict, no change" => |conn| diesel::insert_into(n::counters).values((n::name.eq("a"), n::hits.eq(1)))
            .on_conflict(DuplicatedKeys).do_update().set(n::hits.eq(1)).execute(conn);
        "on conflict, many" => |conn| diesel::insert_into(n::counters).values(vec![(n::name.eq("a"), n::hits.eq(5)), (n::name.eq("new"), n::hits.eq(6))])
            .on_conflict(DuplicatedKeys).do_update().set((n::hits.eq(n::hits * 2), n::note.eq("met"))).execute(conn);
        "on conflict, nothing, by DuplicatedKeys" => |conn| diesel::insert_into(n::counters).values((n::name.eq("a"), n::hits.eq(5)))
            .on_conflict(DuplicatedKeys).do_nothing().execute(conn);
    }
}

fn updates() -> Vec<Case> {
    cases! {
        "update all" => |conn| diesel::update(u::users).set(u::hair.eq("white")).execute(conn);
        "update by a filter" => |conn| diesel::update(u::users.filter(u::age.gt(26))).set(u::hair.eq("white")).execute(conn);
        "update by the key" => |conn| diesel::update(u::users.find(2)).set((u::name.eq("Tessa"), u::age.eq(u::age + 1))).execute(conn);
        "update to what is there counts the match" => |conn| diesel::update(u::users.find(2)).set(u::name.eq("Tess")).execute(conn);
        "update nothing" => |conn| diesel::update(u::users.find(77)).set(u::name.eq("x")).execute(conn);
        "update to NULL" => |conn| diesel::update(u::users.find(1)).set(u::hair.eq(None::<String>)).execute(conn);
        "update by a subselect" => |conn| diesel::update(p::posts.filter(p::user_id.eq_any(u::users.select(u::id).filter(u::name.like("S%"))))).set(p::published.eq(false)).execute(conn);
        "update with a changeset" => |conn| diesel::update(u::users.find(1)).set(&Change { id: 1, name: Some("S"), age: None }).execute(conn);
        "update with a changeset, to NULL" => |conn| diesel::update(u::users.find(1)).set(&Change { id: 1, name: None, age: Some(None) }).execute(conn);
        "update with an empty changeset" => |conn| diesel::update(u::users.find(1)).set(&Change { id: 1, name: None, age: None }).execute(conn);
        "update with None as NULL" => |conn| diesel::update(u::users.find(1)).set(&Emptied { hair: None, age: Some(3) }).execute(conn);
        "update of a struct itself" => |conn| {
            let user = User { age: Some(31), ..u::users.find(1).first::<User>(conn)? };
            diesel::update(&user).set(&user).execute(conn)
        };
        "update to a duplicate" => |conn| diesel::update(u::users.find(1)).set(u::name.eq("Tess")).execute(conn);
        "update a key that is referred to" => |conn| diesel::update(u::users.find(1)).set(u::id.eq(100)).execute(conn);
        "update out of range" => |conn| diesel::update(p::posts.find(2)).set(p::likes.eq(p::likes - 1)).execute(conn);
        "update 50 times" => |conn| (0..50).map(|age| diesel::update(u::users.find(1)).set(u::age.eq(age)).execute(conn)).sum::<QueryResult<usize>>();
        "save_changes" => |conn| Change { id: 2, name: Some("Tessa"), age: Some(Some(26)) }.save_changes::<User>(conn);
        "save_changes of nothing" => |conn| Change { id: 2, name: None, age: None }.save_changes::<User>(conn);
        "save_changes of what is not there" => |conn| Change { id: 77, name: Some("x"), age: None }.save_changes::<User>(conn);
        "save_changes of the same" => |conn| { let user = u::users.find(3).first::<User>(conn)?; user.save_changes::<User>(conn) };
        "save_changes to a duplicate" => |conn| Change { id: 2, name: Some("Sean"), age: None }.save_changes::<User>(conn);
    }
}

fn deletes() -> Vec<Case> {
    cases! {
        "delete by the key" => |conn| diesel::delete(u::users.find(5)).execute(conn);
        "delete by a filter" => |conn| diesel::delete(u::users.filter(u::id.gt(3))).execute(conn);
        "delete nothing" => |conn| diesel::delete(u::users.find(77)).execute(conn);
        "delete a struct" => |conn| { let user = u::users.find(4).first::<User>(conn)?; diesel::delete(&user).execute(conn) };
        "delete with a cascade" => |conn| diesel::delete(p::posts).execute(conn);
        "delete what is referred to" => |conn| diesel::delete(u::users.find(1)).execute(conn);
        "delete by a subselect" => |conn| diesel::delete(n::counters.filter(n::name.eq_any(u::users.select(u::name)))).execute(conn);
        "delete by a boxed query" => |conn| diesel::delete(r::pairs).into_boxed().filter(r::left.eq(1)).execute(conn);
        "truncate" => |conn| diesel::sql_query("DELETE FROM pairs").execute(conn);
        "batch_execute of several writes" => |conn| conn.batch_execute("DELETE FROM pairs; INSERT INTO counters VALUES ('q', 9, NULL); UPDATE users SET age = 1");
        "batch_execute that stops in the middle" => |conn| conn.batch_execute("DELETE FROM pairs; INSERT INTO counters VALUES ('a', 9, NULL); UPDATE users SET age = 1");
        "text in a sql function" => |conn| diesel::update(u::users.find(1)).set(u::name.eq(sql::<Text>("CONCAT(name, '!')"))).execute(conn);
    }
}
