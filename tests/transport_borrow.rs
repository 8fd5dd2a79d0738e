//! A reactor that another thread borrows. In one test, and a program of its own: the reactors are
//! those of the process.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a helper of tests is one")]

mod transport_support;

use std::cell::Cell;
use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use transport_support::*;
use ws_native::protocol::{Decoder, Event, Role};
use ws_native::transport::adopt;
use ws_native::transport::connection::{Connection, Writer};
use ws_native::transport::outbox::Outbox;
use ws_native::transport::reactor::Reactor;
use ws_native::transport::runtime;
use ws_native::transport::sink::{EventSink, Report};

/// Tells whose chunk was read, and by which thread.
struct ByThread {
    notes: Arc<Notes>,
    tell: mpsc::Sender<(u32, ThreadId)>,
}

impl EventSink for ByThread {
    fn publish(&self, connection: &Arc<Connection>, chunk: &[u8], events: &mut Vec<Event>) {
        self.tell.send((connection.id(), thread::current().id())).unwrap();
        self.notes.publish(connection, chunk, events);
    }

    fn report(&self, connection: &Connection, report: Report) {
        self.notes.report(connection, report);
    }
}

fn decoder() -> Decoder {
    Decoder::new(Role::Server, LIMITS)
}

/// A thread with an event loop.
struct Borrower {
    reactors: Vec<&'static Reactor>,
    poll: Poll,
}

impl Borrower {
    fn new() -> Self {
        let borrower = Self { reactors: runtime::reactors().collect(), poll: Poll::new().unwrap() };
        for (index, reactor) in borrower.reactors.iter().enumerate() {
            let descriptor = reactor.descriptor();
            let mut source = SourceFd(&descriptor);
            borrower.poll.registry().register(&mut source, Token(index), Interest::READABLE).unwrap();
        }
        borrower.lend();
        borrower
    }

    fn lend(&self) {
        self.reactors.iter().for_each(|reactor| reactor.lend());
    }

    /// Looks for something to do, and does it; returns how often there was something to answer.
    fn visit(&mut self) -> usize {
        for (index, reactor) in self.reactors.iter().enumerate() {
            // It tells of edges alone, but of what is there when it begins.
            let descriptor = reactor.descriptor();
            let mut source = SourceFd(&descriptor);
            self.poll.registry().reregister(&mut source, Token(index), Interest::READABLE).unwrap();
        }
        let mut events = Events::with_capacity(8);
        self.poll.poll(&mut events, Some(Duration::from_millis(5))).unwrap();
        let answers = Cell::new(0);
        for event in &events {
            self.reactors[event.token().0].visit(|| answers.set(answers.get() + 1));
        }
        answers.get()
    }

    /// Visits until `done`; returns how often there was something to answer.
    fn visit_until(&mut self, done: impl Fn() -> bool) -> usize {
        let (end, mut answers) = (Instant::now() + PATIENCE, 0);
        while !done() {
            assert!(Instant::now() < end, "nothing came");
            answers += self.visit();
        }
        answers
    }
}

#[test]
fn the_borrower_serves_and_who_calls_meanwhile_is_not_forgotten() {
    let notes = Notes::new();
    let mut borrower = Borrower::new();
    let me = thread::current().id();
    let (tell, told) = mpsc::channel();
    let sink: Arc<dyn EventSink> = Arc::new(ByThread { notes: Arc::clone(&notes), tell });

    // What is called for and what comes is done by the borrower, on his own thread.
    let (ours, mut peer) = unix_pair();
    let connection = adopt::adopt(1, ours, decoder(), None, Arc::clone(&sink)).unwrap();
    connection.start();
    for round in 1..=100 {
        send_masked(&mut peer, b"to the borrower");
        borrower.visit_until(|| notes.messages(1).len() == round);
        let (_, by) = told.recv().unwrap();
        // The I/O thread may just have begun when the first came.
        assert!(by == me || round == 1, "{round}");
    }

    // A few are answered one by one, many together.
    let mut others: Vec<_> = (2..=41)
        .map(|id| {
            let (ours, peer) = unix_pair();
            (adopt::adopt(id, ours, decoder(), None, Arc::clone(&sink)).unwrap(), peer)
        })
        .collect();
    others.iter().for_each(|(connection, _)| connection.start());
    while borrower.visit() > 0 {}
    for (_, peer) in &mut others[..3] {
        send_masked(peer, b"few");
    }
    assert!(borrower.visit_until(|| notes.len() == 103) >= 3);
    for (_, peer) in &mut others {
        send_masked(peer, b"many");
    }
    borrower.visit_until(|| notes.len() == 143);
    assert!(told.try_iter().all(|(_, by)| by == me));

    // What another thread calls for is done, though the borrower does not come. Errands take the
    // reactors back, where there is another core for them.
    connection.pause();
    send_masked(&mut peer, b"behind the pause");
    while borrower.visit() > 0 {}
    thread::scope(|scope| scope.spawn(|| connection.start()).join().unwrap());
    notes.wait_messages(1, 101);
    assert!(borrower.reactors.iter().all(|reactor| reactor.is_lent()));
    let (done, wait) = mpsc::channel();
    thread::scope(|scope| {
        let reactors = borrower.reactors.clone();
        scope.spawn(move || {
            for reactor in reactors {
                let done = done.clone();
                reactor.run(Box::new(move || done.send(()).is_err()));
            }
        });
    });
    assert!(borrower.reactors.iter().all(|_| wait.recv_timeout(PATIENCE).is_ok()));
    assert!(borrower.reactors.iter().all(|reactor| reactor.is_lent() == (runtime::cores() == 1)));

    assert!(told.try_iter().all(|(_, by)| by != me));

    // Who is not there in time finds all that is little as if nobody had looked for it.
    borrower.lend();
    while borrower.visit() > 0 {}
    let overtake = || runtime::reactors().for_each(Reactor::overtake);
    overtake();
    for (index, id) in [(2, 4), (0, 2), (1, 3)] {
        assert_eq!(others[index].0.id(), id);
        send_masked(&mut others[index].1, b"one after the other");
        overtake();
    }
    send_masked(&mut others[0].1, b"behind it");
    assert!(borrower.reactors.iter().all(|reactor| reactor.is_lent()));
    assert!(told.try_recv().is_err());
    assert!(borrower.visit_until(|| notes.messages(2).len() == 4 && notes.messages(3).len() == 3) >= 3);
    let order: Vec<_> = told.try_iter().map(|(id, by)| (id, by == me)).collect();
    if runtime::threads() == 1 {
        assert_eq!(order, [(4, true), (2, true), (3, true)]);
    }

    // Bytes that he has sent leave, and what follows from that is his.
    let outbox = Outbox::new();
    connection.enqueue(true, |pending| {
        pending.push(stream(0, 9).into());
        9
    });
    assert!(outbox.add(&connection));
    peer.read_exact(&mut [0; 9]).unwrap();
    let acked = Cell::new(0);
    outbox.flush(|_, flushed| acked.set(flushed.acked));
    assert_eq!((acked.get(), notes.acked(1)), (1, 0));
    assert!(borrower.reactors.iter().all(|reactor| reactor.is_lent()));
    outbox.close();

    // When it is much, he is overtaken.
    send_masked(&mut peer, &[0; 30_000]);
    overtake();
    assert!(borrower.reactors.iter().any(|reactor| !reactor.is_lent()));
    notes.wait_messages(1, 102);
    send_masked(&mut peer, b"to the I/O thread");
    notes.wait_messages(1, 103);
    assert!(told.try_iter().all(|(_, by)| by != me));

    // Lent again; a queue that the kernel refuses goes on when it is taken back.
    borrower.lend();
    let bytes = stream(0, 8 * 1024 * 1024);
    connection.enqueue(true, |pending| {
        pending.push(bytes.clone().into());
        bytes.len()
    });
    assert_eq!(connection.flush(Writer::Caller), 0);
    borrower.reactors.iter().for_each(|reactor| reactor.take_back());
    let mut got = vec![0; bytes.len()];
    peer.read_exact(&mut got).unwrap();
    assert!(got == bytes);
    notes.wait_report(1, "the acknowledgement", |report| report == Report::Acked(1));
    connection.close();
    for (connection, _) in others {
        connection.close();
    }
}
