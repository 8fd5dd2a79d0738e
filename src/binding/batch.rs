//! A batch of events on their way to JavaScript: records, and the bytes they speak of.

use std::collections::VecDeque;

use super::wire::{BINARY, CHUNK_START, Kind, RECORD_WORDS};
use crate::protocol::{Event, Payload};

/// A payload that came in a buffer of its own crosses as one from this size on; a smaller one is
/// copied beside the others, since a JavaScript buffer over foreign memory costs more than that.
const OWN_BUFFER: usize = 64 * 1024;

/// One event.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// The connection.
    pub id: u32,
    /// What happened.
    pub kind: Kind,
    /// [`BINARY`] and [`CHUNK_START`].
    pub flags: u8,
    /// A close code, or an error's index.
    pub code: u16,
    /// A count, an `errno`, or an error's parameter.
    pub parameter: u32,
    /// Bytes of the payload.
    pub length: u32,
}

impl Record {
    /// A record without a payload.
    #[must_use]
    pub const fn bare(id: u32, kind: Kind, parameter: u32) -> Self {
        Self { id, kind, flags: 0, code: 0, parameter, length: 0 }
    }
}

/// Records with their bytes, first in, first out.
#[derive(Default)]
pub struct Batch {
    records: Vec<Record>,
    bytes: Vec<u8>,
    large: VecDeque<Vec<u8>>,
    next_record: usize,
    next_byte: usize,
    large_bytes: usize,
}

/// What a call of [`Batch::fill`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// So many records are in the array, and the slab is used up to here.
    Records(usize, usize),
    /// Not even the first fits: a slab of so many bytes is needed.
    NeedsSlab(usize),
}

impl Batch {
    /// Whether every record has been handed out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.next_record == self.records.len()
    }

    /// Bytes held for JavaScript.
    #[must_use]
    pub fn held(&self) -> usize {
        self.bytes.len() - self.next_byte + self.large_bytes
    }

    /// Makes room for new records, keeping the memory unless it has grown out of proportion.
    pub fn clear(&mut self) {
        const KEEP: usize = 1024 * 1024;
        self.records.clear();
        self.records.shrink_to(KEEP / size_of::<Record>());
        self.bytes.clear();
        self.bytes.shrink_to(KEEP);
        self.large.clear();
        (self.next_record, self.next_byte, self.large_bytes) = (0, 0, 0);
    }

    /// Appends a record that has no payload.
    pub fn push(&mut self, record: Record) {
        self.records.push(record);
    }

    /// Appends a record with a payload that is put together of `parts`, which are short.
    pub fn push_parts(&mut self, mut record: Record, parts: &[&[u8]]) {
        record.flags = CHUNK_START;
        let before = self.bytes.len();
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        record.length = u32::try_from(self.bytes.len() - before).unwrap_or(u32::MAX);
        self.records.push(record);
    }

    /// Appends what one chunk of a connection brought, and returns the bytes that this holds.
    pub fn extend(&mut self, id: u32, chunk: &[u8], events: &mut Vec<Event>) -> usize {
        let before = self.held();
        let mut flags = CHUNK_START;
        for event in events.drain(..) {
            self.append(id, flags, chunk, event);
            flags = 0;
        }
        self.held() - before
    }

    fn append(&mut self, id: u32, flags: u8, chunk: &[u8], event: Event) {
        let mut record = Record { flags, ..Record::bare(id, Kind::Message, 0) };
        let payload = match event {
            Event::Message { payload, binary, fragments } => {
                if let Some(lengths) = fragments {
                    record.kind = Kind::Fragments;
                    self.append_lengths(record, &lengths);
                    record.flags = 0;
                }
                record.kind = Kind::Message;
                record.flags |= if binary { BINARY } else { 0 };
                payload
            }
            Event::Ping(payload) => {
                record.kind = Kind::Ping;
                payload
            }
            Event::Pong(payload) => {
                record.kind = Kind::Pong;
                payload
            }
            Event::Close { code, reason } => {
                record.kind = Kind::Close;
                record.code = code;
                reason
            }
            Event::Error { error, parameter } => {
                record.kind = Kind::Error;
                record.code = u16::from(error.index());
                record.parameter = parameter;
                self.records.push(record);
                return;
            }
        };
        // A message cannot be longer than a JavaScript buffer, and so not than 2^32 here: the
        // decoder refuses it by the limit that the engine sets.
        record.length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        match payload {
            Payload::Owned(bytes) if bytes.len() >= OWN_BUFFER => {
                record.kind = Kind::Large;
                self.large_bytes += bytes.len();
                self.large.push_back(bytes);
            }
            payload => self.bytes.extend_from_slice(payload.bytes(chunk)),
        }
        self.records.push(record);
    }

    fn append_lengths(&mut self, mut record: Record, lengths: &[u32]) {
        record.length = u32::try_from(lengths.len() * 4).unwrap_or(0);
        for length in lengths {
            self.bytes.extend_from_slice(&length.to_ne_bytes());
        }
        self.records.push(record);
    }

    /// Hands out records: words into `words`, payloads into `slab` from `offset` on.
    pub fn fill(&mut self, words: &mut [u32], slab: &mut [u8], offset: usize) -> Filled {
        let mut at = offset.min(slab.len());
        let mut count = 0;
        for (record, words) in
            self.records[self.next_record..].iter().zip(words.chunks_exact_mut(RECORD_WORDS as usize))
        {
            words[0] = record.id;
            words[1] =
                u32::from(record.kind as u8) | u32::from(record.flags) << 8 | u32::from(record.code) << 16;
            words[2] = record.parameter;
            words[3] = record.length;
            let length = record.length as usize;
            if length > 0 && record.kind != Kind::Large {
                if length > slab.len() - at {
                    break;
                }
                let from = self.next_byte;
                slab[at..at + length].copy_from_slice(&self.bytes[from..from + length]);
                words[2] = u32::try_from(at).unwrap_or(u32::MAX);
                at += length;
                self.next_byte += length;
            }
            count += 1;
        }
        if count == 0
            && let Some(record) = self.records.get(self.next_record)
        {
            return Filled::NeedsSlab((record.length as usize).max(self.bytes.len() - self.next_byte));
        }
        self.next_record += count;
        Filled::Records(count, at)
    }

    /// The next message that has a buffer of its own.
    pub fn take_large(&mut self) -> Option<Vec<u8>> {
        let bytes = self.large.pop_front()?;
        self.large_bytes -= bytes.len();
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_waits() {
        let mut batch = Batch::default();
        let chunk = b"abcdefgh";
        let mut events = vec![
            Event::Message { payload: Payload::Chunk(0..3), binary: false, fragments: None },
            Event::Ping(Payload::Chunk(3..8)),
        ];
        assert_eq!(batch.extend(7, chunk, &mut events), 8);
        let (mut words, mut slab) = ([0; 16], [0; 4]);
        assert_eq!(batch.fill(&mut words, &mut slab, 0), Filled::Records(1, 3));
        assert_eq!(words[..4], [7, 1 | u32::from(CHUNK_START) << 8, 0, 3]);
        assert_eq!(&slab[..3], b"abc");
        assert_eq!(batch.fill(&mut words, &mut slab, 3), Filled::NeedsSlab(5));
        let mut slab = [0; 16];
        assert_eq!(batch.fill(&mut words, &mut slab, 3), Filled::Records(1, 8));
        assert_eq!(words[..4], [7, 3, 3, 5]);
        assert_eq!(&slab[3..8], b"defgh");
        assert!(batch.is_empty());
        assert_eq!(batch.held(), 0);
    }

    #[test]
    fn large_messages_keep_their_buffer_and_their_place() {
        let mut batch = Batch::default();
        let mut events = vec![
            Event::Message { payload: Payload::Owned(vec![1; OWN_BUFFER]), binary: true, fragments: None },
            Event::Message { payload: Payload::Owned(vec![2; 3]), binary: true, fragments: None },
        ];
        batch.extend(1, &[], &mut events);
        let (mut words, mut slab) = ([0; 16], [0; 4]);
        assert_eq!(batch.fill(&mut words, &mut slab, 0), Filled::Records(2, 3));
        assert_eq!(words[1] & 0xff, Kind::Large as u32);
        assert_eq!(words[7], 3);
        assert_eq!(batch.take_large(), Some(vec![1; OWN_BUFFER]));
        assert_eq!(batch.take_large(), None);
    }
}
