//! XOR with the four-byte key (RFC 6455 5.3).
//!
//! The loop over words of four bytes becomes vector code of the baseline target: 40 GB/s and more
//! within the caches, where a payload is when it is masked. AVX2 would need 0.18 instead of 0.31 µs
//! for 16 KiB, and 20 instead of 25 for 1 MiB: nothing beside a system call, so it stays safe code.

/// What is copied before it is masked: small enough to be still in the first cache by then.
const BLOCK: usize = 8 * 1024;

/// Masks or unmasks in place; `offset` is the position of `data[0]` in the payload.
#[inline]
pub fn apply(data: &mut [u8], mut mask: [u8; 4], offset: usize) {
    mask.rotate_left(offset & 3);
    let key = u32::from_ne_bytes(mask);
    if key == 0 {
        return;
    }
    let (words, rest) = data.as_chunks_mut();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ key).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask) {
        *byte ^= key;
    }
}

/// Appends `data` masked or unmasked; `mask[0]` belongs to `data[0]`.
#[inline]
pub fn copy(out: &mut Vec<u8>, data: &[u8], mask: [u8; 4]) {
    out.reserve(data.len());
    for block in data.chunks(BLOCK) {
        let start = out.len();
        out.extend_from_slice(block);
        apply(&mut out[start..], mask, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    fn plain(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i * 7) as u8).collect()
    }

    /// The definition.
    fn expected(data: &[u8], offset: usize) -> Vec<u8> {
        data.iter().enumerate().map(|(i, byte)| byte ^ KEY[(i + offset) % 4]).collect()
    }

    #[test]
    fn is_the_definition_at_every_length_alignment_and_offset() {
        for len in (0..140).chain([BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5]) {
            for start in 0..4.min(len + 1) {
                for offset in 0..5 {
                    let mut data = plain(len);
                    let wanted = expected(&data[start..], offset);
                    apply(&mut data[start..], KEY, offset);
                    assert_eq!(data[start..], wanted);
                    assert_eq!(data[..start], plain(start));
                }
            }
            let mut out = vec![9; 3];
            copy(&mut out, &plain(len), KEY);
            assert_eq!(out[3..], expected(&plain(len), 0));
            assert_eq!(out[..3], [9; 3]);
        }
    }

    #[test]
    fn undoes_itself_and_a_zero_key_does_nothing() {
        let mut data = plain(1000);
        apply(&mut data, KEY, 2);
        apply(&mut data, KEY, 2);
        assert_eq!(data, plain(1000));
        apply(&mut data, [0; 4], 1);
        assert_eq!(data, plain(1000));
    }
}
