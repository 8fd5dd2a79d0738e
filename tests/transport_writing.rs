//! What goes out: every byte once and in order, whoever writes; acknowledgements; the end.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a helper of tests is one")]

mod transport_support;

use std::io::Read;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use transport_support::*;
use ws_native::transport::adopt;
use ws_native::transport::connection::{Connection, Flushed, Writer};
use ws_native::transport::outbox::Outbox;
use ws_native::transport::sink::Report;
use ws_native::transport::write_queue::Appended;

/// Reads `count` bytes of the stream in unlike pieces and compares them.
fn read_stream(peer: &mut impl Read, count: usize) {
    let mut numbers = Numbers(3);
    let mut buffer = vec![0; 40_000];
    let mut at = 0;
    while at < count {
        let most = 1 + numbers.below(buffer.len().min(count - at));
        let read = peer.read(&mut buffer[..most]).unwrap();
        assert!(read > 0, "the stream ended at {at} of {count}");
        assert!(buffer[..read] == stream(at, read), "wrong bytes between {at} and {}", at + read);
        at += read;
    }
}

/// Queues the next piece of the stream as a small frame or as a segment.
fn enqueue_next(connection: &Connection, numbers: &mut Numbers, at: &mut usize, acknowledge: bool) -> bool {
    let size = if numbers.below(10) == 0 { 16_384 + numbers.below(90_000) } else { 1 + numbers.below(900) };
    let bytes = stream(*at, size);
    *at += size;
    if size >= 16_384 {
        connection.enqueue_segment(acknowledge, Bytes::from(bytes))
    } else {
        enqueue(connection, acknowledge, &bytes)
    }
}

#[test]
fn order_survives_partial_writes_and_three_writers() {
    let notes = Notes::new();
    let (ours, mut peer) = tcp_pair();
    let connection = serve(1, ours, &notes);
    let (acked, done) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = [Writer::Caller, Writer::IoThread, Writer::IoThread]
        .into_iter()
        .map(|writer| {
            let (connection, acked, done) = (Arc::clone(&connection), Arc::clone(&acked), Arc::clone(&done));
            std::thread::spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    acked.fetch_add(connection.flush(writer), Ordering::SeqCst);
                    std::thread::yield_now();
                }
            })
        })
        .collect();
    let mut numbers = Numbers(5);
    let (mut at, mut asked) = (0, 0);
    let (size, sizes) = std::sync::mpsc::channel();
    let reading = std::thread::spawn(move || {
        read_stream(&mut peer, sizes.recv().unwrap());
        peer
    });
    for _ in 0..250 {
        let acknowledge = numbers.below(3) == 0;
        asked += u32::from(acknowledge);
        enqueue_next(&connection, &mut numbers, &mut at, acknowledge);
    }
    size.send(at).unwrap();
    let peer = reading.join().unwrap();
    // The reader may be faster than the writer's own account.
    while connection.buffered() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(connection.sent(), at as u64);
    // The writers who return some make no note of it: they are seen when they have ended.
    done.store(true, Ordering::Relaxed);
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    assert_eq!(acked.load(Ordering::SeqCst) + notes.acked(1), asked, "every acknowledgement once");
    drop(peer);
    connection.close();
}

#[test]
fn acknowledgements_come_in_order_and_not_before_the_kernel_has_the_bytes() {
    let notes = Notes::new();
    let (ours, mut peer) = tcp_pair();
    let connection = serve(1, ours, &notes);
    let mut numbers = Numbers(13);
    let (mut at, mut acked, mut places) = (0, 0, Vec::new());
    for _ in 0..200 {
        enqueue_next(&connection, &mut numbers, &mut at, true);
        places.push(at as u64);
        acked += connection.flush(Writer::Caller);
        let told = (acked + notes.acked(1)) as usize;
        // In this order: what is told in between is behind what was written before.
        let taken = connection.sent() - connection.buffered();
        assert!(told == 0 || places[told - 1] <= taken, "{told} told, {taken} bytes taken");
    }
    read_stream(&mut peer, at);
    notes.wait("the rest of the acknowledgements", |told| (acked + acked_in(told, 1) == 200).then_some(()));
    connection.close();
}

#[test]
fn an_empty_write_is_acknowledged() {
    let notes = Notes::new();
    let (ours, _peer) = unix_pair();
    let connection = serve(1, ours, &notes);
    assert!(enqueue(&connection, true, b""));
    assert_eq!(connection.flush(Writer::Caller), 1);
    assert_eq!(connection.flush(Writer::Caller), 0);
    connection.close();
}

#[test]
fn idleness_is_told_once_behind_traffic() {
    let notes = Notes::new();
    let (ours, mut peer) = unix_pair();
    let connection = serve(1, ours, &notes);
    connection.keep_time(true);
    // The caller has waited for the period himself.
    assert_eq!(connection.idle_left(1000), Some(0));
    assert_eq!(connection.idle_left(1000), None);
    enqueue(&connection, false, &stream(0, 10));
    assert_eq!(connection.idle_left(1000), None, "nothing has been written");
    connection.flush(Writer::Caller);
    read_stream(&mut peer, 10);
    assert!(connection.idle_left(100_000).is_some_and(|left| left > 90_000));
    assert_eq!(connection.idle_left(0), Some(0));
    assert_eq!(connection.idle_left(0), None);
    connection.keep_time(false);
    connection.note_activity();
    assert_eq!(connection.idle_left(1000), Some(0), "nobody keeps time");
    connection.close();
}

#[test]
fn a_queue_that_was_long_says_when_it_is_empty() {
    let notes = Notes::new();
    let (ours, mut peer) = unix_pair();
    let connection = serve(1, ours, &notes);
    connection.enqueue_segment(false, Bytes::from(stream(0, 2_000_000)));
    connection.flush(Writer::Caller);
    assert!(connection.buffered() > 0);
    assert!(connection.watch(16_384, false));
    read_stream(&mut peer, 2_000_000);
    notes.wait_report(1, "the drain", |report| report == Report::Drained);
    assert_eq!(connection.buffered(), 0);
    assert!(!connection.watch(16_384, false));
    // What the kernel takes at once does not add up.
    for start in 0..10 {
        connection.enqueue_segment(false, Bytes::from(stream(2_000_000 + start * 5_000, 5_000)));
    }
    assert!(!connection.watch(16_384, false));
    assert_eq!(connection.flush_here(), Flushed::default());
    // Parts that waited for each other do, and so does whatever somebody has been told to wait for.
    for (bytes, over) in [(16_384, false), (1, true)] {
        connection.enqueue(false, |pending| {
            pending.push(Bytes::from(vec![0; bytes]));
            Appended { bytes, payload: 0, in_parts: true }
        });
        assert!(connection.watch(16_384, over));
        assert_eq!(connection.flush_here(), Flushed { acked: 0, drained: true });
        assert!(!connection.watch(16_384, true));
    }
    connection.close();
}

#[test]
fn a_cork_holds_back_and_lets_go() {
    let notes = Notes::new();
    let (ours, mut peer) = unix_pair();
    let connection = serve(1, ours, &notes);
    assert!(!connection.cork(true));
    enqueue(&connection, false, &stream(0, 10));
    connection.flush(Writer::Caller);
    connection.flush(Writer::IoThread);
    assert_eq!(connection.buffered(), 10);
    assert!(connection.cork(false), "to be flushed");
    connection.flush(Writer::Caller);
    read_stream(&mut peer, 10);
    connection.close();
}

#[test]
fn the_end_follows_the_last_byte_and_is_acknowledged() {
    let notes = Notes::new();
    let (ours, mut peer) = tcp_pair();
    let connection = serve(1, ours, &notes);
    connection.enqueue_segment(true, Bytes::from(stream(0, 3_000_000)));
    assert!(!connection.shutdown(), "it is to be flushed already");
    let early = connection.flush(Writer::Caller);
    assert_eq!(early + notes.acked(1), 0);
    read_stream(&mut peer, 3_000_000);
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    notes.wait("both acknowledgements", |told| (acked_in(told, 1) == 2).then_some(()));
    // Reading goes on.
    send_masked(&mut peer, b"half open");
    notes.wait_messages(1, 1);
    connection.close();
}

#[test]
fn what_is_queued_when_it_is_closed_leaves_first() {
    for _ in 0..100 {
        let notes = Notes::new();
        let (ours, mut peer) = unix_pair();
        let connection = serve(1, ours, &notes);
        enqueue(&connection, false, &stream(0, 5000));
        connection.enqueue_segment(false, Bytes::from(stream(5000, 20_000)));
        connection.close();
        drop(connection);
        read_stream(&mut peer, 25_000);
        assert_eq!(peer.read(&mut [0]).unwrap(), 0, "the descriptor goes with the connection");
        assert_eq!(notes.len(), 0, "nothing is told behind a close");
    }
}

#[test]
fn a_close_while_the_peer_does_not_read_waits_for_nobody() {
    let notes = Notes::new();
    let (ours, mut peer) = unix_pair();
    let connection = serve(1, ours, &notes);
    connection.enqueue_segment(false, Bytes::from(stream(0, 8_000_000)));
    connection.flush(Writer::Caller);
    let left = connection.buffered() as usize;
    assert!(left > 0);
    connection.close();
    drop(connection);
    // What the kernel had taken comes, perhaps a little more, in order, and then the end.
    let mut all = Vec::new();
    peer.read_to_end(&mut all).unwrap();
    assert!(all.len() >= 8_000_000 - left);
    assert!(all == stream(0, all.len()));
}

#[test]
fn a_write_to_nobody_is_told_once_and_nothing_more_is_taken() {
    let notes = Notes::new();
    let (ours, peer) = unix_pair();
    let connection = serve(1, ours, &notes);
    drop(peer);
    notes.wait_report(1, "the end", |report| report == Report::Eof);
    enqueue(&connection, true, b"to nobody");
    assert_eq!(connection.flush(Writer::Caller), 0);
    let report = notes.wait_report(1, "the failure", |report| matches!(report, Report::WriteFailed(_)));
    assert_eq!(report, Report::WriteFailed(rustix::io::Errno::PIPE.raw_os_error()));
    assert_eq!(connection.buffered(), 0);
    assert!(!enqueue(&connection, true, b"more"), "nothing to be flushed");
    assert_eq!(connection.flush(Writer::Caller), 0);
    assert_eq!(notes.len(), 2);
    connection.close();
}

#[test]
fn a_release_hands_over_what_has_not_left() {
    for round in 0..20 {
        let notes = Notes::new();
        let (ours, mut peer) = tcp_pair();
        let kept = adopt::duplicate(ours.as_fd()).unwrap();
        let connection = serve(1, ours, &notes);
        let mut numbers = Numbers(round + 1);
        let mut at = 0;
        for _ in 0..60 {
            enqueue_next(&connection, &mut numbers, &mut at, false);
        }
        // The peer reads, and so an I/O thread writes, while the connection is taken away.
        let reading = std::thread::spawn(move || {
            let mut all = Vec::new();
            peer.read_to_end(&mut all).unwrap();
            all
        });
        connection.flush(Writer::Caller);
        let (_, mut queue) = connection.release();
        assert!(!enqueue(&connection, false, b"late"));
        connection.flush(Writer::IoThread);
        drop(connection);
        let rest = queue.take().into_contiguous();
        let mut socket = std::net::TcpStream::from(kept);
        socket.set_nonblocking(false).unwrap();
        std::io::Write::write_all(&mut socket, &rest).unwrap();
        drop(socket);
        let all = reading.join().unwrap();
        assert!(all == stream(0, at), "round {round}: {} of {at} bytes", all.len());
    }
}

/// An acknowledgement is ripe, or its bytes are handed over: there is no third case.
#[test]
fn a_release_loses_no_acknowledgement() {
    for round in 0..300 {
        let notes = Notes::new();
        let (ours, mut peer) = unix_pair();
        let connection = serve(1, ours, &notes);
        connection.enqueue_segment(true, Bytes::from(stream(0, 100_000)));
        let writing = std::thread::spawn({
            let connection = Arc::clone(&connection);
            move || connection.flush(Writer::IoThread)
        });
        while connection.sent() == connection.buffered() && round % 3 != 0 && !writing.is_finished() {
            std::hint::spin_loop();
        }
        let (_, mut queue) = connection.release();
        let left = queue.take().into_contiguous().len();
        writing.join().unwrap();
        read_stream(&mut peer, 100_000 - left);
        assert_eq!(notes.acked(1), u32::from(left == 0), "round {round}: {left} bytes left");
    }
}

/// Several I/O threads: one is the connection's task, others flush what was handed over. None may
/// take the edge away that another one waits for.
#[test]
fn no_writable_edge_is_lost_between_writers() {
    const TOTAL: usize = 60_000_000;
    let notes = Notes::new();
    let (ours, mut peer) = tcp_pair();
    let connection = serve(1, ours, &notes);
    let (left, done) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
    let helpers: Vec<_> = (0..2)
        .map(|_| {
            let (connection, left, done) = (Arc::clone(&connection), Arc::clone(&left), Arc::clone(&done));
            std::thread::spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    if left.load(Ordering::Relaxed) {
                        connection.flush(Writer::IoThread);
                    }
                }
            })
        })
        .collect();
    let mut buffer = vec![0; 8192];
    let (mut at, mut queued, mut numbers) = (0, 0, Numbers(17));
    let stalled = loop {
        if at == TOTAL {
            break None;
        }
        if queued - at < 200_000 && queued < TOTAL {
            let size = 400_000.min(TOTAL - queued);
            connection.enqueue_segment(false, Bytes::from(vec![1; size]));
            queued += size;
            left.store(true, Ordering::Relaxed);
            connection.flush(Writer::IoThread);
        }
        // From time to time the helpers look away: then the task alone has to notice.
        if numbers.below(4) == 0 {
            left.store(false, Ordering::Relaxed);
            peer.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        }
        match peer.read(&mut buffer) {
            Ok(read) => at += read,
            Err(_) => break Some(at),
        }
        left.store(true, Ordering::Relaxed);
    };
    done.store(true, Ordering::Relaxed);
    helpers.into_iter().for_each(|helper| helper.join().unwrap());
    assert_eq!(stalled, None, "{} bytes wait and nobody writes them", connection.buffered());
    connection.close();
}

#[test]
fn what_nobody_flushes_leaves_all_the_same() {
    let notes = Notes::new();
    let outbox = Outbox::new();
    let mut numbers = Numbers(23);
    // Few and many, so that the watchman, the list that is handed over, and a sleeping watchman
    // each have their turn.
    for (round, count) in [1, 3, 70, 200, 1].into_iter().enumerate() {
        let mut peers = Vec::new();
        for id in 0..count {
            let (ours, peer) = unix_pair();
            let connection = serve(id, ours, &notes);
            let size = 1 + numbers.below(3000);
            let due = enqueue(&connection, false, &stream(0, size));
            assert!(due, "round {round}");
            outbox.add(&connection);
            peers.push((connection, peer, size));
        }
        for (connection, peer, size) in &mut peers {
            read_stream(peer, *size);
            connection.close();
        }
    }
    outbox.close();
}

#[test]
fn a_sleeping_watchman_is_called() {
    let notes = Notes::new();
    let outbox = Outbox::new();
    let (ours, mut peer) = unix_pair();
    let connection = serve(1, ours, &notes);
    for round in 0..10 {
        assert!(enqueue(&connection, false, &stream(round * 10, 10)));
        assert!(outbox.add(&connection), "nobody else has been asked");
        let mut bytes = [0; 10];
        peer.read_exact(&mut bytes).unwrap();
        assert!(bytes[..] == stream(round * 10, 10));
        // Not for synchronisation: so that the watchman falls asleep in some of the rounds.
        std::thread::sleep(Duration::from_millis(if round % 2 == 0 { 40 } else { 0 }));
    }
    connection.close();
    outbox.close();
}

#[test]
fn the_outbox_tells_its_caller_what_it_wrote_itself() {
    let notes = Notes::new();
    let outbox = Outbox::new();
    let (ours, mut peer) = unix_pair();
    let connection = serve(9, ours, &notes);
    enqueue(&connection, true, &stream(0, 10));
    outbox.add(&connection);
    let mut told = 0;
    outbox.flush(|connection, flushed| {
        assert_eq!(connection.id(), 9);
        told += flushed.acked;
    });
    read_stream(&mut peer, 10);
    // The watchman may have been faster.
    if told == 0 {
        notes.wait_report(9, "the acknowledgement", |report| report == Report::Acked(1));
    }
    assert_eq!(told + notes.acked(9), 1);
    connection.close();
    outbox.close();
}
