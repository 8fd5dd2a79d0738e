//! Frames out.

use tungstenite::protocol::frame::{FrameHeader, coding::OpCode};

use super::mask;

/// The longest header: two bytes, a 64-bit length, a mask.
pub const MAX_HEADER: usize = 14;

/// Appends a header for `len` bytes of payload.
pub fn header(out: &mut Vec<u8>, opcode: u8, fin: bool, rsv1: bool, mask: Option<[u8; 4]>, len: usize) {
    let header =
        FrameHeader { is_final: fin, rsv1, rsv2: false, rsv3: false, opcode: OpCode::from(opcode), mask };
    // Writing to a Vec cannot fail.
    let _ = header.format(len as u64, out);
}

/// Appends a frame, masking the payload while it is copied.
pub fn frame(out: &mut Vec<u8>, opcode: u8, fin: bool, rsv1: bool, mask: Option<[u8; 4]>, payload: &[u8]) {
    out.reserve(MAX_HEADER + payload.len());
    header(out, opcode, fin, rsv1, mask, payload.len());
    match mask {
        Some(key) => mask::copy(out, payload, key),
        None => out.extend_from_slice(payload),
    }
}
