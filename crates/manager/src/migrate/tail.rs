//! Cuts off what follows the last statement of a text.
//!
//! A comment or blank lines after the last `;` are a statement of their own to the server, and it
//! refuses an empty one (errno 1065) after everything before it took effect.

/// The text up to the end of its last statement, without its `;`; empty if there is none.
pub(crate) fn without_tail(sql: &str) -> &str {
    let bytes = sql.as_bytes();
    let (mut at, mut end) = (0, 0);
    while let Some((&byte, rest)) = bytes.get(at..).and_then(|rest| Some((rest.first()?, rest))) {
        let (length, counts) = match byte {
            b'\'' | b'"' | b'`' => (quoted(rest, byte), true),
            b'#' => (until(rest, b"\n"), false),
            // Two dashes begin a comment only before white space, so that `5--3` is 8.
            b'-' if rest.starts_with(b"--") && rest.get(2).is_none_or(u8::is_ascii_whitespace) => {
                (until(rest, b"\n"), false)
            }
            // `/*!` and `/*M!` hold statements for some servers; they are no comments.
            b'/' if rest.starts_with(b"/*")
                && !rest.starts_with(b"/*!")
                && !rest.starts_with(b"/*M!") =>
            {
                (until(rest, b"*/"), false)
            }
            _ => (1, byte != b';' && !byte.is_ascii_whitespace()),
        };
        at += length;
        if counts {
            end = at;
        }
    }
    sql.get(..end).unwrap_or(sql)
}

/// The length of a quoted text with both quotes; a doubled quote is two texts side by side.
fn quoted(text: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'\\' if quote != b'`' => at += 1,
            _ if byte == quote => return at,
            _ => {}
        }
    }
    text.len()
}

/// The length up to and including `end`, or of all of it.
fn until(text: &[u8], end: &[u8]) -> usize {
    text.windows(end.len()).position(|window| window == end).map_or(text.len(), |at| at + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_blank_after_the_last_statement_go() {
        for (sql, kept) in [
            ("CREATE TABLE a (i INT);\n-- the end\n", "CREATE TABLE a (i INT)"),
            ("SELECT 1; /* x */ ; # y", "SELECT 1"),
            ("-- nothing\n\n", ""),
            ("SELECT 1", "SELECT 1"),
            ("SELECT 5--3", "SELECT 5--3"),
            ("/*!50003 SELECT 1 */", "/*!50003 SELECT 1 */"),
        ] {
            assert_eq!(without_tail(sql), kept, "{sql:?}");
        }
    }

    #[test]
    fn comment_signs_in_quotes_are_text() {
        for sql in [
            "SELECT '-- a'",
            "SELECT \"#\"",
            "SELECT `/* b`",
            "SELECT 'it''s \\' -- '",
            "SELECT 'ü",
        ] {
            assert_eq!(without_tail(sql), sql);
        }
    }
}
