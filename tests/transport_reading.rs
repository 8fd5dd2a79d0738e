//! What comes in: every message once and in order, whoever pauses, blocks or floods; and how the end
//! is told.

#![cfg(unix)]

mod transport_support;

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use transport_support::*;
use ws_native::protocol::{Decoder, Role, encoder};
use ws_native::transport::adopt;
use ws_native::transport::connection::Writer;
use ws_native::transport::sink::{EventSink, Report};

#[test]
fn nothing_is_read_before_the_start() {
    let notes = Notes::new();
    let (ours, mut peer) = unix_pair();
    let connection = adopt_paused(1, ours, &notes);
    connection.decode_early(&mut masked(b"head"));
    send_masked(&mut peer, b"body");
    assert_eq!(notes.messages(1), [b"head"]);
    connection.start();
    notes.wait_messages(1, 2);
    assert_eq!(notes.messages(1), [b"head", b"body"]);
    connection.close();
}

#[test]
fn a_frame_that_comes_byte_by_byte_is_one_message() {
    let notes = Notes::new();
    let (ours, mut peer) = unix_pair();
    let connection = serve(1, ours, &notes);
    let frame = masked(b"in many pieces");
    for (index, byte) in frame.iter().enumerate() {
        peer.write_all(&[*byte]).unwrap();
        // Each byte has been read before the next is written.
        while connection.received() < index as u64 + 1 {
            std::thread::yield_now();
        }
    }
    notes.wait_messages(1, 1);
    assert_eq!(notes.messages(1), [b"in many pieces"]);
    connection.close();
}

#[test]
fn messages_of_every_size_keep_their_order() {
    let notes = Notes::new();
    let (ours, mut peer) = tcp_pair();
    let connection = serve(1, ours, &notes);
    let mut numbers = Numbers(7);
    let sizes: Vec<usize> = (0..300)
        .map(|_| match numbers.below(20) {
            0 => 60_000 + numbers.below(300_000),
            1..5 => 4_000 + numbers.below(30_000),
            _ => numbers.below(200),
        })
        .collect();
    let writer = std::thread::spawn({
        let sizes = sizes.clone();
        move || {
            let mut bytes = Vec::new();
            for size in &sizes {
                bytes.extend(masked(&stream(*size, *size)));
            }
            // Cut anywhere, so that frames and reads have nothing to do with each other.
            let (mut at, mut numbers) = (0, Numbers(9));
            while at < bytes.len() {
                let end = bytes.len().min(at + 1 + numbers.below(50_000));
                peer.write_all(&bytes[at..end]).unwrap();
                at = end;
            }
            peer
        }
    });
    notes.wait_messages(1, sizes.len());
    for (size, message) in sizes.iter().zip(notes.messages(1)) {
        assert!(message == stream(*size, *size), "a message of {size} bytes");
    }
    drop(writer.join().unwrap());
    notes.wait_report(1, "the end", |report| report == Report::Eof);
    connection.close();
}

#[test]
fn a_blocked_connection_fills_its_peers_window_and_loses_nothing() {
    const COUNT: usize = 3000;
    let notes = Notes::new();
    notes.block_after.store(10, Ordering::SeqCst);
    let (ours, mut peer) = unix_pair();
    let connection = serve(1, ours, &notes);
    let done = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let done = Arc::clone(&done);
        move || {
            for index in 0..COUNT {
                send_masked(&mut peer, &stream(index, 1000));
            }
            done.store(true, Ordering::SeqCst);
            peer
        }
    });
    notes.wait_messages(1, 10);
    let most = notes.messages(1).len();
    assert!(most < 10 + 70, "one chunk past the bound at most, not {most}");
    assert!(!done.load(Ordering::SeqCst), "the peer is held up");
    let mut seen = 0;
    while seen < COUNT {
        connection.share().store(0, Ordering::SeqCst);
        connection.unblock();
        notes.wait_messages(1, (seen + 1).min(COUNT));
        seen = notes.messages(1).len();
    }
    for (index, message) in notes.messages(1).iter().enumerate() {
        assert!(*message == stream(index, 1000), "message {index}");
    }
    drop(writer.join().unwrap());
    connection.close();
}

/// A pause that comes while the task is about to read must not cost it the readiness that it has
/// seen: the bytes are there, and no further edge announces them.
#[test]
fn a_pause_does_not_lose_what_is_in_the_socket() {
    const ROUNDS: usize = 60_000;
    let notes = Notes::new();
    let (ours, mut peer) = unix_pair();
    let connection = serve(1, ours, &notes);
    let stop = Arc::new(AtomicBool::new(false));
    let toggling = std::thread::spawn({
        let (connection, stop) = (Arc::clone(&connection), Arc::clone(&stop));
        move || {
            while !stop.load(Ordering::Relaxed) {
                connection.pause();
                connection.start();
            }
        }
    });
    let mut lost = None;
    for round in 0..ROUNDS {
        send_masked(&mut peer, b"?");
        let came = notes.wait_for(Duration::from_secs(3), |told| (told.len() > round).then_some(()));
        if came.is_err() {
            lost = Some(round);
            break;
        }
    }
    stop.store(true, Ordering::Relaxed);
    toggling.join().unwrap();
    connection.start();
    assert_eq!(lost, None, "the round in which a message stayed in the socket");
    connection.close();
}

#[test]
fn a_flood_does_not_starve_others() {
    const FLOODERS: u32 = 6;
    let notes = Notes::new();
    let stop = Arc::new(AtomicBool::new(false));
    let mut flooding = Vec::new();
    let mut connections = Vec::new();
    for id in 1..=FLOODERS {
        let (ours, mut peer) = unix_pair();
        connections.push(serve(id, ours, &notes));
        let stop = Arc::clone(&stop);
        flooding.push(std::thread::spawn(move || {
            let frames = masked(&[0; 16 * 1024]).repeat(8);
            while !stop.load(Ordering::Relaxed) {
                peer.write_all(&frames).unwrap();
            }
        }));
    }
    for id in 1..=FLOODERS {
        notes.wait_messages(id, 1);
    }
    let (ours, mut peer) = unix_pair();
    connections.push(serve(0, ours, &notes));
    for round in 1..=20 {
        let before: u64 = connections.iter().map(|connection| connection.received()).sum();
        send_masked(&mut peer, b"please");
        notes.wait_messages(0, round);
        let between = connections.iter().map(|connection| connection.received()).sum::<u64>() - before;
        // Everybody's turn a few times over, and the time slices of a busy machine.
        assert!(between < 256 << 20, "{between} bytes of others came before one short message");
    }
    stop.store(true, Ordering::Relaxed);
    flooding.into_iter().for_each(|thread| thread.join().unwrap());
    connections.iter().for_each(|connection| connection.close());
}

#[test]
fn the_end_is_told_behind_the_last_message() {
    let notes = Notes::new();
    let (ours, mut peer) = unix_pair();
    let connection = serve(1, ours, &notes);
    send_masked(&mut peer, b"last words");
    drop(peer);
    let told = notes.wait("the end", |told| (told.len() == 2).then(|| told.to_vec()));
    assert_eq!(told[0].1, Told::Message(b"last words".to_vec()));
    assert_eq!(told[1].1, Told::Report(Report::Eof));
    connection.close();
}

#[test]
fn an_end_that_came_during_a_pause_is_told_after_it() {
    let notes = Notes::new();
    let (ours, mut peer) = tcp_pair();
    let connection = serve(1, ours, &notes);
    send_masked(&mut peer, b"first");
    notes.wait_messages(1, 1);
    connection.pause();
    send_masked(&mut peer, b"second");
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    connection.start();
    notes.wait_report(1, "the end", |report| report == Report::Eof);
    assert_eq!(notes.messages(1), [&b"first"[..], b"second"]);
    // The other direction is still open.
    enqueue(&connection, false, b"answer");
    connection.flush(Writer::Caller);
    let mut answer = [0; 6];
    peer.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"answer");
    connection.close();
}

#[test]
fn a_reset_is_told_with_its_number() {
    let notes = Notes::new();
    let (ours, peer) = tcp_pair();
    let connection = serve(1, ours, &notes);
    rustix::net::sockopt::set_socket_linger(&peer, Some(Duration::ZERO)).unwrap();
    drop(peer);
    let report = notes.wait_report(1, "the reset", |report| matches!(report, Report::ReadFailed(_)));
    assert_eq!(report, Report::ReadFailed(rustix::io::Errno::CONNRESET.raw_os_error()));
    connection.close();
}

#[test]
fn a_release_in_mid_frame_goes_on_at_the_very_byte() {
    let mut numbers = Numbers(11);
    for round in 0..200 {
        let notes = Notes::new();
        let (ours, mut peer) = unix_pair();
        let kept = adopt::duplicate(ours.as_fd()).unwrap();
        let connection = serve(1, ours, &notes);
        let mut bytes = Vec::new();
        for index in 0..40 {
            bytes.extend(masked(&stream(index, numbers.below(3000))));
        }
        // Some rounds release while an I/O thread reads, others when it has read a part.
        let half = 1 + numbers.below(bytes.len() - 1);
        peer.write_all(&bytes[..half]).unwrap();
        if round % 2 == 0 {
            while connection.received() < half as u64 {
                std::thread::yield_now();
            }
        }
        let (mut decoder, queue) = connection.release();
        let before = notes.len();
        assert_eq!(queue.buffered(), 0);
        peer.write_all(&bytes[half..]).unwrap();
        drop(peer);

        let mut rest = Vec::new();
        let mut socket = std::os::unix::net::UnixStream::from(kept);
        socket.set_nonblocking(false).unwrap();
        socket.read_to_end(&mut rest).unwrap();
        assert_eq!(connection.received() as usize + rest.len(), bytes.len(), "round {round}");
        let mut events = Vec::new();
        decoder.decode(&mut rest, &mut events);
        assert_eq!(before + events.len(), 40, "round {round}");
        assert_eq!(notes.len(), before, "nothing is told behind a release");
    }
}

#[test]
fn a_release_in_a_large_frame_keeps_what_had_come_of_it() {
    let notes = Notes::new();
    let (ours, mut peer) = unix_pair();
    let connection = serve(1, ours, &notes);
    let frame = masked(&stream(0, 500_000));
    peer.write_all(&frame[..100_000]).unwrap();
    while connection.received() < 100_000 {
        std::thread::yield_now();
    }
    let (mut decoder, _) = connection.release();
    let mut events = Vec::new();
    decoder.decode(&mut frame[100_000..].to_vec(), &mut events);
    let [ws_native::protocol::Event::Message { payload, .. }] = &events[..] else { panic!("{events:?}") };
    assert!(payload.bytes(&[]) == stream(0, 500_000));
}

#[test]
fn descriptors_go_with_their_connections() {
    let notes = Notes::new();
    let open = || std::fs::read_dir("/dev/fd").unwrap().count();
    // The runtime's own descriptors come with the first connection.
    let (ours, _peer) = unix_pair();
    serve(0, ours, &notes).close();
    let mut peers = Vec::new();
    for id in 1..=50 {
        let (ours, peer) = unix_pair();
        let connection = serve(id, ours, &notes);
        if id % 2 == 0 {
            connection.close();
        } else {
            connection.release();
        }
        peers.push(peer);
    }
    // The peer sees the end when the last copy of our descriptor is gone.
    for mut peer in peers {
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    }
    assert!(open() < 50 + 20);
}

#[tokio::test(flavor = "current_thread")]
async fn tungstenite_gets_its_echo() {
    use futures_util::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::{Message, protocol};

    struct Echo;
    impl EventSink for Echo {
        fn publish(
            &self,
            connection: &Arc<ws_native::transport::connection::Connection>,
            chunk: &[u8],
            events: &mut Vec<ws_native::protocol::Event>,
        ) {
            for event in events.drain(..) {
                if let ws_native::protocol::Event::Message { payload, binary, .. } = event {
                    let opcode = if binary { 2 } else { 1 };
                    connection.enqueue(false, |pending| {
                        let before = pending.tail().len();
                        encoder::frame(pending.tail(), opcode, true, false, None, payload.bytes(chunk));
                        pending.tail().len() - before
                    });
                }
            }
            connection.flush(Writer::IoThread);
        }

        fn report(&self, _: &ws_native::transport::connection::Connection, _: Report) {}
    }

    let (ours, peer) = unix_pair();
    peer.set_nonblocking(true).unwrap();
    let connection = adopt::adopt(1, ours, Decoder::new(Role::Server, LIMITS), None, Arc::new(Echo)).unwrap();
    connection.start();
    let peer = tokio::net::UnixStream::from_std(peer).unwrap();
    let socket =
        tokio_tungstenite::WebSocketStream::from_raw_socket(peer, protocol::Role::Client, None).await;
    let (mut sending, mut receiving) = socket.split();
    let all: Vec<Message> = (0..200usize)
        .map(|index| match index % 3 {
            0 => Message::text(format!("text {index}")),
            1 => Message::binary(stream(index, index * 400)),
            _ => Message::binary(Vec::new()),
        })
        .collect();
    let sent = all.clone();
    let conversation = async {
        let send = async {
            for message in sent {
                sending.feed(message).await.unwrap();
            }
            sending.flush().await.unwrap();
        };
        let receive = async {
            for message in &all {
                assert_eq!(receiving.next().await.unwrap().unwrap(), *message);
            }
        };
        tokio::join!(send, receive);
    };
    tokio::time::timeout(PATIENCE, conversation).await.unwrap();
    connection.close();
}
