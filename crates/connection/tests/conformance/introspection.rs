//! The queries by which `diesel print-schema` reads a schema (`infer_schema_internals` of diesel's
//! command line 2.3), on a schema with every type.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Nullable, Text};

use crate::columns::{NUMERIC, OTHER, TEXT, TIME};
use crate::schema::SETUP;
use crate::suite::{Theme, cases};

mod information_schema {
    diesel::table! {
        information_schema.tables (table_schema, table_name) {
            table_schema -> VarChar,
            table_name -> VarChar,
            table_type -> VarChar,
            table_comment -> VarChar,
        }
    }
    diesel::table! {
        information_schema.table_constraints (constraint_schema, constraint_name) {
            table_schema -> VarChar,
            constraint_schema -> VarChar,
            constraint_name -> VarChar,
            constraint_type -> VarChar,
        }
    }
    diesel::table! {
        information_schema.key_column_usage (constraint_schema, constraint_name) {
            constraint_schema -> VarChar,
            constraint_name -> VarChar,
            table_schema -> VarChar,
            table_name -> VarChar,
            column_name -> VarChar,
            ordinal_position -> BigInt,
            referenced_table_schema -> VarChar,
            referenced_table_name -> VarChar,
            referenced_column_name -> VarChar,
        }
    }
    diesel::table! {
        information_schema.columns (table_schema, table_name, column_name) {
            table_schema -> VarChar,
            table_name -> VarChar,
            column_name -> VarChar,
            #[sql_name = "is_nullable"]
            __is_nullable -> VarChar,
            character_maximum_length -> Nullable<Unsigned<BigInt>>,
            ordinal_position -> Unsigned<BigInt>,
            column_type -> VarChar,
            column_comment -> VarChar,
        }
    }
    diesel::allow_tables_to_appear_in_same_query!(table_constraints, key_column_usage);
}

use information_schema::columns::dsl as c;
use information_schema::key_column_usage as kcu;
use information_schema::table_constraints as tc;
use information_schema::tables::dsl as t;

#[diesel::declare_sql_function]
extern "SQL" {
    fn database() -> VarChar;
    #[sql_name = "NULLIF"]
    fn null_if_text(left: Text, right: Text) -> Nullable<Text>;
}

type Described = (String, String, Option<String>, String, Option<u64>, Option<String>);

pub(crate) fn theme() -> Theme {
    let mut columns = String::new();
    for (number, column) in [NUMERIC, TEXT, TIME, OTHER].into_iter().flatten().enumerate() {
        columns += ", `c";
        columns += &number.to_string();
        columns += "` ";
        columns += column.kind;
        columns += if number % 2 == 0 { " NULL" } else { " NOT NULL COMMENT 'odd ż'" };
    }
    let setup = format!(
        "{SETUP} CREATE TABLE wide (id INT{columns}, PRIMARY KEY (id)) COMMENT 'all of them';
         CREATE VIEW seen AS SELECT id, name FROM users;"
    );
    Theme { name: "print-schema", setup, seed: "", tables: &[], cases: cases() }
}

/// A table's columns, in diesel's two orders.
macro_rules! columns {
    ($conn:ident, $table:literal, $order:expr) => {{
        let schema = diesel::select(database()).get_result::<String>($conn)?;
        c::columns
            .select((
                c::column_name,
                c::column_type,
                None::<String>.into_sql::<Nullable<Text>>(),
                c::__is_nullable,
                c::character_maximum_length,
                null_if_text(c::column_comment, ""),
            ))
            .filter(c::table_name.eq($table))
            .filter(c::table_schema.eq(schema))
            .order($order)
            .load::<Described>($conn)
    }};
}

fn cases() -> Vec<crate::suite::Case> {
    cases! {
        "the names of the tables" => |conn| {
            let schema = diesel::select(database()).get_result::<String>(conn)?;
            t::tables.select(t::table_name).filter(t::table_schema.eq(schema)).filter(t::table_name.not_like("\\_\\_%"))
                .filter(t::table_type.like("BASE TABLE")).order(t::table_name).load::<String>(conn)
        };
        "the columns of a table with every type" => |conn| columns!(conn, "wide", c::ordinal_position);
        "the same by name" => |conn| columns!(conn, "wide", c::column_name);
        "the columns of posts" => |conn| columns!(conn, "posts", c::ordinal_position);
        "the columns of a view" => |conn| columns!(conn, "seen", c::ordinal_position);
        "the columns of no table" => |conn| columns!(conn, "nowhere", c::ordinal_position);
        "comments of tables" => |conn| {
            let schema = diesel::select(database()).get_result::<String>(conn)?;
            t::tables.select((t::table_name, t::table_comment)).filter(t::table_schema.eq(schema)).order(t::table_name).load::<(String, String)>(conn)
        };
        "primary keys" => |conn| {
            let schema = diesel::select(database()).get_result::<String>(conn)?;
            let primary = tc::table.select(tc::constraint_name).filter(tc::constraint_type.eq("PRIMARY KEY"));
            ["users", "pairs", "wide", "seen"].map(|table| {
                kcu::table.select(kcu::column_name).filter(kcu::constraint_name.eq_any(primary)).filter(kcu::table_name.eq(table))
                    .filter(kcu::table_schema.eq(&schema)).order(kcu::ordinal_position).load::<String>(conn)
            }).into_iter().collect::<QueryResult<Vec<_>>>()
        };
        "foreign keys" => |conn| {
            let schema = diesel::select(database()).get_result::<String>(conn)?;
            tc::table.filter(tc::constraint_type.eq("FOREIGN KEY")).filter(tc::table_schema.eq(schema))
                .filter(kcu::referenced_column_name.is_not_null())
                .inner_join(kcu::table.on(tc::constraint_schema.eq(kcu::constraint_schema).and(tc::constraint_name.eq(kcu::constraint_name))))
                .select(((kcu::table_name, kcu::table_schema), (kcu::referenced_table_name, kcu::referenced_table_schema), kcu::column_name, kcu::referenced_column_name, kcu::constraint_name))
                .order(kcu::constraint_name)
                .load::<((String, String), (String, String), String, String, String)>(conn)
        };
        "a number that information_schema counts" => |conn| c::columns.filter(c::table_name.eq("wide")).filter(c::table_schema.eq(sql::<Text>("DATABASE()")))
            .select(sql::<Integer>("CAST(COUNT(*) AS SIGNED)")).first::<i32>(conn);
    }
}
