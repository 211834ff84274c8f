//! Sequences, views, routines, triggers and events: all that is only defined.

use std::collections::{HashMap, HashSet};

use super::BackupError;
use super::catalog::{self, Definition, Listed, ListedObject};
use super::dump::Dump;
use super::manifest::{Kind, ObjectKind, ObjectRecord, SequenceRecord};
use super::names::file_name;
use super::sql_text::tables_in;

pub(super) fn sequence(
    dump: &mut Dump<'_>,
    listed: &Listed,
) -> Result<SequenceRecord, BackupError> {
    let (sql, next, cycles) = catalog::sequence(&mut dump.reader.text, &listed.name)?;
    let definition =
        dump.write_definition(&format!("sequence.{}", file_name(&listed.name)), &sql)?;
    let (next, cycles) = if dump.kind == Kind::Full { (next, cycles) } else { (None, 0) };
    Ok(SequenceRecord { name: listed.name.clone(), definition, next, cycles })
}

/// Writes all definitions, and lists them so that each can be created after those before it.
pub(super) fn objects(dump: &mut Dump<'_>) -> Result<Vec<ObjectRecord>, BackupError> {
    let mut read = Vec::new();
    for object in catalog::objects(&mut dump.reader.text)? {
        let definition = catalog::object_definition(&mut dump.reader.text, &object)?;
        read.push((object, definition));
    }
    let mut records = Vec::new();
    for (object, definition) in with_views_in_order(read) {
        records.push(record(dump, object, definition)?);
    }
    Ok(records)
}

fn record(
    dump: &mut Dump<'_>,
    object: ListedObject,
    definition: Definition,
) -> Result<ObjectRecord, BackupError> {
    // A routine's kind is part of its name: a function and a procedure may share one.
    let kind = object.kind.sql().to_lowercase().replace(' ', "-");
    let name = format!("{kind}.{}", file_name(&object.name));
    let file = dump.write_definition(&name, &definition.sql)?;
    Ok(ObjectRecord {
        kind: object.kind,
        name: object.name,
        definer: object.definer,
        definition: file,
        sql_mode: definition.sql_mode,
        character_set_client: definition.character_set_client,
        collation_connection: definition.collation_connection,
        database_collation: definition.database_collation,
        time_zone: definition.time_zone,
        invalid: definition.invalid,
    })
}

type Read = (ListedObject, Definition);

/// Moves each view behind those it selects from.
fn with_views_in_order(read: Vec<Read>) -> Vec<Read> {
    let is_view = |(object, _): &Read| object.kind == ObjectKind::View;
    let names: HashSet<String> =
        read.iter().filter(|read| is_view(read)).map(|(object, _)| object.name.clone()).collect();
    let first_view = read.iter().position(is_view).unwrap_or(0);
    let (views, mut ordered): (Vec<Read>, Vec<Read>) = read.into_iter().partition(is_view);
    let mut needs: HashMap<String, HashSet<String>> = views
        .iter()
        .map(|(object, definition)| {
            let mut named = tables_in(&definition.sql);
            named.retain(|name| names.contains(name) && *name != object.name);
            (object.name.clone(), named)
        })
        .collect();
    let mut waiting = views;
    let mut sorted = Vec::new();
    while !waiting.is_empty() {
        let (ready, later): (Vec<Read>, Vec<Read>) = waiting
            .into_iter()
            .partition(|(object, _)| needs.get(&object.name).is_none_or(HashSet::is_empty));
        if ready.is_empty() {
            // The server makes no views in a circle; were there any, the restore would tell.
            sorted.extend(later);
            break;
        }
        for need in needs.values_mut() {
            need.retain(|name| ready.iter().all(|(object, _)| object.name != *name));
        }
        sorted.extend(ready);
        waiting = later;
    }
    let after = ordered.split_off(first_view.min(ordered.len()));
    ordered.into_iter().chain(sorted).chain(after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: ObjectKind, name: &str, sql: &str) -> Read {
        let listed = ListedObject { kind, name: name.to_owned(), definer: String::new() };
        let definition = Definition {
            sql: sql.to_owned(),
            sql_mode: None,
            character_set_client: String::new(),
            collation_connection: String::new(),
            database_collation: None,
            time_zone: None,
            invalid: false,
        };
        (listed, definition)
    }

    #[test]
    fn a_view_comes_after_those_it_selects_from_and_the_rest_stays_in_place() {
        let ordered = with_views_in_order(vec![
            object(ObjectKind::Function, "f", "…"),
            object(ObjectKind::View, "a", "select 1 from (`b` join `c`)"),
            object(ObjectKind::View, "b", "select 1 from `c`"),
            object(ObjectKind::View, "c", "select `c`.`a` from `t` `c`"),
            object(ObjectKind::Trigger, "g", "…"),
        ]);
        let names: Vec<&str> = ordered.iter().map(|(object, _)| object.name.as_str()).collect();
        assert_eq!(names.first(), Some(&"f"));
        assert_eq!(names.last(), Some(&"g"));
        assert_eq!(names.len(), 5);
        let place = |name| names.iter().position(|other| *other == name);
        assert!(place("b") < place("a"), "{names:?}");
    }
}
