//! Sockets for the transport's tests, and a sink that remembers what it was told.

#![cfg(unix)]
#![allow(clippy::unwrap_used, dead_code, unreachable_pub, reason = "each test program uses a part")]

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use ws_native::protocol::{Decoder, Event, Limits, Role, encoder};
use ws_native::transport::adopt;
use ws_native::transport::connection::Connection;
use ws_native::transport::sink::{EventSink, Report};

/// How long anything may take before a test gives up: never a measure of speed.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub const LIMITS: Limits =
    Limits { max_payload: 0, max_fragments: 0, max_buffered_chunks: 0, skip_utf8_validation: false };

/// What a connection told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Message(Vec<u8>),
    Ping(Vec<u8>),
    Close(u16),
    Other,
    Report(Report),
}

/// Remembers everything in the order in which it came.
#[derive(Default)]
pub struct Notes {
    told: Mutex<Vec<(u32, Told)>>,
    changed: Condvar,
    /// After so many events of one connection it is blocked; 0 for never.
    pub block_after: AtomicUsize,
}

impl Notes {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    fn note(&self, id: u32, told: impl IntoIterator<Item = Told>) {
        self.told.lock().unwrap().extend(told.into_iter().map(|told| (id, told)));
        self.changed.notify_all();
    }

    /// Waits until `seen` finds what it looks for.
    pub fn wait<T>(&self, what: &str, seen: impl FnMut(&[(u32, Told)]) -> Option<T>) -> T {
        self.wait_for(PATIENCE, seen).unwrap_or_else(|last| panic!("{what} did not come; {last}"))
    }

    /// As [`Self::wait`], with an end of its own.
    pub fn wait_for<T>(
        &self,
        patience: Duration,
        mut seen: impl FnMut(&[(u32, Told)]) -> Option<T>,
    ) -> Result<T, String> {
        let end = Instant::now() + patience;
        let mut told = self.told.lock().unwrap();
        loop {
            if let Some(found) = seen(&told) {
                return Ok(found);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let tail = told.iter().rev().take(3).map(|(id, told)| format!("{id}: {told:.60?}"));
                return Err(format!("{} told, the last {:?}", told.len(), tail.collect::<Vec<_>>()));
            }
            told = self.changed.wait_timeout(told, left).unwrap().0;
        }
    }

    pub fn messages(&self, id: u32) -> Vec<Vec<u8>> {
        let told = self.told.lock().unwrap();
        told.iter()
            .filter(|(from, _)| *from == id)
            .filter_map(|(_, told)| if let Told::Message(bytes) = told { Some(bytes.clone()) } else { None })
            .collect()
    }

    pub fn wait_messages(&self, id: u32, count: usize) {
        self.wait(&format!("message {count} of connection {id}"), |told| {
            let mine = told.iter().filter(|(from, told)| *from == id && matches!(told, Told::Message(_)));
            (mine.count() >= count).then_some(())
        });
    }

    pub fn wait_report(&self, id: u32, what: &str, is: impl Fn(Report) -> bool) -> Report {
        self.wait(what, |told| {
            told.iter().find_map(|(from, told)| match told {
                Told::Report(report) if *from == id && is(*report) => Some(*report),
                _ => None,
            })
        })
    }

    /// Acknowledgements that were reported.
    pub fn acked(&self, id: u32) -> u32 {
        acked_in(&self.told.lock().unwrap(), id)
    }

    pub fn len(&self) -> usize {
        self.told.lock().unwrap().len()
    }
}

/// The sum of a connection's acknowledgements.
pub fn acked_in(told: &[(u32, Told)], id: u32) -> u32 {
    told.iter()
        .map(|(from, told)| match told {
            Told::Report(Report::Acked(count)) if *from == id => *count,
            _ => 0,
        })
        .sum()
}

impl EventSink for Notes {
    fn publish(&self, connection: &Arc<Connection>, chunk: &[u8], events: &mut Vec<Event>) {
        let all: Vec<Told> = events
            .drain(..)
            .map(|event| match event {
                Event::Message { payload, .. } => Told::Message(payload.bytes(chunk).to_vec()),
                Event::Ping(payload) => Told::Ping(payload.bytes(chunk).to_vec()),
                Event::Close { code, .. } => Told::Close(code),
                _ => Told::Other,
            })
            .collect();
        let most = self.block_after.load(Ordering::SeqCst);
        if most > 0 {
            let share = connection.share().fetch_add(all.len() as u32, Ordering::SeqCst) as usize + all.len();
            if share >= most {
                connection.block();
            }
        }
        self.note(connection.id(), all);
    }

    fn report(&self, connection: &Connection, report: Report) {
        self.note(connection.id(), [Told::Report(report)]);
    }
}

/// A connected pair of Unix sockets: ours is non-blocking, the peer's is not.
pub fn unix_pair() -> (OwnedFd, UnixStream) {
    let (ours, peer) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer.set_write_timeout(Some(PATIENCE)).unwrap();
    (ours.into(), peer)
}

/// The same over TCP, with small buffers.
pub fn tcp_pair() -> (OwnedFd, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (ours, _) = listener.accept().unwrap();
    ours.set_nonblocking(true).unwrap();
    ours.set_nodelay(true).unwrap();
    rustix::net::sockopt::set_socket_send_buffer_size(&ours, 16 * 1024).unwrap();
    rustix::net::sockopt::set_socket_recv_buffer_size(&peer, 16 * 1024).unwrap();
    peer.set_nodelay(true).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer.set_write_timeout(Some(PATIENCE)).unwrap();
    (ours.into(), peer)
}

/// Adopts a socket whose peer is a client; reading has begun.
pub fn serve(id: u32, ours: OwnedFd, notes: &Arc<Notes>) -> Arc<Connection> {
    let connection = adopt_paused(id, ours, notes);
    connection.start();
    connection
}

pub fn adopt_paused(id: u32, ours: OwnedFd, notes: &Arc<Notes>) -> Arc<Connection> {
    let sink: Arc<dyn EventSink> = Arc::<Notes>::clone(notes);
    adopt::adopt(id, ours, Decoder::new(Role::Server, LIMITS), None, sink).unwrap()
}

/// A client's binary frame.
pub fn masked(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encoder::frame(&mut out, 2, true, false, Some([1, 2, 3, 4]), payload);
    out
}

pub fn send_masked(peer: &mut impl Write, payload: &[u8]) {
    peer.write_all(&masked(payload)).unwrap();
}

/// Appends bytes to the buffer that small frames share.
pub fn enqueue(connection: &Connection, acknowledge: bool, bytes: &[u8]) -> bool {
    connection.enqueue(acknowledge, |pending| {
        pending.tail().extend_from_slice(bytes);
        bytes.len()
    })
}

/// Numbers that look random and are the same in every run.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// The byte that belongs at a place of a stream.
pub fn byte_at(place: usize) -> u8 {
    ((place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

pub fn stream(from: usize, count: usize) -> Vec<u8> {
    (from..from + count).map(byte_at).collect()
}
