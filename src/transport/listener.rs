//! A listening socket: whom it accepts, and what they ask for.
//!
//! A visitor is a connection that has been accepted and about which nobody has decided. Its request
//! is read here when it is a plain one; every other visitor, also one that takes its time, is left
//! to the listener's user with the bytes that were read. Visitors have numbers, by which the user
//! takes them out; whoever is not taken out stays until the listener is closed.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::io::Errno;
use tokio::sync::{Notify, Semaphore, TryAcquireError};
use tokio::time::Instant;

use super::adopt::duplicate;
use super::connection::Connection;
use super::reactor::{Readiness, Registration, Watched};
use super::runtime;
use super::sink::EventSink;
use crate::protocol::deflate::Compression;
use crate::protocol::{Decoder, Opening, read_opening};

/// So many visitors may wait for the user before nobody is accepted any more: the kernel's queue
/// takes the others.
const ROOM: usize = 512;

/// How long a visitor may take with a plain request.
const PATIENCE: Duration = Duration::from_secs(1);

/// So much longer it may be, so that one look is enough for many.
const SLACK: Duration = Duration::from_millis(50);

/// The pause after the system has refused to accept, most likely for want of descriptors.
const BACK_OFF: Duration = Duration::from_millis(50);

/// So many are accepted before others of the thread have their turn.
const ACCEPTS: usize = 64;

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

/// A connection without a decision, taken out: to be admitted, or taken to its parts.
#[must_use]
pub struct Visitor {
    seat: Arc<Seat>,
    guest: Guest,
}

struct Guest {
    socket: OwnedFd,
    bytes: Vec<u8>,
    /// The head's part of the bytes, once it is known.
    head: usize,
    /// Nothing more is to be read.
    known: bool,
    /// The host has been told.
    announced: bool,
}

/// Where a visitor waits, and what becomes of what is seen of its socket.
struct Seat {
    listener: Arc<Listener>,
    number: u32,
    registration: Registration,
    state: Mutex<State>,
}

struct State {
    /// Seen, and not used yet.
    ready: Readiness,
    holder: Holder,
}

enum Holder {
    Guest(Guest),
    /// It has been taken out.
    Nobody,
    Connection(Weak<Connection>),
}

/// What has been found out about a visitor.
enum Found {
    /// A plain request; this is its text.
    Request(Vec<u8>),
    Stranger,
    /// The visitor has left without a word.
    Nobody,
}

#[derive(Default)]
struct Visitors {
    seats: HashMap<u32, Arc<Seat>>,
    last: u32,
    /// When those came about whom nothing may be known yet, in order.
    arrivals: VecDeque<(Instant, u32)>,
}

/// A listening socket.
pub struct Listener {
    id: u32,
    /// Heads longer than this are left to the user.
    limit: usize,
    socket: Mutex<Option<OwnedFd>>,
    registration: Registration,
    /// Nobody is accepted until there is room, or until the system has had a pause.
    rests: AtomicBool,
    visitors: Mutex<Visitors>,
    room: Semaphore,
    /// Somebody has come after a time without visitors.
    busy: Notify,
    /// A descriptor to be given up when there is no other left.
    spare: Mutex<Option<OwnedFd>>,
    host: Arc<dyn Host>,
}

impl Listener {
    /// Begins to accept connections on `descriptor`, a listening non-blocking TCP socket. `host` is
    /// told of them by the number `id`.
    ///
    /// # Errors
    /// When there is no runtime, or it cannot watch the descriptor.
    pub fn open(id: u32, descriptor: OwnedFd, limit: usize, host: Arc<dyn Host>) -> io::Result<Arc<Self>> {
        let runtime = runtime::runtime().ok_or_else(|| io::Error::other("no thread could be started"))?;
        let spare = duplicate(&descriptor).ok();
        rustix::net::sockopt::set_tcp_nodelay(&descriptor, true)?;
        let reactor = runtime::next_reactor()?;
        let listener = reactor.watch(descriptor.as_raw_fd(), |registration| {
            Arc::new(Self {
                id,
                limit,
                spare: Mutex::new(spare),
                socket: Mutex::new(Some(descriptor)),
                registration,
                rests: AtomicBool::new(false),
                visitors: Mutex::new(Visitors::default()),
                room: Semaphore::new(ROOM),
                busy: Notify::new(),
                host,
            })
        })?;
        runtime.spawn(lose_patience(Arc::downgrade(&listener)));
        Ok(listener)
    }

    /// Takes a visitor out, if it is there.
    pub fn take(&self, number: u32) -> Option<Visitor> {
        let seat = self.visitors.lock().seats.remove(&number)?;
        let visitor = seat.take()?;
        if visitor.guest.announced {
            self.room.add_permits(1);
        }
        Some(visitor)
    }

    /// Gives the listening socket back, unless that is closed, and tells who is still here: when
    /// this returns nobody else is accepted.
    pub fn retire(&self) -> (Option<OwnedFd>, Vec<u32>) {
        let socket = self.end();
        let mut numbers: Vec<u32> = self.visitors.lock().seats.keys().copied().collect();
        numbers.sort_unstable();
        (socket, numbers)
    }

    /// Takes the listening socket from its reactor.
    fn end(&self) -> Option<OwnedFd> {
        let socket = self.socket.lock().take()?;
        self.registration.end(&socket);
        Some(socket)
    }

    /// Closes the listening socket, and all visitors. When this returns nobody is accepted.
    pub fn close(&self) {
        drop(self.end());
        *self.spare.lock() = None;
        self.room.close();
        self.busy.notify_one();
        let seats = std::mem::take(&mut self.visitors.lock().seats);
        seats.into_values().filter_map(Seat::take).for_each(|visitor| drop(visitor.into_parts()));
    }

    /// Accepts one connection and gives it its seat, both or neither before a [`Self::retire`].
    fn accept_one(self: &Arc<Self>) -> Result<(), Errno> {
        let socket = self.socket.lock();
        let accepted = accept(socket.as_ref().ok_or(Errno::AGAIN)?)?;
        self.seat(accepted).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
    }

    /// Accepts nobody until `pause` is over.
    fn rest(self: &Arc<Self>, pause: impl Future<Output = ()> + Send + 'static) {
        let listener = Arc::clone(self);
        if let Some(runtime) = runtime::runtime()
            && !self.rests.swap(true, Ordering::AcqRel)
        {
            runtime.spawn(async move {
                pause.await;
                listener.rests.store(false, Ordering::Release);
                listener.registration.call();
            });
        }
    }

    /// Hangs up on all who wait, as libuv does when the process has no descriptor left for them.
    fn turn_away(&self) {
        let socket = self.socket.lock();
        let (Some(socket), Some(spare)) = (&*socket, self.spare.lock().take()) else { return };
        drop(spare);
        while accept(socket).is_ok() {}
        *self.spare.lock() = duplicate(socket).ok();
    }

    /// Gives a new connection a number and a seat.
    fn seat(self: &Arc<Self>, socket: OwnedFd) -> io::Result<()> {
        let reactor = runtime::next_reactor()?;
        // Held until it has its seat: it may be served before that.
        let mut visitors = self.visitors.lock();
        visitors.last = visitors.last.wrapping_add(1);
        let number = visitors.last;
        let seat = reactor.watch(socket.as_raw_fd(), |registration| {
            let guest = Guest { socket, bytes: Vec::new(), head: 0, known: false, announced: false };
            let state = State { ready: Readiness::default(), holder: Holder::Guest(guest) };
            Arc::new(Seat { listener: Arc::clone(self), number, registration, state: Mutex::new(state) })
        })?;
        visitors.seats.insert(number, seat);
        if visitors.arrivals.is_empty() {
            self.busy.notify_one();
        }
        visitors.arrivals.push_back((Instant::now(), number));
        Ok(())
    }

    /// Tells the host of a visitor, once there is room for one more.
    fn announce(&self, seat: &Arc<Seat>, found: Found) {
        match self.room.try_acquire() {
            Ok(permit) => {
                if seat.announce(&found) {
                    permit.forget();
                }
            }
            Err(TryAcquireError::Closed) => {}
            Err(TryAcquireError::NoPermits) => {
                let seat = Arc::clone(seat);
                let Some(runtime) = runtime::runtime() else { return };
                runtime.spawn(async move {
                    if let Ok(permit) = seat.listener.room.acquire().await
                        && seat.announce(&found)
                    {
                        permit.forget();
                    }
                });
            }
        }
    }

    /// The oldest visitors have had their time; returns when the next one will have.
    fn lose_patience(&self) -> Option<Instant> {
        loop {
            let seat = {
                let mut visitors = self.visitors.lock();
                let (since, number) = *visitors.arrivals.front()?;
                if since.elapsed() < PATIENCE {
                    return Some(since + PATIENCE);
                }
                visitors.arrivals.pop_front();
                visitors.seats.get(&number).map(Arc::clone)
            };
            if let Some(seat) = seat
                && seat.give_up()
            {
                self.announce(&seat, Found::Stranger);
            }
        }
    }
}

impl Seat {
    fn take(self: Arc<Self>) -> Option<Visitor> {
        let holder = std::mem::replace(&mut self.state.lock().holder, Holder::Nobody);
        let Holder::Guest(guest) = holder else { return None };
        Some(Visitor { seat: self, guest })
    }

    /// Tells the host, if the visitor is still there.
    fn announce(&self, found: &Found) -> bool {
        let Self { listener, number, .. } = self;
        let Holder::Guest(guest) = &mut self.state.lock().holder else { return false };
        guest.announced = true;
        match found {
            Found::Request(text) => {
                listener.host.arrival(listener.id, *number, text, &guest.bytes[guest.head..]);
            }
            Found::Stranger => listener.host.stranger(listener.id, *number),
            Found::Nobody => {}
        }
        true
    }

    /// Whether the visitor has kept us waiting until now.
    fn give_up(&self) -> bool {
        match &mut self.state.lock().holder {
            Holder::Guest(guest) => !std::mem::replace(&mut guest.known, true),
            _ => false,
        }
    }
}

impl Watched for Seat {
    fn serve(self: Arc<Self>, ready: Readiness) {
        let mut state = self.state.lock();
        state.ready = state.ready.and(ready);
        let State { ready: seen, holder } = &mut *state;
        let found = match holder {
            Holder::Guest(guest) if !guest.known && seen.readable => guest.read(seen, self.listener.limit),
            Holder::Connection(connection) => {
                let connection = connection.upgrade();
                drop(state);
                if let Some(connection) = connection {
                    connection.serve(ready);
                }
                return;
            }
            _ => return,
        };
        drop(state);
        match found {
            None => {}
            Some(Found::Nobody) => drop(self.listener.take(self.number).map(Visitor::into_parts)),
            Some(found) => self.listener.announce(&self, found),
        }
    }
}

impl Watched for Listener {
    /// Accepts whoever comes, for as long as the host keeps up.
    fn serve(self: Arc<Self>, _: Readiness) {
        for _ in 0..ACCEPTS {
            if self.rests.load(Ordering::Acquire) {
                return;
            }
            if self.room.available_permits() == 0 {
                let listener = Arc::clone(&self);
                return self.rest(async move { drop(listener.room.acquire().await) });
            }
            match self.accept_one() {
                // Some are of one connection.
                Ok(()) | Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(Errno::AGAIN) => return,
                Err(error) => {
                    if matches!(error, Errno::MFILE | Errno::NFILE) {
                        self.turn_away();
                    }
                    return self.rest(async { tokio::time::sleep(BACK_OFF).await });
                }
            }
        }
        self.registration.call();
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
        let Self { seat, guest: Guest { socket, bytes, .. } } = self;
        let registration = seat.registration;
        let connection = Arc::new(Connection::new(id, socket, registration, decoder, compression, sink));
        connection.count_received(bytes.len());
        let mut state = seat.state.lock();
        connection.note(state.ready);
        state.holder = Holder::Connection(Arc::downgrade(&connection));
        drop(state);
        registration.pass_to(Arc::clone(&connection) as _);
        connection
    }

    /// Reads what has come of a visitor of whom nothing has been read, so that he is not taken for one
    /// who is silent.
    pub fn read_first(&mut self) {
        let Guest { socket, bytes, .. } = &mut self.guest;
        if bytes.is_empty() {
            // Whoever reads on meets the error, or the end.
            let _ = read_into(socket, bytes);
        }
    }

    /// The socket, and all that was read of it.
    #[must_use]
    pub fn into_parts(self) -> (OwnedFd, Vec<u8>) {
        let Guest { socket, bytes, .. } = self.guest;
        self.seat.registration.end(&socket);
        (socket, bytes)
    }
}

impl Guest {
    /// Reads what is there, until it is clear what the visitor wants.
    fn read(&mut self, ready: &mut Readiness, limit: usize) -> Option<Found> {
        let found = self.read_request(ready, limit);
        self.known = found.is_some();
        found
    }

    fn read_request(&mut self, ready: &mut Readiness, limit: usize) -> Option<Found> {
        let Self { socket, bytes, head, .. } = self;
        loop {
            let count = match read_into(socket, bytes) {
                Ok(count) => count,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => {
                    ready.readable = false;
                    return None;
                }
                Err(_) => return Some(Found::Nobody),
            };
            if count == 0 {
                return Some(if bytes.is_empty() { Found::Nobody } else { Found::Stranger });
            }
            ready.readable = count == SCRATCH || ready.hung_up;
            let mut text = Vec::new();
            match read_opening(bytes, &mut text) {
                Opening::Partial if bytes.len() >= limit => return Some(Found::Stranger),
                Opening::Partial if ready.readable => {}
                Opening::Partial => return None,
                Opening::Upgrade(length) if length < limit => {
                    *head = length;
                    return Some(Found::Request(text));
                }
                _ => return Some(Found::Stranger),
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

/// Leaves visitors who take their time to the host.
async fn lose_patience(listener: Weak<Listener>) {
    loop {
        let Some(open) = listener.upgrade().filter(|listener| !listener.room.is_closed()) else { return };
        let next = open.lose_patience();
        if let Some(next) = next {
            drop(open);
            tokio::time::sleep_until(next + SLACK).await;
        } else {
            open.busy.notified().await;
        }
    }
}
