//! XOR with the four-byte key (RFC 6455 5.3).

/// Masks or unmasks in place; `offset` is the position of `data[0]` in the payload.
pub fn apply(data: &mut [u8], mask: [u8; 4], offset: usize) {
    for (i, byte) in data.iter_mut().enumerate() {
        *byte ^= mask[(i + offset) & 3];
    }
}

/// Appends `data`, masked from the start of the payload.
pub fn copy(out: &mut Vec<u8>, data: &[u8], mask: [u8; 4]) {
    let start = out.len();
    out.extend_from_slice(data);
    apply(&mut out[start..], mask, 0);
}
