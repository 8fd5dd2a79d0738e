//! What compressed messages cost that are not complete, or that are more than they seem.

#![cfg(target_os = "linux")]

mod support;

use support::{Driver, NO_LIMITS, Seen};
use ws_native::protocol::deflate::{Compression, Compressor, Decompression};
use ws_native::protocol::{Decoder, Error, Event, Limits, Role, encoder};

const KIB: usize = 1024;

/// A line of `/proc/self/status`, in bytes.
fn status(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let line = status.lines().find(|line| line.starts_with(name)).expect("a line");
    let number = line.split_whitespace().nth(1).expect("a number");
    number.parse::<usize>().expect("a number") * KIB
}

fn decoder(limits: Limits) -> Decoder {
    let deflate = Decompression { window_bits: 15, takeover: true };
    Decoder::with_deflate(Role::Client, limits, Some(deflate))
}

fn frame(payload: &[u8], fin: bool, first: bool) -> Vec<u8> {
    let mut wire = Vec::new();
    encoder::frame(&mut wire, if first { 2 } else { 0 }, fin, first, None, payload);
    wire
}

/// 48 MiB in a twentieth of one.
fn bomb() -> Vec<u8> {
    let mut compressor = Compressor::new(Compression { level: 1, ..Compression::default() });
    let (plain, mut out) = (vec![0; 1024 * KIB], Vec::new());
    for _ in 0..48 {
        compressor.compress(&plain, false, &mut out);
    }
    out
}

/// One after the other, since they look at the memory of the process.
#[test]
fn memory_is_bounded_by_what_came_and_what_is_allowed() {
    a_bomb_costs_what_is_allowed_and_a_chunk();
    decoders_that_stall_cost_little();
}

fn a_bomb_costs_what_is_allowed_and_a_chunk() {
    let payload = bomb();
    assert!(payload.len() < 512 * KIB, "{}", payload.len());
    for max_payload in [1024 * KIB, 4096 * KIB] {
        let limits = Limits { max_payload: max_payload as u64, ..NO_LIMITS };
        // Whole, and as a fragment; the end is never reached, and so does not matter.
        for wire in [frame(&payload, true, true), frame(&payload, false, true)] {
            let mut driver = Driver::new(Role::Client, limits);
            driver.decoder = decoder(limits);
            let before = status("VmHWM").max(status("VmRSS"));
            driver.read_all(&wire);
            assert!(matches!(driver.seen[..], [Seen::Error(Error::MessageTooBig, _)]), "{:?}", driver.seen);
            let grown = status("VmHWM").saturating_sub(before);
            // What came is copied once or twice, and a vector that grows is two for a moment.
            assert!(grown <= 2 * max_payload + 4 * wire.len(), "{grown} of {max_payload}");
        }
    }
}

fn decoders_that_stall_cost_little() {
    const COUNT: usize = 1000;
    let mut compressor = Compressor::new(Compression { takeover: false, ..Compression::default() });
    let (mut half, mut whole) = (Vec::new(), Vec::new());
    let text: Vec<u8> = (0..200_000_u32).map(|at| ((at / 3 * 7) >> 5) as u8).collect();
    compressor.compress(&text, false, &mut half);
    compressor.compress(&text[..100 * KIB], true, &mut whole);
    let (half, whole) = (frame(&half, false, true), frame(&whole, true, true));
    let cut = half[..half.len() / 2].to_vec();

    // Kept, so that the next ones find no memory that has been used before.
    let mut kept = Vec::new();
    for (what, chunks, most) in [
        ("half of a frame", vec![&cut], 64 * KIB),
        ("the first of two fragments", vec![&half], 64 * KIB),
        // The window is what a peer may refer to; a context would hold it as well.
        ("the same, and a window", vec![&whole, &half], 64 * KIB + 32 * KIB),
    ] {
        let before = status("VmRSS");
        let stalled: Vec<Decoder> = (0..COUNT)
            .map(|_| {
                let (mut decoder, mut events) = (decoder(NO_LIMITS), Vec::new());
                for chunk in &chunks {
                    decoder.decode(&mut chunk.to_vec(), &mut events);
                }
                assert!(events.iter().all(|event| matches!(event, Event::Message { .. })), "{events:?}");
                decoder
            })
            .collect();
        let each = status("VmRSS").saturating_sub(before) / stalled.len();
        let sent: usize = chunks.iter().map(|chunk| chunk.len()).sum();
        assert!(each <= most + sent, "{what}: {each} bytes each, {sent} sent");
        kept.push(stalled);
    }
}
