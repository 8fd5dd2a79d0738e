//! Against a peer that keeps a context for each direction, as most do: flate2's own streams.

mod support;

use flate2::{Compress, Decompress, FlushCompress, FlushDecompress};
use proptest::{collection::vec, prelude::*};
use support::{Driver, NO_LIMITS, Seen};
use ws_native::protocol::deflate::{Compression, Compressor, Decompression, compress_alone};
use ws_native::protocol::{Decoder, Role, encoder};

const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
const ROOM: usize = 1024;

/// A peer's sending half.
struct PeerDeflate {
    stream: Compress,
    takeover: bool,
}

impl PeerDeflate {
    fn new(level: u32, bits: u8, takeover: bool) -> Self {
        let level = flate2::Compression::new(level);
        Self { stream: Compress::new_with_window_bits(level, false, bits.max(9)), takeover }
    }

    fn frame(&mut self, plain: &[u8], fin: bool, flush: FlushCompress) -> Vec<u8> {
        let (start, mut out) = (self.stream.total_in(), Vec::new());
        loop {
            out.reserve(ROOM);
            let done = (self.stream.total_in() - start) as usize;
            self.stream.compress_vec(&plain[done..], &mut out, flush).expect("a stream that works");
            if out.len() < out.capacity() {
                break;
            }
        }
        if fin {
            if out.is_empty() {
                // zlib has flushed already, and does not again; RFC 7692 7.2.3.6 knows what to say.
                out.extend([0].into_iter().chain(TAIL));
            }
            assert!(out.ends_with(&TAIL));
            out.truncate(out.len() - TAIL.len());
            if !self.takeover {
                self.stream.reset();
            }
        }
        out
    }
}

/// A peer's receiving half.
struct PeerInflate {
    stream: Decompress,
    takeover: bool,
}

impl PeerInflate {
    fn new(bits: u8, takeover: bool) -> Self {
        Self { stream: Decompress::new_with_window_bits(false, bits.max(9)), takeover }
    }

    fn frame(&mut self, payload: &[u8], fin: bool) -> Vec<u8> {
        let mut out = Vec::new();
        self.feed(payload, &mut out);
        if fin {
            self.feed(&TAIL, &mut out);
            if !self.takeover {
                self.stream.reset(false);
            }
        }
        out
    }

    fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let start = self.stream.total_in();
        loop {
            out.reserve(ROOM);
            let done = (self.stream.total_in() - start) as usize;
            self.stream.decompress_vec(&input[done..], out, FlushDecompress::Sync).expect("good data");
            if out.len() < out.capacity() {
                assert_eq!((self.stream.total_in() - start) as usize, input.len());
                return;
            }
        }
    }
}

#[derive(Clone, Debug)]
struct Sent {
    pieces: Vec<Vec<u8>>,
    compress: bool,
    alone: bool,
    full_flush: bool,
}

/// Repeats itself and what others of its kind say, near and far.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words = ["{\"id\":", "12345,", "\"name\":\"", "something", "\"}", "ü", "abcabcabc", "\n"];
    prop_oneof![
        1 => Just(Vec::new()),
        6 => vec(0..words.len(), 0..200)
            .prop_map(move |all| all.iter().flat_map(|index| words[*index].bytes()).collect()),
        2 => vec(any::<u8>(), 0..600),
        1 => (any::<u8>(), 1usize..80_000).prop_map(|(byte, length)| vec![byte; length]),
        1 => (any::<u32>(), 10_000usize..50_000).prop_map(|(seed, length)| {
            (0..length as u32).map(|at| (at.wrapping_mul(seed | 1) >> 24) as u8).collect()
        }),
    ]
}

fn sent() -> impl Strategy<Value = Sent> {
    (vec(piece(), 1..4), proptest::bool::weighted(0.8), any::<bool>(), proptest::bool::weighted(0.1))
        .prop_map(|(pieces, compress, alone, full_flush)| Sent { pieces, compress, alone, full_flush })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_peer_with_a_context_understands_us(
        level in 0u8..=9,
        mem_level in 1u8..=9,
        strategy in 0u8..=4,
        window_bits in 8u8..=15,
        takeover in any::<bool>(),
        messages in vec(sent(), 1..20),
    ) {
        let options = Compression { level, mem_level, strategy, window_bits, takeover };
        let (mut ours, mut peer) = (Compressor::new(options), PeerInflate::new(window_bits, takeover));
        for message in messages.iter().filter(|message| message.compress) {
            for (index, piece) in message.pieces.iter().enumerate() {
                let (fin, mut payload) = (index + 1 == message.pieces.len(), Vec::new());
                if message.alone {
                    compress_alone(options, piece, fin, &mut payload);
                    ours.remember(piece);
                } else {
                    ours.compress(piece, fin, &mut payload);
                }
                prop_assert_eq!(&peer.frame(&payload, fin), piece);
            }
        }
    }

    #[test]
    fn we_understand_a_peer_with_a_context(
        level in 0u32..=9,
        window_bits in 8u8..=15,
        takeover in any::<bool>(),
        messages in vec(sent(), 1..20),
        cuts in vec(1usize..100_000, 1..20),
    ) {
        let mut peer = PeerDeflate::new(level, window_bits, takeover);
        let (mut wire, mut expected) = (Vec::new(), Vec::new());
        for message in &messages {
            for (index, piece) in message.pieces.iter().enumerate() {
                let fin = index + 1 == message.pieces.len();
                let flush = if message.full_flush { FlushCompress::Full } else { FlushCompress::Sync };
                let rsv1 = message.compress && index == 0;
                let payload = if message.compress { peer.frame(piece, fin, flush) } else { piece.clone() };
                encoder::frame(&mut wire, if index == 0 { 2 } else { 0 }, fin, rsv1, None, &payload);
            }
            expected.push(message.pieces.concat());
        }
        let mut driver = Driver::new(Role::Client, NO_LIMITS);
        let deflate = Decompression { window_bits, takeover };
        driver.decoder = Decoder::with_deflate(Role::Client, NO_LIMITS, Some(deflate));
        let (mut rest, mut cuts) = (&wire[..], cuts.iter().cycle());
        while !rest.is_empty() {
            let (chunk, behind) = rest.split_at((*cuts.next().expect("a cycle")).min(rest.len()));
            driver.read_all(chunk);
            rest = behind;
        }
        let seen: Vec<_> = driver.seen.iter().map(|seen| match seen {
            Seen::Message { data, .. } => data.clone(),
            other => panic!("{other:?}"),
        }).collect();
        prop_assert_eq!(seen, expected);
    }
}

/// The far end of each window is used, and no byte beyond it.
#[test]
fn a_peer_may_refer_as_far_back_as_its_window_reaches() {
    for window_bits in 9..=15 {
        let mut peer = PeerDeflate::new(9, window_bits, true);
        let mut driver = Driver::new(Role::Client, NO_LIMITS);
        let deflate = Decompression { window_bits, takeover: true };
        driver.decoder = Decoder::with_deflate(Role::Client, NO_LIMITS, Some(deflate));
        let mut expected = Vec::new();
        for gap in (0..600_usize).step_by(if window_bits > 12 { 7 } else { 1 }) {
            // The same 40 bytes again and again, at every distance around that of the window.
            let distance = ((1 << window_bits) - 300_usize) + gap;
            let mut plain: Vec<u8> = (0..40).map(|at| b'A' + at).collect();
            plain.extend((40..distance).map(|at| ((at * at * 31 + gap) >> 3) as u8));
            let payload = peer.frame(&plain, true, FlushCompress::Sync);
            let mut wire = Vec::new();
            encoder::frame(&mut wire, 2, true, true, None, &payload);
            driver.read_all(&wire);
            expected.push(plain);
            assert_eq!(driver.seen.len(), expected.len(), "window {window_bits}, gap {gap}");
        }
        for (seen, plain) in driver.seen.iter().zip(&expected) {
            assert!(matches!(seen, Seen::Message { data, .. } if data == plain), "window {window_bits}");
        }
    }
}
