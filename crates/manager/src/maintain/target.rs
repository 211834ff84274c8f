//! The table a purge works on, looked at before the first row goes.

use diesel::prelude::*;
use diesel::sql_types::Text;
use steadfast_connection::Connection;

use crate::Error;
use crate::maintain::task::{Purge, TaskRefusal};
use crate::name::Name;

/// A table, the column that tells its rows' age, and the key by which it is walked.
#[derive(Debug)]
pub(crate) struct Target {
    table: String,
    /// The column of the age, then those of the primary key.
    key: Vec<KeyColumn>,
}

#[derive(Clone, Debug, QueryableByName)]
struct KeyColumn {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    data_type: String,
}

#[derive(QueryableByName)]
struct IndexColumn {
    #[diesel(sql_type = Text)]
    index_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    position: i64,
}

impl Target {
    /// Looks at the table.
    ///
    /// # Errors
    /// [`Error::TaskRefused`] if it cannot be purged by that column.
    pub(crate) fn read(conn: &mut Connection, purge: &Purge) -> Result<Self, Error> {
        let table = purge.table.clone();
        let column = purge.column.clone().unwrap_or_default();
        let columns = columns(conn, &table)?;
        if columns.is_empty() {
            return Err(TaskRefusal::NoTable { table }.into());
        }
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        let Some(age) = columns.iter().find(|it| same(&it.name, &column)) else {
            return Err(TaskRefusal::NoColumn { table, column }.into());
        };
        if !matches!(age.data_type.as_str(), "date" | "datetime" | "timestamp") {
            let data_type = age.data_type.clone();
            return Err(TaskRefusal::NoTime { table, column, data_type }.into());
        }
        let indexes = indexes(conn, &table)?;
        if !indexes.iter().any(|it| it.position == 1 && same(&it.column_name, &column)) {
            return Err(TaskRefusal::NoIndex { table, column }.into());
        }
        let mut key = vec![age.clone()];
        let primary = indexes.iter().filter(|it| it.index_name == "PRIMARY");
        let primary: Vec<&IndexColumn> = primary.collect();
        if primary.is_empty() {
            return Err(TaskRefusal::NoPrimaryKey { table }.into());
        }
        key.extend(
            primary.iter().filter(|it| !same(&it.column_name, &column)).filter_map(|it| {
                columns.iter().find(|column| column.name == it.column_name).cloned()
            }),
        );
        Ok(Self { table, key })
    }

    /// Remembers in the session the key of the `rows`-th row that is to go. One row is affected if
    /// there is one.
    ///
    /// The values stay on the server, in variables with the type and collation of their columns: what
    /// makes the way through a client and back may sort differently.
    pub(crate) fn find_bound(&self, rows: u32) -> String {
        let columns: Vec<String> = self.key.iter().map(|it| Name(&it.name).to_string()).collect();
        let columns = columns.join(", ");
        let bounds: Vec<String> = (0..self.key.len()).map(variable).collect();
        let skipped = rows.saturating_sub(1);
        format!(
            "SELECT {columns} INTO {} FROM {} WHERE {} ORDER BY {columns} LIMIT {skipped}, 1",
            bounds.join(", "),
            Name(&self.table),
            self.is_old(),
        )
    }

    /// Deletes what is to go up to the bound. No LIMIT, which is not safe for replication by statement.
    pub(crate) fn delete_to_bound(&self) -> String {
        // The first part is implied by the second; it is what the optimizer finds the range by.
        let first = self.key.first().map_or_else(String::new, |it| it.at_most(0));
        format!("{} AND {first} AND {}", self.delete_rest(), self.up_to(0))
    }

    /// Deletes what is to go up to the bound's age, all rows of that age included.
    pub(crate) fn delete_to_age(&self) -> String {
        let first = self.key.first().map_or_else(String::new, |it| it.at_most(0));
        format!("{} AND {first}", self.delete_rest())
    }

    /// Deletes everything that is to go.
    pub(crate) fn delete_rest(&self) -> String {
        format!("DELETE FROM {} WHERE {}", Name(&self.table), self.is_old())
    }

    fn is_old(&self) -> String {
        let column = self.key.first().map_or("", |it| it.name.as_str());
        format!("{} < CAST({CUTOFF} AS DATETIME(6))", Name(column))
    }

    /// `(k1, k2, …) <= (b1, b2, …)` from column `at` on, written out: row comparisons use no index on
    /// either vendor.
    fn up_to(&self, at: usize) -> String {
        let Some(column) = self.key.get(at) else { return "TRUE".to_owned() };
        if at + 1 == self.key.len() {
            return column.at_most(at);
        }
        let (name, bound) = (Name(&column.name), column.bound(at));
        format!("({name} < {bound} OR ({name} = {bound} AND {}))", self.up_to(at + 1))
    }
}

/// Holds the time before which rows go.
pub(crate) const CUTOFF: &str = "@steadfast_cutoff";

fn variable(at: usize) -> String {
    format!("@steadfast_bound_{at}")
}

impl KeyColumn {
    fn at_most(&self, at: usize) -> String {
        format!("{} <= {}", Name(&self.name), self.bound(at))
    }

    /// The bound as a value of the column's type: variables keep times as text.
    fn bound(&self, at: usize) -> String {
        let bound = variable(at);
        match self.data_type.as_str() {
            "date" | "datetime" | "timestamp" => format!("CAST({bound} AS DATETIME(6))"),
            "time" => format!("CAST({bound} AS TIME(6))"),
            _ => bound,
        }
    }
}

fn columns(conn: &mut Connection, table: &str) -> QueryResult<Vec<KeyColumn>> {
    diesel::sql_query(
        "SELECT c.COLUMN_NAME AS name, LOWER(c.DATA_TYPE) AS data_type \
         FROM information_schema.COLUMNS c JOIN information_schema.TABLES t \
         ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME \
         WHERE c.TABLE_SCHEMA = DATABASE() AND c.TABLE_NAME = ? AND t.TABLE_TYPE = 'BASE TABLE' \
         ORDER BY c.ORDINAL_POSITION",
    )
    .bind::<Text, _>(table)
    .load(conn)
}

fn indexes(conn: &mut Connection, table: &str) -> QueryResult<Vec<IndexColumn>> {
    diesel::sql_query(
        "SELECT INDEX_NAME AS index_name, COALESCE(COLUMN_NAME, '') AS column_name, \
         CAST(SEQ_IN_INDEX AS SIGNED) AS position FROM information_schema.STATISTICS \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY INDEX_NAME, SEQ_IN_INDEX",
    )
    .bind::<Text, _>(table)
    .load(conn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_compared_in_order_and_names_are_quoted() {
        let column = |name: &str, data_type: &str| KeyColumn {
            name: name.to_owned(),
            data_type: data_type.to_owned(),
        };
        let key = vec![column("at", "timestamp"), column("a`b", "int"), column("c", "varchar")];
        let target = Target { table: "log".to_owned(), key };
        let age = "CAST(@steadfast_bound_0 AS DATETIME(6))";
        assert_eq!(
            target.delete_to_bound(),
            format!(
                "DELETE FROM `log` WHERE `at` < CAST(@steadfast_cutoff AS DATETIME(6)) \
                 AND `at` <= {age} AND (`at` < {age} OR (`at` = {age} AND \
                 (`a``b` < @steadfast_bound_1 OR (`a``b` = @steadfast_bound_1 AND \
                 `c` <= @steadfast_bound_2))))"
            )
        );
        assert!(target.find_bound(500).ends_with("ORDER BY `at`, `a``b`, `c` LIMIT 499, 1"));
    }
}
