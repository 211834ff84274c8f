//! Rows as lines: the default dialect of `LOAD DATA`.
//!
//! Columns end with a tab, rows with a line break; NUL, tab, line break, carriage return and the backslash itself are
//! escaped with a backslash, and NULL is `\N`. The server reads it back with `CHARACTER SET binary`, byte for byte.
//! (Its own `INTO OUTFILE` leaves tabs and line breaks in BIT columns bare, and loses rows by it.)

/// Bytes looked at together; the compiler makes vector instructions of it.
const BLOCK: usize = 32;

/// Appends one column.
pub(super) fn push_field(line: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        None => line.extend_from_slice(b"\\N"),
        Some(bytes) => push_escaped(line, bytes),
    }
}

fn push_escaped(line: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes;
    while let Some((block, after)) = rest.split_first_chunk::<BLOCK>() {
        if block.iter().fold(false, |any, byte| any | is_special(*byte)) {
            push_each(line, block);
        } else {
            line.extend_from_slice(block);
        }
        rest = after;
    }
    push_each(line, rest);
}

fn push_each(line: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            0 => line.extend_from_slice(b"\\0"),
            b'\t' => line.extend_from_slice(b"\\t"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\\' => line.extend_from_slice(b"\\\\"),
            other => line.push(*other),
        }
    }
}

fn is_special(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | b'\r' | b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(bytes: &[u8]) -> Vec<u8> {
        let mut line = Vec::new();
        push_field(&mut line, Some(bytes));
        line
    }

    /// As the server reads it, from the manual of LOAD DATA.
    fn read_back(line: &[u8]) -> Option<Vec<u8>> {
        if line == b"\\N" {
            return None;
        }
        let mut bytes = Vec::new();
        let mut rest = line.iter();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'\\' => match rest.next().expect("something is escaped") {
                    b'0' => 0,
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'r' => b'\r',
                    other => *other,
                },
                b'\t' | b'\n' => panic!("a bare separator"),
                other => *other,
            });
        }
        Some(bytes)
    }

    #[test]
    fn every_byte_at_every_place_of_a_block_comes_back() {
        for byte in 0..=u8::MAX {
            for place in 0..(2 * BLOCK + 3) {
                let mut bytes = vec![b'x'; 2 * BLOCK + 3];
                bytes[place] = byte;
                assert_eq!(read_back(&escaped(&bytes)), Some(bytes), "{byte} at {place}");
            }
        }
    }

    #[test]
    fn null_is_not_the_text_backslash_n() {
        let mut null = Vec::new();
        push_field(&mut null, None);
        assert_eq!(read_back(&null), None);
        assert_eq!(read_back(&escaped(b"\\N")), Some(b"\\N".to_vec()));
        assert_eq!(escaped(b""), b"");
    }
}
