//! Numbers and texts inside a packet.

/// A packet that does not hold what it must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// What is left of a packet to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn new(packet: &'a [u8]) -> Self {
        Self(packet)
    }

    pub(crate) fn left(self) -> usize {
        self.0.len()
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, left) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = left;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, left) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = left;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    /// A number in 1, 3, 4 or 9 bytes ("length-encoded integer").
    pub(crate) fn number(&mut self) -> Result<u64, Malformed> {
        match self.u8()? {
            short @ 0..=0xfa => Ok(short.into()),
            0xfc => self.u16().map(u64::from),
            0xfd => self.array().map(|[a, b, c]| u64::from(u32::from_le_bytes([a, b, c, 0]))),
            0xfe => self.array().map(u64::from_le_bytes),
            // 0xfb is NULL in a text row, 0xff the head of an error: neither is a number.
            0xfb | 0xff => Err(Malformed),
        }
    }

    /// A text with its length before it ("length-encoded string").
    pub(crate) fn text(&mut self) -> Result<&'a [u8], Malformed> {
        // Nearly all are short.
        if let Some((&length @ 0..=0xfa, left)) = self.0.split_first() {
            self.0 = left;
            return self.take(length.into());
        }
        let length = usize::try_from(self.number()?).map_err(|_too_long| Malformed)?;
        self.take(length)
    }
}

/// Writes a number as [`Bytes::number`] reads it.
pub(crate) fn put_number(out: &mut Vec<u8>, number: usize) {
    let bytes = (number as u64).to_le_bytes();
    let [first, second, third, ..] = bytes;
    match number {
        0..=0xfa => out.push(first),
        0xfb..=0xffff => out.extend_from_slice(&[0xfc, first, second]),
        0x1_0000..=0xff_ffff => out.extend_from_slice(&[0xfd, first, second, third]),
        _ => {
            out.push(0xfe);
            out.extend_from_slice(&bytes);
        }
    }
}

/// Bytes that [`put_number`] writes.
pub(crate) fn size_of_number(number: usize) -> usize {
    match number {
        0..=0xfa => 1,
        0xfb..=0xffff => 3,
        0x1_0000..=0xff_ffff => 4,
        _ => 9,
    }
}

/// Writes a text as [`Bytes::text`] reads it.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    put_number(out, text.len());
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_any_size_comes_back() {
        for number in [0, 250, 251, 0xffff, 0x1_0000, 0xff_ffff, 0x100_0000, usize::MAX] {
            let mut out = Vec::new();
            put_number(&mut out, number);
            assert_eq!(out.len(), size_of_number(number));
            let mut bytes = Bytes::new(&out);
            assert_eq!(bytes.number(), Ok(number as u64));
            assert_eq!(bytes.left(), 0);
        }
    }

    #[test]
    fn what_is_cut_short_is_malformed_at_every_length() {
        let long = vec![7; 70_000];
        let mut out = Vec::new();
        put_text(&mut out, &long);
        for length in [0, 1, 3, 4, 69_999, out.len() - 1] {
            assert_eq!(Bytes::new(&out[..length]).text(), Err(Malformed), "{length}");
        }
        assert_eq!(Bytes::new(&out).text(), Ok(&long[..]));
        assert_eq!(Bytes::new(&[0xfb]).number(), Err(Malformed));
        assert_eq!(Bytes::new(&[0xff]).text(), Err(Malformed));
    }
}
