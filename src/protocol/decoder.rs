//! Bytes in, events out: the receiving half of one connection.
//!
//! What is whole in the chunk is unmasked where it lies and reported as a range of it. The rest is
//! assembled in buffers that exist only while they hold something, so an idle decoder is its
//! hundred bytes and no more. A buffer grows with the bytes that came, whatever was announced.

use super::{
    Error, Event, Limits, Payload, Role, close,
    deflate::{Decompression, Inflater},
    frame::{self, Header, Parsed, Rules, Violation, opcode},
    mask,
    message::{self, HEAVY, Message},
    utf8,
};

/// The longest header that can be incomplete.
const MAX_HELD: usize = 13;
/// Below this rest of a frame, reading into its buffer directly gains nothing.
const MIN_BODY: u64 = 16 * 1024;

/// The receiving half of one connection.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    /// The message in progress, unless it is whole in its chunk.
    message: Option<Box<Message>>,
    /// The payload of a control frame in progress.
    #[expect(clippy::box_collection, reason = "nearly always there is none, and it takes one word then")]
    control: Option<Box<Vec<u8>>>,
    /// The frame whose payload is awaited.
    frame: Option<Frame>,
    /// The beginning of a header, with a byte to spare for its end.
    held: [u8; MAX_HELD + 1],
    held_len: u8,
    role: Role,
    deflate: Option<Inflater>,
    /// Whether a message has begun whose final frame has not.
    fragmented: bool,
    finished: bool,
    /// Chunks of which something waits for the end of a header part or a payload.
    chunks: u32,
}

/// What there is of a message or a frame whose end has not come, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What the message's frames have announced, on the wire.
    pub announced: u64,
    /// What its complete frames have brought.
    pub received: u64,
    /// What waits for the rest of its frame, or of a part of its header.
    pub waiting: u64,
}

/// A frame whose payload is awaited.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// How much of it is still to come.
    rest: u64,
    /// The key, turned to the next byte.
    mask: [u8; 4],
    opcode: u8,
    fin: bool,
    /// RSV1: the message that begins here is compressed.
    compressed: bool,
}

impl Decoder {
    /// A decoder for the first byte after the handshake, without extensions.
    pub fn new(role: Role, limits: Limits) -> Self {
        Self::with_deflate(role, limits, None)
    }

    /// As [`Self::new`], with permessage-deflate if that was negotiated.
    pub fn with_deflate(role: Role, limits: Limits, deflate: Option<Decompression>) -> Self {
        Self {
            limits,
            message: None,
            control: None,
            frame: None,
            held: [0; MAX_HELD + 1],
            held_len: 0,
            role,
            deflate: deflate.map(Inflater::new),
            fragmented: false,
            finished: false,
            chunks: 0,
        }
    }

    /// The limits, which may be changed between two chunks.
    pub fn limits_mut(&mut self) -> &mut Limits {
        &mut self.limits
    }

    /// What there is of a message or a frame whose end has not come.
    pub fn progress(&self) -> Progress {
        let received = self.message.as_ref().map_or(0, |message| message.total());
        let piece = self.message.as_ref().map_or(0, |message| message.started());
        let (announced, waiting) = match self.frame {
            Some(frame) if frame.opcode >= opcode::CLOSE => {
                (received, self.control.as_ref().map_or(0, |control| control.len() as u64))
            }
            Some(frame) => (received + piece + frame.rest, piece),
            None => {
                let (announced, waiting) = self.header_progress();
                (received + announced, waiting)
            }
        };
        Progress { announced, received, waiting }
    }

    /// The length that a header without its key announces for a message, and how much is held of
    /// a part of it that is not whole.
    fn header_progress(&self) -> (u64, u64) {
        let held = &self.held[..usize::from(self.held_len)];
        let Ok(Parsed::Partial { done, .. }) = frame::parse(held, self.rules()) else { return (0, 0) };
        let announced = match held {
            [first, ..] if first & 0x0F >= opcode::CLOSE => 0,
            &[_, second, high, low, ..] if second & 0x7F == 126 && done > 2 => {
                u64::from(u16::from_be_bytes([high, low]))
            }
            [_, second, length @ ..] if second & 0x7F == 127 && done > 2 => {
                length.first_chunk().map_or(0, |&length| u64::from_be_bytes(length))
            }
            [_, second, ..] if second & 0x7F < 126 => u64::from(second & 0x7F),
            _ => 0,
        };
        (announced, (held.len() - done) as u64)
    }

    /// Decodes one chunk as it came from the stream: unmasks it in place and appends what it
    /// completes. After [`Event::Close`] or [`Event::Error`] everything is ignored.
    pub fn decode(&mut self, chunk: &mut [u8], events: &mut Vec<Event>) {
        if self.finished {
            return;
        }
        if let Err(violation) = self.admit_chunk().and_then(|()| self.run(chunk, events)) {
            self.fail(violation, events);
        }
    }

    /// In the middle of a data frame whose rest is large: the buffer to read the stream into, grown
    /// for at least one byte. `None` when the next chunk belongs to [`Self::decode`].
    pub fn body(&mut self) -> Option<&mut Vec<u8>> {
        self.body_from(&mut |_| None)
    }

    /// As [`Self::body`]. When the buffer has to grow, `spare` is asked for one that has room for so
    /// many bytes already: all that is announced may then be read at once.
    pub fn body_from(&mut self, spare: &mut dyn FnMut(usize) -> Option<Vec<u8>>) -> Option<&mut Vec<u8>> {
        let frame = self.frame.filter(|frame| frame.rest >= MIN_BODY)?;
        let message = self.message.get_or_insert_with(|| Box::new(frame.message()));
        Some(message.body(frame.rest, spare))
    }

    /// Takes what was appended to [`Self::body`], as one chunk. Gives back what lies beyond the end
    /// of the frame: the next chunk for [`Self::decode`].
    pub fn body_filled(&mut self, events: &mut Vec<Event>) -> Option<Vec<u8>> {
        let (Some(mut frame), Some(mut message)) = (self.frame, self.message.take()) else {
            return None;
        };
        let (taken, behind) = message.filled(frame.mask, frame.rest);
        if taken == 0 {
            self.message = Some(message);
            return None;
        }
        frame.skip(taken);
        let result = self.admit_chunk().and_then(|()| self.advance(frame, message, events));
        if let Err(violation) = result {
            self.fail(violation, events);
            return None;
        }
        if self.frame.is_none() {
            self.chunks = 0;
        } else {
            self.chunks = self.chunks.saturating_add(1);
        }
        behind
    }

    /// Whether the next chunk may complete a message that takes long to inflate: with what is
    /// announced of the frame it is a large one.
    #[must_use]
    pub fn is_heavy(&self) -> bool {
        let (compressed, came) =
            self.message.as_ref().map_or((false, 0), |message| (message.is_compressed(), message.len()));
        let (marked, rest) = self.frame.map_or((false, 0), |frame| (frame.compressed, frame.rest));
        (compressed || marked) && rest.saturating_add(came as u64) >= HEAVY as u64
    }

    /// Whether decoding this chunk, the next one, inflates a message or a fragment that takes long:
    /// one that becomes complete with it.
    #[must_use]
    pub fn is_heavy_with(&self, chunk: &[u8]) -> bool {
        let (mut compressed, mut sum) =
            self.message.as_ref().map_or((false, 0), |message| (message.is_compressed(), message.len()));
        if self.deflate.is_none() || self.finished || sum.saturating_add(chunk.len()) < HEAVY {
            return false;
        }
        if self.held_len > 0 {
            return self.is_heavy();
        }
        let mut rules = Rules { total: 0, ..self.rules() };
        let mut bytes = chunk;
        let mut next = self.frame.map(|frame| {
            let started = self.message.as_ref().map_or(0, |message| message.started());
            (frame.opcode, frame.compressed, frame.fin, started, frame.rest)
        });
        // The frame that has begun, and those that the chunk has whole.
        loop {
            let (code, marked, fin, started, rest) = if let Some(frame) = next.take() {
                frame
            } else {
                let Ok(Parsed::Whole(header)) = frame::parse(bytes, rules) else { return false };
                bytes = &bytes[header.size..];
                (header.opcode, header.compressed, header.fin, 0, header.len)
            };
            let Ok(rest) = usize::try_from(rest) else { return false };
            let Some(behind) = bytes.get(rest..) else { return false };
            bytes = behind;
            if code < opcode::CLOSE {
                compressed |= marked;
                sum = sum.saturating_add(rest);
                let length = started.saturating_add(rest as u64);
                if compressed && (length >= HEAVY as u64 || fin && sum >= HEAVY) {
                    return true;
                }
                rules.fragmented = !fin;
                if fin {
                    (compressed, sum) = (false, 0);
                }
            }
        }
    }

    /// Whether a close frame or an error has ended it.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Refuses a chunk when as many are waiting as may.
    fn admit_chunk(&self) -> Result<(), Violation> {
        let max = self.limits.max_buffered_chunks;
        if max != 0 && self.chunks >= max { Err(Error::TooManyChunks.into()) } else { Ok(()) }
    }

    fn run(&mut self, chunk: &mut [u8], events: &mut Vec<Event>) -> Result<(), Violation> {
        let mut at = 0;
        // Where the last header part or payload that this chunk completed ends.
        let mut complete = None;

        while !self.finished {
            if self.frame.is_none() {
                let Some(header) = self.header(chunk, &mut at, &mut complete)? else { break };
                let whole = usize::try_from(header.len).is_ok_and(|len| len <= chunk.len() - at);
                if whole && (header.is_control() || (header.fin && !self.fragmented)) {
                    let range = at..at + header.len as usize;
                    at = range.end;
                    complete = Some(at);
                    mask::apply(&mut chunk[range.clone()], header.mask, 0);
                    self.whole(header, Payload::Chunk(range), chunk, events)?;
                    continue;
                }
                self.frame = Some(Frame::from(header));
            }
            if !self.payload(chunk, &mut at, events)? {
                break;
            }
            complete = Some(at);
        }

        self.chunks = match complete {
            Some(end) => u32::from(end < chunk.len()),
            None => self.chunks.saturating_add(1),
        };
        Ok(())
    }

    /// Reads a header, or holds what there is of it.
    #[inline]
    fn header(
        &mut self,
        chunk: &[u8],
        at: &mut usize,
        complete: &mut Option<usize>,
    ) -> Result<Option<Header>, Violation> {
        if self.held_len == 0 {
            let bytes = &chunk[*at..];
            match frame::parse(bytes, self.rules())? {
                Parsed::Whole(header) => {
                    *at += header.size;
                    *complete = Some(*at);
                    return Ok(Some(header));
                }
                Parsed::Partial { done, .. } => {
                    self.held[..bytes.len()].copy_from_slice(bytes);
                    self.held_len = bytes.len() as u8;
                    if done > 0 {
                        *complete = Some(*at + done);
                    }
                    *at = chunk.len();
                    return Ok(None);
                }
            }
        }
        self.held_header(chunk, at, complete)
    }

    /// Goes on with a header that began in an earlier chunk.
    #[cold]
    fn held_header(
        &mut self,
        chunk: &[u8],
        at: &mut usize,
        complete: &mut Option<usize>,
    ) -> Result<Option<Header>, Violation> {
        loop {
            let have = usize::from(self.held_len);
            match frame::parse(&self.held[..have], self.rules())? {
                Parsed::Whole(header) => {
                    self.held_len = 0;
                    *complete = Some(*at);
                    return Ok(Some(header));
                }
                Parsed::Partial { done, need } => {
                    if done == have && *at > 0 {
                        *complete = Some(*at);
                    }
                    let take = (need - have).min(chunk.len() - *at);
                    if take == 0 {
                        return Ok(None);
                    }
                    self.held[have..have + take].copy_from_slice(&chunk[*at..*at + take]);
                    self.held_len += take as u8;
                    *at += take;
                }
            }
        }
    }

    fn rules(&self) -> Rules<'_> {
        Rules {
            role: self.role,
            limits: &self.limits,
            deflate: self.deflate.is_some(),
            fragmented: self.fragmented,
            total: self.message.as_ref().map_or(0, |message| message.total()),
        }
    }

    /// A frame that is a message or a control frame by itself, unmasked.
    #[inline]
    fn whole(
        &mut self,
        header: Header,
        payload: Payload,
        chunk: &[u8],
        events: &mut Vec<Event>,
    ) -> Result<(), Violation> {
        if header.is_control() {
            return self.control(header.opcode, payload, chunk, events);
        }
        let binary = header.opcode == opcode::BINARY;
        if header.compressed {
            let bytes = payload.bytes(chunk);
            // No header is taken for one of a compressed frame without.
            let Some(inflater) = &mut self.deflate else { return Err(Error::UnexpectedRsv1.into()) };
            events.push(message::inflate_whole(bytes, binary, inflater, &self.limits)?);
            return Ok(());
        }
        if !binary && !self.limits.skip_utf8_validation && !utf8::is_valid(payload.bytes(chunk)) {
            return Err(Error::InvalidUtf8.into());
        }
        events.push(Event::Message { payload, binary, fragments: None });
        Ok(())
    }

    /// A complete control frame.
    fn control(
        &mut self,
        opcode: u8,
        mut payload: Payload,
        chunk: &[u8],
        events: &mut Vec<Event>,
    ) -> Result<(), Violation> {
        events.push(match opcode {
            opcode::PING => Event::Ping(payload),
            opcode::PONG => Event::Pong(payload),
            _ => {
                let code = close::parse(payload.bytes(chunk), self.limits.skip_utf8_validation)?;
                payload.skip(close::CODE_LEN);
                self.finish();
                Event::Close { code, reason: payload }
            }
        });
        Ok(())
    }

    /// Takes what the chunk has of the awaited payload; whether that completes the frame.
    fn payload(&mut self, chunk: &[u8], at: &mut usize, events: &mut Vec<Event>) -> Result<bool, Violation> {
        let Some(mut frame) = self.frame else { return Ok(true) };
        let left = chunk.len() - *at;
        let taken = usize::try_from(frame.rest).map_or(left, |rest| rest.min(left));
        if taken == 0 && frame.rest > 0 {
            return Ok(false);
        }
        let piece = &chunk[*at..*at + taken];
        *at += taken;

        if frame.opcode >= opcode::CLOSE {
            let control = self.control.get_or_insert_default();
            control.reserve_exact(frame.rest as usize);
            mask::copy(control, piece, frame.mask);
            frame.skip(taken);
            self.frame = Some(frame);
            if frame.rest == 0 {
                self.frame = None;
                let payload = Payload::Owned(*self.control.take().unwrap_or_default());
                self.control(frame.opcode, payload, chunk, events)?;
            }
        } else {
            let mut message = self.message.take().unwrap_or_else(|| Box::new(frame.message()));
            message.append(piece, frame.mask, frame.rest, frame.fin);
            frame.skip(taken);
            self.advance(frame, message, events)?;
        }
        Ok(self.frame.is_none())
    }

    /// Goes on after a piece of a data frame.
    fn advance(
        &mut self,
        frame: Frame,
        mut message: Box<Message>,
        events: &mut Vec<Event>,
    ) -> Result<(), Violation> {
        if frame.rest > 0 {
            message.check_text(&self.limits, false)?;
            self.frame = Some(frame);
            self.message = Some(message);
            return Ok(());
        }
        message.end_frame(&self.limits)?;
        message.check_text(&self.limits, frame.fin)?;
        self.frame = None;
        self.fragmented = !frame.fin;
        if !frame.fin {
            if let Some(inflater) = &mut self.deflate {
                message.check_compressed(inflater, &self.limits)?;
            }
            self.message = Some(message);
        } else {
            events.push(match &mut self.deflate {
                Some(inflater) if message.is_compressed() => message.inflate(inflater, &self.limits)?,
                _ => message.finish(),
            });
        }
        Ok(())
    }

    #[cold]
    fn fail(&mut self, violation: Violation, events: &mut Vec<Event>) {
        self.finish();
        events.push(Event::Error { error: violation.error, parameter: violation.parameter });
    }

    /// Nothing more will be looked at, so nothing is kept.
    fn finish(&mut self) {
        self.finished = true;
        self.frame = None;
        self.message = None;
        if let Some(inflater) = &mut self.deflate {
            inflater.clear();
        }
        self.control = None;
    }
}

impl Frame {
    /// The message that begins with it.
    fn message(&self) -> Message {
        Message::new(self.opcode == opcode::BINARY, self.compressed)
    }

    /// Leaves the next `taken` bytes behind.
    fn skip(&mut self, taken: usize) {
        self.rest -= taken as u64;
        self.mask.rotate_left(taken & 3);
    }
}

impl From<Header> for Frame {
    fn from(header: Header) -> Self {
        Self {
            rest: header.len,
            mask: header.mask,
            opcode: header.opcode,
            fin: header.fin,
            compressed: header.compressed,
        }
    }
}
