//! permessage-deflate: what is compressed comes out as it went in, whatever the parameters, the
//! fragmentation and the chunks; what does not inflate, or to too much, is refused.

mod support;

use proptest::{collection::vec, prelude::*};
use support::{Driver, NO_LIMITS, Seen};
use ws_native::protocol::deflate::{Compression, Compressor, Decompression, compress_alone};
use ws_native::protocol::{Decoder, Error, Limits, Role, encoder};

const TAKEOVER: Decompression = Decompression { window_bits: 15, takeover: true };

fn driver(limits: Limits, deflate: Decompression) -> Driver {
    let mut driver = Driver::new(Role::Client, limits);
    driver.decoder = Decoder::with_deflate(Role::Client, limits, Some(deflate));
    driver
}

fn message(payload: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    encoder::frame(&mut wire, 2, true, true, None, payload);
    wire
}

fn compressed(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    compress_alone(Compression::default(), plain, true, &mut out);
    out
}

#[derive(Clone, Debug)]
struct Sent {
    pieces: Vec<Vec<u8>>,
    compress: bool,
    alone: bool,
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        1 => Just(Vec::new()),
        4 => vec(0u8..4, 0..300),
        2 => vec(any::<u8>(), 0..300),
        1 => (1000usize..70_000, any::<u8>()).prop_map(|(length, seed)| {
            (0..length).map(|at| (at / 7) as u8 ^ seed).collect()
        }),
    ]
}

fn sent() -> impl Strategy<Value = Sent> {
    (vec(piece(), 1..4), proptest::bool::weighted(0.8), any::<bool>())
        .prop_map(|(pieces, compress, alone)| Sent { pieces, compress, alone })
}

fn options() -> impl Strategy<Value = Compression> {
    (0u8..=9, 1u8..=9, 0u8..=4, 8u8..=15, any::<bool>()).prop_map(
        |(level, mem_level, strategy, window_bits, takeover)| Compression {
            level,
            mem_level: if level % 2 == 0 { 8 } else { mem_level },
            strategy: if level % 2 == 0 { 0 } else { strategy },
            window_bits,
            takeover,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn everything_comes_out_as_it_went_in(
        options in options(),
        messages in vec(sent(), 1..8),
        cuts in vec(1usize..5000, 1..40),
    ) {
        let mut compressor = Compressor::new(options);
        let (mut wire, mut expected) = (Vec::new(), Vec::new());
        for Sent { pieces, compress, alone } in &messages {
            for (index, piece) in pieces.iter().enumerate() {
                let fin = index + 1 == pieces.len();
                let opcode = if index == 0 { 2 } else { 0 };
                let mut payload = Vec::new();
                if !compress {
                    payload.extend_from_slice(piece);
                } else if *alone {
                    compress_alone(options, piece, fin, &mut payload);
                    compressor.remember(piece);
                } else {
                    compressor.compress(piece, fin, &mut payload);
                }
                encoder::frame(&mut wire, opcode, fin, *compress && index == 0, None, &payload);
            }
            expected.push(pieces.concat());
        }
        let deflate = Decompression { window_bits: options.window_bits, takeover: options.takeover };
        let mut driver = driver(NO_LIMITS, deflate);
        let (mut rest, mut cuts) = (&wire[..], cuts.iter().cycle());
        while !rest.is_empty() {
            let (chunk, behind) = rest.split_at((*cuts.next().expect("a cycle")).min(rest.len()));
            driver.chunk(chunk);
            rest = behind;
        }
        let seen: Vec<Vec<u8>> = driver.seen.iter().map(|seen| match seen {
            Seen::Message { data, .. } => data.clone(),
            other => panic!("{other:?}"),
        }).collect();
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn no_bytes_make_it_panic(payloads in vec(vec(any::<u8>(), 0..200), 1..6)) {
        let mut driver = driver(Limits { max_payload: 10_000, ..NO_LIMITS }, TAKEOVER);
        for payload in &payloads {
            driver.chunk(&message(payload));
        }
    }
}

#[test]
fn reads_the_examples_of_the_rfc() {
    // RFC 7692 7.2.3
    let examples: [&[u8]; 6] = [
        &[0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
        &[0x41, 0x03, 0xf2, 0x48, 0xcd, 0x80, 0x04, 0xc9, 0xc9, 0x07, 0x00],
        &[0xc1, 0x05, 0xf2, 0x00, 0x11, 0x00, 0x00],
        &[0xc1, 0x0b, 0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
        &[0xc1, 0x08, 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        &[0xc1, 0x0d, 0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
    ];
    let mut driver = driver(NO_LIMITS, TAKEOVER);
    for example in examples {
        driver.chunk(example);
    }
    assert_eq!(driver.seen.len(), examples.len());
    for seen in &driver.seen {
        assert!(matches!(seen, Seen::Message { data, .. } if data == b"Hello"), "{seen:?}");
    }
}

#[test]
fn an_empty_message_is_one_byte() {
    assert_eq!(compressed(b""), [0]);
}

#[test]
fn what_refers_to_nothing_has_no_history_to_refer_to() {
    // The third example above, without the first.
    let mut driver = driver(NO_LIMITS, TAKEOVER);
    driver.chunk(&[0xc1, 0x05, 0xf2, 0x00, 0x11, 0x00, 0x00]);
    assert!(matches!(driver.seen[..], [Seen::Error(Error::BadData, 11)]), "{:?}", driver.seen);
}

#[test]
fn a_plain_message_is_nothing_to_refer_to() {
    let mut driver = driver(NO_LIMITS, TAKEOVER);
    driver.chunk(b"\x81\x05Hello");
    driver.chunk(&[0xc1, 0x05, 0xf2, 0x00, 0x11, 0x00, 0x00]);
    assert!(matches!(driver.seen[1..], [Seen::Error(Error::BadData, 11)]), "{:?}", driver.seen);
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let bomb = message(&compressed(&vec![0; 64 << 20]));
    let limits = Limits { max_payload: 1 << 20, ..NO_LIMITS };
    let mut driver = driver(limits, TAKEOVER);
    driver.chunk(&bomb);
    assert!(matches!(driver.seen[..], [Seen::Error(Error::MessageTooBig, _)]));
}

#[test]
fn a_bomb_in_fragments_stops_at_the_fragment_that_goes_too_far() {
    let mut compressor = Compressor::new(Compression::default());
    let limits = Limits { max_payload: 2_500_000, ..NO_LIMITS };
    let mut driver = driver(limits, TAKEOVER);
    for index in 0..3 {
        let (mut payload, mut wire) = (Vec::new(), Vec::new());
        compressor.compress(&vec![7; 1_000_000], false, &mut payload);
        encoder::frame(&mut wire, if index == 0 { 2 } else { 0 }, false, index == 0, None, &payload);
        assert!(driver.seen.is_empty());
        driver.chunk(&wire);
    }
    assert!(matches!(driver.seen[..], [Seen::Error(Error::MessageTooBig, _)]));
}

#[test]
fn a_message_of_exactly_the_limit_is_allowed() {
    for (length, allowed) in [(100_000, true), (100_001, false)] {
        let mut driver = driver(Limits { max_payload: 100_000, ..NO_LIMITS }, TAKEOVER);
        driver.chunk(&message(&compressed(&vec![3; length])));
        assert_eq!(matches!(driver.seen[..], [Seen::Message { .. }]), allowed);
    }
}

#[test]
fn rsv1_is_refused_without_the_extension_and_behind_the_first_frame() {
    let mut plain = Driver::new(Role::Client, NO_LIMITS);
    plain.chunk(&message(&compressed(b"abc")));
    assert!(matches!(plain.seen[..], [Seen::Error(Error::UnexpectedRsv1, 0)]));

    let mut second = driver(NO_LIMITS, TAKEOVER);
    second.chunk(b"\x01\x01a");
    second.chunk(b"\xc0\x01a");
    assert!(matches!(second.seen[..], [Seen::Error(Error::UnexpectedRsv1, 0)]));
}

/// A message in fragments, the first of which is marked as compressed.
fn fragments(payloads: &[&[u8]]) -> Vec<u8> {
    let mut wire = Vec::new();
    for (index, payload) in payloads.iter().enumerate() {
        let (first, fin) = (index == 0, index + 1 == payloads.len());
        encoder::frame(&mut wire, if first { 2 } else { 0 }, fin, first, None, payload);
    }
    wire
}

#[test]
fn a_chunk_is_heavy_when_something_large_becomes_complete_with_it() {
    let (large, small) = (vec![0; 70_000], vec![0; 40_000]);
    let mut plain = Vec::new();
    encoder::frame(&mut plain, 2, true, false, None, &large);
    let decoder = driver(NO_LIMITS, TAKEOVER).decoder;
    // With and without the last byte.
    for (wire, whole, cut) in [
        (message(&large), true, false),
        (message(&small), false, false),
        (plain.clone(), false, false),
        ([&plain[..], &message(&large)].concat(), true, false),
        ([message(&small), message(&small)].concat(), false, false),
        ([&[0x89, 0][..], &message(&large)].concat(), true, false),
        ([&message(&large)[..], &[0xff; 9]].concat(), true, true),
        ([&[0xff; 9][..], &message(&large)].concat(), false, false),
        (fragments(&[&small, &small]), true, false),
        (fragments(&[&large, &small]), true, true),
        (fragments(&[&[], &large]), true, false),
    ] {
        assert_eq!(decoder.is_heavy_with(&wire), whole, "{:?}", &wire[..8]);
        assert_eq!(decoder.is_heavy_with(&wire[..wire.len() - 1]), cut, "{:?}", &wire[..8]);
        assert!(!Decoder::new(Role::Client, NO_LIMITS).is_heavy_with(&wire));
    }
}

#[test]
fn heavy_is_what_has_begun_before() {
    let mut state = 1_u32;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    let payload = compressed(&(0..100_000).map(|_| noise()).collect::<Vec<_>>());
    assert!(payload.len() > 70_000);
    let (head, tail) = payload.split_at(payload.len() - 10);
    for wire in [message(&payload), fragments(&[head, tail])] {
        let mut driver = driver(NO_LIMITS, TAKEOVER);
        let mut heavy = Vec::new();
        for (index, chunk) in wire.chunks(4096).enumerate() {
            if driver.decoder.is_heavy_with(chunk) {
                heavy.push(index);
            }
            driver.chunk(chunk);
        }
        let last = wire.len().div_ceil(4096) - 1;
        assert_eq!(heavy.last(), Some(&last));
        // The fragment may become complete a chunk before the message does.
        assert!(heavy.len() == 1 || heavy == [last - 1, last], "{heavy:?}");
        assert_eq!(driver.seen.len(), 1);
    }
    // A header that comes byte by byte, behind something large.
    let wire = fragments(&[head, tail]);
    let mut driver = driver(NO_LIMITS, TAKEOVER);
    for byte in &wire {
        let heavy = driver.decoder.is_heavy_with(&[*byte]);
        driver.chunk(&[*byte]);
        assert!(heavy || driver.seen.is_empty());
    }
    assert_eq!(driver.seen.len(), 1);
}
