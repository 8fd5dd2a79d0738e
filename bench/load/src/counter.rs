//! What returns: frames are counted in whatever pieces they come, and compared with what has to return.

use std::io;

use crate::deflate::{Agreement, Inflater};
use crate::frames::{Expected, Frames};

/// How many messages of each connection are inflated and compared where not all of them are.
const SAMPLE: u64 = 4;

/// FIN and RSV1 of a text message that is compressed.
const COMPRESSED_TEXT: u8 = 0xc1;

/// Counts the frames of one connection.
pub(crate) enum Counter {
    /// Every message is the same: the first is compared whole, the later ones by their headers.
    Same { position: usize, first_seen: bool },
    /// Messages are compressed, each as the server likes.
    Compressed(Box<Compressed>),
}

impl Counter {
    /// For messages that are not compressed.
    pub(crate) fn new() -> Self {
        Self::Same { position: 0, first_seen: false }
    }

    /// For compressed messages that begin with number `first`; `whole` compares all of them.
    pub(crate) fn compressed(first: usize, agreement: Agreement, whole: bool) -> Self {
        Self::Compressed(Box::new(Compressed {
            next: first,
            head: Vec::new(),
            remaining: 0,
            payload: Vec::new(),
            inflater: Some(Inflater::new(agreement)),
            unchecked: if whole { u64::MAX } else { SAMPLE },
        }))
    }

    /// How many frames `chunk` completes.
    pub(crate) fn count(&mut self, chunk: &[u8], frames: &Frames) -> io::Result<u32> {
        match (self, frames.expected()) {
            (Self::Same { position, first_seen }, Expected::Same { frame, header }) => {
                count_same(position, first_seen, chunk, frame, *header)
            }
            (Self::Compressed(compressed), Expected::Compressed { messages }) => {
                compressed.count(chunk, messages)
            }
            _ => Err(io::Error::other("a counter is used for what it cannot count")),
        }
    }
}

fn count_same(
    position: &mut usize,
    first_seen: &mut bool,
    mut chunk: &[u8],
    frame: &[u8],
    header: usize,
) -> io::Result<u32> {
    let length = frame.len();
    let mut count = 0;
    while !chunk.is_empty() {
        let compared = if *first_seen { header } else { length };
        let step = if *position < compared {
            let step = chunk.len().min(compared - *position);
            if chunk[..step] != frame[*position..*position + step] {
                return Err(unexpected(*position, chunk));
            }
            step
        } else {
            chunk.len().min(length - *position)
        };
        *position += step;
        chunk = &chunk[step..];
        if *position == length {
            *position = 0;
            *first_seen = true;
            count += 1;
        }
    }
    Ok(count)
}

/// The state of a connection whose messages are compressed.
pub(crate) struct Compressed {
    /// The number of the message that has to come next.
    next: usize,
    /// The header that is being read; empty once it is complete.
    head: Vec<u8>,
    /// Bytes of the payload that are still to come.
    remaining: usize,
    /// The payload of a message that will be compared.
    payload: Vec<u8>,
    /// Gone when nothing more will be compared: a context that missed a message is worth nothing.
    inflater: Option<Inflater>,
    /// Messages that are still to be compared.
    unchecked: u64,
}

impl Compressed {
    fn count(&mut self, mut chunk: &[u8], messages: &[Vec<u8>]) -> io::Result<u32> {
        let mut count = 0;
        while !chunk.is_empty() {
            if self.remaining == 0 {
                let (first, rest) = (chunk[0], &chunk[1..]);
                if self.head.is_empty() && first != COMPRESSED_TEXT {
                    return Err(uncompressed(first, chunk));
                }
                self.head.push(first);
                chunk = rest;
                if let Some(length) = payload_length(&self.head)? {
                    self.head.clear();
                    self.remaining = length;
                }
                continue;
            }
            let step = chunk.len().min(self.remaining);
            if self.inflater.is_some() {
                self.payload.extend_from_slice(&chunk[..step]);
            }
            self.remaining -= step;
            chunk = &chunk[step..];
            if self.remaining == 0 {
                self.complete(&messages[self.next])?;
                self.next = (self.next + 1) % messages.len();
                count += 1;
            }
        }
        Ok(count)
    }

    fn complete(&mut self, expected: &[u8]) -> io::Result<()> {
        let Some(inflater) = &mut self.inflater else { return Ok(()) };
        inflater.check(&mut self.payload, expected)?;
        self.payload.clear();
        self.unchecked -= 1;
        if self.unchecked == 0 {
            self.inflater = None;
            self.payload = Vec::new();
        }
        Ok(())
    }
}

/// The length that a header tells, None while it is not complete. No compressed message is empty.
fn payload_length(head: &[u8]) -> io::Result<Option<usize>> {
    let length = match head {
        [_, 126, high, low] => usize::from(u16::from_be_bytes([*high, *low])),
        [_, 127, a, b, c, d, e, f, g, h] => u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as usize,
        [_] | [_, 126, ..] | [_, 127, ..] => return Ok(None),
        [_, length, ..] => usize::from(*length),
        [] => return Ok(None),
    };
    match length {
        0 => Err(unexpected(0, head)),
        // A mask bit makes 128 of it or more, where seven bits tell the length.
        128.. if head.len() == 2 => Err(unexpected(0, head)),
        _ => Ok(Some(length)),
    }
}

fn uncompressed(first: u8, chunk: &[u8]) -> io::Error {
    if first == COMPRESSED_TEXT & !0x40 {
        return io::Error::new(io::ErrorKind::InvalidData, "the server sent a message uncompressed");
    }
    unexpected(0, chunk)
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
    use crate::deflate::compress;
    use crate::frames::{Kind, header};

    const AGREEMENT: Agreement = Agreement { server_keeps_context: true };

    /// What a server sends that compresses `messages`.
    fn replies(messages: &[Vec<u8>]) -> Vec<u8> {
        let mut stream = Vec::new();
        for message in messages {
            let payload = compress(message).unwrap();
            stream.extend(header(COMPRESSED_TEXT & 0x7f, payload.len(), 0));
            stream.extend(payload);
        }
        stream
    }

    fn messages(frames: &Frames) -> &[Vec<u8>] {
        match frames.expected() {
            Expected::Compressed { messages } => messages,
            Expected::Same { .. } => panic!("no messages"),
        }
    }

    #[test]
    fn counts_frames_in_any_pieces() {
        let frames = Frames::new(Kind::Text, 300);
        let Expected::Same { frame, .. } = frames.expected() else { panic!("many messages") };
        let stream = frame.repeat(5);
        for size in [1, 2, 3, 7, 303, 304, 1000, stream.len()] {
            let mut counter = Counter::new();
            let count: u32 = stream.chunks(size).map(|chunk| counter.count(chunk, &frames).unwrap()).sum();
            assert_eq!(count, 5);
        }
    }

    #[test]
    fn refuses_what_was_not_sent() {
        let frames = Frames::new(Kind::Binary, 8);
        let Expected::Same { frame, .. } = frames.expected() else { panic!("many messages") };
        let mut wrong = frame.clone();
        wrong[9] ^= 1;
        assert!(Counter::new().count(&wrong, &frames).is_err());
        let error = Counter::new().count(&[0x88, 2, 3, 0xf1], &frames).unwrap_err();
        assert!(error.to_string().contains("1009"));
    }

    #[test]
    fn counts_compressed_frames_in_any_pieces() {
        let frames = Frames::compressed().unwrap();
        let all = messages(&frames);
        let stream = replies(&[&all[7..], &all[..20]].concat());
        for size in [1, 2, 5, 400, 65536, stream.len()] {
            for whole in [false, true] {
                let mut counter = Counter::compressed(7, AGREEMENT, whole);
                let count: u32 =
                    stream.chunks(size).map(|chunk| counter.count(chunk, &frames).unwrap()).sum();
                assert_eq!(count as usize, all.len() + 13);
            }
        }
    }

    #[test]
    fn samples_the_first_messages_or_compares_all() {
        let frames = Frames::compressed().unwrap();
        let mut sent = messages(&frames)[..10].to_vec();
        sent[8] = sent[7].clone();
        let stream = replies(&sent);
        assert_eq!(Counter::compressed(0, AGREEMENT, false).count(&stream, &frames).unwrap(), 10);
        assert!(Counter::compressed(0, AGREEMENT, true).count(&stream, &frames).is_err());
        assert!(Counter::compressed(1, AGREEMENT, false).count(&stream, &frames).is_err());
    }

    #[test]
    fn refuses_what_is_not_compressed() {
        let frames = Frames::compressed().unwrap();
        let mut counter = Counter::compressed(0, AGREEMENT, false);
        let error = counter.count(&[0x81, 2, b'{', b'}'], &frames).unwrap_err();
        assert_eq!(error.to_string(), "the server sent a message uncompressed");
        for wrong in [&[0xc1, 0][..], &[0xc1, 0x85], &[0xc2, 5], &[0x41, 5]] {
            assert!(Counter::compressed(0, AGREEMENT, false).count(wrong, &frames).is_err());
        }
    }
}
