//! Making a connection of a descriptor.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;

use super::connection::Connection;
use super::runtime;
use super::sink::EventSink;
use crate::protocol::Decoder;
use crate::protocol::deflate::Compression;

/// Duplicates `descriptor`, a connected non-blocking stream socket that somebody else owns, so that
/// this side can read and write it without a say in the owner's number.
///
/// # Errors
/// That of `fcntl` (`EMFILE` when the process has no descriptor left).
pub fn duplicate(descriptor: impl AsFd) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(descriptor, 0)?)
}

/// Hands a socket to the I/O threads. Nothing is read before [`Connection::start`].
///
/// # Errors
/// When there is no runtime, or it cannot watch the descriptor.
pub fn adopt(
    id: u32,
    descriptor: OwnedFd,
    decoder: Decoder,
    compression: Option<Compression>,
    sink: Arc<dyn EventSink>,
) -> io::Result<Arc<Connection>> {
    runtime::next_reactor()?.watch(descriptor.as_raw_fd(), |registration| {
        Arc::new(Connection::new(id, descriptor, registration, decoder, compression, sink))
    })
}
