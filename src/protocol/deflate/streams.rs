//! Streams for a message each: made once for each thread and kind, and warm ever after.

use std::cell::RefCell;

use flate2::Decompress;

use super::{Compression, compressor};

/// Kinds of deflating streams that a thread keeps. Programs have one or two; the peers' windows
/// might be of any size.
const KINDS: usize = 8;

/// Inflating streams that a thread keeps; fragmented messages hold one each for a while.
const INFLATING: usize = 4;

/// The largest window: a smaller one is a part of it.
const WINDOW_BITS: u8 = 15;

#[derive(Default)]
struct Streams {
    deflating: Vec<(Compression, compressor::Stream)>,
    inflating: Vec<Decompress>,
}

thread_local! {
    static STREAMS: RefCell<Streams> = RefCell::default();
}

/// Runs `with` on a fresh stream for these options.
pub(super) fn with_deflate<T>(options: Compression, with: impl FnOnce(&mut compressor::Stream) -> T) -> T {
    // Takeover and a window of eight bits make no different stream.
    let kind = Compression { takeover: true, window_bits: options.window_bits.max(9), ..options };
    let kept = STREAMS.with_borrow_mut(|streams| {
        let index = streams.deflating.iter().position(|(other, _)| *other == kind)?;
        Some(streams.deflating.swap_remove(index).1)
    });
    let mut stream = match kept {
        Some(mut stream) => {
            stream.reset();
            stream
        }
        None => compressor::Stream::new(kind),
    };
    let result = with(&mut stream);
    STREAMS.with_borrow_mut(|streams| {
        if streams.deflating.len() == KINDS {
            streams.deflating.remove(0);
        }
        streams.deflating.push((kind, stream));
    });
    result
}

/// An inflating stream, which goes back to its thread in the end.
#[derive(Debug)]
pub(super) struct Inflate(Option<Decompress>);

impl Inflate {
    /// A fresh one that may refer to the bytes of `history`. `None` when they are not taken.
    pub(super) fn new(history: &[u8]) -> Option<Self> {
        let kept = STREAMS.with_borrow_mut(|streams| streams.inflating.pop());
        let mut stream = match kept {
            Some(mut stream) => {
                stream.reset(false);
                stream
            }
            None => Decompress::new_with_window_bits(false, WINDOW_BITS),
        };
        if !history.is_empty() {
            stream.set_dictionary(history).ok()?;
        }
        Some(Self(Some(stream)))
    }

    /// The stream; `None` only while this is dropped.
    pub(super) fn get(&mut self) -> Option<&mut Decompress> {
        self.0.as_mut()
    }
}

impl Drop for Inflate {
    fn drop(&mut self) {
        let Some(stream) = self.0.take() else { return };
        // A thread that ends has no use for it.
        let _ = STREAMS.try_with(|streams| {
            if let Ok(mut streams) = streams.try_borrow_mut()
                && streams.inflating.len() < INFLATING
            {
                streams.inflating.push(stream);
            }
        });
    }
}
