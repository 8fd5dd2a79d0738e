//! Who comes in: plain requests are read, everybody else is passed on, and no more wait than there
//! is room for.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "helpers of tests give up as the tests do")]

mod transport_support;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use transport_support::{LIMITS, Notes, PATIENCE, masked};
use ws_native::protocol::{Decoder, Role};
use ws_native::transport::connection::Writer;
use ws_native::transport::listener::{Host, Listener, Visitor};

const REQUEST: &[u8] = b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/// Somebody who has come: a request's text and what was behind it, or nothing.
type Guest = (u32, Option<(Vec<u8>, Vec<u8>)>);

struct Hall(Mutex<Sender<Guest>>);

impl Host for Hall {
    fn arrival(&self, listener: u32, visitor: u32, text: &[u8], rest: &[u8]) {
        assert_eq!(listener, 7);
        let _ = self.0.lock().unwrap().send((visitor, Some((text.to_vec(), rest.to_vec()))));
    }

    fn stranger(&self, _listener: u32, visitor: u32) {
        let _ = self.0.lock().unwrap().send((visitor, None));
    }
}

fn listen() -> (Arc<Listener>, SocketAddr, Receiver<Guest>) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    socket.set_nonblocking(true).unwrap();
    let (sender, guests) = channel();
    let hall = Arc::new(Hall(Mutex::new(sender)));
    (Listener::open(7, OwnedFd::from(socket), 1000, hall).unwrap(), address, guests)
}

fn say(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(bytes).unwrap();
    client
}

fn stranger(guests: &Receiver<Guest>, listener: &Listener) -> Visitor {
    let (number, request) = guests.recv_timeout(PATIENCE).unwrap();
    assert_eq!(request, None);
    listener.take(number).unwrap()
}

#[test]
fn a_plain_request_becomes_a_connection() {
    let (listener, address, guests) = listen();
    let mut client = say(address, &[REQUEST, &masked(b"early")].concat());
    let (number, request) = guests.recv_timeout(PATIENCE).unwrap();
    let (text, mut rest) = request.unwrap();
    assert_eq!(text, b"/a\0Host\0h\0Connection\0Upgrade\0Upgrade\0websocket");
    let notes = Notes::new();
    let visitor = listener.take(number).unwrap();
    assert!(listener.take(number).is_none());
    let connection = visitor.admit(3, Decoder::new(Role::Server, LIMITS), None, Arc::clone(&notes) as _);
    connection.decode_early(&mut rest);
    connection.start();
    connection.enqueue(false, |pending| {
        pending.tail().extend_from_slice(b"answer");
        6
    });
    connection.flush(Writer::Caller);
    client.write_all(&masked(b"late")).unwrap();
    notes.wait_messages(3, 2);
    assert_eq!(notes.messages(3), [b"early".to_vec(), b"late".to_vec()]);
    let mut answer = [0; 6];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"answer");
    let early = masked(b"early").len() as u64;
    assert_eq!(connection.received(), REQUEST.len() as u64 + early + masked(b"late").len() as u64);
    connection.close();
    listener.close();
}

#[test]
fn whatever_else_comes_is_passed_on_with_its_bytes() {
    let (listener, address, guests) = listen();
    for bytes in [&b"POST / HTTP/1.1\r\n\r\n"[..], b"rubbish", &[&REQUEST[..40], &[b'x'; 2000]].concat()] {
        let _client = say(address, bytes);
        assert_eq!(stranger(&guests, &listener).into_parts().1, bytes);
    }
    // One that ends too early, one that never says anything.
    let client = say(address, &REQUEST[..10]);
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stranger(&guests, &listener).into_parts().1, &REQUEST[..10]);
    let _silent = say(address, b"");
    assert_eq!(stranger(&guests, &listener).into_parts().1, b"");
    listener.close();
}

#[test]
fn there_is_room_for_so_many_only() {
    let (listener, address, guests) = listen();
    let clients: Vec<_> = (0..600).map(|_| say(address, REQUEST)).collect();
    let first: Vec<_> = (0..512).map(|_| guests.recv_timeout(PATIENCE).unwrap().0).collect();
    assert!(guests.recv_timeout(std::time::Duration::from_millis(50)).is_err());
    for number in first {
        drop(listener.take(number).unwrap().into_parts());
    }
    for _ in 512..clients.len() {
        drop(listener.take(guests.recv_timeout(PATIENCE).unwrap().0).unwrap().into_parts());
    }
    listener.close();
}

#[test]
fn one_that_retires_leaves_its_socket_and_its_visitors() {
    let (listener, address, guests) = listen();
    let _known = say(address, REQUEST);
    let (known, _) = guests.recv_timeout(PATIENCE).unwrap();
    let (socket, visitors) = listener.retire();
    assert_eq!(visitors, [known]);
    // Who comes now waits for somebody else.
    let mut next = say(address, b"next");
    let socket = TcpListener::from(socket.unwrap());
    socket.set_nonblocking(false).unwrap();
    let mut word = [0; 4];
    socket.accept().unwrap().0.read_exact(&mut word).unwrap();
    assert_eq!(&word, b"next");
    drop(listener.take(known).unwrap().into_parts());
    listener.close();
    assert_eq!(next.read(&mut word).unwrap(), 0);
}

#[test]
fn one_that_is_closed_hangs_up() {
    let (listener, address, guests) = listen();
    let mut client = say(address, REQUEST);
    let (number, _) = guests.recv_timeout(PATIENCE).unwrap();
    listener.close();
    assert!(listener.take(number).is_none());
    assert_eq!(client.read(&mut [0]).unwrap_or(0), 0);
    assert!(TcpStream::connect(address).is_err());
}
