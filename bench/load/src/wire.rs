//! The stream under a connection, plain or with TLS.

use std::io::{self, Read, Write};

use mio::net::TcpStream;
use rustls::ClientConnection;

use crate::tls::Secured;

/// A stream that does not block. A read that is short has emptied the socket.
pub(crate) enum Wire {
    Plain(TcpStream),
    Secured(Box<Secured<TcpStream>>),
}

impl Wire {
    /// Wraps a blocking stream that has done its handshakes.
    pub(crate) fn new(stream: std::net::TcpStream, session: Option<ClientConnection>) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let stream = TcpStream::from_std(stream);
        Ok(match session {
            Some(session) => Self::Secured(Box::new(Secured::new(session, stream))),
            None => Self::Plain(stream),
        })
    }

    /// The socket itself, to be registered.
    pub(crate) fn socket(&mut self) -> &mut TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Secured(secured) => &mut secured.stream,
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Secured(secured) => secured.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(data),
            Self::Secured(secured) => secured.write(data),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Secured(secured) => secured.flush(),
        }
    }
}
