//! Rows that know when they were made and last changed.
//!
//! The server keeps both columns, so that raw SQL and other programs keep them too:
//! `created_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)`, and for `updated_at` the same
//! with `ON UPDATE CURRENT_TIMESTAMP(6)`. Leave them out of structs that insert or change rows.

use chrono::NaiveDateTime;
use diesel::connection::LoadConnection;
use diesel::mysql::Mysql;

use crate::{Cursor, Error, Model, Page};

/// A row type with the columns `created_at` and `updated_at`; [`model!`](crate::model) implements
/// it for `timestamps = (…)`.
///
/// Both are in the time zone of the session, to the microsecond.
pub trait Timestamps: Model {
    /// When the row was inserted.
    fn created_at(&self) -> NaiveDateTime;

    /// When the row was last changed.
    fn updated_at(&self) -> NaiveDateTime;

    /// Sets `updated_at` to the time of the server and nothing else; `false` if the row is
    /// gone or softly deleted.
    ///
    /// # Errors
    /// [`Error::Query`] with what diesel reported.
    fn touch<C>(&self, conn: &mut C) -> Result<bool, Error>
    where
        C: LoadConnection<Backend = Mysql>;

    /// The next `size` rows of `query` by `created_at`, then by key; 1 to
    /// [`MAX_PAGE`](crate::MAX_PAGE).
    ///
    /// Order and limit of `query` are replaced. The table needs `KEY (created_at, id)`.
    ///
    /// # Errors
    /// [`Error::PageSize`] if `size` is out of range.
    fn page_by_created_of<C>(
        query: Self::Query<'_>,
        cursor: &Cursor<(NaiveDateTime, Self::Key)>,
        size: u32,
        conn: &mut C,
    ) -> Result<Page<Self, (NaiveDateTime, Self::Key)>, Error>
    where
        C: LoadConnection<Backend = Mysql>;

    /// The next `size` rows by `created_at`, then by key; 1 to [`MAX_PAGE`](crate::MAX_PAGE).
    ///
    /// The table needs `KEY (created_at, id)`.
    ///
    /// # Errors
    /// [`Error::PageSize`] if `size` is out of range.
    fn page_by_created<C>(
        cursor: &Cursor<(NaiveDateTime, Self::Key)>,
        size: u32,
        conn: &mut C,
    ) -> Result<Page<Self, (NaiveDateTime, Self::Key)>, Error>
    where
        C: LoadConnection<Backend = Mysql>,
    {
        Self::page_by_created_of(Self::query(), cursor, size, conn)
    }
}
