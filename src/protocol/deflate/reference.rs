//! Messages in, inflated as `ws` does it: by zlib of Node.js, call for call. Slower than it has to
//! be. It decides what a peer did wrong, and inflates for a peer whose messages do not end where
//! deflate says that they do.

use flate2::{FlushDecompress, Status};

use super::super::Error;
use super::super::frame::Violation;
use super::{Plain, TAIL, streams};

/// What one call of zlib's gives at most: the `chunkSize` of a stream of Node.js's.
pub(super) const CHUNK: usize = 16 * 1024;

/// The most compressed bytes for a call. zlib-rs takes its fast path when it has more, and forgets
/// there what it has to complain about.
const PIECE: usize = 14;

/// What zlib says of bad data: the parameter of [`Error::BadData`] is an index into this.
const COMPLAINTS: [&str; 12] = [
    "",
    "invalid block type",
    "invalid stored block lengths",
    "too many length or distance symbols",
    "invalid code lengths set",
    "invalid bit length repeat",
    "invalid code -- missing end-of-block",
    "invalid literal/lengths set",
    "invalid distances set",
    "invalid literal/length code",
    "invalid distance code",
    "invalid distance too far back",
];

fn bad_data(complaint: Option<&str>) -> Violation {
    let index = complaint.and_then(|said| COMPLAINTS.iter().position(|known| *known == said));
    Violation { error: Error::BadData, parameter: index.unwrap_or(0) as u32 }
}

/// A stream of zlib's that outlives its messages.
#[derive(Debug)]
pub(in super::super) struct Reference {
    stream: streams::Inflate,
    /// How much of Node.js's chunk has been filled.
    filled: usize,
    /// The deflate stream has ended by itself.
    ended: bool,
    /// Behind that something came, which was passed over.
    passed_over: bool,
    /// How many bytes the message in progress has given.
    total: u64,
}

impl Reference {
    /// A stream between two messages, after the bytes of `history`.
    pub(super) fn new(history: &[u8], filled: usize) -> Result<Self, Violation> {
        let stream = streams::Inflate::new(history).ok_or_else(|| bad_data(None))?;
        Ok(Self { stream, filled, ended: false, passed_over: false, total: 0 })
    }

    /// Whether the message that follows has a stream of its own.
    pub(super) const fn is_over(&self) -> bool {
        self.passed_over
    }

    /// How much of Node.js's chunk has been filled.
    pub(super) const fn filled(&self) -> usize {
        self.filled
    }

    /// Inflates the payload of a frame; `fin` that of the last one. The frame may give `limit`
    /// bytes, of which zlib's calls are told, and all frames together.
    pub(super) fn frame(
        &mut self,
        payload: &[u8],
        fin: bool,
        plain: &mut Plain,
        limit: u64,
    ) -> Result<(), Violation> {
        // A stream that has ended is followed by another one, which refers to nothing, but not
        // within a frame.
        if std::mem::take(&mut self.passed_over)
            && let Some(stream) = self.stream.get()
        {
            stream.reset(false);
            self.ended = false;
            self.filled = 0;
        }
        let (before, mut came) = (plain.bytes.len(), 0);
        self.write(payload, plain, &mut came, limit)?;
        if fin {
            self.write(&TAIL, plain, &mut came, limit)?;
        }
        self.total = self.total.saturating_add(came);
        if self.total > limit {
            return Err(Error::MessageTooBig.into());
        }
        if fin {
            self.total = 0;
        }
        plain.end_frame(before);
        Ok(())
    }

    /// What a write to the stream of Node.js's does.
    fn write(
        &mut self,
        mut input: &[u8],
        plain: &mut Plain,
        came: &mut u64,
        limit: u64,
    ) -> Result<(), Violation> {
        let mut chunk = [0; CHUNK];
        loop {
            let given = self.call(&mut input, &mut chunk)?;
            *came = came.saturating_add(given as u64);
            // Of what is too much nothing is held, since the frame may go on for long.
            if self.total.saturating_add(*came) <= limit {
                plain.bytes.extend_from_slice(&chunk[..given]);
            }
            // An overflow is noticed between two calls, bad data within one.
            if *came > limit {
                return Err(Error::MessageTooBig.into());
            }
            self.filled += given;
            if self.filled < CHUNK {
                break;
            }
            self.filled = 0;
        }
        self.passed_over |= self.ended && !input.is_empty();
        Ok(())
    }

    /// What a call of zlib's does: it stops when the chunk is full, or where the input ends. How
    /// much it gave.
    fn call(&mut self, input: &mut &[u8], chunk: &mut [u8; CHUNK]) -> Result<usize, Violation> {
        let Some(stream) = self.stream.get() else { return Ok(0) };
        let mut given = 0;
        while !self.ended {
            let piece = &input[..input.len().min(PIECE)];
            let (before_in, before_out) = (stream.total_in(), stream.total_out());
            // A full chunk does not end it: zlib looks at what needs no room.
            let room = &mut chunk[given..CHUNK - self.filled];
            let status = stream.decompress(piece, room, FlushDecompress::Sync);
            let status = status.map_err(|error| bad_data(error.message()))?;
            let taken = usize::try_from(stream.total_in() - before_in).unwrap_or(usize::MAX).min(piece.len());
            given += usize::try_from(stream.total_out() - before_out).unwrap_or(0);
            *input = &input[taken..];
            self.ended = status == Status::StreamEnd;
            if taken < piece.len() || input.is_empty() {
                break;
            }
        }
        Ok(given)
    }
}
