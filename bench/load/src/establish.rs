//! Opens the connections of a run, some at a time, before any clock runs.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

use crate::connection::Connection;
use crate::counter::Counter;
use crate::deflate::{Agreement, Deflate, OFFER};
use crate::frames::Frames;
use crate::options::{Mode, Options};
use crate::tls;
use crate::wire::Wire;

/// How many handshakes are under way at once: fewer than any listener's backlog.
const WAVE: usize = 64;

/// How many messages of a cycle lie between the first ones of two connections: connections that are answered at the
/// same time are answered with different data.
const STRIDE: usize = 97;

/// How long a server may take to answer one.
const PATIENCE: Duration = Duration::from_secs(10);

/// The upgrade request of every connection, but for an extension and the end, and what its answer has to hold.
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
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

/// The request of every connection of a run.
pub(crate) fn request(deflate: Deflate) -> Vec<u8> {
    let offer = if deflate == Deflate::Off { "" } else { OFFER };
    format!("{REQUEST}{offer}\r\n").into_bytes()
}

/// Opens the connections of a run.
pub(crate) fn establish(options: &Options, frames: &Frames) -> io::Result<Vec<Connection>> {
    let tls = if options.tls { Some(tls::config()?) } else { None };
    let request = request(options.deflate);
    let mut connections = Vec::with_capacity(options.connections);
    while connections.len() < options.connections {
        let wave = WAVE.min(options.connections - connections.len());
        let mut begun = Vec::with_capacity(wave);
        for _ in 0..wave {
            let mut stream = TcpStream::connect_timeout(&address(options.port), PATIENCE)?;
            configure(&stream)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            let mut session = tls.as_ref().map(tls::session).transpose()?;
            match &mut session {
                Some(session) => rustls::Stream::new(session, &mut stream).write_all(&request)?,
                None => stream.write_all(&request)?,
            }
            begun.push((stream, session));
        }
        for (mut stream, mut session) in begun {
            let head = match &mut session {
                Some(session) => read_answer(&mut rustls::Stream::new(session, &mut stream))?,
                None => read_answer(&mut stream)?,
            };
            let wire = Wire::new(stream, session)?;
            connections.push(connection(options, frames, connections.len(), wire, &head)?);
        }
    }
    Ok(connections)
}

fn connection(
    options: &Options,
    frames: &Frames,
    index: usize,
    wire: Wire,
    head: &[u8],
) -> io::Result<Connection> {
    // A broadcast gives all of them the messages of one.
    let first = if options.mode == Mode::Broadcast { 0 } else { index * STRIDE % frames.messages() };
    let counter = match options.deflate {
        Deflate::Off => Counter::new(),
        wanted => {
            let whole = options.verify || index == 0;
            Counter::compressed(first, Agreement::read(head, wanted)?, whole)
        }
    };
    Ok(Connection::new(wire, counter, first, frames))
}

fn read_answer(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(512);
    let mut chunk = [0; 512];
    while !is_answered(&head)? {
        match stream.read(&mut chunk)? {
            0 => return Err(io::Error::other("the server ended a connection in its handshake")),
            length => head.extend_from_slice(&chunk[..length]),
        }
    }
    Ok(head)
}
