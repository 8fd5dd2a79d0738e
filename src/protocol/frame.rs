//! A frame's header (RFC 6455 5.2), judged as early and in the order in which `ws` judges it: RSV,
//! opcode and mask bit from the second byte on, the length as soon as it is there, the key last.

use super::{Error, Limits, Role};

/// The opcodes that have a meaning.
pub(super) mod opcode {
    pub(in super::super) const CONTINUATION: u8 = 0;
    pub(in super::super) const TEXT: u8 = 1;
    pub(in super::super) const BINARY: u8 = 2;
    pub(in super::super) const CLOSE: u8 = 8;
    pub(in super::super) const PING: u8 = 9;
    pub(in super::super) const PONG: u8 = 10;
}

/// JavaScript counts no further.
const MAX_LENGTH: u64 = (1 << 53) - 1;
/// The bit that says, in a first frame, that the message is compressed (RFC 7692 6).
const RSV1: u8 = 0x40;
/// What a control frame may carry (RFC 6455 5.5).
pub(super) const MAX_CONTROL: u8 = 125;

/// An error with the number in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) error: Error,
    pub(super) parameter: u32,
}

impl From<Error> for Violation {
    fn from(error: Error) -> Self {
        Self { error, parameter: 0 }
    }
}

/// What a header is judged by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    pub(super) role: Role,
    pub(super) limits: &'a Limits,
    /// Whether permessage-deflate is in use.
    pub(super) deflate: bool,
    /// Whether a message has begun whose final frame has not come.
    pub(super) fragmented: bool,
    /// The payload bytes of that message so far.
    pub(super) total: u64,
}

/// The header of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) fin: bool,
    /// RSV1: the message is compressed.
    pub(super) compressed: bool,
    pub(super) opcode: u8,
    /// The key, zero for an unmasked frame.
    pub(super) mask: [u8; 4],
    /// The payload's length.
    pub(super) len: u64,
    /// The header's own length.
    pub(super) size: usize,
}

impl Header {
    pub(super) const fn is_control(&self) -> bool {
        self.opcode >= opcode::CLOSE
    }
}

/// How far the bytes reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    Whole(Header),
    /// The next of the header's parts (flags, length, key) ends at byte `need`; those that are whole
    /// end at byte `done`.
    Partial {
        done: usize,
        need: usize,
    },
}

/// Parses a header from its first byte on. Looking again once there are more bytes is harmless.
#[inline]
pub(super) fn parse(bytes: &[u8], rules: Rules<'_>) -> Result<Parsed, Violation> {
    let &[first, second, ref tail @ ..] = bytes else {
        return Ok(Parsed::Partial { done: 0, need: 2 });
    };
    check_flags(first, second, rules)?;

    let (len, mut size) = match second & 0x7f {
        126 => match tail.first_chunk() {
            Some(&len) => (u64::from(u16::from_be_bytes(len)), 4),
            None => return Ok(Parsed::Partial { done: 2, need: 4 }),
        },
        127 => match tail.first_chunk() {
            Some(&len) => (u64::from_be_bytes(len), 10),
            None => return Ok(Parsed::Partial { done: 2, need: 10 }),
        },
        len => (u64::from(len), 2),
    };
    let header = first & 0x0f;
    if header < opcode::CLOSE && len > 0 {
        check_length(len, rules)?;
    }

    let mut mask = [0; 4];
    if rules.role == Role::Server {
        match bytes.get(size..).and_then(|key| key.first_chunk()) {
            Some(&key) => mask = key,
            None => return Ok(Parsed::Partial { done: size, need: size + 4 }),
        }
        size += 4;
    }
    Ok(Parsed::Whole(Header {
        fin: first & 0x80 != 0,
        compressed: first & RSV1 != 0,
        opcode: header,
        mask,
        len,
        size,
    }))
}

/// Everything that the first two bytes can do wrong.
#[inline]
fn check_flags(first: u8, second: u8, rules: Rules<'_>) -> Result<(), Violation> {
    let opcode = first & 0x0f;
    let len = second & 0x7f;

    if first & 0x30 != 0 {
        return Err(Error::UnexpectedRsv23.into());
    }
    let compressed = first & RSV1 != 0;
    // It says something on the first frame of a message, and only there.
    if compressed && (!rules.deflate || opcode == opcode::CONTINUATION) {
        return Err(Error::UnexpectedRsv1.into());
    }
    match opcode {
        opcode::CONTINUATION if rules.fragmented => {}
        opcode::TEXT | opcode::BINARY if !rules.fragmented => {}
        opcode::CLOSE | opcode::PING | opcode::PONG => {
            if first & 0x80 == 0 {
                return Err(Error::ExpectedFin.into());
            }
            if compressed {
                return Err(Error::UnexpectedRsv1.into());
            }
            // A close frame has a code of two bytes or nothing.
            if len > MAX_CONTROL || (opcode == opcode::CLOSE && len == 1) {
                return Err(Violation { error: Error::InvalidControlLength, parameter: len.into() });
            }
        }
        _ => return Err(Violation { error: Error::InvalidOpcode, parameter: opcode.into() }),
    }
    match (rules.role, second & 0x80 != 0) {
        (Role::Server, false) => Err(Error::ExpectedMask.into()),
        (Role::Client, true) => Err(Error::UnexpectedMask.into()),
        _ => Ok(()),
    }
}

/// The announced length against what JavaScript can count and what the limits allow.
#[inline]
fn check_length(len: u64, rules: Rules<'_>) -> Result<(), Violation> {
    if len > MAX_LENGTH {
        return Err(Error::LengthTooLarge.into());
    }
    let max = rules.limits.max_payload;
    if max != 0 && rules.total.saturating_add(len) > max {
        return Err(Error::MessageTooBig.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Limits =
        Limits { max_payload: 0, max_fragments: 0, max_buffered_chunks: 0, skip_utf8_validation: false };

    fn rules(role: Role) -> Rules<'static> {
        Rules { role, limits: &NONE, deflate: false, fragmented: false, total: 0 }
    }

    #[test]
    fn names_the_part_that_is_missing() {
        let bytes = [0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4];
        for have in 0..bytes.len() {
            let (done, need) = match have {
                0..2 => (0, 2),
                2..10 => (2, 10),
                _ => (10, 14),
            };
            let parsed = parse(&bytes[..have], rules(Role::Server));
            assert_eq!(parsed, Ok(Parsed::Partial { done, need }), "{have} bytes");
        }
        let header =
            Header { fin: true, compressed: false, opcode: 2, mask: [1, 2, 3, 4], len: 65536, size: 14 };
        assert_eq!(parse(&bytes, rules(Role::Server)), Ok(Parsed::Whole(header)));
    }

    #[test]
    fn reads_every_form_of_the_length() {
        for (bytes, len, size) in [
            (&[0x82, 0][..], 0, 2),
            (&[0x82, 125], 125, 2),
            (&[0x82, 126, 0, 1], 1, 4),
            (&[0x82, 126, 0xff, 0xff], 65535, 4),
            (&[0x82, 127, 0, 0, 0, 0, 0, 0, 0, 1], 1, 10),
            (&[0x82, 127, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], MAX_LENGTH, 10),
        ] {
            let header = Header { fin: true, compressed: false, opcode: 2, mask: [0; 4], len, size };
            assert_eq!(parse(bytes, rules(Role::Client)), Ok(Parsed::Whole(header)));
        }
    }

    #[test]
    fn every_first_byte_has_one_verdict() {
        for first in 0..=255u8 {
            for fragmented in [false, true] {
                let rules = Rules { fragmented, ..rules(Role::Client) };
                let error = parse(&[first, 0], rules).err().map(|violation| violation.error);
                let opcode = first & 15;
                let expected = if first & 0x30 != 0 {
                    Some(Error::UnexpectedRsv23)
                } else if first & 0x40 != 0 {
                    Some(Error::UnexpectedRsv1)
                } else if matches!(opcode, 3..8 | 11..) || (opcode < 3 && (opcode == 0) != fragmented) {
                    Some(Error::InvalidOpcode)
                } else if opcode >= 8 && first & 0x80 == 0 {
                    Some(Error::ExpectedFin)
                } else {
                    None
                };
                assert_eq!(error, expected, "{first:#x} {fragmented}");
            }
        }
    }

    #[test]
    fn counts_what_the_message_has_already() {
        let limits = Limits { max_payload: 10, ..NONE };
        let rules = Rules { limits: &limits, fragmented: true, total: 5, ..rules(Role::Client) };
        assert!(parse(&[0x80, 5], rules).is_ok());
        assert_eq!(parse(&[0x80, 6], rules), Err(Error::MessageTooBig.into()));
        assert!(parse(&[0x89, 11], rules).is_ok(), "control frames have a limit of their own");
    }
}
