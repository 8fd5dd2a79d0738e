//! Messages in: inflated against what went before, within the limits.

use flate2::{FlushDecompress, Status};

use super::super::frame::Violation;
use super::reference::{CHUNK, Reference};
use super::{Decompression, History, TAIL, streams};

/// The first guess of how much longer a message gets.
const GUESS: usize = 4;

/// The zeros of [`PROBE`]: more bits than the description of a block's codes can have.
const ZEROS: usize = 320;

/// Tells whether a message ends as RFC 7692 wants it: in the header of an empty stored block, whose
/// lengths are the end of the flush. It is that end and a last block behind it, stored, of zeros.
///
/// Only in that state the stream ends with the last byte and gives just the zeros. Everywhere else
/// these bytes are other data. As the lengths of a stored block they fit nowhere else. As codes, a
/// run of zeros is one code over and over: it ends a block at its first occurrence or never, and
/// the run is longer than what may come before that. As the data of a block they give more bytes.
const PROBE: [u8; TAIL.len() + 5 + ZEROS] = {
    let mut probe = [0; TAIL.len() + 5 + ZEROS];
    let [low, high] = (ZEROS as u16).to_le_bytes();
    let header = [TAIL[0], TAIL[1], TAIL[2], TAIL[3], 1, low, high, !low, !high];
    let mut at = 0;
    while at < header.len() {
        probe[at] = header[at];
        at += 1;
    }
    probe
};

/// A message, inflated.
#[derive(Debug, Default)]
pub(in super::super) struct Plain {
    pub(in super::super) bytes: Vec<u8>,
    /// How much of it each frame has given, unless it was nothing.
    pub(in super::super) lengths: Vec<u32>,
}

impl Plain {
    /// Notes what a frame has given: all from `before` on.
    pub(super) fn end_frame(&mut self, before: usize) {
        if self.bytes.len() > before {
            self.lengths.push(u32::try_from(self.bytes.len() - before).unwrap_or(u32::MAX));
        }
    }
}

/// The payloads of a message's frames, one behind the other.
#[derive(Clone, Copy)]
pub(in super::super) struct Frames<'a> {
    bytes: &'a [u8],
    lengths: &'a [u32],
}

impl<'a> Frames<'a> {
    /// The payloads of frames that have these lengths.
    pub(in super::super) const fn new(bytes: &'a [u8], lengths: &'a [u32]) -> Self {
        Self { bytes, lengths }
    }

    fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.bytes;
        self.lengths.iter().map(move |length| {
            let (payload, behind) = rest.split_at(rest.len().min(*length as usize));
            rest = behind;
            payload
        })
    }

    fn last(self) -> &'a [u8] {
        let length = self.lengths.last().map_or(0, |length| *length as usize);
        &self.bytes[self.bytes.len().saturating_sub(length)..]
    }
}

/// The receiving half of permessage-deflate for one connection.
#[derive(Debug)]
pub(in super::super) struct Inflater {
    options: Decompression,
    /// How much [`Reference`] has filled of a chunk.
    filled: u16,
    /// Nothing where there is nothing to refer to.
    memory: Option<Box<Memory>>,
}

/// What a message may refer to.
#[derive(Debug)]
enum Memory {
    /// The plain bytes before it.
    History(History),
    /// Also the bits before it, since a message has not ended where it may. The stream is kept from
    /// then on.
    Stream(Reference),
}

/// What is known of a message whose last frame has not come.
#[derive(Debug)]
pub(in super::super) enum Begun {
    /// Its frames are looked through as they come. Only what came is kept: what it inflates to may
    /// be a thousand times as much, and is made when the message is complete.
    Checked(Check),
    /// They are inflated as they come, since that cannot be done again.
    Taken(Box<(Reference, Plain)>),
}

impl Inflater {
    /// One that has received nothing.
    pub(in super::super) const fn new(options: Decompression) -> Self {
        Self { options, filled: 0, memory: None }
    }

    /// Forgets what it has received.
    pub(in super::super) fn clear(&mut self) {
        self.memory = None;
    }

    /// A frame is complete, the last of those that came, and the message goes on. All frames
    /// together may give `limit` bytes.
    pub(in super::super) fn begin(
        &mut self,
        begun: &mut Option<Begun>,
        frames: Frames<'_>,
        limit: u64,
    ) -> Result<(), Violation> {
        let begun = match begun {
            Some(begun) => begun,
            none => none.insert(match self.take_stream() {
                Some(reference) => Begun::Taken(Box::new((reference, Plain::default()))),
                None => Begun::Checked(Check::new(self.history())),
            }),
        };
        match begun {
            Begun::Taken(taken) => {
                let (reference, plain) = &mut **taken;
                reference.frame(frames.last(), false, plain, limit)
            }
            Begun::Checked(check) => {
                if check.frame(frames.last(), limit) {
                    return Ok(());
                }
                let (mut reference, mut plain) = (self.reference()?, Plain::default());
                frames.iter().try_for_each(|payload| reference.frame(payload, false, &mut plain, limit))
            }
        }
    }

    /// The message is complete. All frames together may give `limit` bytes.
    pub(in super::super) fn finish(
        &mut self,
        begun: Option<Begun>,
        frames: Frames<'_>,
        limit: u64,
    ) -> Result<Plain, Violation> {
        if let Some(Begun::Taken(taken)) = begun {
            let (mut reference, mut plain) = *taken;
            reference.frame(frames.last(), true, &mut plain, limit)?;
            self.keep(reference);
            return Ok(plain);
        }
        drop(begun);
        let mut reference = match self.take_stream() {
            Some(reference) => reference,
            None => match self.fast(frames, limit) {
                Some(plain) => return Ok(plain),
                None => self.reference()?,
            },
        };
        let (mut plain, last) = (Plain::default(), frames.lengths.len().saturating_sub(1));
        for (index, payload) in frames.iter().enumerate() {
            reference.frame(payload, index == last, &mut plain, limit)?;
        }
        self.keep(reference);
        Ok(plain)
    }

    /// Inflates a message as fast as it can be done. `None` where something is not as it should be:
    /// [`Reference`] tells what.
    fn fast(&mut self, frames: Frames<'_>, limit: u64) -> Option<Plain> {
        let mut stream = Stream::new(self.history())?;
        let (mut plain, last) = (Plain::default(), frames.lengths.len().saturating_sub(1));
        for (index, payload) in frames.iter().enumerate() {
            let before = plain.bytes.len();
            stream.run(payload, &mut plain.bytes, limit)?;
            if index < last {
                // What follows has another stream, perhaps.
                if stream.ended {
                    return None;
                }
            } else if !stream.ended {
                if self.options.takeover {
                    stream.ends_clean().then_some(())?;
                } else {
                    stream.run(&TAIL, &mut plain.bytes, limit)?;
                    if stream.ended {
                        return None;
                    }
                }
            }
            if last > 0 {
                plain.end_frame(before);
            }
        }
        if stream.ended {
            // The end of the flush was passed over: the next message has a stream of its own.
            self.forget();
        } else {
            self.filled = ((usize::from(self.filled) + plain.bytes.len()) % CHUNK) as u16;
            self.remember(&plain.bytes);
        }
        Some(plain)
    }

    fn remember(&mut self, plain: &[u8]) {
        if !self.options.takeover {
            return;
        }
        let memory = self.memory.get_or_insert_with(|| Box::new(Memory::History(History::new())));
        if let Memory::History(history) = &mut **memory {
            history.append(plain, 1 << self.options.window_bits);
        }
    }

    fn forget(&mut self) {
        self.filled = 0;
        self.memory = None;
    }

    /// A message is complete.
    fn keep(&mut self, reference: Reference) {
        if reference.is_over() {
            self.forget();
        } else {
            self.filled = reference.filled() as u16;
            self.memory =
                if self.options.takeover { Some(Box::new(Memory::Stream(reference))) } else { None };
        }
    }

    fn history(&self) -> &[u8] {
        match self.memory.as_deref() {
            Some(Memory::History(history)) => history.bytes(),
            _ => &[],
        }
    }

    fn take_stream(&mut self) -> Option<Reference> {
        if !matches!(self.memory.as_deref(), Some(Memory::Stream(_))) {
            return None;
        }
        match self.memory.take().map(|memory| *memory) {
            Some(Memory::Stream(reference)) => Some(reference),
            _ => None,
        }
    }

    fn reference(&self) -> Result<Reference, Violation> {
        Reference::new(self.history(), usize::from(self.filled))
    }
}

/// A message being inflated by a stream of the thread's.
#[derive(Debug)]
struct Stream {
    stream: streams::Inflate,
    /// The deflate stream has ended by itself: what its frame has behind that is passed over.
    ended: bool,
    /// Something was.
    passed_over: bool,
}

impl Stream {
    /// A message that may refer to the bytes of `history`.
    fn new(history: &[u8]) -> Option<Self> {
        Some(Self { stream: streams::Inflate::new(history)?, ended: false, passed_over: false })
    }

    /// Inflates a payload, or a part of one, behind what is there. `None` if it is bad data, or if
    /// there are more than `limit` bytes then: one more is all that is made of them.
    fn run(&mut self, mut input: &[u8], out: &mut Vec<u8>, limit: u64) -> Option<()> {
        let Some(stream) = self.stream.get() else { return Some(()) };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        while !self.ended {
            if out.len() == out.capacity() {
                let wanted =
                    out.len().max(input.len().saturating_mul(GUESS)).clamp(256, CHUNK.max(out.len()));
                // One byte more than allowed tells that there are too many.
                out.reserve_exact(wanted.min(limit.saturating_sub(out.len()).saturating_add(1)));
            }
            let (consumed, produced) = (stream.total_in(), out.len());
            let status = stream.decompress_vec(input, out, FlushDecompress::Sync).ok()?;
            if out.len() > limit {
                return None;
            }
            let taken = usize::try_from(stream.total_in() - consumed).unwrap_or(input.len());
            input = &input[taken.min(input.len())..];
            if status == Status::StreamEnd {
                self.ended = true;
            }
            // With room left, it has given all that there is.
            if out.len() < out.capacity() && (input.is_empty() || (taken == 0 && out.len() == produced)) {
                break;
            }
        }
        self.passed_over |= self.ended && !input.is_empty();
        Some(())
    }

    /// Ends the message, and whether the next one needs to know nothing but its bytes.
    fn ends_clean(&mut self) -> bool {
        let Some(stream) = self.stream.get() else { return false };
        let (consumed, produced) = (stream.total_in(), stream.total_out());
        let status = stream.decompress(&PROBE, &mut [0; ZEROS], FlushDecompress::Sync);
        matches!(status, Ok(Status::StreamEnd))
            && stream.total_in() - consumed == PROBE.len() as u64
            && stream.total_out() - produced == ZEROS as u64
    }
}

/// A message whose bytes nobody wants yet.
#[derive(Debug)]
pub(in super::super) struct Check {
    stream: Option<Stream>,
    /// How many bytes have come out.
    total: u64,
}

impl Check {
    fn new(history: &[u8]) -> Self {
        Self { stream: Stream::new(history), total: 0 }
    }

    /// Whether the payload of a frame, which is not the last one, is as it should be.
    fn frame(&mut self, payload: &[u8], limit: u64) -> bool {
        let Some(Stream { stream, ended, passed_over }) = &mut self.stream else { return false };
        let Some(stream) = stream.get() else { return false };
        // As with [`Reference`].
        if std::mem::take(passed_over) {
            stream.reset(false);
            *ended = false;
        }
        let (mut input, mut scratch) = (payload, [0; CHUNK]);
        while !*ended {
            let (consumed, produced) = (stream.total_in(), stream.total_out());
            let Ok(status) = stream.decompress(input, &mut scratch, FlushDecompress::Sync) else {
                return false;
            };
            let taken = usize::try_from(stream.total_in() - consumed).unwrap_or(input.len());
            input = &input[taken.min(input.len())..];
            let given = stream.total_out() - produced;
            self.total += given;
            if self.total > limit {
                return false;
            }
            *ended = status == Status::StreamEnd;
            if given < CHUNK as u64 {
                break;
            }
        }
        *passed_over |= *ended && !input.is_empty();
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::super::{Compression, compress_alone};
    use super::*;

    const LIMIT: u64 = 40_000;

    /// What a peer may send: good messages, cut ones, others that are none.
    fn payload() -> impl Strategy<Value = Vec<u8>> {
        let plain = prop_oneof![
            vec(any::<u8>(), 0..200),
            (0usize..30_000, any::<u8>())
                .prop_map(|(length, seed)| (0..length).map(|at| (at / 7) as u8 ^ seed).collect()),
        ];
        let deflated = (plain, 0u8..=9, 0u8..=4).prop_map(|(plain, level, strategy)| {
            let mut out = Vec::new();
            compress_alone(Compression { level, strategy, ..Compression::default() }, &plain, true, &mut out);
            out
        });
        prop_oneof![
            4 => deflated.clone(),
            3 => (deflated.clone(), 0usize..64).prop_map(|(mut out, cut)| {
                out.truncate(out.len().saturating_sub(cut));
                out
            }),
            1 => (deflated, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut out, at, byte)| {
                let at = at.index(out.len());
                out[at] = byte;
                out
            }),
            1 => vec(any::<u8>(), 0..80),
        ]
    }

    fn concat(pieces: &[Vec<u8>]) -> (Vec<u8>, Vec<u32>) {
        (pieces.concat(), pieces.iter().map(|piece| piece.len() as u32).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn what_is_fast_gives_what_the_reference_gives(
            messages in vec((vec(payload(), 1..4), any::<bool>()), 1..6),
            takeover in any::<bool>(),
        ) {
            let mut inflater = Inflater::new(Decompression { window_bits: 15, takeover });
            let mut reference = Reference::new(&[], 0).expect("a stream");
            for (pieces, whole) in &messages {
                let pieces = if *whole { vec![pieces.concat()] } else { pieces.clone() };
                let (bytes, lengths) = concat(&pieces);
                let mut expected = (Ok(()), Plain::default());
                for (index, piece) in pieces.iter().enumerate() {
                    let last = index + 1 == pieces.len();
                    expected.0 = expected.0.and_then(|()| reference.frame(piece, last, &mut expected.1, LIMIT));
                }
                let mut begun = None;
                let result = (1..pieces.len())
                    .try_for_each(|count| {
                        let end = lengths[..count].iter().sum::<u32>() as usize;
                        inflater.begin(&mut begun, Frames::new(&bytes[..end], &lengths[..count]), LIMIT)
                    })
                    .and_then(|()| inflater.finish(begun.take(), Frames::new(&bytes, &lengths), LIMIT));
                match (result, expected) {
                    (Ok(plain), (Ok(()), expected)) => {
                        prop_assert_eq!(plain.bytes, expected.bytes);
                        if lengths.len() > 1 {
                            prop_assert_eq!(plain.lengths, expected.lengths);
                        }
                    }
                    (Err(violation), (Err(expected), _)) => {
                        prop_assert_eq!(violation, expected);
                        break;
                    }
                    (result, expected) => panic!("{result:?} in the place of {expected:?}"),
                }
                if !takeover {
                    let filled = if reference.is_over() { 0 } else { reference.filled() };
                    reference = Reference::new(&[], filled).expect("a stream");
                }
                if !reference.is_over() {
                    prop_assert_eq!(usize::from(inflater.filled), reference.filled());
                }
            }
        }
    }

    /// Bits as deflate has them: those of a code with its first bit first.
    #[derive(Default)]
    struct Bits(Vec<bool>);

    impl Bits {
        fn number(&mut self, value: u32, bits: u32) -> &mut Self {
            self.0.extend((0..bits).map(|bit| value >> bit & 1 == 1));
            self
        }

        fn bytes(&self) -> Vec<u8> {
            let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
            self.0.chunks(8).map(byte).collect()
        }
    }

    #[test]
    fn the_probe_is_not_taken_for_codes() {
        // A last block with codes of its own, cut everywhere: what is left of it is read from what
        // is fed behind the message.
        let mut out = Bits::default();
        // 226 codes of eight bits and 60 of nine, and two distances of one.
        out.number(0b101, 3).number(29, 5).number(1, 5).number(15, 4);
        for order in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15] {
            out.number(if order == 8 { 1 } else { u32::from(matches!(order, 1 | 9)) * 2 }, 3);
        }
        for symbol in 0..286 {
            if symbol < 226 {
                out.number(0, 1)
            } else {
                out.number(3, 2)
            };
        }
        out.number(1, 2).number(1, 2);
        for cut in 0..=out.0.len() / 8 {
            let payload = &out.bytes()[..cut];
            let mut stream = Stream::new(&[]).expect("a stream");
            stream.run(payload, &mut Vec::new(), u64::MAX).expect("no mistake so far");
            assert!(!stream.ends_clean(), "cut at {cut}");
        }
    }

    #[test]
    fn only_an_empty_stored_block_ends_a_message() {
        for (payload, clean) in [
            (&[0x00][..], true),
            (&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], true),
            (&[], false),
            (&[0x02], false),
            (&[0x03], false),
            (&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07], false),
            // Stored blocks that take the probe, or a part of it, for theirs; the last ones, too.
            (&[0x00, 0x04, 0x00, 0xfb, 0xff], false),
            (&[0x00, 0x05, 0x00, 0xfa, 0xff], false),
            (&[0x00, 0x49, 0x01, 0xb6, 0xfe], false),
            (&[0x01, 0x49, 0x01, 0xb6, 0xfe], false),
            (&[0x01, 0x44, 0x01, 0xbb, 0xfe], false),
            (&[0x01], false),
        ] {
            let mut stream = Stream::new(&[]).expect("a stream");
            stream.run(payload, &mut Vec::new(), u64::MAX).expect("no mistake so far");
            assert_eq!(stream.ends_clean(), clean, "{payload:x?}");
        }
    }
}
