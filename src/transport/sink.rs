//! Where a connection's events go: the one thing the transport knows of its user.

use std::sync::Arc;

use super::connection::Connection;
use crate::protocol::Event;

/// What a connection tells besides the frames it has decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The peer has ended its side (FIN).
    Eof,
    /// Reading failed with this `errno`.
    ReadFailed(i32),
    /// Writing failed with this `errno`; nothing that is still queued will leave.
    WriteFailed(i32),
    /// So many acknowledged writes, the oldest first, have been taken by the kernel.
    Acked(u32),
    /// A queue that had reached its high water mark is empty again, and somebody watches it.
    Drained,
}

/// The receiver of what connections read and report. It is called on I/O threads, and on the
/// caller's own thread for what a flush on that thread brings about.
pub trait EventSink: Send + Sync + 'static {
    /// Takes the events of one chunk, in order; `events` is left empty. Ranges are those of `chunk`.
    ///
    /// The sink may call [`Connection::block`] when it has had enough of this connection.
    fn publish(&self, connection: &Arc<Connection>, chunk: &[u8], events: &mut Vec<Event>);

    /// Asked before a read: whether the sink has no room at all. It then unblocks the connection,
    /// which it has blocked, as soon as it has.
    fn refuses(&self, connection: &Arc<Connection>) -> bool {
        let _ = connection;
        false
    }

    /// Wakes whoever takes what was published. Until then he need not look.
    fn wake(&self) {}

    /// Takes a report, and wakes whoever takes it. Reports are never refused.
    fn report(&self, connection: &Connection, report: Report);
}
