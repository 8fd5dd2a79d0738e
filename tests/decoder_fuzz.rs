//! Any messages, fragmentations and cuts come through; no bytes at all make it panic.

mod support;

use proptest::{collection::vec, prelude::*};
use support::{Driver, NO_LIMITS, Seen, decoded};
use ws_native::protocol::{Limits, Role, encoder};

#[derive(Clone, Debug)]
enum Sent {
    /// The pieces it is sent in; control frames between them.
    Message {
        binary: bool,
        pieces: Vec<Vec<u8>>,
        pings: Vec<Vec<u8>>,
    },
    Pong(Vec<u8>),
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => vec(any::<u8>(), 0..40),
        2 => vec(any::<u8>(), 110..400),
        1 => (65_000usize..140_000, any::<u8>()).prop_map(|(len, seed)| {
            (0..len).map(|i| (i as u8).wrapping_mul(31) ^ seed).collect()
        }),
    ]
}

/// A payload and the places to cut it, as fractions.
fn pieces(data: &[u8], cuts: &[u16]) -> Vec<Vec<u8>> {
    let mut cuts: Vec<usize> = cuts.iter().map(|&cut| data.len() * usize::from(cut) / 65_535).collect();
    cuts.sort_unstable();
    let ends = cuts.iter().copied().chain([data.len()]);
    let starts = [0].into_iter().chain(cuts.iter().copied());
    starts.zip(ends).map(|(start, end)| data[start..end].to_vec()).collect()
}

fn sent() -> impl Strategy<Value = Sent> {
    let cuts = || prop_oneof![2 => Just(Vec::new()), 1 => vec(any::<u16>(), 1..6)];
    let pings = || vec(vec(any::<u8>(), 0..=125), 0..3);
    prop_oneof![
        4 => (payload(), cuts(), pings()).prop_map(|(data, cuts, pings)| {
            Sent::Message { binary: true, pieces: pieces(&data, &cuts), pings }
        }),
        4 => ("\\PC{0,200}", cuts(), pings()).prop_map(|(text, cuts, pings)| {
            Sent::Message { binary: false, pieces: pieces(text.as_bytes(), &cuts), pings }
        }),
        1 => vec(any::<u8>(), 0..=125).prop_map(Sent::Pong),
    ]
}

/// The frames, and what must be seen of them.
fn encode(sent: &[Sent], mask: Option<[u8; 4]>) -> (Vec<u8>, Vec<Seen>) {
    let (mut wire, mut seen) = (Vec::new(), Vec::new());
    for sent in sent {
        match sent {
            Sent::Pong(data) => {
                encoder::frame(&mut wire, 10, true, false, mask, data);
                seen.push(Seen::Pong(data.clone()));
            }
            Sent::Message { binary, pieces, pings } => {
                let last = pieces.len() - 1;
                for (i, piece) in pieces.iter().enumerate() {
                    let opcode = if i > 0 { 0 } else { 1 + u8::from(*binary) };
                    encoder::frame(&mut wire, opcode, i == last, false, mask, piece);
                    if i < last {
                        for ping in pings {
                            encoder::frame(&mut wire, 9, true, false, mask, ping);
                            seen.push(Seen::Ping(ping.clone()));
                        }
                    }
                }
                let lengths = pieces.iter().map(|piece| piece.len() as u32).filter(|&len| len > 0);
                seen.push(Seen::Message {
                    data: pieces.concat(),
                    binary: *binary,
                    fragments: (last > 0).then(|| lengths.collect()),
                });
            }
        }
    }
    (wire, seen)
}

/// The wire in chunks of the sizes given, over and over.
fn chunks<'a>(mut wire: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    for &size in sizes.iter().cycle() {
        if wire.is_empty() {
            break;
        }
        let (chunk, rest) = wire.split_at(size.min(wire.len()));
        chunks.push(chunk);
        wire = rest;
    }
    chunks
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![4 => 1usize..20, 2 => 20usize..2_000, 3 => 2_000usize..70_000], 1..8)
}

fn limits() -> impl Strategy<Value = Limits> {
    (0u64..2_000, 0u32..6, 0u32..6, any::<bool>()).prop_map(|(payload, fragments, chunks, skip)| Limits {
        max_payload: payload,
        max_fragments: fragments,
        max_buffered_chunks: chunks,
        skip_utf8_validation: skip,
    })
}

/// Bytes that get past the first header more often than chance would have it.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let frame = (
        prop::sample::select(vec![0x81u8, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8a, 0x88, 0xc1, 0x83]),
        any::<bool>(),
        vec(any::<u8>(), 0..20),
        -1isize..=1,
    )
        .prop_map(|(first, masked, data, lie)| {
            let mut frame = vec![first, (u8::from(masked) << 7) | (data.len() as isize + lie).max(0) as u8];
            frame.extend(data);
            frame
        });
    let part = prop_oneof![3 => frame, 1 => vec(any::<u8>(), 0..12)];
    vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn round_trip(sent in vec(sent(), 0..8), sizes in sizes(), mask in any::<Option<[u8; 4]>>()) {
        let role = if mask.is_some() { Role::Server } else { Role::Client };
        let (wire, expected) = encode(&sent, mask);

        let seen = decoded(role, NO_LIMITS, chunks(&wire, &sizes));
        prop_assert!(seen == expected, "decode");

        let mut driver = Driver::new(role, NO_LIMITS);
        for chunk in chunks(&wire, &sizes) {
            driver.read_all(chunk);
        }
        prop_assert!(driver.seen == expected, "body");
        prop_assert!(driver.decoder.body().is_none());
    }

    #[test]
    fn a_body_sees_what_decode_sees(
        sent in vec(sent(), 0..4),
        sizes in sizes(),
        bad in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let (mut wire, _) = encode(&sent, None);
        if !wire.is_empty() {
            let at = bad.index(wire.len());
            wire[at] = value;
        }
        let expected = decoded(Role::Client, NO_LIMITS, chunks(&wire, &sizes));
        let mut driver = Driver::new(Role::Client, NO_LIMITS);
        for chunk in chunks(&wire, &sizes) {
            driver.read_all(chunk);
        }
        prop_assert!(driver.seen == expected);
    }

    #[test]
    fn garbage_is_judged_alike_in_every_cut(bytes in garbage(), sizes in sizes(), limits in limits(), server in any::<bool>()) {
        let role = if server { Role::Server } else { Role::Client };
        decoded(role, limits, chunks(&bytes, &sizes));

        // Without a limit on chunks the cuts must not matter, but for text that is bad before its frame
        // fails otherwise.
        let limits = Limits { max_buffered_chunks: 0, skip_utf8_validation: true, ..limits };
        let whole = decoded(role, limits, [&bytes[..]]);
        prop_assert_eq!(&decoded(role, limits, chunks(&bytes, &sizes)), &whole);
        prop_assert_eq!(&decoded(role, limits, bytes.chunks(1)), &whole);
        let ends = whole.iter().filter(|seen| matches!(seen, Seen::Close(..) | Seen::Error(..))).count();
        prop_assert!(ends <= 1);
    }
}
