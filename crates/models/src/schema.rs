//! The tables that Steadfast keeps in the application's database, as diesel sees them.
//!
//! Below this head stands, to the letter, what the command line tool of diesel writes for a database
//! that `migrations/` has made:
//! `diesel print-schema --custom-type-derives diesel::query_builder::QueryId`. Change the migrations,
//! then this file.
//!
//! An ENUM column has a type of its own here, so that only [`OutcomeState`](crate::OutcomeState) or
//! [`RunState`](crate::RunState) fits it; as text, every typing error would compile.

// @generated automatically by Diesel CLI.

pub mod sql_types {
    #[derive(diesel::query_builder::QueryId, diesel::sql_types::SqlType)]
    #[diesel(mysql_type(name = "Enum"))]
    pub struct SteadfastMaintenanceStateEnum;

    #[derive(diesel::query_builder::QueryId, diesel::sql_types::SqlType)]
    #[diesel(mysql_type(name = "Enum"))]
    pub struct SteadfastMigrationStateEnum;

    #[derive(diesel::query_builder::QueryId, diesel::sql_types::SqlType)]
    #[diesel(mysql_type(name = "Enum"))]
    pub struct SteadfastOutcomeStateEnum;
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::SteadfastMaintenanceStateEnum;

    steadfast_maintenance (id) {
        id -> Unsigned<Bigint>,
        #[max_length = 100]
        task -> Varchar,
        #[max_length = 200]
        target -> Nullable<Varchar>,
        #[max_length = 7]
        state -> SteadfastMaintenanceStateEnum,
        items -> Unsigned<Bigint>,
        started -> Timestamp,
        took_us -> Nullable<Unsigned<Bigint>>,
        errno -> Nullable<Unsigned<Integer>>,
        #[max_length = 1000]
        error -> Nullable<Varchar>,
        #[max_length = 255]
        by_host -> Varchar,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::SteadfastMigrationStateEnum;

    steadfast_migration (version) {
        #[max_length = 50]
        version -> Varchar,
        #[max_length = 255]
        name -> Varchar,
        #[max_length = 7]
        state -> SteadfastMigrationStateEnum,
        #[max_length = 64]
        checksum -> Char,
        statement -> Nullable<Unsigned<Integer>>,
        errno -> Nullable<Unsigned<Integer>>,
        #[max_length = 5]
        sqlstate -> Nullable<Char>,
        #[max_length = 1000]
        error -> Nullable<Varchar>,
        started -> Timestamp,
        took_us -> Nullable<Unsigned<Bigint>>,
        #[max_length = 288]
        by_user -> Varchar,
        #[max_length = 255]
        by_host -> Varchar,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::SteadfastOutcomeStateEnum;

    steadfast_outcome (attempt) {
        #[max_length = 16]
        attempt -> Binary,
        #[max_length = 1]
        state -> SteadfastOutcomeStateEnum,
        #[max_length = 128]
        idem_key -> Nullable<Varbinary>,
        result -> Nullable<Blob>,
        resolves -> Unsigned<Smallint>,
        at -> Timestamp,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    steadfast_maintenance,
    steadfast_migration,
    steadfast_outcome,
);
