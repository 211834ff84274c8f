//! Rows whose key the server gives: `AUTO_INCREMENT`.

use diesel::Insertable;
use diesel::connection::LoadConnection;
use diesel::mysql::Mysql;
use diesel::query_builder::{InsertStatement, QueryFragment, QueryId};

use crate::{Error, Model};

/// A row type whose key is an `AUTO_INCREMENT` column; [`model!`](crate::model) implements it for
/// `auto_key = …`.
pub trait AutoKey: Model {
    /// The row this connection inserted last, if its key was generated.
    ///
    /// # Errors
    /// [`Error::Query`] with what diesel reported.
    fn last_inserted<C>(conn: &mut C) -> Result<Option<Self>, Error>
    where
        C: LoadConnection<Backend = Mysql>;

    /// Makes the server forget the last key it generated for this connection.
    ///
    /// # Errors
    /// [`Error::Query`] with what diesel reported.
    #[doc(hidden)]
    fn forget_last_inserted<C>(conn: &mut C) -> Result<(), Error>
    where
        C: LoadConnection<Backend = Mysql>,
    {
        use diesel::RunQueryDsl;

        // The server keeps the old number when an INSERT names its key itself (MySQL manual,
        // LAST_INSERT_ID), so `create` would read somebody else's row. Zero is no row.
        let zero = diesel::dsl::sql::<diesel::sql_types::BigInt>("LAST_INSERT_ID(0)");
        diesel::select(zero).execute(conn)?;
        Ok(())
    }

    /// Inserts one row and reads it back as the server made it: key, defaults, timestamps.
    ///
    /// Three statements. MySQL has no INSERT … RETURNING, and the first one keeps a row that brought
    /// its own key from being mistaken for an earlier one.
    ///
    /// # Blocks
    /// For three statements, bounded by the time limits of the connection.
    ///
    /// # Errors
    /// [`Error::Query`] if the database refuses the row; [`Error::NotFound`] if the row is there but
    /// brought its own key: use [`insert`](Model::insert) and [`find`](Model::find) for such rows.
    fn create<V, C>(values: V, conn: &mut C) -> Result<Self, Error>
    where
        C: LoadConnection<Backend = Mysql>,
        V: Insertable<Self::Table>,
        InsertStatement<Self::Table, V::Values>: QueryFragment<Mysql> + QueryId,
    {
        Self::forget_last_inserted(conn)?;
        Self::insert(values, conn)?;
        Self::last_inserted(conn)?.ok_or_else(|| Error::not_found(Self::TABLE, &"LAST_INSERT_ID()"))
    }
}
