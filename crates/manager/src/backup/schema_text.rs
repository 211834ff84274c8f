//! `schema.sql`: all definitions in one text that people read, compare and feed to the `mariadb` or `mysql` client.

use steadfast_connection::Vendor;

use super::BackupError;
use super::folder::Folder;
use super::manifest::{Manifest, ObjectKind};
use super::names::quoted;

/// Ends a statement whose body holds semicolons.
const DELIMITER: &str = "//";

pub(super) fn of(folder: &Folder, manifest: &Manifest) -> Result<String, BackupError> {
    let database = &manifest.database;
    let mut text = format!(
        "-- Schema of database {}, character set {}, collation {}.\n\nSET foreign_key_checks = 0;\n",
        quoted(&database.name),
        database.character_set,
        database.collation
    );
    if manifest.server.vendor == Vendor::MySql.as_str() {
        // A key to a column that is not unique would be refused (6125); versions before 8.4 read a comment.
        text.push_str("/*!80400 SET restrict_fk_on_non_standard_key = 0 */;\n");
    }
    let sequences = manifest.sequences.iter().map(|sequence| &sequence.definition);
    for definition in sequences.chain(manifest.tables.iter().map(|table| &table.definition)) {
        push_statement(&mut text, &folder.read(definition)?);
    }
    for object in &manifest.objects {
        let sql = folder.read(&object.definition)?;
        match object.kind {
            ObjectKind::View => push_statement(&mut text, &sql),
            _ => push_body(&mut text, object.sql_mode.as_deref().unwrap_or_default(), &sql),
        }
    }
    text.push_str("\nSET foreign_key_checks = 1;\n");
    Ok(text)
}

fn push_statement(text: &mut String, sql: &str) {
    text.push('\n');
    text.push_str(sql.trim_end());
    text.push_str(";\n");
}

fn push_body(text: &mut String, sql_mode: &str, sql: &str) {
    // One that the body does not hold.
    let mut delimiter = DELIMITER.to_owned();
    while sql.contains(&delimiter) {
        delimiter.push('/');
    }
    let sql = sql.trim_end();
    text.extend(["\nSET sql_mode = '", sql_mode, "';\nDELIMITER ", &delimiter, "\n"]);
    text.extend([sql, "\n", &delimiter, "\nDELIMITER ;\n"]);
}
