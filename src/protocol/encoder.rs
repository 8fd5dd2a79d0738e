//! Frames out.

use super::mask;
use crate::tungstenite::protocol::frame::{FrameHeader, coding::OpCode};

/// The longest header: two bytes, a length of 64 bits, a key.
pub const MAX_HEADER: usize = 14;

/// Appends the header of a frame of `len` bytes. Of `opcode` the low four bits count.
#[inline]
pub fn header(out: &mut Vec<u8>, opcode: u8, fin: bool, rsv1: bool, mask: Option<[u8; 4]>, len: usize) {
    let opcode = OpCode::from(opcode & 0x0f);
    let header = FrameHeader { is_final: fin, rsv1, rsv2: false, rsv3: false, opcode, mask };
    // One reservation for its three writes.
    out.reserve(MAX_HEADER);
    let written = header.format(len as u64, out);
    debug_assert!(written.is_ok(), "a Vec takes everything");
}

/// Appends a frame; the payload is masked while it is copied.
#[inline]
pub fn frame(out: &mut Vec<u8>, opcode: u8, fin: bool, rsv1: bool, mask: Option<[u8; 4]>, payload: &[u8]) {
    out.reserve(MAX_HEADER + payload.len());
    header(out, opcode, fin, rsv1, mask, payload.len());
    match mask {
        Some(key) => mask::copy(out, payload, key),
        None => out.extend_from_slice(payload),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(opcode: u8, fin: bool, rsv1: bool, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        frame(&mut out, opcode, fin, rsv1, mask, payload);
        out
    }

    #[test]
    fn writes_the_examples_of_the_rfc() {
        // RFC 6455 5.7
        assert_eq!(encoded(1, true, false, None, b"Hello"), b"\x81\x05Hello");
        assert_eq!(
            encoded(1, true, false, Some([0x37, 0xfa, 0x21, 0x3d]), b"Hello"),
            b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
        );
        assert_eq!(encoded(1, false, false, None, b"Hel"), b"\x01\x03Hel");
        assert_eq!(encoded(0, true, false, None, b"lo"), b"\x80\x02lo");
        assert_eq!(encoded(9, true, false, None, b"Hello"), b"\x89\x05Hello");
        assert_eq!(encoded(2, true, false, None, &[0; 256])[..4], [0x82, 0x7e, 1, 0]);
        assert_eq!(encoded(2, true, false, None, &[0; 65536])[..10], [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn writes_every_first_byte_that_can_be_asked_for() {
        for opcode in 0..16 {
            assert_eq!(encoded(opcode, true, false, None, &[]), [0x80 | opcode, 0]);
            assert_eq!(encoded(opcode, false, true, None, &[]), [0x40 | opcode, 0]);
            assert_eq!(encoded(0xf0 | opcode, false, false, None, &[]), [opcode, 0]);
        }
    }

    #[test]
    fn takes_the_shortest_length() {
        for (len, header) in [(125, 2), (126, 4), (65535, 4), (65536, 10)] {
            let payload = vec![7; len];
            let plain = encoded(2, true, false, None, &payload);
            assert_eq!(plain.len(), header + len);
            let masked = encoded(2, true, false, Some([1, 2, 3, 4]), &payload);
            assert_eq!(masked.len(), header + 4 + len);
            assert_eq!(masked[1], plain[1] | 0x80);
            assert_eq!(masked[header..header + 4], [1, 2, 3, 4]);
            assert!(masked.len() - len <= MAX_HEADER);
        }
    }
}
