//! Creating from definitions: sequences, tables, and after the rows all that stands on them.

use std::fs;
use std::path::Path;

use steadfast_connection::Connection;

use super::manifest::{FileRecord, Manifest, ObjectKind, ObjectRecord, SequenceRecord};
use super::names::{literal, quoted};
use super::options::Definers;
use super::reader::{rows, run};
use super::sql_text::{names_database, with_database_renamed, without_definer};
use super::{BackupError, Damage};

/// A session in which definitions in utf8mb4 are read, with the database's own collation.
const USUAL_SESSION: &str = "SET NAMES utf8mb4; SET sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone='+00:00'";

pub(super) struct Creator<'a> {
    dir: &'a Path,
    manifest: &'a Manifest,
    database: &'a str,
    definers: Definers,
    created: usize,
    notes: Vec<String>,
}

impl<'a> Creator<'a> {
    pub(super) fn new(
        dir: &'a Path,
        manifest: &'a Manifest,
        database: &'a str,
        definers: Definers,
    ) -> Self {
        Self { dir, manifest, database, definers, created: 0, notes: Vec::new() }
    }

    /// Views, routines, triggers, events and sequences created.
    pub(super) fn created(&self) -> usize {
        self.created
    }

    pub(super) fn into_notes(self) -> Vec<String> {
        self.notes
    }

    pub(super) fn sequences(&mut self, conn: &mut Connection) -> Result<(), BackupError> {
        let manifest = self.manifest;
        for sequence in &manifest.sequences {
            let doing = format!("creating sequence {:?}", sequence.name);
            run(conn, &doing, &self.definition(&sequence.definition)?)?;
            if let Some(sql) = set_value(sequence) {
                run(conn, &doing, &sql)?;
            }
            self.created += 1;
        }
        Ok(())
    }

    /// Foreign keys are not checked, so tables that refer to each other come in any order.
    pub(super) fn tables(&mut self, conn: &mut Connection) -> Result<(), BackupError> {
        let manifest = self.manifest;
        for table in &manifest.tables {
            let sql = self.renamed(self.definition(&table.definition)?);
            run(conn, &format!("creating table {:?}", table.name), &sql)?;
        }
        Ok(())
    }

    /// Routines, then views as long as more of them succeed, then triggers and events.
    pub(super) fn objects(&mut self, conn: &mut Connection) -> Result<(), BackupError> {
        let manifest = self.manifest;
        let of = |wanted: fn(ObjectKind) -> bool| {
            manifest.objects.iter().filter(move |object| wanted(object.kind))
        };
        let is_view = |kind| kind == ObjectKind::View;
        let is_later = |kind| matches!(kind, ObjectKind::Trigger | ObjectKind::Event);
        for routine in
            of(|kind| !matches!(kind, ObjectKind::View | ObjectKind::Trigger | ObjectKind::Event))
        {
            self.object(conn, routine)?;
        }
        self.views(conn, of(is_view).collect())?;
        for object in of(is_later) {
            self.object(conn, object)?;
        }
        Ok(())
    }

    fn views(
        &mut self,
        conn: &mut Connection,
        mut waiting: Vec<&ObjectRecord>,
    ) -> Result<(), BackupError> {
        // No such table, no such routine, invalid view: what it needs may come later.
        const NOT_YET: [u32; 4] = [1054, 1146, 1305, 1356];
        while !waiting.is_empty() {
            let mut later = Vec::new();
            let before = waiting.len();
            for view in waiting {
                match self.object(conn, view) {
                    Ok(()) => {}
                    Err(error) if error.errno().is_some_and(|errno| NOT_YET.contains(&errno)) => {
                        later.push((view, error));
                    }
                    Err(error) => return Err(error),
                }
            }
            if later.len() == before {
                return self.leave_out(later);
            }
            waiting = later.into_iter().map(|(view, _)| view).collect();
        }
        Ok(())
    }

    /// A view that was invalid in the original cannot be created, and is told; any other must be.
    fn leave_out(&mut self, views: Vec<(&ObjectRecord, BackupError)>) -> Result<(), BackupError> {
        for (view, error) in views {
            if !view.invalid {
                return Err(error);
            }
            self.notes.push(format!(
                "view {:?} was invalid in the original and is not restored ({error}); its definition is in {}",
                view.name, view.definition.file
            ));
        }
        Ok(())
    }

    fn object(&mut self, conn: &mut Connection, object: &ObjectRecord) -> Result<(), BackupError> {
        let named = format!("{} {:?}", object.kind.sql().to_lowercase(), object.name);
        let mut sql = self.definition(&object.definition)?;
        if self.definers == Definers::Current {
            sql = without_definer(&sql);
        }
        if object.kind == ObjectKind::View {
            sql = self.renamed(sql);
        }
        let doing = format!("creating {named}");
        run(conn, &doing, &self.session_of(object, &sql))?;
        let outcome = run(conn, &doing, &sql);
        let warnings = match &outcome {
            Ok(()) if conn.warnings() > 0 => rows(conn, &doing, "SHOW WARNINGS")?,
            _ => Vec::new(),
        };
        run(conn, &doing, &self.usual_session(object))?;
        outcome?;
        self.refuse_missing_definer(object, &warnings)?;
        self.created += 1;
        let original = &self.manifest.database.name;
        let is_renamed = self.database != original;
        if is_renamed && object.kind != ObjectKind::View && names_database(&sql, original) {
            self.notes.push(format!("{named} names database {original:?} in its body"));
        }
        Ok(())
    }

    /// 1449 is an error only when the object is used.
    fn refuse_missing_definer(
        &self,
        object: &ObjectRecord,
        warnings: &[super::reader::TextRow],
    ) -> Result<(), BackupError> {
        const NO_SUCH_USER: &str = "1449";
        let missing = warnings.iter().any(|warning| warning.text(1) == NO_SUCH_USER);
        if missing && self.definers == Definers::Keep {
            return Err(BackupError::MissingDefiners { accounts: vec![object.definer.clone()] });
        }
        Ok(())
    }

    /// The session an object was created in, which it remembers. The text is UTF-8, so a character set of the client
    /// that reads it otherwise is taken only for a text that reads the same in all of them.
    fn session_of(&self, object: &ObjectRecord, sql: &str) -> String {
        let client = &object.character_set_client;
        let client =
            if sql.is_ascii() || client.starts_with("utf8") { client.as_str() } else { "utf8mb4" };
        let mut text = format!(
            "SET character_set_client={client}, collation_connection={}",
            object.collation_connection
        );
        if let Some(sql_mode) = &object.sql_mode {
            text.extend([", sql_mode=", &literal(sql_mode)]);
        }
        if let Some(time_zone) = &object.time_zone {
            text.extend([", time_zone=", &literal(time_zone)]);
        }
        match self.other_collation(object) {
            Some(collation) => format!("{}; {text}", self.collate(collation)),
            None => text,
        }
    }

    fn usual_session(&self, object: &ObjectRecord) -> String {
        match self.other_collation(object) {
            Some(_) => {
                format!("{USUAL_SESSION}; {}", self.collate(&self.manifest.database.collation))
            }
            None => USUAL_SESSION.to_owned(),
        }
    }

    /// The collation the database had when the object was created, if it was another.
    fn other_collation<'b>(&self, object: &'b ObjectRecord) -> Option<&'b str> {
        object
            .database_collation
            .as_deref()
            .filter(|collation| *collation != self.manifest.database.collation)
    }

    fn collate(&self, collation: &str) -> String {
        format!("ALTER DATABASE {} COLLATE {collation}", quoted(self.database))
    }

    fn renamed(&self, sql: String) -> String {
        let original = &self.manifest.database.name;
        if self.database == original {
            return sql;
        }
        with_database_renamed(&sql, original, self.database)
    }

    fn definition(&self, record: &FileRecord) -> Result<String, BackupError> {
        let path = self.dir.join(&record.file);
        let bytes = fs::read(&path).map_err(BackupError::file("reading", &path))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            BackupError::damaged(&record.file, Damage::Content(error.to_string()))
        })?;
        Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
    }
}

fn set_value(sequence: &SequenceRecord) -> Option<String> {
    let (name, cycles) = (quoted(&sequence.name), sequence.cycles);
    sequence.next.map(|next| format!("SELECT SETVAL({name}, {next}, 0, {cycles})"))
}
