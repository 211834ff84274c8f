//! Where one packet of the MySQL protocol ends and the next begins.
//!
//! Three bytes of length (little endian), one of sequence, then the payload. Once a client switches to
//! TLS or compression, that is no longer what goes over the wire.

/// Length and sequence number.
pub(super) const HEADER_BYTES: usize = 4;

const CLIENT_COMPRESS: u32 = 1 << 5;
const CLIENT_SSL: u32 = 1 << 11;
const CLIENT_ZSTD_COMPRESSION_ALGORITHM: u32 = 1 << 26;

/// Bytes that arrived and have not been passed on.
#[derive(Debug, Default)]
pub(super) struct Arrived {
    bytes: Vec<u8>,
}

impl Arrived {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The whole packet that begins at `start`, header included, if all of it has arrived.
    pub(super) fn packet_at(&self, start: usize) -> Option<&[u8]> {
        let rest = self.bytes.get(start..)?;
        let [low, middle, high, _sequence] = *rest.first_chunk::<HEADER_BYTES>()?;
        let payload_bytes = u32::from_le_bytes([low, middle, high, 0]) as usize;
        rest.get(..HEADER_BYTES + payload_bytes)
    }

    /// Takes the first `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.bytes.split_off(count);
        std::mem::replace(&mut self.bytes, rest)
    }

    pub(super) fn take_all(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

/// Whether a client's packet ends the framing: an answer to the greeting that asks for TLS or for
/// compression. Such a packet has sequence number 1 and begins with the client's capabilities.
pub(super) fn ends_framing(packet: &[u8]) -> bool {
    let Some((header, payload)) = packet.split_first_chunk::<HEADER_BYTES>() else { return false };
    let Some(capabilities) = payload.first_chunk().copied().map(u32::from_le_bytes) else {
        return false;
    };
    let ending = CLIENT_SSL | CLIENT_COMPRESS | CLIENT_ZSTD_COMPRESSION_ALGORITHM;
    header[3] == 1 && payload.len() >= 32 && capabilities & ending != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("it is short").to_le_bytes();
        [&length[..3], &[sequence], payload].concat()
    }

    #[test]
    fn packets_are_found_however_the_bytes_arrive() {
        let large = packet(2, &vec![7; 70_000]);
        let stream = [packet(0, b"\x03SELECT 1"), packet(1, b""), large].concat();
        for size in [1, 3, 4, 5, 13, 1_000, 100_000] {
            let mut arrived = Arrived::default();
            let mut found = Vec::new();
            for chunk in stream.chunks(size) {
                arrived.push(chunk);
                while let Some(packet) = arrived.packet_at(0) {
                    let count = packet.len();
                    found.push(arrived.take(count));
                }
            }
            assert_eq!(found.len(), 3, "in pieces of {size}");
            assert_eq!(found.concat(), stream, "in pieces of {size}");
            assert_eq!(arrived.take_all(), b"");
        }
    }

    #[test]
    fn only_a_request_for_tls_or_compression_ends_the_framing() {
        let answer =
            |capabilities: u32| packet(1, &[&capabilities.to_le_bytes()[..], &[0; 28]].concat());
        assert!(ends_framing(&answer(CLIENT_SSL | 1)));
        assert!(ends_framing(&answer(CLIENT_COMPRESS)));
        assert!(!ends_framing(&answer(!(CLIENT_SSL | CLIENT_COMPRESS | 1 << 26))));
        let command = packet(0, &[0xff; 40]);
        assert!(!ends_framing(&command), "a command has sequence number 0");
        assert!(!ends_framing(&packet(1, b"")));
    }
}
