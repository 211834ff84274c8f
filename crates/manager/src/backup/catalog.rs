//! What a database holds, asked of `information_schema`, and how it is defined, asked of `SHOW CREATE`.

use steadfast_connection::Connection;

use super::BackupError;
use super::columns::Column;
use super::manifest::{ObjectKind, ServerRecord};
use super::names::{literal, quoted};
use super::reader::{one, rows};

/// `information_schema` compares names without regard to case; a second comparison does not.
const HERE: &str = "= DATABASE() AND CAST($ AS BINARY) = CAST(DATABASE() AS BINARY)";

fn here(column: &str) -> String {
    format!("{column} {}", HERE.replace('$', column))
}

/// A table, view or sequence.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) kind: ListedKind,
    pub(super) engine: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListedKind {
    Table,
    /// With its history.
    VersionedTable,
    View,
    Sequence,
}

/// A view, routine, trigger or event before its definition is read.
#[derive(Clone, Debug)]
pub(super) struct ListedObject {
    pub(super) kind: ObjectKind,
    pub(super) name: String,
    pub(super) definer: String,
}

/// What `SHOW CREATE` tells of it.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    pub(super) sql: String,
    pub(super) sql_mode: Option<String>,
    pub(super) character_set_client: String,
    pub(super) collation_connection: String,
    pub(super) database_collation: Option<String>,
    pub(super) time_zone: Option<String>,
    /// A view that selects from something that is no longer there.
    pub(super) invalid: bool,
}

pub(super) fn server(conn: &mut Connection) -> Result<ServerRecord, BackupError> {
    let sql = "SELECT @@lower_case_table_names";
    Ok(ServerRecord {
        vendor: conn.vendor().as_str().to_owned(),
        version: conn.server_version(),
        lower_case_table_names: one(conn, "asking for the server's settings", sql)?,
    })
}

/// Character set and collation of the database.
pub(super) fn charset(conn: &mut Connection) -> Result<(String, String), BackupError> {
    let sql = "SELECT @@character_set_database, @@collation_database";
    let found = rows(conn, "asking for the database's character set", sql)?;
    Ok(found.first().map(|row| (row.text(0), row.text(1))).unwrap_or_default())
}

/// What the account would need to see every table, view, trigger, event and routine, and lacks.
pub(super) fn missing_privileges(conn: &mut Connection) -> Result<Vec<String>, BackupError> {
    let sql = "SELECT p FROM (SELECT 'SELECT' p UNION SELECT 'SHOW VIEW' UNION SELECT 'TRIGGER' \
               UNION SELECT 'EVENT' UNION SELECT 'EXECUTE') wanted \
               WHERE NOT EXISTS (SELECT 1 FROM information_schema.USER_PRIVILEGES \
                                 WHERE PRIVILEGE_TYPE = p) \
               AND NOT EXISTS (SELECT 1 FROM information_schema.SCHEMA_PRIVILEGES \
                               WHERE PRIVILEGE_TYPE = p AND DATABASE() LIKE TABLE_SCHEMA)";
    let missing = rows(conn, "asking for the account's rights", sql)?;
    Ok(missing.iter().map(|row| row.text(0)).collect())
}

/// Tables, views and sequences by name.
pub(super) fn tables(conn: &mut Connection) -> Result<Vec<Listed>, BackupError> {
    let sql = format!(
        "SELECT TABLE_NAME, TABLE_TYPE, ENGINE FROM information_schema.TABLES WHERE {} \
         ORDER BY CAST(TABLE_NAME AS BINARY)",
        here("TABLE_SCHEMA")
    );
    let listed = rows(conn, "listing the tables", &sql)?.into_iter().filter_map(|row| {
        let kind = match row.text(1).as_str() {
            "BASE TABLE" => ListedKind::Table,
            "SYSTEM VERSIONED" => ListedKind::VersionedTable,
            "VIEW" => ListedKind::View,
            "SEQUENCE" => ListedKind::Sequence,
            // TEMPORARY, which belongs to a session.
            _ => return None,
        };
        Some(Listed { name: row.text(0), kind, engine: row.text(2) })
    });
    Ok(listed.collect())
}

/// The engines that know transactions.
pub(super) fn transactional_engines(conn: &mut Connection) -> Result<Vec<String>, BackupError> {
    let sql = "SELECT ENGINE FROM information_schema.ENGINES WHERE TRANSACTIONS = 'YES'";
    Ok(rows(conn, "listing the engines", sql)?.iter().map(|row| row.text(0)).collect())
}

pub(super) fn columns(conn: &mut Connection, table: &str) -> Result<Vec<Column>, BackupError> {
    let sql = format!(
        "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, CHARACTER_SET_NAME, EXTRA, GENERATION_EXPRESSION, TABLE_NAME \
         FROM information_schema.COLUMNS WHERE {} AND TABLE_NAME = {} ORDER BY ORDINAL_POSITION",
        here("TABLE_SCHEMA"),
        literal(table)
    );
    let found = rows(conn, &format!("reading the columns of table {table:?}"), &sql)?;
    let ours = found.iter().filter(|row| row.text(6) == table);
    Ok(ours
        .map(|row| Column {
            name: row.text(0),
            data_type: row.text(1),
            column_type: row.text(2),
            character_set: row.optional(3),
            extra: row.text(4),
            generation: row.text(5),
        })
        .collect())
}

pub(super) fn table_definition(conn: &mut Connection, table: &str) -> Result<String, BackupError> {
    let doing = format!("reading the definition of table {table:?}");
    let found = rows(conn, &doing, &format!("SHOW CREATE TABLE {}", quoted(table)))?;
    Ok(found.first().map(|row| row.text(1)).unwrap_or_default())
}

/// Definition, next value and cycles of a sequence.
pub(super) fn sequence(
    conn: &mut Connection,
    name: &str,
) -> Result<(String, Option<i64>, i64), BackupError> {
    let doing = format!("reading sequence {name:?}");
    let found = rows(conn, &doing, &format!("SHOW CREATE SEQUENCE {}", quoted(name)))?;
    let definition = found.first().map(|row| row.text(1)).unwrap_or_default();
    let sql = format!("SELECT next_not_cached_value, cycle_count FROM {}", quoted(name));
    let found = rows(conn, &doing, &sql)?;
    let number = |column| found.first().and_then(|row| row.text(column).parse().ok());
    Ok((definition, number(0), number(1).unwrap_or(0)))
}

/// Routines, views, triggers and events, in the order in which they can be created (views aside).
pub(super) fn objects(conn: &mut Connection) -> Result<Vec<ListedObject>, BackupError> {
    let routines = format!(
        "SELECT ROUTINE_NAME, DEFINER, ROUTINE_TYPE FROM information_schema.ROUTINES WHERE {} \
         ORDER BY ROUTINE_TYPE = 'PACKAGE BODY', ROUTINE_TYPE, CAST(ROUTINE_NAME AS BINARY)",
        here("ROUTINE_SCHEMA")
    );
    let views = format!(
        "SELECT TABLE_NAME, DEFINER, 'VIEW' FROM information_schema.VIEWS WHERE {} ORDER BY CAST(TABLE_NAME AS BINARY)",
        here("TABLE_SCHEMA")
    );
    // Several triggers of one event run in the order of their creation.
    let triggers = format!(
        "SELECT TRIGGER_NAME, DEFINER, 'TRIGGER' FROM information_schema.TRIGGERS WHERE {} \
         ORDER BY CAST(EVENT_OBJECT_TABLE AS BINARY), ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER",
        here("TRIGGER_SCHEMA")
    );
    let events = format!(
        "SELECT EVENT_NAME, DEFINER, 'EVENT' FROM information_schema.EVENTS WHERE {} ORDER BY CAST(EVENT_NAME AS BINARY)",
        here("EVENT_SCHEMA")
    );
    let mut listed = Vec::new();
    for sql in [routines, views, triggers, events] {
        for row in rows(conn, "listing views, routines, triggers and events", &sql)? {
            let kind = kind_of(&row.text(2)).ok_or_else(|| BackupError::Unsupported {
                object: format!("routine {:?}", row.text(0)),
                reason: format!("{} is no kind of routine known here", row.text(2)),
            })?;
            listed.push(ListedObject { kind, name: row.text(0), definer: row.text(1) });
        }
    }
    Ok(listed)
}

fn kind_of(words: &str) -> Option<ObjectKind> {
    [
        ObjectKind::Package,
        ObjectKind::PackageBody,
        ObjectKind::Function,
        ObjectKind::Procedure,
        ObjectKind::View,
        ObjectKind::Trigger,
        ObjectKind::Event,
    ]
    .into_iter()
    .find(|kind| kind.sql() == words)
}

pub(super) fn object_definition(
    conn: &mut Connection,
    object: &ListedObject,
) -> Result<Definition, BackupError> {
    let words = object.kind.sql();
    let named = format!("{} {:?}", words.to_lowercase(), object.name);
    let doing = format!("reading the definition of {named}");
    let found = rows(conn, &doing, &format!("SHOW CREATE {words} {}", quoted(&object.name)))?;
    let unreadable = || {
        BackupError::Unsupported {
        object: named.clone(),
        reason: "the account may not read its definition: grant it SELECT on mysql.proc, or SHOW_ROUTINE on MySQL"
            .to_owned(),
    }
    };
    let invalid = object.kind == ObjectKind::View && is_invalid(conn, &doing)?;
    let row = found.first().ok_or_else(unreadable)?;
    let text = |column| row.optional(column);
    // Name, sql_mode (not of a view), time_zone (of an event), text, character set, two collations.
    let (sql, first) = match object.kind {
        ObjectKind::View => (text(1), 2),
        ObjectKind::Event => (text(3), 4),
        _ => (text(2), 3),
    };
    Ok(Definition {
        sql: sql.ok_or_else(unreadable)?,
        sql_mode: if object.kind == ObjectKind::View { None } else { text(1) },
        time_zone: if object.kind == ObjectKind::Event { text(2) } else { None },
        character_set_client: row.text(first),
        collation_connection: row.text(first + 1),
        database_collation: if object.kind == ObjectKind::View { None } else { text(first + 2) },
        invalid,
    })
}

/// After `SHOW CREATE VIEW`, which shows an invalid view too and warns.
fn is_invalid(conn: &mut Connection, doing: &str) -> Result<bool, BackupError> {
    const VIEW_INVALID: &str = "1356";
    if conn.warnings() == 0 {
        return Ok(false);
    }
    let warnings = rows(conn, doing, "SHOW WARNINGS")?;
    Ok(warnings.iter().any(|warning| warning.text(1) == VIEW_INVALID))
}
