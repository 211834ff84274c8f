//! Names and texts in SQL, and names of tables as names of files.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// Longest encoded name of a table: with prefix and ending it stays below the 255 bytes of a file's name.
const LONGEST: usize = 200;

/// A name in backticks, those in it doubled.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text in quotes, for a session without `NO_BACKSLASH_ESCAPES`.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// A name as part of a file's name: bytes other than `a-z 0-9 _ -` become `@xx`, so that no two names meet on a
/// file system that ignores case, and none holds a slash or a dot. What would be too long is cut and marked with its
/// hash; `@@` cannot come from the encoding.
pub(super) fn file_name(name: &str) -> String {
    let mut encoded = String::new();
    for byte in name.bytes() {
        if matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('@');
            push_hex(&mut encoded, byte);
        }
    }
    if encoded.len() > LONGEST {
        let hash = hex(&Sha256::digest(name.as_bytes()));
        encoded.truncate(LONGEST - 18);
        encoded.push_str("@@");
        encoded.extend(hash.chars().take(16));
    }
    encoded
}

/// Bytes in lower case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        push_hex(&mut text, *byte);
    }
    text
}

fn push_hex(text: &mut String, byte: u8) {
    // Writing to a String cannot fail.
    let written = write!(text, "{byte:02x}");
    debug_assert!(written.is_ok());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_names_become_different_file_names() {
        let long = "Ä".repeat(64);
        let other = format!("{}B", "Ä".repeat(63));
        let names = ["a", "A", "a b", "a.b", "a/b", "../x", "@41", "", "con", "ä", &long, &other];
        let mut files: Vec<String> = names.iter().map(|name| file_name(name)).collect();
        for file in &files {
            assert!(file.len() <= LONGEST, "{file}");
            assert!(!file.contains(['/', '.', ' ', '\\']) && file.is_ascii(), "{file}");
        }
        files.sort();
        files.dedup();
        assert_eq!(files.len(), names.len());
    }

    #[test]
    fn names_and_texts_are_quoted() {
        assert_eq!(quoted("a`b"), "`a``b`");
        assert_eq!(literal(r"it's \ so"), r"'it''s \\ so'");
    }
}
