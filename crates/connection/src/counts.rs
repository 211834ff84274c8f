//! What a server counts beside the affected rows, and tells in words.

/// The numbers of the text that comes with an answer, such as `Rows matched: 2  Changed: 1
/// Warnings: 0`.
///
/// There is one beside UPDATE, INSERT of several rows, INSERT … SELECT, CREATE TABLE … SELECT, ALTER
/// TABLE and LOAD DATA. The words are in the session's language, so the numbers are known by their
/// order, and which of them make sense depends on the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    first: u64,
    second: u64,
    skipped: Option<u64>,
    warnings: u64,
}

impl Counts {
    /// Reads the text: three numbers, or four beside LOAD DATA.
    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        let mut numbers = [0; 4];
        let mut count = 0;
        let digits = text.split(|byte| !byte.is_ascii_digit()).filter(|digits| !digits.is_empty());
        for digits in digits {
            *numbers.get_mut(count)? = std::str::from_utf8(digits).ok()?.parse().ok()?;
            count += 1;
        }
        let [first, second, third, fourth] = numbers;
        match count {
            3 => Some(Self { first, second, skipped: None, warnings: third }),
            4 => Some(Self { first, second, skipped: Some(third), warnings: fourth }),
            _ => None,
        }
    }

    /// UPDATE: rows that its condition found.
    pub fn matched(&self) -> u64 {
        self.first
    }

    /// UPDATE: rows that are now different.
    pub fn changed(&self) -> u64 {
        self.second
    }

    /// All others: rows that were given, read or copied.
    pub fn records(&self) -> u64 {
        self.first
    }

    /// INSERT: rows that were there already, and were replaced, changed or left out; also of LOAD
    /// DATA: rows that were deleted for them.
    pub fn duplicates(&self) -> u64 {
        self.second
    }

    /// LOAD DATA: rows that were left out; elsewhere 0.
    pub fn skipped(&self) -> u64 {
        self.skipped.unwrap_or(0)
    }

    /// Warnings, as [`Outcome::warnings`](crate::Outcome::warnings) has them.
    pub fn warnings(&self) -> u64 {
        self.warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_by_their_order_in_any_language() {
        for text in [
            "Rows matched: 3  Changed: 2  Warnings: 1",
            "Datensätze gefunden: 3  Geändert: 2  Warnungen: 1",
            "該当した行: 3  変更: 2  警告: 1",
        ] {
            let counts = Counts::read(text.as_bytes()).unwrap();
            assert_eq!(
                (counts.matched(), counts.changed(), counts.warnings()),
                (3, 2, 1),
                "{text}"
            );
            assert_eq!(counts.skipped(), 0);
        }
        let load = Counts::read(b"Records: 5  Deleted: 1  Skipped: 2  Warnings: 3").unwrap();
        assert_eq!((load.records(), load.duplicates()), (5, 1));
        assert_eq!((load.skipped(), load.warnings()), (2, 3));
    }

    #[test]
    fn other_texts_have_none() {
        for text in ["", "Statement prepared", "1 2", "1 2 3 4 5", "99999999999999999999 1 1"] {
            assert_eq!(Counts::read(text.as_bytes()), None, "{text}");
        }
    }
}
