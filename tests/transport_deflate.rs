//! Messages that I/O threads compress: in order with everything else, whoever writes and whenever
//! somebody stops.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a helper of tests is one")]

mod transport_support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use transport_support::*;
use ws_native::protocol::deflate::{Compression, Decompression};
use ws_native::protocol::{Decoder, Event, Role, encoder};
use ws_native::transport::adopt;
use ws_native::transport::backlog::{Job, Plain};
use ws_native::transport::connection::{Connection, Writer};
use ws_native::transport::outbox::Outbox;
use ws_native::transport::sink::EventSink;

const OPTIONS: Compression =
    Compression { level: 1, mem_level: 8, strategy: 0, window_bits: 15, takeover: true };

/// A connection that compresses.
fn compressing(id: u32, ours: OwnedFd, notes: &Arc<Notes>) -> Arc<Connection> {
    let sink: Arc<dyn EventSink> = Arc::<Notes>::clone(notes);
    let connection = adopt::adopt(id, ours, Decoder::new(Role::Server, LIMITS), Some(OPTIONS), sink).unwrap();
    connection.start();
    connection
}

/// What a message says: its number, and text that depends on it.
fn plain(number: usize) -> Vec<u8> {
    let length = match number % 11 {
        0 => 70_000,
        1 => 0,
        2 => 20_000,
        other => other * 50,
    };
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.extend((0..length).map(|at| ((at / 5 * (number + 1)) >> 2) as u8));
    bytes
}

fn job(number: usize, acknowledge: bool) -> Job {
    Job { plain: Arc::new(Plain::new(plain(number), 2, true, true)), mask: None, acknowledge }
}

/// Queues the next message: compressed, or plain, or a ping.
fn enqueue_next(connection: &Connection, number: usize, acknowledge: bool) -> bool {
    if number % 3 != 2 {
        return connection.enqueue_job(job(number, acknowledge));
    }
    connection.enqueue(acknowledge, |pending| {
        let tail = pending.tail();
        let before = tail.len();
        encoder::frame(tail, 2, true, false, None, &plain(number));
        tail.len() - before
    })
}

/// Reads messages until there are `count`, or the stream ends; each has to be the next one.
fn read_messages(peer: &mut impl Read, from: usize, count: usize) -> usize {
    let deflate = Decompression { window_bits: 15, takeover: true };
    let mut decoder = Decoder::with_deflate(Role::Client, LIMITS, Some(deflate));
    let (mut events, mut buffer, mut next) = (Vec::new(), vec![0; 50_000], from);
    while next - from < count {
        let read = peer.read(&mut buffer).unwrap();
        if read == 0 {
            break;
        }
        decoder.decode(&mut buffer[..read], &mut events);
        for event in events.drain(..) {
            let Event::Message { payload, .. } = event else { panic!("{event:?} behind {next}") };
            assert!(payload.bytes(&buffer[..read]) == plain(next), "message {next}");
            next += 1;
        }
    }
    next - from
}

#[test]
fn order_and_acknowledgements_survive_refusals_and_three_writers() {
    const COUNT: usize = 400;
    let notes = Notes::new();
    let (ours, mut peer) = tcp_pair();
    let connection = compressing(1, ours, &notes);
    let (acked, done) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = [Writer::Caller, Writer::IoThread, Writer::IoThread]
        .into_iter()
        .map(|writer| {
            let (connection, acked, done) = (Arc::clone(&connection), Arc::clone(&acked), Arc::clone(&done));
            thread::spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    acked.fetch_add(connection.flush(writer), Ordering::SeqCst);
                    thread::yield_now();
                }
            })
        })
        .collect();
    let reading = thread::spawn(move || read_messages(&mut peer, 0, COUNT));
    let mut asked = 0;
    for number in 0..COUNT {
        let acknowledge = number % 4 < 2;
        asked += u32::from(acknowledge);
        enqueue_next(&connection, number, acknowledge);
        if number % 16 == 0 {
            thread::yield_now();
        }
    }
    assert_eq!(reading.join().unwrap(), COUNT);
    while connection.buffered() > 0 {
        thread::yield_now();
    }
    done.store(true, Ordering::Relaxed);
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    notes.wait("every acknowledgement", |told| {
        (acked_in(told, 1) + acked.load(Ordering::SeqCst) == asked).then_some(())
    });
    assert_eq!(connection.compressing(), (0, 0));
}

/// Connections, and who reads `count` messages from each.
fn with_readers(
    connections: u32,
    count: usize,
    notes: &Arc<Notes>,
) -> (Vec<Arc<Connection>>, Vec<thread::JoinHandle<usize>>) {
    (0..connections)
        .map(|id| {
            let (ours, mut peer) = unix_pair();
            let reader = thread::spawn(move || read_messages(&mut peer, 0, count));
            (compressing(id, ours, notes), reader)
        })
        .unzip()
}

#[test]
fn an_outbox_has_many_connections_compressed_by_all_threads() {
    const CONNECTIONS: u32 = 100;
    const COUNT: usize = 40;
    let (notes, outbox) = (Notes::new(), Outbox::new());
    let (connections, readers) = with_readers(CONNECTIONS, COUNT, &notes);
    let acked = AtomicU32::new(0);
    for number in 0..COUNT {
        for connection in &connections {
            if enqueue_next(connection, number, true) {
                outbox.add(connection);
            }
        }
        // Sometimes nobody sees to the flush: the watchman does.
        if number % 7 != 3 {
            outbox.flush(|_, flushed| {
                acked.fetch_add(flushed.acked, Ordering::SeqCst);
            });
        }
    }
    for reader in readers {
        assert_eq!(reader.join().unwrap(), COUNT);
    }
    notes.wait("every acknowledgement", |told| {
        let reported: u32 = (0..CONNECTIONS).map(|id| acked_in(told, id)).sum();
        (reported + acked.load(Ordering::SeqCst) == CONNECTIONS * COUNT as u32).then_some(())
    });
    outbox.close();
}

#[test]
fn a_shared_message_is_the_next_one_on_every_connection() {
    const CONNECTIONS: u32 = 20;
    const COUNT: usize = 30;
    let (notes, outbox) = (Notes::new(), Outbox::new());
    let (connections, readers) = with_readers(CONNECTIONS, COUNT, &notes);
    for number in 0..COUNT {
        let shared = Arc::new(Plain::new(plain(number), 2, true, true));
        for (index, connection) in connections.iter().enumerate() {
            // Some on their own, some together, and all of them go on from there.
            let own = (index + number) % 3 == 0;
            let next = if own { job(number, true).plain } else { Arc::clone(&shared) };
            if !own && index > 1 {
                next.share();
            }
            if connection.enqueue_job(Job { plain: next, mask: None, acknowledge: true }) {
                outbox.add(connection);
            }
        }
        outbox.flush(|_, flushed| assert_eq!(flushed.acked, 0));
    }
    for reader in readers {
        assert_eq!(reader.join().unwrap(), COUNT);
    }
    for id in 0..CONNECTIONS {
        notes.wait("its acknowledgements", |told| (acked_in(told, id) == COUNT as u32).then_some(()));
    }
    outbox.close();
}

#[test]
fn the_end_of_the_stream_follows_what_is_compressed() {
    for count in [1, 12, 100] {
        let notes = Notes::new();
        let (ours, mut peer) = unix_pair();
        let connection = compressing(1, ours, &notes);
        assert!(connection.enqueue_job(job(0, true)), "it has to be put on a list");
        for number in 1..count {
            assert!(!enqueue_next(&connection, number, true));
        }
        connection.shutdown();
        // The caller compresses nothing, and must not end the stream before; it stays on its list.
        assert_eq!(connection.flush(Writer::Caller), 0);
        assert!(connection.stays_listed());
        connection.flush(Writer::IoThread);
        let reading = thread::spawn(move || {
            assert_eq!(read_messages(&mut peer, 0, count), count);
            assert_eq!(peer.read(&mut [0]).unwrap(), 0);
        });
        reading.join().unwrap();
        notes.wait("the acknowledgements", |told| (acked_in(told, 1) == count as u32 + 1).then_some(()));
    }
}

#[test]
fn a_cork_holds_back_what_is_to_be_compressed_as_well() {
    let notes = Notes::new();
    let (ours, mut peer) = unix_pair();
    let connection = compressing(1, ours, &notes);
    connection.cork(true);
    connection.enqueue_job(job(0, true));
    connection.flush(Writer::IoThread);
    assert_eq!(connection.compressing().0, 1);
    assert!(connection.cork(false), "somebody has to flush");
    connection.flush(Writer::IoThread);
    assert_eq!(read_messages(&mut peer, 0, 1), 1);
}

#[test]
fn close_loses_what_is_not_compressed_and_nothing_before_it() {
    for round in 0..30 {
        let notes = Notes::new();
        let (ours, mut peer) = unix_pair();
        let connection = compressing(1, ours, &notes);
        enqueue_next(&connection, 2, true);
        for number in 3..40 {
            enqueue_next(&connection, number, true);
        }
        let flushing = (round % 2 == 0).then(|| {
            let connection = Arc::clone(&connection);
            thread::spawn(move || connection.flush(Writer::IoThread))
        });
        let reading = thread::spawn(move || {
            // Whole messages, in order, and then the end.
            let read = read_messages(&mut peer, 2, usize::MAX);
            assert!((1..=38).contains(&read), "{read}");
        });
        connection.close();
        let (_, bytes) = connection.compressing();
        assert!(bytes <= (3..40).map(|number| plain(number).len() as u64 + 10).sum());
        if let Some(flushing) = flushing {
            flushing.join().unwrap();
        }
        assert!(!connection.enqueue_job(job(40, true)));
        drop(connection);
        reading.join().unwrap();
    }
}

/// What is left when a connection is released is compressed by its successor, which goes on with
/// the same history; no message is lost, none comes twice.
#[test]
fn release_in_the_middle_of_compressing_loses_nothing() {
    for round in 0..30 {
        const COUNT: usize = 60;
        let notes = Notes::new();
        let (ours, mut peer) = tcp_pair();
        let kept = adopt::duplicate(ours.as_fd()).unwrap();
        let connection = compressing(1, ours, &notes);
        let reading = thread::spawn(move || read_messages(&mut peer, 0, usize::MAX));
        for number in 0..COUNT / 2 {
            enqueue_next(&connection, number, true);
            if number == round {
                connection.flush(Writer::IoThread);
            }
        }
        let racing = {
            let connection = Arc::clone(&connection);
            thread::spawn(move || connection.flush(Writer::IoThread))
        };
        let (_, mut queue) = connection.release();
        for number in COUNT / 2..COUNT {
            if number % 3 == 2 {
                queue.append(false, |pending| {
                    let tail = pending.tail();
                    let before = tail.len();
                    encoder::frame(tail, 2, true, false, None, &plain(number));
                    tail.len() - before
                });
            } else {
                queue.compress(OPTIONS, job(number, false));
            }
        }
        while let Some(mut work) = queue.take_work() {
            let ready = work.run();
            queue.compressed(work, ready);
        }
        assert_eq!(queue.compressing(), 0);
        racing.join().unwrap();
        drop(connection);
        let mut socket = TcpStream::from(kept);
        socket.set_nonblocking(false).unwrap();
        socket.write_all(&queue.take().into_contiguous()).unwrap();
        drop(socket);
        assert_eq!(reading.join().unwrap(), COUNT, "round {round}");
    }
}
