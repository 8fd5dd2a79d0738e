//! Bad text is refused at the byte that makes it bad, which is earlier than `ws` does it.

mod support;

use support::{Driver, NO_LIMITS, Seen};
use ws_native::protocol::{Error, Limits, Role, encoder};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const REFUSED: Seen = Seen::Error(Error::InvalidUtf8, 0);

/// A text, and the index of its first bad byte.
const BAD: &[(&[u8], usize)] = &[
    (b"\xff", 0),
    (b"good \xc0\x80 rest", 5),
    (b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80\x65\x64", 12),
    (b"\xed\xa0\x80 more", 1),
    (b"\xf0\x9f\x98a more", 3),
    (b"ab\x80", 2),
];

fn frame(opcode: u8, fin: bool, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encoder::frame(&mut out, opcode, fin, false, Some(KEY), payload);
    out
}

#[test]
fn in_the_middle_of_a_frame() {
    for &(text, at) in BAD {
        let frame = frame(1, true, &[text, &[b'.'; 100]].concat());
        let header = frame.len() - text.len() - 100;

        let mut driver = Driver::new(Role::Server, NO_LIMITS);
        for (i, &byte) in frame.iter().enumerate() {
            let expected: &[Seen] = if i > header + at { &[REFUSED] } else { &[] };
            assert_eq!(driver.seen, expected, "{text:x?} before byte {i}");
            driver.chunk(&[byte]);
        }

        let mut driver = Driver::new(Role::Server, NO_LIMITS);
        driver.chunk(&frame[..header + at]);
        assert_eq!(driver.seen, []);
        driver.chunk(&frame[header + at..=header + at]);
        assert_eq!(driver.seen, [REFUSED]);
        assert!(driver.decoder.is_finished());
    }
}

#[test]
fn in_the_middle_of_a_message() {
    for &(text, at) in BAD {
        let mut driver = Driver::new(Role::Server, NO_LIMITS);
        for (i, byte) in text.iter().enumerate() {
            driver.chunk(&frame(u8::from(i == 0), false, &[*byte]));
            // A frame between them changes nothing.
            driver.chunk(&frame(9, true, b"\xff"));
            if i == at {
                assert_eq!(driver.seen.pop(), Some(REFUSED), "{text:x?}");
                break;
            }
            assert_eq!(driver.seen.pop(), Some(Seen::Ping(b"\xff".to_vec())));
        }
        assert!(driver.decoder.is_finished());
    }
}

#[test]
fn in_a_large_body() {
    let mut text = "😀".repeat(100_000).into_bytes();
    text[200_001] = b'!';
    let frame = frame(1, true, &text);
    let mut driver = Driver::new(Role::Server, NO_LIMITS);
    let mut read = 0;
    while driver.seen.is_empty() {
        read += driver.read(&frame[read..(read + 10_000).min(frame.len())]);
    }
    assert_eq!(driver.seen, [REFUSED]);
    assert!((200_002..=210_020).contains(&read), "{read}");
    assert!(driver.decoder.body().is_none());
}

#[test]
fn a_character_may_lie_across_pieces() {
    let text = "aΩ€😀".repeat(30_000);
    let bytes = text.as_bytes();
    let frame = frame(1, true, bytes);
    for size in [1, 3, 5, 4096, 65_537] {
        let mut driver = Driver::new(Role::Server, NO_LIMITS);
        for chunk in frame.chunks(size) {
            driver.read_all(chunk);
        }
        let message = Seen::Message { data: bytes.to_vec(), binary: false, fragments: None };
        assert!(driver.seen == [message], "in pieces of {size}");
    }
}

#[test]
fn the_validation_can_be_left_out() {
    let limits = Limits { skip_utf8_validation: true, ..NO_LIMITS };
    for &(text, _) in BAD {
        let frame = frame(1, true, text);
        for cut in 0..frame.len() {
            let mut driver = Driver::new(Role::Server, limits);
            driver.chunk(&frame[..cut]);
            driver.chunk(&frame[cut..]);
            let message = Seen::Message { data: text.to_vec(), binary: false, fragments: None };
            assert_eq!(driver.seen, [message]);
        }
    }
}
