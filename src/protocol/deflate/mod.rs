//! permessage-deflate (RFC 7692) without contexts.
//!
//! A context per connection costs a quarter of a mebibyte and is cold whenever it is needed. What
//! context takeover promises is only that a message may refer to the plain bytes of the compressed
//! messages before it. So each direction keeps those, its [`History`], and a stream that is warm
//! from the message before, whosever that was, is primed with them as its dictionary.

mod compressor;
mod history;
mod inflater;
mod reference;
mod streams;

pub use compressor::{Compressor, compress_alone};
pub use history::History;
pub(super) use inflater::{Begun, Frames, Inflater, Plain};

/// How messages that go are compressed. The numbers are zlib's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// 0 (stored) to 9 (smallest).
    pub level: u8,
    /// 1 to 9: how much is gathered before a block is written.
    pub mem_level: u8,
    /// 0 (default) to 4 (fixed codes).
    pub strategy: u8,
    /// 8 to 15: the base-2 logarithm of the window that the peer keeps.
    pub window_bits: u8,
    /// Whether a message may refer to the ones before it.
    pub takeover: bool,
}

impl Default for Compression {
    /// zlib's own choice, with the largest window.
    fn default() -> Self {
        Self { level: 6, mem_level: DEFAULT_MEM_LEVEL, strategy: 0, window_bits: 15, takeover: true }
    }
}

/// How messages that come are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decompression {
    /// 8 to 15: how far back a message may refer.
    pub window_bits: u8,
    /// Whether a message may refer to the ones before it.
    pub takeover: bool,
}

const DEFAULT_MEM_LEVEL: u8 = 8;

/// What a sync flush ends with, which a message leaves out (RFC 7692 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
