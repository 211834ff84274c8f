//! diesel's other traits on [`Connection`], and all of them on whatever holds one.

use diesel::associations::HasTable;
use diesel::dsl::{Find, Update};
use diesel::expression::{MixedAggregates, ValidGrouping, is_aggregate};
use diesel::migration::{CREATE_MIGRATIONS_TABLE, MigrationConnection};
use diesel::query_builder::{AsChangeset, IntoUpdateTarget};
use diesel::query_dsl::UpdateAndFetchResults;
use diesel::query_dsl::methods::{ExecuteDsl, FindDsl, LoadQuery};
use diesel::{Identifiable, QueryResult, RunQueryDsl, Table};

use crate::Connection;

impl MigrationConnection for Connection {
    fn setup(&mut self) -> QueryResult<usize> {
        diesel::sql_query(CREATE_MIGRATIONS_TABLE).execute(self)
    }
}

impl<'query, Changes, Output> UpdateAndFetchResults<Changes, Output> for Connection
where
    Changes: Copy + Identifiable,
    Changes: AsChangeset<Target = <Changes as HasTable>::Table> + IntoUpdateTarget,
    Changes::Table: FindDsl<Changes::Id>,
    Update<Changes, Changes>: ExecuteDsl<Self>,
    Find<Changes::Table, Changes::Id>: LoadQuery<'query, Self, Output>,
    <Changes::Table as Table>::AllColumns: ValidGrouping<()>,
    <<Changes::Table as Table>::AllColumns as ValidGrouping<()>>::IsAggregate:
        MixedAggregates<is_aggregate::No, Output = is_aggregate::No>,
{
    fn update_and_fetch(&mut self, changeset: Changes) -> QueryResult<Output> {
        diesel::update(changeset).set(changeset).execute(self)?;
        Changes::table().find(changeset.id()).get_result(self)
    }
}

/// Makes a type that dereferences to [`Connection`] usable wherever diesel wants a connection.
///
/// The type needs `DerefMut<Target = Connection>`; a lifetime is written as `Tx<'_>`.
///
/// ```
/// use std::ops::{Deref, DerefMut};
/// use steadfast_connection::{Connection, connection_by_deref};
///
/// struct Lease(Connection);
/// impl Deref for Lease {
///     type Target = Connection;
///     fn deref(&self) -> &Connection { &self.0 }
/// }
/// impl DerefMut for Lease {
///     fn deref_mut(&mut self) -> &mut Connection { &mut self.0 }
/// }
/// connection_by_deref!(Lease);
/// ```
#[macro_export]
macro_rules! connection_by_deref {
    ($holder:ty) => {
        const _: () = {
            use $crate::__diesel as diesel;
            use $crate::{Connection, Cursor, Row, Streaming, TransactionState, Transactions};

            impl AsMut<Connection> for $holder {
                fn as_mut(&mut self) -> &mut Connection {
                    self
                }
            }

            impl diesel::connection::SimpleConnection for $holder {
                fn batch_execute(&mut self, query: &str) -> diesel::QueryResult<()> {
                    diesel::connection::SimpleConnection::batch_execute(&mut **self, query)
                }
            }

            impl diesel::connection::ConnectionSealed for $holder {}

            impl diesel::Connection for $holder {
                type Backend = diesel::mysql::Mysql;
                type TransactionManager = Transactions;

                /// Refused: it is lent, not established.
                fn establish(_: &str) -> diesel::ConnectionResult<Self> {
                    Err(diesel::ConnectionError::BadConnection(
                        concat!(stringify!($holder), " is lent, not established").to_owned(),
                    ))
                }

                fn execute_returning_count<T>(&mut self, source: &T) -> diesel::QueryResult<usize>
                where
                    T: diesel::query_builder::QueryFragment<Self::Backend>
                        + diesel::query_builder::QueryId,
                {
                    diesel::Connection::execute_returning_count(&mut **self, source)
                }

                fn transaction_state(&mut self) -> &mut TransactionState {
                    diesel::Connection::transaction_state(&mut **self)
                }

                fn instrumentation(&mut self) -> &mut dyn diesel::connection::Instrumentation {
                    diesel::Connection::instrumentation(&mut **self)
                }

                fn set_instrumentation(
                    &mut self,
                    instrumentation: impl diesel::connection::Instrumentation,
                ) {
                    diesel::Connection::set_instrumentation(&mut **self, instrumentation);
                }

                fn set_prepared_statement_cache_size(
                    &mut self,
                    size: diesel::connection::CacheSize,
                ) {
                    diesel::Connection::set_prepared_statement_cache_size(&mut **self, size);
                }
            }

            impl<Mode> diesel::connection::LoadConnection<Mode> for $holder
            where
                Connection: for<'conn, 'query> diesel::connection::LoadConnection<
                        Mode,
                        Cursor<'conn, 'query> = Cursor<'conn>,
                        Row<'conn, 'query> = Row,
                    >,
            {
                type Cursor<'conn, 'query>
                    = Cursor<'conn>
                where
                    Self: 'conn;
                type Row<'conn, 'query>
                    = Row
                where
                    Self: 'conn;

                fn load<'conn, 'query, T>(
                    &'conn mut self,
                    source: T,
                ) -> diesel::QueryResult<Self::Cursor<'conn, 'query>>
                where
                    T: diesel::query_builder::Query
                        + diesel::query_builder::QueryFragment<Self::Backend>
                        + diesel::query_builder::QueryId
                        + 'query,
                    Self::Backend: diesel::expression::QueryMetadata<T::SqlType>,
                {
                    diesel::connection::LoadConnection::<Mode>::load(&mut **self, source)
                }
            }

            impl<Changes, Output>
                diesel::query_dsl::UpdateAndFetchResults<Changes, Output> for $holder
            where
                Connection: diesel::query_dsl::UpdateAndFetchResults<Changes, Output>,
            {
                fn update_and_fetch(&mut self, changeset: Changes) -> diesel::QueryResult<Output> {
                    diesel::query_dsl::UpdateAndFetchResults::update_and_fetch(
                        &mut **self, changeset,
                    )
                }
            }
        };
    };
}
