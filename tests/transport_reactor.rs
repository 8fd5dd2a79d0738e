//! What one connection does to its I/O thread, and what the others notice of it.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a helper of tests is one")]

mod transport_support;

use std::io::Write;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc;

use rustix::io::Errno;
use transport_support::*;
use ws_native::protocol::deflate::{Compression, Decompression, compress_alone};
use ws_native::protocol::{Decoder, Event, Role, encoder};
use ws_native::transport::adopt;
use ws_native::transport::connection::Connection;
use ws_native::transport::runtime;
use ws_native::transport::sink::{EventSink, Report};

/// Notes what it is told, and does something before each chunk.
struct Hooked<F> {
    notes: Arc<Notes>,
    before: F,
}

impl<F: Fn(&Connection) + Send + Sync + 'static> EventSink for Hooked<F> {
    fn publish(&self, connection: &Arc<Connection>, chunk: &[u8], events: &mut Vec<Event>) {
        (self.before)(connection);
        self.notes.publish(connection, chunk, events);
    }

    fn report(&self, connection: &Connection, report: Report) {
        self.notes.report(connection, report);
    }
}

fn adopted(id: u32, ours: OwnedFd, decoder: Decoder, sink: &Arc<impl EventSink>) -> Arc<Connection> {
    let connection = adopt::adopt(id, ours, decoder, None, Arc::clone(sink) as _).unwrap();
    connection.start();
    connection
}

#[test]
fn a_panic_ends_its_own_connection_alone() {
    let notes = Notes::new();
    let before = |connection: &Connection| assert_ne!(connection.id(), 1, "meant to be");
    let sink = Arc::new(Hooked { notes: Arc::clone(&notes), before });
    // As many as there may be threads, twice: some share one with the first.
    let mut peers: Vec<_> = (1..=128)
        .map(|id| {
            let (ours, peer) = unix_pair();
            (id, adopted(id, ours, Decoder::new(Role::Server, LIMITS), &sink), peer)
        })
        .collect();
    for (_, _, peer) in &mut peers {
        send_masked(peer, b"one");
    }
    notes.wait_report(1, "the end of the first", |report| {
        report == Report::ReadFailed(Errno::IO.raw_os_error())
    });
    for (id, _, peer) in &mut peers[1..] {
        send_masked(peer, b"two");
        notes.wait_messages(*id, 2);
    }
    // It stays one to be closed as any other, and is not read any more.
    send_masked(&mut peers[0].2, b"two");
    assert!(notes.messages(1).is_empty());
    for (_, connection, _) in peers {
        connection.close();
    }
}

#[test]
fn a_large_message_does_not_hold_the_others_up() {
    let notes = Notes::new();
    let (other_was_served, wait) = mpsc::sync_channel(1);
    let wait = std::sync::Mutex::new(wait);
    // The first one's thread waits for the others: on theirs it would wait for ever.
    let before = move |connection: &Connection| {
        if connection.id() == 1 {
            wait.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        }
    };
    let sink = Arc::new(Hooked { notes: Arc::clone(&notes), before });
    let mut noise = vec![0; 200_000];
    getrandom::fill(&mut noise).unwrap();
    let options = Compression { level: 1, mem_level: 8, strategy: 0, window_bits: 15, takeover: false };
    let (mut payload, mut frame) = (Vec::new(), Vec::new());
    compress_alone(options, &noise, true, &mut payload);
    encoder::frame(&mut frame, 2, true, true, Some([1, 2, 3, 4]), &payload);

    let inflation = Decompression { window_bits: 15, takeover: true };
    let (ours, mut peer) = unix_pair();
    let decoder = Decoder::with_deflate(Role::Server, LIMITS, Some(inflation));
    let large = adopted(1, ours, decoder, &sink);
    let sending = std::thread::spawn(move || {
        peer.write_all(&frame).unwrap();
        peer
    });
    let others: Vec<_> = (2..=65)
        .map(|id| {
            let (ours, mut peer) = unix_pair();
            let connection = adopted(id, ours, Decoder::new(Role::Server, LIMITS), &sink);
            send_masked(&mut peer, b"small");
            (id, connection, peer)
        })
        .collect();
    for (id, ..) in &others {
        notes.wait_messages(*id, 1);
    }
    other_was_served.send(()).unwrap();
    notes.wait_messages(1, 1);
    assert_eq!(notes.messages(1), [noise]);
    drop(sending.join().unwrap());
    notes.wait_report(1, "the end behind it", |report| report == Report::Eof);
    large.close();
    for (_, connection, _) in others {
        connection.close();
    }
}

#[test]
fn an_errand_goes_on_until_it_is_done_and_its_panic_is_its_own() {
    let (done, wait) = mpsc::channel();
    let reactor = runtime::next_reactor().unwrap();
    reactor.run(Box::new(|| panic!("meant to be")));
    let mut parts = 0;
    reactor.run(Box::new(move || {
        parts += 1;
        done.send(parts).unwrap();
        parts < 1000
    }));
    let told: Vec<i32> = (0..1000).map(|_| wait.recv_timeout(PATIENCE).unwrap()).collect();
    assert!(told.into_iter().eq(1..=1000));
    assert!(wait.recv_timeout(PATIENCE).is_err(), "it has gone when it was done");
}

#[test]
fn places_are_used_again_and_nobody_gets_what_was_anothers() {
    let notes = Notes::new();
    let sink = Arc::clone(&notes);
    for round in 0_u32..20 {
        let mut open: Vec<_> = (0..32)
            .map(|index| {
                let (ours, peer) = unix_pair();
                let id = round * 32 + index;
                (id, adopted(id, ours, Decoder::new(Role::Server, LIMITS), &sink), peer)
            })
            .collect();
        for (id, _, peer) in &mut open {
            send_masked(peer, &id.to_le_bytes());
        }
        for (id, connection, _) in &open {
            notes.wait_messages(*id, 1);
            assert_eq!(notes.messages(*id), [id.to_le_bytes()]);
            connection.close();
        }
    }
}
