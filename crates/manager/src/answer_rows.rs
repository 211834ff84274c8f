//! Answers in text form, for statements without values: `SHOW`, system variables, `ANALYZE TABLE`.
//!
//! What has values is asked with prepared statements instead.

use steadfast_connection::{Connection, Error};

/// One row as text; bytes that are no UTF-8 are replaced, since these answers are for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TextRow(Vec<Option<String>>);

impl TextRow {
    /// The column's text; empty for NULL and beyond the last column.
    pub(crate) fn text(&self, column: usize) -> &str {
        self.optional(column).unwrap_or_default()
    }

    /// The column's text, or `None` for NULL.
    pub(crate) fn optional(&self, column: usize) -> Option<&str> {
        self.0.get(column).and_then(Option::as_deref)
    }

    /// The column as a number; zero if it is none.
    pub(crate) fn number(&self, column: usize) -> u64 {
        self.text(column).parse().unwrap_or(0)
    }

    /// True for `1`, `ON`, and every further word by which a switch says that it is not off.
    pub(crate) fn is_on(&self, column: usize) -> bool {
        !matches!(self.text(column), "" | "0" | "OFF" | "NO")
    }
}

/// All rows of a statement of our own.
pub(crate) fn rows(conn: &mut Connection, sql: &str) -> Result<Vec<TextRow>, Error> {
    let mut rows = conn.query(sql)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        all.push(TextRow((0..row.len()).map(|column| row.get(column).map(text)).collect()));
    }
    Ok(all)
}

/// The first row, empty if there is none.
pub(crate) fn row(conn: &mut Connection, sql: &str) -> Result<TextRow, Error> {
    Ok(rows(conn, sql)?.into_iter().next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_are_on_unless_they_say_off() {
        let row = TextRow(["0", "1", "ON", "OFF", "NO_LOCK"].map(|s| Some(s.to_owned())).into());
        let read: Vec<bool> = (0..6).map(|column| row.is_on(column)).collect();
        assert_eq!(read, [false, true, true, false, true, false]);
    }
}
