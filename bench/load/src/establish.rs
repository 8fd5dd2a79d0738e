//! Opens the connections of a run, some at a time, before any clock runs.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

use crate::connection::Connection;

/// How many handshakes are under way at once: fewer than any listener's backlog.
const WAVE: usize = 64;

/// How long a server may take to answer one.
const PATIENCE: Duration = Duration::from_secs(10);

/// The upgrade request of every connection, and what its answer has to hold.
pub(crate) const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The server's address.
pub(crate) fn address(port: u16) -> SocketAddr {
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
}

/// Small frames must leave at once, and a closed connection must leave no TIME_WAIT behind: a run would soon have
/// used up the local ports.
pub(crate) fn configure(socket: impl AsFd) -> io::Result<()> {
    rustix::net::sockopt::set_tcp_nodelay(&socket, true)?;
    rustix::net::sockopt::set_socket_linger(&socket, Some(Duration::ZERO))?;
    Ok(())
}

/// Whether `head` holds the whole answer; an error when it is no good.
pub(crate) fn is_answered(head: &[u8]) -> io::Result<bool> {
    if !head.ends_with(b"\r\n\r\n") {
        return Ok(false);
    }
    let good = head.starts_with(b"HTTP/1.1 101") && head.windows(ACCEPT.len()).any(|window| window == ACCEPT);
    if good { Ok(true) } else { Err(io::Error::other(format!("refused: {}", String::from_utf8_lossy(head)))) }
}

/// Opens `count` connections.
pub(crate) fn establish(port: u16, count: usize) -> io::Result<Vec<Connection>> {
    let mut connections = Vec::with_capacity(count);
    while connections.len() < count {
        let wave = WAVE.min(count - connections.len());
        let mut streams = Vec::with_capacity(wave);
        for _ in 0..wave {
            let mut stream = TcpStream::connect_timeout(&address(port), PATIENCE)?;
            configure(&stream)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(REQUEST)?;
            streams.push(stream);
        }
        for mut stream in streams {
            read_answer(&mut stream)?;
            stream.set_nonblocking(true)?;
            connections.push(Connection::new(mio::net::TcpStream::from_std(stream)));
        }
    }
    Ok(connections)
}

fn read_answer(stream: &mut TcpStream) -> io::Result<()> {
    let mut head = Vec::with_capacity(512);
    let mut chunk = [0; 512];
    while !is_answered(&head)? {
        match stream.read(&mut chunk)? {
            0 => return Err(io::Error::other("the server ended a connection in its handshake")),
            length => head.extend_from_slice(&chunk[..length]),
        }
    }
    Ok(())
}
