//! A listening socket: whom it accepts, and what they ask for.
//!
//! A visitor is a connection that has been accepted and about which nobody has decided. Its request
//! is read here when it is a plain one; every other visitor, also one that takes its time, is left
//! to the listener's user with the bytes that were read. Visitors have numbers, by which the user
//! takes them out; whoever is not taken out stays until the listener is closed.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use atomic_waker::AtomicWaker;
use parking_lot::Mutex;
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Semaphore;

use super::adopt::duplicate;
use super::connection::Connection;
use super::runtime;
use super::sink::EventSink;
use crate::protocol::deflate::Compression;
use crate::protocol::{Decoder, Opening, read_opening};

/// So many visitors may wait for the user before nobody is accepted any more: the kernel's queue
/// takes the others.
const ROOM: usize = 512;

/// How long a visitor may take with a plain request.
const PATIENCE: Duration = Duration::from_secs(1);

/// The pause after the system has refused to accept, most likely for want of descriptors.
const BACK_OFF: Duration = Duration::from_millis(50);

/// What one read takes at most, as in [`super::connection`].
const SCRATCH: usize = 64 * 1024;

thread_local! {
    static BUFFER: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Who hears of visitors. It is called on I/O threads.
pub trait Host: Send + Sync + 'static {
    /// There is a plain request: its `text` as [`read_opening`] gives it, and what
    /// was read behind it.
    fn arrival(&self, listener: u32, visitor: u32, text: &[u8], rest: &[u8]);

    /// There is somebody whose request has to be read by other means.
    fn stranger(&self, listener: u32, visitor: u32);
}

/// A connection without a decision.
pub struct Visitor {
    io: AsyncFd<OwnedFd>,
    bytes: Vec<u8>,
    /// The head's part of the bytes, once it is known.
    head: usize,
    /// The host has been told.
    announced: bool,
}

/// What a visitor's task has found out.
enum Found {
    /// A plain request; this is its text.
    Request(Vec<u8>),
    Stranger,
    /// The visitor has left without a word, or is in other hands.
    Nobody,
}

/// A shared place, which is empty once the visitor has been taken out.
type Place = Arc<Mutex<Option<Visitor>>>;

#[derive(Default)]
struct Visitors {
    places: HashMap<u32, Place>,
    last: u32,
}

/// A listening socket.
pub struct Listener {
    id: u32,
    /// Heads longer than this are left to the user.
    limit: usize,
    io: Mutex<Option<AsyncFd<OwnedFd>>>,
    visitors: Mutex<Visitors>,
    room: Semaphore,
    waker: AtomicWaker,
    /// A descriptor to be given up when there is no other left.
    spare: Mutex<Option<OwnedFd>>,
    host: Arc<dyn Host>,
}

fn watch(descriptor: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    #[expect(
        deprecated,
        reason = "its successor is unsafe for types whose descriptor may change; an OwnedFd's cannot"
    )]
    AsyncFd::with_interest(descriptor, interest)
}

impl Listener {
    /// Begins to accept connections on `descriptor`, a listening non-blocking TCP socket. `host` is
    /// told of them by the number `id`.
    ///
    /// # Errors
    /// When there is no runtime, or it cannot watch the descriptor.
    pub fn open(id: u32, descriptor: OwnedFd, limit: usize, host: Arc<dyn Host>) -> io::Result<Arc<Self>> {
        let runtime = runtime::runtime().ok_or_else(|| io::Error::other("no thread could be started"))?;
        let _entered = runtime.enter();
        let spare = duplicate(&descriptor).ok();
        rustix::net::sockopt::set_tcp_nodelay(&descriptor, true)?;
        let listener = Arc::new(Self {
            id,
            limit,
            spare: Mutex::new(spare),
            io: Mutex::new(Some(watch(descriptor, Interest::READABLE)?)),
            visitors: Mutex::new(Visitors::default()),
            room: Semaphore::new(ROOM),
            waker: AtomicWaker::new(),
            host,
        });
        runtime.spawn(accept_all(Arc::clone(&listener)));
        Ok(listener)
    }

    /// Takes a visitor out, if it is there.
    pub fn take(&self, number: u32) -> Option<Visitor> {
        let place = self.visitors.lock().places.remove(&number)?;
        let visitor = place.lock().take()?;
        if visitor.announced {
            self.room.add_permits(1);
        }
        Some(visitor)
    }

    /// Gives the listening socket back, unless that is closed, and tells who is still here: when
    /// this returns nobody else is accepted.
    pub fn retire(&self) -> (Option<OwnedFd>, Vec<u32>) {
        let io = self.io.lock().take();
        self.waker.wake();
        let mut numbers: Vec<u32> = self.visitors.lock().places.keys().copied().collect();
        numbers.sort_unstable();
        (io.map(AsyncFd::into_inner), numbers)
    }

    /// Closes the listening socket, and all visitors. When this returns nobody is accepted.
    pub fn close(&self) {
        *self.io.lock() = None;
        *self.spare.lock() = None;
        self.room.close();
        self.waker.wake();
        for (_, place) in self.visitors.lock().places.drain() {
            place.lock().take();
        }
    }

    /// Accepts one connection and gives it its place, both or neither before a [`Self::retire`].
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<Option<io::Result<(u32, Place)>>> {
        self.waker.register(context.waker());
        let io = self.io.lock();
        let Some(io) = &*io else { return Poll::Ready(None) };
        loop {
            let Ok(mut guard) = ready!(io.poll_read_ready(context)) else { return Poll::Ready(None) };
            match accept(io.get_ref()) {
                Err(Errno::AGAIN) => guard.clear_ready(),
                accepted => {
                    let seated = accepted.map_err(Into::into).and_then(|socket| self.seat(socket));
                    return Poll::Ready(Some(seated));
                }
            }
        }
    }

    /// Hangs up on all who wait, as libuv does when the process has no descriptor left for them.
    fn turn_away(&self) {
        let io = self.io.lock();
        let (Some(io), Some(spare)) = (&*io, self.spare.lock().take()) else { return };
        drop(spare);
        while accept(io.get_ref()).is_ok() {}
        *self.spare.lock() = duplicate(io.get_ref()).ok();
    }

    /// Gives a new connection a number and a place.
    fn seat(&self, socket: OwnedFd) -> io::Result<(u32, Place)> {
        let io = watch(socket, Interest::READABLE | Interest::WRITABLE)?;
        let place = Arc::new(Mutex::new(Some(Visitor { io, bytes: Vec::new(), head: 0, announced: false })));
        let mut visitors = self.visitors.lock();
        visitors.last = visitors.last.wrapping_add(1);
        let number = visitors.last;
        visitors.places.insert(number, Arc::clone(&place));
        Ok((number, place))
    }

    /// Tells the host of a visitor, once there is room for one more.
    async fn announce(&self, number: u32, place: &Place, found: Found) {
        let Ok(permit) = self.room.acquire().await else { return };
        let mut place = place.lock();
        let Some(visitor) = &mut *place else { return };
        permit.forget();
        visitor.announced = true;
        match found {
            Found::Request(text) => {
                let rest = &visitor.bytes[visitor.head..];
                self.host.arrival(self.id, number, &text, rest);
            }
            Found::Stranger => self.host.stranger(self.id, number),
            Found::Nobody => {}
        }
    }
}

impl Visitor {
    /// Makes a connection of the visitor. The bytes behind its request are still to be decoded by
    /// the caller.
    #[must_use]
    pub fn admit(
        self,
        id: u32,
        decoder: Decoder,
        compression: Option<Compression>,
        sink: Arc<dyn EventSink>,
    ) -> Arc<Connection> {
        let connection = Connection::new(id, self.io, decoder, compression, sink);
        connection.count_received(self.bytes.len());
        Arc::new(connection)
    }

    /// The socket, and all that was read of it.
    #[must_use]
    pub fn into_parts(self) -> (OwnedFd, Vec<u8>) {
        (self.io.into_inner(), self.bytes)
    }

    /// Reads what is there, until it is clear what the visitor wants.
    fn poll_request(&mut self, context: &mut Context<'_>, limit: usize) -> Poll<Found> {
        let Self { io, bytes, head, .. } = self;
        loop {
            let Ok(mut guard) = ready!(io.poll_read_ready(context)) else {
                return Poll::Ready(Found::Nobody);
            };
            let count = match read_into(io.get_ref(), bytes) {
                Ok(count) => count,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => {
                    guard.clear_ready();
                    continue;
                }
                Err(_) => return Poll::Ready(Found::Nobody),
            };
            if count == 0 {
                return Poll::Ready(if bytes.is_empty() { Found::Nobody } else { Found::Stranger });
            }
            if count < SCRATCH {
                guard.clear_ready();
            }
            let mut text = Vec::new();
            match read_opening(bytes, &mut text) {
                Opening::Partial if bytes.len() < limit => {}
                Opening::Upgrade(length) if length < limit => {
                    *head = length;
                    return Poll::Ready(Found::Request(text));
                }
                _ => return Poll::Ready(Found::Stranger),
            }
        }
    }
}

/// Reads once, and appends what came.
fn read_into(descriptor: &OwnedFd, bytes: &mut Vec<u8>) -> Result<usize, Errno> {
    BUFFER.with_borrow_mut(|buffer| {
        buffer.resize(SCRATCH, 0);
        let count = rustix::io::read(descriptor, buffer.as_mut_slice())?;
        bytes.extend_from_slice(&buffer[..count]);
        Ok(count)
    })
}

/// Accepts one connection, which does not block and sends what it is given at once, as those of
/// Node's HTTP server do.
fn accept(socket: &OwnedFd) -> Result<OwnedFd, Errno> {
    #[cfg(target_os = "linux")]
    {
        use rustix::net::SocketFlags;
        // The connection has the option of the listening socket.
        rustix::net::accept_with(socket, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let accepted = rustix::net::accept(socket)?;
        rustix::io::fcntl_setfd(&accepted, rustix::io::FdFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&accepted, true)?;
        // It fails when the peer has gone, which will be seen.
        let _ = rustix::net::sockopt::set_tcp_nodelay(&accepted, true);
        Ok(accepted)
    }
}

/// Accepts whoever comes, for as long as the host keeps up.
async fn accept_all(listener: Arc<Listener>) {
    while let Ok(permit) = listener.room.acquire().await {
        drop(permit);
        match std::future::poll_fn(|context| listener.poll_accept(context)).await {
            None => return,
            Some(Ok((number, place))) => {
                tokio::spawn(visit(Arc::clone(&listener), number, place));
            }
            Some(Err(error)) => match Errno::from_io_error(&error) {
                // Of one connection.
                Some(Errno::INTR | Errno::CONNABORTED) => {}
                Some(Errno::MFILE | Errno::NFILE) => {
                    listener.turn_away();
                    tokio::time::sleep(BACK_OFF).await;
                }
                _ => tokio::time::sleep(BACK_OFF).await,
            },
        }
    }
}

/// Finds out what a visitor wants.
async fn visit(listener: Arc<Listener>, number: u32, place: Place) {
    let request = std::future::poll_fn(|context| match &mut *place.lock() {
        Some(visitor) => visitor.poll_request(context, listener.limit),
        None => Poll::Ready(Found::Nobody),
    });
    match tokio::time::timeout(PATIENCE, request).await.unwrap_or(Found::Stranger) {
        Found::Nobody => drop(listener.take(number)),
        found => listener.announce(number, &place, found).await,
    }
}
