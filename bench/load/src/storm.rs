//! Handshakes: connect, ask, get the 101, tear down, again; a fixed number under way at any time.

use std::io::{self, Read, Write};
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Registry, Token};

use crate::deflate::Deflate;
use crate::establish::{address, configure, is_answered, request};
use crate::histogram::Histogram;
use crate::options::Options;
use crate::report::Window;

struct Attempt {
    stream: TcpStream,
    begun: Instant,
    asked: bool,
    head: Vec<u8>,
}

impl Attempt {
    fn begin(port: u16, registry: &Registry, token: Token) -> io::Result<Self> {
        let begun = Instant::now();
        let mut stream = TcpStream::connect(address(port))?;
        configure(&stream)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { stream, begun, asked: false, head: Vec::new() })
    }

    /// Sends the request once the connection stands. It always fits into an empty socket.
    fn ask(&mut self, request: &[u8]) -> io::Result<()> {
        if !self.asked {
            if let Some(error) = self.stream.take_error()? {
                return Err(error);
            }
            self.stream.write_all(request)?;
            self.asked = true;
        }
        Ok(())
    }

    /// Whether the answer is complete.
    fn hear(&mut self) -> io::Result<bool> {
        let mut chunk = [0; 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(io::Error::other("the server ended a connection in its handshake")),
            Ok(length) => {
                self.head.extend_from_slice(&chunk[..length]);
                is_answered(&self.head)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Runs the scenario.
pub(crate) fn run(options: &Options) -> io::Result<String> {
    let mut latencies = Histogram::new();
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut attempts = (0..options.connections)
        .map(|index| Attempt::begin(options.port, poll.registry(), Token(index)))
        .collect::<io::Result<Vec<_>>>()?;
    let mut window = Window::new(options);
    let mut handshakes = 0;
    let request = request(Deflate::Off);
    loop {
        match poll.poll(&mut events, Some(window.remaining(Instant::now()))) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &events {
            let attempt = &mut attempts[event.token().0];
            if event.is_writable() {
                attempt.ask(&request)?;
            }
            if event.is_readable() && attempt.asked && attempt.hear()? {
                latencies.record(attempt.begun.elapsed().as_nanos() as u64, 1);
                handshakes += 1;
                // The stream that is replaced closes, and leaves the poll with that.
                *attempt = Attempt::begin(options.port, poll.registry(), event.token())?;
            }
        }
        if let Some(report) = window.tick(Instant::now(), handshakes, &mut latencies)? {
            return Ok(report);
        }
    }
}
