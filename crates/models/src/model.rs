//! A row type that knows its table and its key.

use std::fmt::Debug;

use diesel::associations::HasTable;
use diesel::connection::LoadConnection;
use diesel::mysql::Mysql;
use diesel::query_builder::{InsertStatement, QueryFragment, QueryId};
use diesel::{Insertable, RunQueryDsl};

use crate::{Cursor, Error, Page};

/// A row type that knows its table and its key; [`model!`](crate::model) implements it.
///
/// The type has diesel's `Queryable`, `Selectable` and `Identifiable`. Whatever is not here is one
/// step away: [`query`](Self::query) is an ordinary diesel query.
///
/// A type that is also [`SoftDelete`](crate::SoftDelete) shows only its living rows: every function
/// here passes over the deleted ones, and [`delete`](Self::delete) deletes softly.
///
/// # Blocks
/// Every function that takes a connection, for one statement, bounded by the time limits of that
/// connection.
///
/// # Errors
/// [`Error::Query`] with what diesel reported, besides what a function names itself.
pub trait Model: HasTable + Sized {
    /// The type of the key.
    type Key: Clone + Debug + PartialEq;

    /// A query of the rows, boxed, so that filters can be added one by one: the `BoxedQuery` of the
    /// table's module.
    type Query<'q>;

    /// The name of the table, for errors and logs.
    const TABLE: &'static str;

    /// The key of this row.
    fn key(&self) -> Self::Key;

    /// All rows, but for softly deleted ones; `Account::query().filter(…).load(conn)`.
    fn query<'q>() -> Self::Query<'q>;

    /// The row with this key, or `None`.
    ///
    /// # Errors
    /// [`Error::Query`] with what diesel reported.
    fn find_optional<C>(key: Self::Key, conn: &mut C) -> Result<Option<Self>, Error>
    where
        C: LoadConnection<Backend = Mysql>;

    /// Whether there is a row with this key.
    ///
    /// # Errors
    /// [`Error::Query`] with what diesel reported.
    fn exists<C>(key: Self::Key, conn: &mut C) -> Result<bool, Error>
    where
        C: LoadConnection<Backend = Mysql>;

    /// Deletes the row with this key, softly if the type is [`SoftDelete`](crate::SoftDelete);
    /// `false` if there was none.
    ///
    /// # Errors
    /// [`Error::Query`] with what diesel reported.
    fn delete<C>(key: Self::Key, conn: &mut C) -> Result<bool, Error>
    where
        C: LoadConnection<Backend = Mysql>;

    /// The next `size` rows of `query` in the order of the key; 1 to
    /// [`MAX_PAGE`](crate::MAX_PAGE).
    ///
    /// Order and limit of `query` are replaced.
    ///
    /// # Errors
    /// [`Error::PageSize`] if `size` is out of range.
    fn page_of<C>(
        query: Self::Query<'_>,
        cursor: &Cursor<Self::Key>,
        size: u32,
        conn: &mut C,
    ) -> Result<Page<Self, Self::Key>, Error>
    where
        C: LoadConnection<Backend = Mysql>;

    /// The next `size` rows in the order of the key; 1 to [`MAX_PAGE`](crate::MAX_PAGE).
    ///
    /// # Errors
    /// [`Error::PageSize`] if `size` is out of range.
    fn page_after<C>(
        cursor: &Cursor<Self::Key>,
        size: u32,
        conn: &mut C,
    ) -> Result<Page<Self, Self::Key>, Error>
    where
        C: LoadConnection<Backend = Mysql>,
    {
        Self::page_of(Self::query(), cursor, size, conn)
    }

    /// The row with this key.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none.
    fn find<C>(key: Self::Key, conn: &mut C) -> Result<Self, Error>
    where
        C: LoadConnection<Backend = Mysql>,
    {
        Self::find_optional(key.clone(), conn)?.ok_or_else(|| Error::not_found(Self::TABLE, &key))
    }

    /// This row as the database has it now.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is gone.
    fn reload<C>(&self, conn: &mut C) -> Result<Self, Error>
    where
        C: LoadConnection<Backend = Mysql>,
    {
        Self::find(self.key(), conn)
    }

    /// Inserts one row, or a `Vec` or slice of rows in one statement; returns how many.
    ///
    /// # Errors
    /// [`Error::Query`] if the database refuses the row, such as for a key that is taken.
    fn insert<V, C>(values: V, conn: &mut C) -> Result<usize, Error>
    where
        C: LoadConnection<Backend = Mysql>,
        V: Insertable<Self::Table>,
        InsertStatement<Self::Table, V::Values>: QueryFragment<Mysql> + QueryId,
    {
        Ok(diesel::insert_into(Self::table()).values(values).execute(conn)?)
    }
}
