//! Optimistic lock: a change is written only over the version it was made from.

use diesel::AsChangeset;
use diesel::connection::LoadConnection;
use diesel::mysql::Mysql;
use diesel::query_builder::QueryFragment;

use crate::{Error, Model};

/// A row type with a column that counts its changes; [`model!`](crate::model) implements it for
/// `version = …`.
///
/// Two people may look at a row for an hour; the second to save is told so instead of overwriting
/// what the first one wrote. Nothing is locked meanwhile. The column is an integer of at most 32
/// bits unsigned or 64 bits signed, NOT NULL, with a default; leave it out of structs that insert or
/// change rows. A change that does not go through [`update`](Self::update) is not counted.
///
/// The connection must report rows that matched, not rows that changed (`CLIENT_FOUND_ROWS`); diesel's
/// own and Steadfast's do.
pub trait Versioned: Model {
    /// The version of this row.
    fn version(&self) -> i64;

    /// Writes `changes` and counts the version up by one, if the row still has the version this one
    /// was read at.
    ///
    /// `self` is then of the past: [`reload`](Model::reload) it, or use
    /// [`update_and_read`](Self::update_and_read), before the next change.
    ///
    /// # Errors
    /// [`Error::StaleObject`] if the row was changed or deleted since; nothing is written then.
    fn update<V, C>(&self, changes: V, conn: &mut C) -> Result<(), Error>
    where
        C: LoadConnection<Backend = Mysql>,
        V: AsChangeset<Target = Self::Table>,
        V::Changeset: QueryFragment<Mysql>;

    /// Deletes the row, softly if the type is [`SoftDelete`](crate::SoftDelete), if it still has the
    /// version this one was read at.
    ///
    /// # Errors
    /// [`Error::StaleObject`] if the row was changed or deleted since; nothing is deleted then.
    fn delete_unchanged<C>(&self, conn: &mut C) -> Result<(), Error>
    where
        C: LoadConnection<Backend = Mysql>;

    /// [`update`](Self::update), and the row as it is afterwards.
    ///
    /// # Errors
    /// [`Error::StaleObject`] as for `update`; [`Error::NotFound`] if the row was deleted between
    /// the two statements, which a transaction prevents.
    fn update_and_read<V, C>(&self, changes: V, conn: &mut C) -> Result<Self, Error>
    where
        C: LoadConnection<Backend = Mysql>,
        V: AsChangeset<Target = Self::Table>,
        V::Changeset: QueryFragment<Mysql>,
    {
        self.update(changes, conn)?;
        self.reload(conn)
    }
}
