//! Rows that are hidden instead of removed.

use chrono::NaiveDateTime;
use diesel::connection::LoadConnection;
use diesel::mysql::Mysql;

use crate::{Error, Model};

/// A row type with a column `deleted_at`, NULL while the row lives; [`model!`](crate::model)
/// implements it for `soft_delete = …`.
///
/// The functions of [`Model`] and [`Versioned`](crate::Versioned) pass over deleted rows. A query
/// written by hand does so with [`alive`](Self::alive): `accounts::table.filter(Account::alive())`.
///
/// A UNIQUE key still counts deleted rows. Where a deleted name may be taken again, put the key on
/// a generated column that is NULL for deleted rows:
/// `name_alive VARCHAR(100) AS (IF(deleted_at IS NULL, name, NULL)) VIRTUAL, UNIQUE (name_alive)`.
pub trait SoftDelete: Model {
    /// The condition that [`alive`](Self::alive) returns.
    type Alive;

    /// The condition `deleted_at IS NULL`.
    fn alive() -> Self::Alive;

    /// When the row was deleted; `None` while it lives.
    fn deleted_at(&self) -> Option<NaiveDateTime>;

    /// Whether the row was deleted when it was read.
    fn is_deleted(&self) -> bool {
        self.deleted_at().is_some()
    }

    /// The row with this key, deleted or not.
    ///
    /// # Errors
    /// [`Error::Query`] with what diesel reported.
    fn find_even_deleted<C>(key: Self::Key, conn: &mut C) -> Result<Option<Self>, Error>
    where
        C: LoadConnection<Backend = Mysql>;

    /// Hides the row, by the clock of the server; `false` if there is none, or it is hidden already.
    ///
    /// # Errors
    /// [`Error::Query`] with what diesel reported.
    fn soft_delete<C>(key: Self::Key, conn: &mut C) -> Result<bool, Error>
    where
        C: LoadConnection<Backend = Mysql>;

    /// Shows a hidden row again; `false` if there is no hidden row with this key.
    ///
    /// # Errors
    /// [`Error::Query`] with what diesel reported.
    fn restore<C>(key: Self::Key, conn: &mut C) -> Result<bool, Error>
    where
        C: LoadConnection<Backend = Mysql>;

    /// Removes the row for good, hidden or not; `false` if there was none.
    ///
    /// # Errors
    /// [`Error::Query`] with what diesel reported.
    fn hard_delete<C>(key: Self::Key, conn: &mut C) -> Result<bool, Error>
    where
        C: LoadConnection<Backend = Mysql>;
}
