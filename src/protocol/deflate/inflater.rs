//! Messages in: inflated against a history, within the limits.

use flate2::{Decompress, FlushDecompress, Status};

use super::super::Error;
use super::super::frame::Violation;
use super::{TAIL, streams};

/// Room for inflated bytes is made in steps of at most what is there, and at least this.
const CHUNK: usize = 16 * 1024;

/// The first guess of how much longer a message gets.
const GUESS: usize = 4;

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

/// A message being inflated, frame by frame.
#[derive(Debug)]
pub(in super::super) struct Inflation {
    /// `None` only when it is dropped.
    stream: Option<Decompress>,
    /// The deflate stream has ended by itself: what its frame has behind that is passed over.
    ended: bool,
    /// Something was, so that the next frame begins a stream of its own.
    passed_over: bool,
    /// How many bytes have come out.
    total: u64,
}

impl Drop for Inflation {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take() {
            streams::give_inflate(stream);
        }
    }
}

impl Inflation {
    /// A message that may refer to the bytes of `history`.
    pub(in super::super) fn new(history: &[u8]) -> Result<Self, Violation> {
        let mut stream = streams::take_inflate();
        if !history.is_empty() && stream.set_dictionary(history).is_err() {
            return Err(bad_data(None));
        }
        Ok(Self { stream: Some(stream), ended: false, passed_over: false, total: 0 })
    }

    /// Inflates the payload of a frame; `fin` that of the last one. All frames together may give
    /// `limit` bytes; one more is an error, and is all that is held of them.
    pub(in super::super) fn frame(
        &mut self,
        payload: &[u8],
        fin: bool,
        out: &mut Vec<u8>,
        limit: u64,
    ) -> Result<(), Violation> {
        self.begin_frame();
        let before = out.len();
        let rest = usize::try_from(limit.saturating_sub(self.total)).unwrap_or(usize::MAX);
        let limit = before.saturating_add(rest);
        self.run(payload, out, limit)?;
        if fin {
            self.run(&TAIL, out, limit)?;
        }
        self.total += (out.len() - before) as u64;
        Ok(())
    }

    /// As [`Self::frame`] for one that is not the last, and whose bytes nobody wants yet.
    pub(in super::super) fn check(&mut self, payload: &[u8], limit: u64) -> Result<(), Violation> {
        self.begin_frame();
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let (mut input, mut scratch) = (payload, [0; CHUNK]);
        while !self.ended {
            let (consumed, produced) = (stream.total_in(), stream.total_out());
            let status = stream.decompress(input, &mut scratch, FlushDecompress::Sync);
            let status = status.map_err(|error| bad_data(error.message()))?;
            let taken = usize::try_from(stream.total_in() - consumed).unwrap_or(input.len());
            input = &input[taken.min(input.len())..];
            let given = stream.total_out() - produced;
            self.total += given;
            if self.total > limit {
                return Err(Error::MessageTooBig.into());
            }
            self.ended = status == Status::StreamEnd;
            if given < CHUNK as u64 {
                break;
            }
        }
        self.passed_over |= self.ended && !input.is_empty();
        Ok(())
    }

    /// As with `ws`, a stream that has ended is followed by another one, which refers to nothing,
    /// but not within a frame.
    fn begin_frame(&mut self) {
        if std::mem::take(&mut self.passed_over)
            && let Some(stream) = &mut self.stream
        {
            stream.reset(false);
            self.ended = false;
        }
    }

    fn run(&mut self, mut input: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<(), Violation> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        while !self.ended {
            if out.len() == out.capacity() {
                let wanted =
                    out.len().max(input.len().saturating_mul(GUESS)).clamp(256, CHUNK.max(out.len()));
                // One byte more than allowed tells that there are too many.
                out.reserve_exact(wanted.min(limit.saturating_sub(out.len()).saturating_add(1)));
            }
            let (consumed, produced) = (stream.total_in(), out.len());
            let status = match stream.decompress_vec(input, out, FlushDecompress::Sync) {
                Ok(status) => status,
                Err(error) => return Err(bad_data(error.message())),
            };
            if out.len() > limit {
                return Err(Error::MessageTooBig.into());
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
        Ok(())
    }
}
