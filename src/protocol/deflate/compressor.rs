//! Messages out: compressed against a history, by a stream of the thread's.

use flate2::FlushCompress;

use super::{Compression, DEFAULT_MEM_LEVEL, History, TAIL, streams};

/// What is kept of the messages that went. Measured (level 6; JSON of 1 KiB and of 200 bytes, chat,
/// binary records): it saves 22, 45, 67 and 19 % of the bytes for 1 to 3 µs a message. Four times as
/// much saves 4 % more at most and doubles the price of the short ones; all of a window costs 40 µs.
const HISTORY: usize = 2 * 1024;

/// The least room for compressed bytes that is worth a call.
const ROOM: usize = 256;
/// The most room that is made for bytes that may not come.
const MOST_ROOM: usize = 64 * 1024;

/// A stream that compresses.
pub(super) enum Stream {
    Default(flate2::Compress),
    /// With a memory level or a strategy, of which flate2 does not know.
    Tuned(Box<zlib_rs::Deflate>),
}

impl Stream {
    pub(super) fn new(options: Compression) -> Self {
        // Eight bits are legal on the wire, and no deflater has them: with nine it refers no further
        // back than 250 bytes.
        let bits = options.window_bits.clamp(9, 15);
        if options.mem_level == DEFAULT_MEM_LEVEL && options.strategy == 0 {
            let level = flate2::Compression::new(u32::from(options.level.min(9)));
            return Self::Default(flate2::Compress::new_with_window_bits(level, false, bits));
        }
        Self::Tuned(Box::new(zlib_rs::Deflate::new_with_config(zlib_rs::DeflateConfig {
            level: i32::from(options.level.min(9)),
            window_bits: -i32::from(bits),
            mem_level: i32::from(options.mem_level.clamp(1, 9)),
            strategy: zlib_rs::Strategy::try_from(i32::from(options.strategy)).unwrap_or_default(),
            ..zlib_rs::DeflateConfig::default()
        })))
    }

    pub(super) fn reset(&mut self) {
        match self {
            Self::Default(stream) => stream.reset(),
            Self::Tuned(stream) => stream.reset(),
        }
    }

    fn set_dictionary(&mut self, dictionary: &[u8]) -> bool {
        match self {
            Self::Default(stream) => stream.set_dictionary(dictionary).is_ok(),
            Self::Tuned(stream) => stream.set_dictionary(dictionary).is_ok(),
        }
    }

    fn total_in(&self) -> u64 {
        match self {
            Self::Default(stream) => stream.total_in(),
            Self::Tuned(stream) => stream.total_in(),
        }
    }

    /// Fills the spare room of `out`; whether that worked.
    fn fill(&mut self, input: &[u8], out: &mut Vec<u8>) -> bool {
        match self {
            Self::Default(stream) => stream.compress_vec(input, out, FlushCompress::Sync).is_ok(),
            Self::Tuned(stream) => {
                let (before, at) = (stream.total_out(), out.len());
                out.resize(out.capacity(), 0);
                let result = stream.compress(input, &mut out[at..], zlib_rs::DeflateFlush::SyncFlush);
                out.truncate(at + (stream.total_out() - before) as usize);
                result.is_ok()
            }
        }
    }

    /// Appends `plain`, compressed up to a byte boundary. It may refer to the bytes of `history`.
    fn compress(&mut self, history: &[u8], plain: &[u8], out: &mut Vec<u8>) -> bool {
        if !history.is_empty() && !self.set_dictionary(history) {
            return false;
        }
        let bound = plain.len() + plain.len() / 256 + 64;
        loop {
            let done = usize::try_from(self.total_in()).map_or(plain.len(), |done| done.min(plain.len()));
            out.reserve((bound - done).clamp(ROOM, MOST_ROOM));
            if !self.fill(&plain[done..], out) {
                return false;
            }
            if out.len() < out.capacity() {
                return true;
            }
        }
    }
}

/// The sending half of permessage-deflate for one connection.
#[derive(Debug)]
pub struct Compressor {
    options: Compression,
    history: History,
}

impl Compressor {
    /// A compressor that has sent nothing.
    #[must_use]
    pub const fn new(options: Compression) -> Self {
        Self { options, history: History::new() }
    }

    /// How it compresses.
    #[must_use]
    pub const fn options(&self) -> Compression {
        self.options
    }

    /// Appends the payload of a frame: `plain`, compressed, with reference to what was sent before.
    /// The last frame of a message leaves out the end of the flush (RFC 7692 7.2.1).
    pub fn compress(&mut self, plain: &[u8], fin: bool, out: &mut Vec<u8>) {
        compress(self.options, self.history.bytes(), plain, fin, out);
        self.remember(plain);
    }

    /// Takes note of plain bytes that were compressed elsewhere, by [`compress_alone`].
    pub fn remember(&mut self, plain: &[u8]) {
        if self.options.takeover {
            self.history.append(plain, HISTORY.min(1 << self.options.window_bits));
        }
    }

    /// Whether it holds anything that the next message needs.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.history.bytes().is_empty()
    }
}

/// Appends `plain` as [`Compressor::compress`] does, without reference to anything: any connection
/// with these options may send it.
pub fn compress_alone(options: Compression, plain: &[u8], fin: bool, out: &mut Vec<u8>) {
    compress(options, &[], plain, fin, out);
}

fn compress(options: Compression, history: &[u8], plain: &[u8], fin: bool, out: &mut Vec<u8>) {
    let before = out.len();
    if !streams::with_deflate(options, |stream| stream.compress(history, plain, out)) {
        // No stream of ours refuses what it is given; should one ever, a stored message is legal.
        out.truncate(before);
        store(plain, out);
    }
    if fin && out[before..].ends_with(&TAIL) {
        out.truncate(out.len() - TAIL.len());
    }
}

/// Appends `plain` in stored blocks (RFC 1951 3.2.4), with an empty one at the end.
fn store(plain: &[u8], out: &mut Vec<u8>) {
    for block in plain.chunks(usize::from(u16::MAX)) {
        let length = block.len() as u16;
        out.push(0);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.push(0);
    out.extend_from_slice(&TAIL);
}
