//! `model!`: the traits of this crate for one row type.
//!
//! The functions are written out for the concrete table. As generic default methods each would need a
//! page of diesel's bounds, which then stand in every error message; here the compiler checks them
//! once, where the macro is used. The traits do not know the macro, so a derive can replace it.

/// Gives a row type what its table has columns for.
///
/// The type has diesel's `Queryable`, `Selectable` and `Identifiable`; the module that `table!` made
/// is in scope. After the key, in this order, each part may be left out:
///
/// ```
/// use chrono::NaiveDateTime;
/// use diesel::prelude::*;
/// use steadfast_models::model;
///
/// diesel::table! {
///     accounts (id) {
///         id -> Bigint,
///         owner -> Varchar,
///         cents -> Bigint,
///         version -> Integer,
///         created_at -> Timestamp,
///         updated_at -> Timestamp,
///         deleted_at -> Nullable<Timestamp>,
///     }
/// }
///
/// #[derive(Debug, Queryable, Selectable, Identifiable)]
/// struct Account {
///     id: i64,
///     owner: String,
///     cents: i64,
///     version: i32,
///     created_at: NaiveDateTime,
///     updated_at: NaiveDateTime,
///     deleted_at: Option<NaiveDateTime>,
/// }
///
/// model! {
///     Account => accounts,
///     auto_key = id: i64,                      // `key = …` if the server does not give it
///     version = version,                       // an integer that fits an i64
///     soft_delete = deleted_at,                // Nullable<Timestamp> or Nullable<Datetime>
///     timestamps = (created_at, updated_at),   // Timestamp or Datetime
/// }
/// ```
///
/// The columns bear the names of the fields; a field that needs another name takes it in `table!`,
/// with diesel's `#[sql_name = "…"]`. A key of several columns is not covered.
#[macro_export]
macro_rules! model {
    (
        $Row:ident => $table:ident,
        $kind:ident = $key:ident: $Key:ty
        $(, version = $version:ident)?
        $(, soft_delete = $deleted:ident)?
        $(, timestamps = ($created:ident, $updated:ident))?
        $(,)?
    ) => {
        const _: () = {
            // A program may have a `Result` of its own where its rows are.
            use ::core::{option::Option, result::Result};
            #[allow(unused_imports, reason = "which of them is used depends on the parts chosen")]
            use $crate::macro_support::diesel::{
                self, BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl,
                RunQueryDsl, SelectableHelper, connection::LoadConnection, mysql::Mysql,
            };

            impl $crate::Model for $Row {
                type Key = $Key;
                type Query<'q> = $table::BoxedQuery<'q, Mysql>;

                const TABLE: &'static str = stringify!($table);

                fn key(&self) -> $Key {
                    ::core::clone::Clone::clone(&self.$key)
                }

                fn query<'q>() -> Self::Query<'q> {
                    $crate::model!(@alive [$table::table.into_boxed::<Mysql>()] $table $($deleted)?)
                }

                fn find_optional<C>(key: $Key, conn: &mut C) -> Result<Option<Self>, $crate::Error>
                where
                    C: LoadConnection<Backend = Mysql>,
                {
                    let row = $crate::model!(@alive [$table::table.find(key)] $table $($deleted)?);
                    Ok(row.select(<Self as SelectableHelper<Mysql>>::as_select()).first(conn).optional()?)
                }

                fn exists<C>(key: $Key, conn: &mut C) -> Result<bool, $crate::Error>
                where
                    C: LoadConnection<Backend = Mysql>,
                {
                    let row = $crate::model!(@alive [$table::table.find(key)] $table $($deleted)?);
                    Ok(diesel::select(diesel::dsl::exists(row)).get_result(conn)?)
                }

                fn delete<C>(key: $Key, conn: &mut C) -> Result<bool, $crate::Error>
                where
                    C: LoadConnection<Backend = Mysql>,
                {
                    let row = $table::table.find(key);
                    let rows = $crate::model!(@delete row, conn, $table $($deleted)?)?;
                    Ok(rows > 0)
                }

                fn page_of<C>(
                    query: Self::Query<'_>,
                    cursor: &$crate::Cursor<$Key>,
                    size: u32,
                    conn: &mut C,
                ) -> Result<$crate::Page<Self, $Key>, $crate::Error>
                where
                    C: LoadConnection<Backend = Mysql>,
                {
                    let limit = $crate::Page::<Self, $Key>::limit(size)?;
                    let query = match (cursor.order(), cursor.key()) {
                        ($crate::Order::Ascending, None) => query.order($table::$key.asc()),
                        ($crate::Order::Descending, None) => query.order($table::$key.desc()),
                        ($crate::Order::Ascending, Some(key)) => {
                            query.filter($table::$key.gt(key.clone())).order($table::$key.asc())
                        }
                        ($crate::Order::Descending, Some(key)) => {
                            query.filter($table::$key.lt(key.clone())).order($table::$key.desc())
                        }
                    };
                    let rows = query
                        .limit(limit)
                        .select(<Self as SelectableHelper<Mysql>>::as_select())
                        .load(conn)?;
                    Ok($crate::Page::from_rows(rows, size, cursor.order(), $crate::Model::key))
                }
            }

            $crate::model!(@$kind $Row $table $key $($deleted)?);
            $crate::model!(@version $Row $table $key [$($version)?] [$($deleted)?]);
            $($crate::model!(@soft_delete $Row $table $Key, $deleted);)?
            $crate::model!(@timestamps $Row $table $key $Key, [$($created $updated)?] [$($deleted)?]);
        };
    };

    // The rows of a query that are not softly deleted.
    (@alive [$query:expr] $table:ident) => { $query };
    (@alive [$query:expr] $table:ident $deleted:ident) => {
        $query.filter($table::$deleted.is_null())
    };

    // The time of the server, to the microsecond, for the column's own type. diesel's `now` is
    // CURRENT_TIMESTAMP without digits: whole seconds, so a row would be changed before it was made.
    (@now $table:ident $column:ident) => {
        diesel::dsl::sql::<diesel::dsl::SqlTypeOf<$table::$column>>("CURRENT_TIMESTAMP(6)")
    };

    (@delete $rows:expr, $conn:ident, $table:ident) => { diesel::delete($rows).execute($conn) };
    (@delete $rows:expr, $conn:ident, $table:ident $deleted:ident) => {
        diesel::update($rows.filter($table::$deleted.is_null()))
            .set($table::$deleted.eq($crate::model!(@now $table $deleted)))
            .execute($conn)
    };

    (@key $Row:ident $table:ident $key:ident $($deleted:ident)?) => {};
    (@auto_key $Row:ident $table:ident $key:ident $($deleted:ident)?) => {
        impl $crate::AutoKey for $Row {
            fn last_inserted<C>(conn: &mut C) -> Result<Option<Self>, $crate::Error>
            where
                C: LoadConnection<Backend = Mysql>,
            {
                let last = diesel::dsl::sql::<diesel::dsl::SqlTypeOf<$table::$key>>("LAST_INSERT_ID()");
                Ok($table::table
                    .filter($table::$key.eq(last))
                    .select(<Self as SelectableHelper<Mysql>>::as_select())
                    .first(conn)
                    .optional()?)
            }
        }
    };

    (@version $Row:ident $table:ident $key:ident [] [$($deleted:ident)?]) => {};
    (@version $Row:ident $table:ident $key:ident [$version:ident] [$($deleted:ident)?]) => {
        impl $crate::Versioned for $Row {
            fn version(&self) -> i64 {
                i64::from(self.$version)
            }

            fn update<V, C>(&self, changes: V, conn: &mut C) -> Result<(), $crate::Error>
            where
                C: LoadConnection<Backend = Mysql>,
                V: diesel::AsChangeset<Target = $table::table>,
                V::Changeset: diesel::query_builder::QueryFragment<Mysql>,
            {
                let row = $table::table
                    .find($crate::Model::key(self))
                    .filter($table::$version.eq(self.$version));
                let row = $crate::model!(@alive [row] $table $($deleted)?);
                let rows = diesel::update(row)
                    .set((changes, $table::$version.eq($table::$version + 1)))
                    .execute(conn)?;
                $crate::model!(@one_row self rows)
            }

            fn delete_unchanged<C>(&self, conn: &mut C) -> Result<(), $crate::Error>
            where
                C: LoadConnection<Backend = Mysql>,
            {
                let row = $table::table
                    .find($crate::Model::key(self))
                    .filter($table::$version.eq(self.$version));
                let rows = $crate::model!(@delete row, conn, $table $($deleted)?)?;
                $crate::model!(@one_row self rows)
            }
        }
    };
    (@one_row $row:ident $rows:ident) => {
        if $rows == 1 {
            Ok(())
        } else {
            Err($crate::Error::stale(
                <Self as $crate::Model>::TABLE,
                &$crate::Model::key($row),
                $crate::Versioned::version($row),
            ))
        }
    };

    (@soft_delete $Row:ident $table:ident $Key:ty, $deleted:ident) => {
        impl $crate::SoftDelete for $Row {
            type Alive = diesel::dsl::IsNull<$table::$deleted>;

            fn alive() -> Self::Alive {
                $table::$deleted.is_null()
            }

            fn deleted_at(&self) -> Option<$crate::macro_support::NaiveDateTime> {
                self.$deleted
            }

            fn find_even_deleted<C>(key: $Key, conn: &mut C) -> Result<Option<Self>, $crate::Error>
            where
                C: LoadConnection<Backend = Mysql>,
            {
                Ok($table::table
                    .find(key)
                    .select(<Self as SelectableHelper<Mysql>>::as_select())
                    .first(conn)
                    .optional()?)
            }

            fn soft_delete<C>(key: $Key, conn: &mut C) -> Result<bool, $crate::Error>
            where
                C: LoadConnection<Backend = Mysql>,
            {
                <Self as $crate::Model>::delete(key, conn)
            }

            fn restore<C>(key: $Key, conn: &mut C) -> Result<bool, $crate::Error>
            where
                C: LoadConnection<Backend = Mysql>,
            {
                let hidden = $table::table.find(key).filter($table::$deleted.is_not_null());
                let none = None::<$crate::macro_support::NaiveDateTime>;
                Ok(diesel::update(hidden).set($table::$deleted.eq(none)).execute(conn)? > 0)
            }

            fn hard_delete<C>(key: $Key, conn: &mut C) -> Result<bool, $crate::Error>
            where
                C: LoadConnection<Backend = Mysql>,
            {
                Ok(diesel::delete($table::table.find(key)).execute(conn)? > 0)
            }
        }
    };

    (@timestamps $Row:ident $table:ident $key:ident $Key:ty, [] [$($deleted:ident)?]) => {};
    (
        @timestamps $Row:ident $table:ident $key:ident $Key:ty,
        [$created:ident $updated:ident] [$($deleted:ident)?]
    ) => {
        impl $crate::Timestamps for $Row {
            fn created_at(&self) -> $crate::macro_support::NaiveDateTime {
                self.$created
            }

            fn updated_at(&self) -> $crate::macro_support::NaiveDateTime {
                self.$updated
            }

            fn touch<C>(&self, conn: &mut C) -> Result<bool, $crate::Error>
            where
                C: LoadConnection<Backend = Mysql>,
            {
                let row = $table::table.find($crate::Model::key(self));
                let row = $crate::model!(@alive [row] $table $($deleted)?);
                let rows = diesel::update(row)
                    .set($table::$updated.eq($crate::model!(@now $table $updated)))
                    .execute(conn)?;
                Ok(rows > 0)
            }

            fn page_by_created_of<C>(
                query: Self::Query<'_>,
                cursor: &$crate::Cursor<($crate::macro_support::NaiveDateTime, $Key)>,
                size: u32,
                conn: &mut C,
            ) -> Result<
                $crate::Page<Self, ($crate::macro_support::NaiveDateTime, $Key)>,
                $crate::Error,
            >
            where
                C: LoadConnection<Backend = Mysql>,
            {
                let limit = $crate::Page::<Self, $Key>::limit(size)?;
                // Written out as OR: neither server uses an index for `(a, b) > (x, y)`.
                let query = match (cursor.order(), cursor.key()) {
                    ($crate::Order::Ascending, None) => query,
                    ($crate::Order::Descending, None) => query,
                    ($crate::Order::Ascending, Some((at, key))) => query.filter(
                        $table::$created.gt(*at).or(
                            $table::$created.eq(*at).and($table::$key.gt(key.clone())),
                        ),
                    ),
                    ($crate::Order::Descending, Some((at, key))) => query.filter(
                        $table::$created.lt(*at).or(
                            $table::$created.eq(*at).and($table::$key.lt(key.clone())),
                        ),
                    ),
                };
                let query = match cursor.order() {
                    $crate::Order::Ascending => {
                        query.order(($table::$created.asc(), $table::$key.asc()))
                    }
                    $crate::Order::Descending => {
                        query.order(($table::$created.desc(), $table::$key.desc()))
                    }
                };
                let rows = query
                    .limit(limit)
                    .select(<Self as SelectableHelper<Mysql>>::as_select())
                    .load(conn)?;
                Ok($crate::Page::from_rows(rows, size, cursor.order(), |row: &Self| {
                    (row.$created, $crate::Model::key(row))
                }))
            }
        }
    };
}
