//! What a decoder holds: nothing when idle, and never more than the bytes that came justify.

mod support;

use support::{Driver, NO_LIMITS, Seen};
use ws_native::protocol::{Decoder, Error, Event, Limits, Payload, Role, encoder};

fn header(len: usize) -> Vec<u8> {
    let mut out = Vec::new();
    encoder::header(&mut out, 2, true, false, None, len);
    out
}

#[test]
fn an_idle_decoder_is_small() {
    assert!(size_of::<Decoder>() <= 128, "{}", size_of::<Decoder>());
    assert!(size_of::<Event>() <= 48, "{}", size_of::<Event>());
}

#[test]
fn what_is_whole_in_the_chunk_is_not_copied() {
    let mut chunk = Vec::new();
    for (opcode, payload) in [(1, &b"one"[..]), (9, b"ping"), (2, b""), (10, b""), (8, b"\x03\xe8bye")] {
        encoder::frame(&mut chunk, opcode, true, false, Some([1, 2, 3, 4]), payload);
    }
    let mut events = Vec::new();
    Decoder::new(Role::Server, NO_LIMITS).decode(&mut chunk, &mut events);
    assert_eq!(events.len(), 5);
    for event in &events {
        let (payload, expected) = match event {
            Event::Message { payload, binary: false, .. } => (payload, &b"one"[..]),
            Event::Message { payload, .. } | Event::Pong(payload) => (payload, &b""[..]),
            Event::Ping(payload) => (payload, &b"ping"[..]),
            Event::Close { reason, .. } => (reason, &b"bye"[..]),
            Event::Error { .. } => panic!("{event:?}"),
        };
        let Payload::Chunk(range) = payload else { panic!("{event:?}") };
        assert_eq!(&chunk[range.clone()], expected);
        assert_eq!(payload.len(), expected.len());
        assert_eq!(payload.is_empty(), expected.is_empty());
    }
}

#[test]
fn twenty_thousand_empty_messages_in_one_chunk() {
    let mut chunk = [0x82, 0x80, 0, 0, 0, 0].repeat(20_000);
    let mut events = Vec::new();
    Decoder::new(Role::Server, NO_LIMITS).decode(&mut chunk, &mut events);
    assert_eq!(events.len(), 20_000);
    assert!(events.iter().all(|event| matches!(event, Event::Message { payload, .. } if payload.is_empty())));
}

#[test]
fn an_announcement_allocates_nothing() {
    let mut driver = Driver::new(Role::Client, NO_LIMITS);
    driver.chunk(&header(100 << 20));
    driver.chunk(&[0; 10]);
    let capacity = driver.decoder.body().expect("a large rest").capacity();
    assert!((11..=64 * 1024).contains(&capacity), "{capacity}");
}

#[test]
fn a_body_grows_with_what_came_and_ends_with_the_frame() {
    const LEN: usize = 3_000_000;
    let mut driver = Driver::new(Role::Client, NO_LIMITS);
    driver.chunk(&header(LEN));
    let mut came = 0;
    while let Some(body) = driver.decoder.body() {
        assert_eq!(body.len(), came);
        assert!(body.capacity() > came, "there is room");
        assert!(body.capacity() <= (4 * came + 64 * 1024).min(LEN), "{} after {came}", body.capacity());
        came += driver.read(&[7; 29_999]);
    }
    assert!(LEN - came < 16 * 1024, "a small rest is read as any chunk");
    driver.chunk(&vec![7; LEN - came]);
    assert!(driver.seen == [Seen::Message { data: vec![7; LEN], binary: true, fragments: None }]);
}

#[test]
fn there_is_no_body_but_in_a_large_data_frame() {
    let mut driver = Driver::new(Role::Client, NO_LIMITS);
    assert!(driver.decoder.body().is_none());
    for (bytes, body) in [
        (&[0x82][..], false),
        (&[0x7e, 0x40], false),
        (&[0x01], true),
        (&[0], true),
        (&[0], false),
        (&[0; 0x3fff], false),
        (&[0x89, 0x05, 1], false),
    ] {
        driver.chunk(bytes);
        assert_eq!(driver.decoder.body().is_some(), body, "after {bytes:x?}");
    }
}

#[test]
fn what_lies_behind_the_frame_comes_back() {
    // The buffer of a fragmented message may have more room than the frame needs.
    let mut driver = Driver::new(Role::Client, NO_LIMITS);
    let mut out = Vec::new();
    encoder::frame(&mut out, 2, false, false, None, &[1; 100_000]);
    encoder::header(&mut out, 0, true, false, None, 20_000);
    driver.chunk(&out);

    let body = driver.decoder.body().expect("a large rest");
    assert_eq!(body.len(), 100_000);
    body.extend_from_slice(&[2; 20_000]);
    body.extend_from_slice(&[0x81, 1, b'a', 0x89]);
    let mut events = Vec::new();
    let mut behind = driver.decoder.body_filled(&mut events).expect("four bytes");
    assert_eq!(behind, [0x81, 1, b'a', 0x89]);
    let Some(Event::Message { payload: Payload::Owned(data), binary: true, fragments }) = events.pop() else {
        panic!("a message");
    };
    assert_eq!(data.len(), 120_000);
    assert_eq!(data[99_999..100_001], [1, 2]);
    assert_eq!(fragments.as_deref(), Some(&[100_000, 20_000][..]));

    driver.decoder.decode(&mut behind, &mut events);
    assert_eq!(events.len(), 1);
    driver.chunk(&[0]);
    assert_eq!(driver.seen, [Seen::Ping(Vec::new())]);
}

#[test]
fn a_body_counts_chunks_too() {
    let limits = Limits { max_buffered_chunks: 3, ..NO_LIMITS };
    let mut driver = Driver::new(Role::Client, limits);
    driver.chunk(&header(100_000));
    for _ in 0..3 {
        assert_eq!(driver.read(&[1]), 1);
        assert_eq!(driver.seen, []);
    }
    driver.read(&[1]);
    assert_eq!(driver.seen, [Seen::Error(Error::TooManyChunks, 0)]);
    assert!(driver.decoder.body().is_none());
    assert!(driver.decoder.is_finished());

    let mut driver = Driver::new(Role::Client, limits);
    for _ in 0..5 {
        driver.chunk(&header(40_000));
        driver.read_all(&[1; 20_000]);
        driver.read_all(&[1; 20_000]);
    }
    assert_eq!(driver.seen.len(), 5);
    assert!(driver.seen.iter().all(|seen| matches!(seen, Seen::Message { .. })));
}

#[test]
fn a_body_that_got_nothing_changes_nothing() {
    let mut driver = Driver::new(Role::Client, NO_LIMITS);
    let mut events = Vec::new();
    assert_eq!(driver.decoder.body_filled(&mut events), None);
    driver.chunk(&header(20_000));
    assert!(driver.decoder.body().is_some());
    assert_eq!(driver.decoder.body_filled(&mut events), None);
    assert_eq!(events, []);
    // The bytes may as well come the other way.
    driver.chunk(&[5; 20_000]);
    assert_eq!(driver.seen.len(), 1);
}

#[test]
fn limits_can_change_between_messages() {
    let mut driver = Driver::new(Role::Client, NO_LIMITS);
    driver.chunk(&[0x82, 2, 1, 2]);
    driver.decoder.limits_mut().max_payload = 1;
    driver.chunk(&[0x82, 2]);
    assert_eq!(driver.seen.pop(), Some(Seen::Error(Error::MessageTooBig, 0)));
}
