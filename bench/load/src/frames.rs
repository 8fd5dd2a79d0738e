//! The frames of a run: what is sent, encoded before the clock runs, and what has to return.

use std::io;

use crate::deflate::compress;
use crate::json::event;

/// The mask of every frame that is sent: any but zero, so that unmasking has to be done.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Short frames are repeated up to this length, so that many of them leave in one write.
const REPEATED: usize = 64 * 1024;

/// How many messages a compressed run has: eight times what a window of
/// 32 KiB reaches back.
const EVENTS: u64 = 256;

/// The bit of a compressed message.
const RSV1: u8 = 0x40;

/// What a message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Bytes that are no text.
    Binary,
    /// Text of one byte per character.
    Text,
    /// Text of one to four bytes per character.
    Unicode,
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "binary" => Ok(Self::Binary),
            "text" => Ok(Self::Text),
            "unicode" => Ok(Self::Unicode),
            _ => Err(format!("unknown kind {name}")),
        }
    }
}

impl Kind {
    fn opcode(self) -> u8 {
        match self {
            Self::Binary => 2,
            Self::Text | Self::Unicode => 1,
        }
    }

    /// A message of exactly `size` bytes.
    fn payload(self, size: usize) -> Vec<u8> {
        let phrase: &str = match self {
            Self::Binary => return (0..size).map(|index| (index * 151 + 43) as u8).collect(),
            Self::Text => "The quick brown fox jumps over the lazy dog; ",
            Self::Unicode => {
                "Zwölf Boxkämpfer jagen Viktor über den Sylter Deich, 你好世界, Съешь же ещё, 🦊🐕; "
            }
        };
        let mut payload = Vec::with_capacity(size);
        for character in phrase.chars().cycle() {
            if payload.len() + character.len_utf8() > size {
                break;
            }
            payload.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        payload.resize(size, b'.');
        payload
    }
}

/// What has to come back.
pub(crate) enum Expected {
    /// Always the same frame; its header has that length.
    Same { frame: Vec<u8>, header: usize },
    /// Each of these messages in turn, compressed in a way that is the server's choice.
    Compressed { messages: Vec<Vec<u8>> },
}

/// The bytes that go out and those that have to come back.
pub(crate) struct Frames {
    /// All messages of a cycle, or several cycles.
    outgoing: Vec<u8>,
    /// Where in a cycle each message begins, and where the last one ends.
    starts: Vec<usize>,
    expected: Expected,
}

impl Frames {
    /// Encodes the one message of a run.
    pub(crate) fn new(kind: Kind, size: usize) -> Self {
        let payload = kind.payload(size);
        let mut expected = header(kind.opcode(), size, 0);
        let header = expected.len();
        expected.extend_from_slice(&payload);
        let frame = masked(kind.opcode(), &payload);
        Self::cycle(&[frame], Expected::Same { frame: expected, header })
    }

    /// Compresses the many messages of a run: connections that begin with different ones send, at any time, different
    /// data, as connections do, and no compressor finds a message in its history.
    pub(crate) fn compressed() -> io::Result<Self> {
        let messages: Vec<_> = (0..EVENTS).map(event).collect();
        let frames = messages
            .iter()
            .map(|message| compress(message).map(|payload| masked(RSV1 | Kind::Text.opcode(), &payload)))
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self::cycle(&frames, Expected::Compressed { messages }))
    }

    fn cycle(frames: &[Vec<u8>], expected: Expected) -> Self {
        let mut outgoing = Vec::new();
        let mut starts = vec![0];
        for frame in frames {
            outgoing.extend_from_slice(frame);
            starts.push(outgoing.len());
        }
        let copies = (REPEATED / outgoing.len()).max(1);
        Self { outgoing: outgoing.repeat(copies), starts, expected }
    }

    /// What has to come back.
    pub(crate) fn expected(&self) -> &Expected {
        &self.expected
    }

    /// How many messages there are before the first comes again.
    pub(crate) fn messages(&self) -> usize {
        self.starts.len() - 1
    }

    /// The length of all messages of a cycle.
    pub(crate) fn cycle_length(&self) -> usize {
        self.starts[self.messages()]
    }

    /// Where in a cycle the message of that number begins.
    pub(crate) fn start(&self, message: usize) -> usize {
        self.starts[message % self.messages()]
    }

    /// The length of `count` messages, the first of them that of that number.
    pub(crate) fn length(&self, message: usize, count: usize) -> usize {
        let begin = message % self.messages();
        let end = begin + count;
        let cycles = end / self.messages();
        cycles * self.cycle_length() + self.start(end) - self.starts[begin]
    }

    /// The next bytes to write: `pending` bytes are due, the first of them at `position` in its cycle.
    pub(crate) fn outgoing(&self, position: usize, pending: usize) -> &[u8] {
        &self.outgoing[position..self.outgoing.len().min(position + pending)]
    }
}

/// A frame as a client sends it.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len(), 0x80);
    frame.extend_from_slice(&MASK);
    frame.extend(payload.iter().enumerate().map(|(index, byte)| byte ^ MASK[index % 4]));
    frame
}

/// The header of a whole message up to its mask, which `mask_bit` (0x80 or 0) announces.
pub(crate) fn header(opcode: u8, size: usize, mask_bit: u8) -> Vec<u8> {
    let mut header = vec![0x80 | opcode];
    if size < 126 {
        header.push(mask_bit | size as u8);
    } else if let Ok(size) = u16::try_from(size) {
        header.push(mask_bit | 126);
        header.extend_from_slice(&size.to_be_bytes());
    } else {
        header.push(mask_bit | 127);
        header.extend_from_slice(&(size as u64).to_be_bytes());
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_have_their_size_and_are_what_they_say() {
        for size in [0, 1, 2, 3, 64, 125, 126, 16384] {
            for kind in [Kind::Text, Kind::Unicode] {
                let payload = kind.payload(size);
                assert_eq!(payload.len(), size);
                assert!(std::str::from_utf8(&payload).is_ok());
            }
        }
        assert!(std::str::from_utf8(&Kind::Binary.payload(64)).is_err());
        assert!(!Kind::Unicode.payload(64).is_ascii());
    }

    #[test]
    fn headers_take_the_shortest_length() {
        assert_eq!(header(2, 125, 0), [0x82, 125]);
        assert_eq!(header(1, 126, 0x80), [0x81, 0xfe, 0, 126]);
        assert_eq!(header(2, 65536, 0), [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn writes_continue_in_the_middle_of_a_frame() {
        let frames = Frames::new(Kind::Binary, 64);
        let length = frames.length(0, 1);
        assert_eq!(length, 70);
        assert_eq!(frames.cycle_length(), length);
        assert_eq!(frames.outgoing(10, length - 10).len(), length - 10);
        assert_eq!(frames.outgoing(0, 3 * length), frames.outgoing(0, length).repeat(3));
        assert!(frames.outgoing(0, usize::MAX / 2).len() <= REPEATED);
    }

    #[test]
    fn lengths_add_up_across_the_end_of_a_cycle() {
        let frames = Frames::compressed().unwrap();
        let messages = frames.messages();
        assert_eq!(messages as u64, EVENTS);
        for (begin, count) in [(0, 1), (3, 0), (250, 6), (250, 10), (255, 1), (9, 256), (300, 1000)] {
            let one_by_one: usize = (begin..begin + count).map(|message| frames.length(message, 1)).sum();
            assert_eq!(frames.length(begin, count), one_by_one);
            let end = (frames.start(begin) + one_by_one) % frames.cycle_length();
            assert_eq!(end, frames.start(begin + count));
        }
    }
}
