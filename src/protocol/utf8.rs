//! UTF-8, whole or as it comes.
//!
//! A text that comes in pieces is checked piece by piece, so that bad text fails at the byte that
//! makes it bad, not at the end of the message.

use std::str;

/// Whether a whole text is good.
#[inline]
pub(super) fn is_valid(text: &[u8]) -> bool {
    simdutf8::basic::from_utf8(text).is_ok()
}

/// Checks a text that goes on: the length of what is good and need not be looked at again, which
/// leaves at most three bytes, the beginning of a character; `None` for a bad text.
#[inline]
pub(super) fn valid_prefix(text: &[u8]) -> Option<usize> {
    let (whole, begun) = text.split_at(text.len() - begun(text));
    if !is_valid(whole) {
        return None;
    }
    match str::from_utf8(begun) {
        // A byte that no continuation can make good, such as the second of a surrogate.
        Err(error) if error.error_len().is_some() => None,
        _ => Some(whole.len()),
    }
}

/// How many bytes at the end begin a character that is longer than they are.
#[inline]
fn begun(text: &[u8]) -> usize {
    for (behind, &byte) in text.iter().rev().take(3).enumerate() {
        let have = behind + 1;
        let width = match byte {
            0x80..0xc0 => continue,
            0xc0..0xe0 => 2,
            0xe0..0xf0 => 3,
            0xf0.. => 4,
            _ => 1,
        };
        return if have < width { have } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[&[u8]] = &[
        b"",
        b"a",
        "κόσμε".as_bytes(),
        "\u{0}\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}".as_bytes(),
        "\u{d7ff}\u{e000}\u{fffd}".as_bytes(),
    ];

    /// A bad text, and the index of the byte that makes it bad.
    const BAD: &[(&[u8], usize)] = &[
        (b"\x80", 0),
        (b"a\xbf", 1),
        (b"\xc0\x80", 0),
        (b"\xc1\xbf", 0),
        (b"\xe0\x80\x80", 1),
        (b"\xe0\x9f\xbf", 1),
        (b"\xed\xa0\x80", 1),
        (b"\xed\xbf\xbf", 1),
        (b"\xf0\x80\x80\x80", 1),
        (b"\xf0\x8f\xbf\xbf", 1),
        (b"\xf4\x90\x80\x80", 1),
        (b"\xf5\x80\x80\x80", 0),
        (b"\xfe", 0),
        (b"\xff", 0),
        (b"\xc3a", 1),
        (b"\xe2\x82a", 2),
        (b"\xf0\x9f\x98a", 3),
        (b"ok \xf0\x9f\x98\x80\xf0\x9f\xc0", 9),
    ];

    /// The index of the byte at which a text that comes byte by byte is refused.
    fn refused_at(text: &[u8]) -> Option<usize> {
        let mut checked = 0;
        (0..text.len()).find(|&i| match valid_prefix(&text[checked..=i]) {
            Some(more) => {
                checked += more;
                assert!(i + 1 - checked <= 3, "no more than three bytes wait");
                false
            }
            None => true,
        })
    }

    #[test]
    fn takes_good_text_at_every_cut() {
        for text in GOOD {
            assert!(is_valid(text));
            assert_eq!(refused_at(text), None);
            for cut in 0..=text.len() {
                let checked = valid_prefix(&text[..cut]).expect("a good beginning");
                assert!(cut - checked <= 3);
                assert_eq!(valid_prefix(&text[checked..]), Some(text.len() - checked));
            }
        }
    }

    #[test]
    fn refuses_bad_text_at_its_first_bad_byte() {
        for &(text, at) in BAD {
            assert!(!is_valid(text));
            assert_eq!(refused_at(text), Some(at), "{text:x?}");
            // Behind a long good text, where the vectorised check is at work.
            let mut long = "Ω".repeat(100).into_bytes();
            long.extend_from_slice(text);
            assert_eq!(valid_prefix(&long), None);
            assert_eq!(refused_at(&long), Some(200 + at));
        }
    }

    #[test]
    fn agrees_with_std_on_every_pair_of_bytes_and_a_lead() {
        for lead in 0xc0..=255u8 {
            for second in 0..=255u8 {
                for third in [None, Some(0x7f), Some(0x80), Some(0xbf), Some(0xc0)] {
                    let mut text = vec![lead, second];
                    text.extend(third);
                    let expected = match str::from_utf8(&text) {
                        Ok(_) => Some(text.len()),
                        Err(error) if error.error_len().is_some() => None,
                        Err(error) => Some(error.valid_up_to()),
                    };
                    assert_eq!(valid_prefix(&text), expected, "{text:x?}");
                }
            }
        }
    }
}
