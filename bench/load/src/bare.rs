//! What the machine gives: a server of one epoll loop, with no JavaScript, no limits and no checks, that does as
//! little per message as the scenarios allow. The other servers are to be seen against it; it is no product.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};

use crate::connection::SCRATCH;
use crate::frames::header;

/// The answer to the one request that the load generator sends.
const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

const LISTENER: Token = Token(usize::MAX);

struct Peer {
    stream: TcpStream,
    open: bool,
    /// Bytes of a frame, or of the request, that is not complete.
    incoming: Vec<u8>,
    /// Bytes that the socket did not take.
    outgoing: Vec<u8>,
}

impl Peer {
    /// Writes `data` behind what is still to be written.
    fn send(&mut self, mut data: &[u8]) -> io::Result<()> {
        if self.outgoing.is_empty() {
            let written = write(&mut self.stream, data)?;
            data = &data[written..];
        }
        self.outgoing.extend_from_slice(data);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let written = write(&mut self.stream, &self.outgoing)?;
        self.outgoing.drain(..written);
        Ok(())
    }

    /// Takes a chunk in; `out` gets the frames to be sent back, how many bytes of the chunk that used is returned.
    fn take(&mut self, chunk: &mut [u8], out: &mut Vec<u8>) -> usize {
        if !self.open {
            if !chunk.ends_with(b"\r\n\r\n") {
                return 0;
            }
            self.open = true;
            out.extend_from_slice(ANSWER);
            return chunk.len();
        }
        let mut used = 0;
        while let Some(length) = reflect(&mut chunk[used..], out) {
            used += length;
        }
        used
    }
}

/// Writes what the socket takes.
fn write(stream: &mut TcpStream, data: &[u8]) -> io::Result<usize> {
    let mut written = 0;
    while written < data.len() {
        match stream.write(&data[written..]) {
            Ok(length) => written += length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}

/// Appends the first frame of `chunk`, unmasked: its length in the chunk, or None when it is not complete.
fn reflect(chunk: &mut [u8], out: &mut Vec<u8>) -> Option<usize> {
    let (size, begin) = match (*chunk.get(1)? & 0x7f, chunk.len()) {
        (126, 4..) => (usize::from(u16::from_be_bytes([chunk[2], chunk[3]])), 8),
        (127, 10..) => (u64::from_be_bytes(chunk[2..10].try_into().ok()?) as usize, 14),
        (126 | 127, _) => return None,
        (size, _) => (usize::from(size), 6),
    };
    let mask: [u8; 4] = chunk.get(begin - 4..begin)?.try_into().ok()?;
    let opcode = chunk[0] & 0x0f;
    let payload = chunk.get_mut(begin..begin + size)?;
    let mut words = payload.chunks_exact_mut(4);
    let word = u32::from_ne_bytes(mask);
    for bytes in &mut words {
        bytes.copy_from_slice(
            &(u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) ^ word).to_ne_bytes(),
        );
    }
    for (byte, mask) in words.into_remainder().iter_mut().zip(mask) {
        *byte ^= mask;
    }
    out.extend_from_slice(&header(opcode, size, 0));
    out.extend_from_slice(payload);
    Some(begin + size)
}

struct Server {
    broadcast: bool,
    peers: Vec<Option<Peer>>,
    free: Vec<usize>,
    scratch: Vec<u8>,
    out: Vec<u8>,
}

impl Server {
    fn accept(&mut self, listener: &TcpListener, registry: &Registry) -> io::Result<()> {
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            let index = self.free.pop().unwrap_or(self.peers.len());
            registry.register(&mut stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
            let peer = Peer { stream, open: false, incoming: Vec::new(), outgoing: Vec::new() };
            if index == self.peers.len() {
                self.peers.push(Some(peer));
            } else {
                self.peers[index] = Some(peer);
            }
        }
    }

    /// Reads the socket empty; an error ends the connection.
    fn read(&mut self, index: usize) -> io::Result<()> {
        loop {
            let Some(peer) = self.peers[index].as_mut() else { return Ok(()) };
            let length = match peer.stream.read(&mut self.scratch) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let shakes = !peer.open;
            self.out.clear();
            if peer.incoming.is_empty() {
                let chunk = &mut self.scratch[..length];
                let used = peer.take(chunk, &mut self.out);
                peer.incoming.extend_from_slice(&chunk[used..]);
            } else {
                let mut chunk = std::mem::take(&mut peer.incoming);
                chunk.extend_from_slice(&self.scratch[..length]);
                let used = peer.take(&mut chunk, &mut self.out);
                chunk.drain(..used);
                peer.incoming = chunk;
            }
            if self.broadcast && !shakes {
                // A peer that is gone tells so by an event of its own.
                for peer in self.peers.iter_mut().flatten().filter(|peer| peer.open) {
                    let _ = peer.send(&self.out);
                }
            } else {
                peer.send(&self.out)?;
            }
            if length < self.scratch.len() {
                return Ok(());
            }
        }
    }
}

/// Serves until stdin ends.
pub(crate) fn serve(program: &str) -> io::Result<String> {
    let mut listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    println!("{{\"port\":{}}}", listener.local_addr()?.port());
    std::thread::spawn(|| {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let broadcast = program == "broadcast";
    let mut server =
        Server { broadcast, peers: Vec::new(), free: Vec::new(), scratch: vec![0; SCRATCH], out: Vec::new() };
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &events {
            if event.token() == LISTENER {
                server.accept(&listener, poll.registry())?;
                continue;
            }
            let index = event.token().0;
            let flushed = match server.peers[index].as_mut() {
                Some(peer) if event.is_writable() && !peer.outgoing.is_empty() => peer.flush(),
                _ => Ok(()),
            };
            if flushed.and_then(|()| server.read(index)).is_err() && server.peers[index].take().is_some() {
                server.free.push(index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counter::Counter;
    use crate::frames::{Frames, Kind};

    #[test]
    fn what_is_sent_returns_as_it_has_to() {
        for size in [0, 5, 125, 126, 65535, 65536] {
            let frames = Frames::new(Kind::Unicode, size);
            let length = frames.length(0, 1);
            let mut chunk = frames.outgoing(0, length).to_vec();
            let mut out = Vec::new();
            assert_eq!(reflect(&mut chunk[..length - 1], &mut out), None);
            assert_eq!(reflect(&mut chunk, &mut out), Some(length));
            assert_eq!(Counter::new().count(&out, &frames).unwrap(), 1);
        }
    }
}
