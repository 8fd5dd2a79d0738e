//! The frames of a run: every message sent is the same, and so is every message that returns.

use std::io;

/// The mask of every frame that is sent: any but zero, so that unmasking has to be done.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Short frames are repeated up to this length, so that many of them leave in one write.
const REPEATED: usize = 64 * 1024;

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

/// The bytes that go out and those that have to come back.
pub(crate) struct Frames {
    outgoing: Vec<u8>,
    outgoing_length: usize,
    expected: Vec<u8>,
    expected_header: usize,
}

impl Frames {
    /// Encodes the message of a run.
    pub(crate) fn new(kind: Kind, size: usize) -> Self {
        let payload = kind.payload(size);
        let mut expected = header(kind.opcode(), size, 0);
        let expected_header = expected.len();
        expected.extend_from_slice(&payload);

        let mut frame = header(kind.opcode(), size, 0x80);
        frame.extend_from_slice(&MASK);
        frame.extend(payload.iter().enumerate().map(|(index, byte)| byte ^ MASK[index % 4]));
        let copies = (REPEATED / frame.len()).max(1);
        Self { outgoing_length: frame.len(), outgoing: frame.repeat(copies), expected, expected_header }
    }

    /// The length of one frame that is sent.
    pub(crate) fn outgoing_length(&self) -> usize {
        self.outgoing_length
    }

    /// The next bytes to write: `pending` bytes are due, the first of them at `position` in its frame.
    pub(crate) fn outgoing(&self, position: usize, pending: usize) -> &[u8] {
        &self.outgoing[position..self.outgoing.len().min(position + pending)]
    }
}

/// The header of a frame up to its mask, which `mask_bit` (0x80 or 0) announces.
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

/// Counts the frames of one connection in whatever pieces they come.
#[derive(Default)]
pub(crate) struct Counter {
    position: usize,
    first_seen: bool,
}

impl Counter {
    /// How many frames `chunk` completes.
    pub(crate) fn count(&mut self, mut chunk: &[u8], frames: &Frames) -> io::Result<u32> {
        let length = frames.expected.len();
        let mut count = 0;
        while !chunk.is_empty() {
            let compared = if self.first_seen { frames.expected_header } else { length };
            let step = if self.position < compared {
                let step = chunk.len().min(compared - self.position);
                if chunk[..step] != frames.expected[self.position..self.position + step] {
                    return Err(unexpected(self.position, chunk));
                }
                step
            } else {
                chunk.len().min(length - self.position)
            };
            self.position += step;
            chunk = &chunk[step..];
            if self.position == length {
                self.position = 0;
                self.first_seen = true;
                count += 1;
            }
        }
        Ok(count)
    }
}

fn unexpected(position: usize, chunk: &[u8]) -> io::Error {
    let text = match chunk {
        [0x88, length, high, low, ..] if position == 0 && *length >= 2 => {
            format!("the server closed a connection with code {}", u16::from_be_bytes([*high, *low]))
        }
        _ => format!("unexpected bytes at {position} of a frame: {:02x?}", &chunk[..chunk.len().min(16)]),
    };
    io::Error::new(io::ErrorKind::InvalidData, text)
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
    fn counts_frames_in_any_pieces() {
        let frames = Frames::new(Kind::Text, 300);
        let stream = frames.expected.repeat(5);
        for size in [1, 2, 3, 7, 303, 304, 1000, stream.len()] {
            let mut counter = Counter::default();
            let count: u32 = stream.chunks(size).map(|chunk| counter.count(chunk, &frames).unwrap()).sum();
            assert_eq!(count, 5);
        }
    }

    #[test]
    fn refuses_what_was_not_sent() {
        let frames = Frames::new(Kind::Binary, 8);
        let mut wrong = frames.expected.clone();
        wrong[9] ^= 1;
        assert!(Counter::default().count(&wrong, &frames).is_err());
        let error = Counter::default().count(&[0x88, 2, 3, 0xf1], &frames).unwrap_err();
        assert!(error.to_string().contains("1009"));
    }

    #[test]
    fn writes_continue_in_the_middle_of_a_frame() {
        let frames = Frames::new(Kind::Binary, 64);
        let length = frames.outgoing_length();
        assert_eq!(length, 70);
        assert_eq!(frames.outgoing(10, length - 10).len(), length - 10);
        assert_eq!(frames.outgoing(0, 3 * length), frames.outgoing(0, length).repeat(3));
        assert!(frames.outgoing(0, usize::MAX / 2).len() <= REPEATED);
    }
}
