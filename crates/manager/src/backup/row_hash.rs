//! One number for all rows of a table, whatever their order.
//!
//! Each row, as its line without the line break, is hashed to 128 bits with XXH3, and the hashes are *added* modulo
//! 2^128. A sum needs no order and can be made in parts; it is not XOR, which would hide a row that is there twice.
//! It finds accidents, not malice: against that stand the SHA-256 of the files.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use twox_hash::XxHash3_128;

/// Rows and the sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RowHash(u128);

impl RowHash {
    pub(super) fn add_row(&mut self, line: &[u8]) {
        self.0 = self.0.wrapping_add(XxHash3_128::oneshot(line));
    }

    pub(super) fn add(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }
}

impl fmt::Display for RowHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for RowHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RowHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[&[u8]]) -> RowHash {
        let mut hash = RowHash::default();
        for row in rows {
            hash.add_row(row);
        }
        hash
    }

    #[test]
    fn the_order_does_not_matter_and_everything_else_does() {
        assert_eq!(of(&[b"1\ta", b"2\tb"]), of(&[b"2\tb", b"1\ta"]));
        for other in [&[&b"1\ta"[..]][..], &[b"1\ta", b"2\tc"], &[b"1\ta", b"2\tb", b"2\tb"]] {
            assert_ne!(of(other), of(&[b"1\ta", b"2\tb"]));
        }
        // XOR would call these equal.
        assert_ne!(of(&[b"x", b"x"]), of(&[b"y", b"y"]));
    }

    #[test]
    fn parts_add_up_and_survive_json() {
        let mut sum = of(&[b"1"]);
        sum.add(of(&[b"2"]));
        assert_eq!(sum, of(&[b"1", b"2"]));
        let json = serde_json::to_string(&sum).expect("a string");
        assert_eq!(serde_json::from_str::<RowHash>(&json).expect("the same"), sum);
    }
}
