//! The assembly of a message that does not come whole in one chunk.

use super::deflate::{Begun, Frames, Inflater, Plain};
use super::frame::Violation;
use super::{Error, Event, Limits, Payload, mask, utf8};

/// The first size of a buffer that is read into directly.
const FIRST_BODY: usize = 64 * 1024;
/// It may become so many times as large as what came: each time all of that is copied.
const GROWTH: usize = 4;
/// From so many compressed bytes on, a message takes long to inflate.
pub(super) const HEAVY: usize = 64 * 1024;
/// A read into less room than this is a wasted system call.
const MIN_ROOM: usize = 16 * 1024;

/// A message whose end has not come.
#[derive(Debug)]
pub(super) struct Message {
    /// What came, of all frames.
    bytes: Vec<u8>,
    /// How much of it is unmasked.
    unmasked: usize,
    /// How much of it is known to be good UTF-8.
    checked: usize,
    /// Where the payload of the current frame begins.
    frame: usize,
    /// How many frames are complete.
    frames: u32,
    /// The lengths of those that were not empty; of all of them in a compressed message.
    lengths: Vec<u32>,
    binary: bool,
    compressed: bool,
    /// What is known of a compressed message that goes on.
    begun: Option<Begun>,
}

impl Message {
    pub(super) const fn new(binary: bool, compressed: bool) -> Self {
        Self {
            bytes: Vec::new(),
            unmasked: 0,
            checked: 0,
            frame: 0,
            frames: 0,
            lengths: Vec::new(),
            binary,
            compressed,
            begun: None,
        }
    }

    /// The bytes of the complete frames.
    pub(super) const fn total(&self) -> u64 {
        self.frame as u64
    }

    /// The bytes that came of the current frame.
    pub(super) fn started(&self) -> u64 {
        (self.bytes.len() - self.frame) as u64
    }

    /// Appends a piece of the current frame, of which `rest` bytes are announced in all.
    pub(super) fn append(&mut self, piece: &[u8], key: [u8; 4], rest: u64, fin: bool) {
        if self.bytes.capacity() - self.bytes.len() < piece.len() {
            if fin {
                // Double, as ever, but not beyond the end of the message, which is known.
                let room = self.bytes.len().max(piece.len());
                self.bytes.reserve_exact(usize::try_from(rest).map_or(room, |rest| rest.min(room)));
            } else {
                self.bytes.reserve(piece.len());
            }
        }
        mask::copy(&mut self.bytes, piece, key);
        self.unmasked = self.bytes.len();
    }

    /// The buffer, with room for the next read of a frame of which `rest` bytes are still to come.
    /// `spare` may give a buffer for so many bytes, the ones that came among them.
    pub(super) fn body(
        &mut self,
        rest: u64,
        spare: &mut dyn FnMut(usize) -> Option<Vec<u8>>,
    ) -> &mut Vec<u8> {
        let (len, room) = (self.bytes.len(), self.bytes.capacity() - self.bytes.len());
        let rest = usize::try_from(rest).unwrap_or(usize::MAX);
        if room >= rest.min(MIN_ROOM) {
            return &mut self.bytes;
        }
        if let Some(mut buffer) = spare(len.saturating_add(rest)) {
            buffer.clear();
            buffer.extend_from_slice(&self.bytes);
            self.bytes = buffer;
        }
        if self.bytes.capacity() - len < rest.min(MIN_ROOM) {
            let grown = len.saturating_mul(GROWTH).max(FIRST_BODY) - len;
            // A little that is left would have everything copied once more.
            let all = rest.saturating_sub(grown) <= FIRST_BODY;
            self.bytes.reserve_exact(if all { rest } else { grown });
        }
        &mut self.bytes
    }

    /// Takes what was read into the buffer: unmasks what belongs to the current frame and gives its
    /// length, and the bytes behind it.
    pub(super) fn filled(&mut self, key: [u8; 4], rest: u64) -> (usize, Option<Vec<u8>>) {
        let new = self.bytes.len() - self.unmasked;
        let taken = usize::try_from(rest).map_or(new, |rest| rest.min(new));
        let behind = (taken < new).then(|| self.bytes.split_off(self.unmasked + taken));
        mask::apply(&mut self.bytes[self.unmasked..], key, 0);
        self.unmasked = self.bytes.len();
        (taken, behind)
    }

    /// Checks the text so far; at its end nothing may be left over.
    pub(super) fn check_text(&mut self, limits: &Limits, end: bool) -> Result<(), Error> {
        if self.binary || self.compressed || limits.skip_utf8_validation {
            return Ok(());
        }
        if self.checked == 0 && end {
            // Nothing was looked at, or it was too short to be a character.
            return if utf8::is_valid(&self.bytes) { Ok(()) } else { Err(Error::InvalidUtf8) };
        }
        match utf8::valid_prefix(&self.bytes[self.checked..]) {
            Some(more) => self.checked += more,
            None => return Err(Error::InvalidUtf8),
        }
        if end && self.checked < self.bytes.len() { Err(Error::InvalidUtf8) } else { Ok(()) }
    }

    /// The current frame is complete.
    pub(super) fn end_frame(&mut self, limits: &Limits) -> Result<(), Error> {
        self.frames = self.frames.saturating_add(1);
        if limits.max_fragments != 0 && self.frames > limits.max_fragments {
            return Err(Error::TooManyFragments);
        }
        let len = self.bytes.len() - self.frame;
        if len > 0 || self.compressed {
            // A frame that goes past this cannot be a Buffer either.
            self.lengths.push(u32::try_from(len).unwrap_or(u32::MAX));
        }
        self.frame = self.bytes.len();
        Ok(())
    }

    /// Looks through the last frame of a compressed message that goes on.
    pub(super) fn check_compressed(
        &mut self,
        inflater: &mut Inflater,
        limits: &Limits,
    ) -> Result<(), Violation> {
        if !self.compressed {
            return Ok(());
        }
        inflater.begin(&mut self.begun, Frames::new(&self.bytes, &self.lengths), limits.longest())
    }

    /// The bytes that came.
    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) const fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// The message is complete, and not compressed.
    pub(super) fn finish(self) -> Event {
        let fragments = (self.frames > 1).then(|| self.lengths.into_boxed_slice());
        Event::Message { payload: Payload::Owned(self.bytes), binary: self.binary, fragments }
    }

    /// The message is complete, and compressed.
    pub(super) fn inflate(self, inflater: &mut Inflater, limits: &Limits) -> Result<Event, Violation> {
        let frames = Frames::new(&self.bytes, &self.lengths);
        let plain = inflater.finish(self.begun, frames, limits.longest())?;
        inflated(plain, self.binary, self.frames > 1, limits)
    }
}

/// The message that a single compressed frame is, all of it.
pub(super) fn inflate_whole(
    payload: &[u8],
    binary: bool,
    inflater: &mut Inflater,
    limits: &Limits,
) -> Result<Event, Violation> {
    let length = [u32::try_from(payload.len()).unwrap_or(u32::MAX)];
    let plain = inflater.finish(None, Frames::new(payload, &length), limits.longest())?;
    inflated(plain, binary, false, limits)
}

fn inflated(plain: Plain, binary: bool, fragmented: bool, limits: &Limits) -> Result<Event, Violation> {
    let Plain { bytes: mut plain, lengths } = plain;
    if !binary && !limits.skip_utf8_validation && !utf8::is_valid(&plain) {
        return Err(Error::InvalidUtf8.into());
    }
    if plain.capacity() / 4 > plain.len() / 3 {
        plain.shrink_to_fit();
    }
    let fragments = fragmented.then(|| lengths.into_boxed_slice());
    Ok(Event::Message { payload: Payload::Owned(plain), binary, fragments })
}
