//! The one tokio runtime of the process: its threads are the I/O threads of every environment.

use std::io;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::{Builder, Runtime};

use super::bell;
use super::reactor::Reactor;

const MAX_THREADS: usize = 4;

/// So many large messages may be compressed or inflated at a time.
const ASIDE: usize = 16;

/// So many turns of a reactor there are at most before its thread looks at its other tasks.
const TURNS_BETWEEN_LOOKS: u32 = 2;

/// The variable that sets the number of I/O threads (1 to 64).
pub const THREADS_VARIABLE: &str = "WS_NATIVE_THREADS";

static IO: OnceLock<Option<Io>> = OnceLock::new();

/// The runtime, and a reactor for each of its threads.
struct Io {
    runtime: Runtime,
    reactors: Vec<&'static Reactor>,
    next: AtomicUsize,
}

/// The cores this process may use.
#[must_use]
pub fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
}

/// One I/O thread for each core but the one JavaScript needs, at least 1 and at most 4.
fn default_threads() -> usize {
    cores().saturating_sub(1).clamp(1, MAX_THREADS)
}

/// How many I/O threads the runtime has, or will have when it is started.
#[must_use]
pub fn threads() -> usize {
    static THREADS: OnceLock<usize> = OnceLock::new();
    *THREADS.get_or_init(|| {
        std::env::var(THREADS_VARIABLE)
            .ok()
            .and_then(|text| text.trim().parse::<usize>().ok())
            .filter(|count| (1..=64).contains(count))
            .unwrap_or_else(default_threads)
    })
}

impl Io {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads())
            .thread_name("ws-native-io")
            // Large messages are compressed and inflated there.
            .max_blocking_threads(ASIDE)
            .on_thread_park(bell::before_sleep)
            // A turn of a reactor is long as tasks go.
            .event_interval(TURNS_BETWEEN_LOOKS)
            .global_queue_interval(TURNS_BETWEEN_LOOKS)
            .enable_io()
            .enable_time()
            .build()?;
        let reactors = (0..threads()).map(|_| Reactor::start(&runtime)).collect::<io::Result<_>>()?;
        Ok(Self { runtime, reactors, next: AtomicUsize::new(0) })
    }
}

/// Started by its first use. `None` when no thread could be started: callers then leave the socket
/// to its owner.
fn io() -> Option<&'static Io> {
    // tokio panics when the system refuses a thread.
    IO.get_or_init(|| catch_unwind(Io::start).ok()?.ok()).as_ref()
}

/// The runtime. `None` when no thread could be started.
pub fn runtime() -> Option<&'static Runtime> {
    Some(&io()?.runtime)
}

/// All reactors. There is none when no thread could be started.
pub fn reactors() -> impl Iterator<Item = &'static Reactor> {
    io().into_iter().flat_map(|io| io.reactors.iter().copied())
}

/// All reactors, the one first whose turn it is to get something.
pub fn reactors_in_turn() -> impl Iterator<Item = &'static Reactor> {
    io().into_iter().flat_map(|io| {
        let first = io.next.fetch_add(1, Ordering::Relaxed) % io.reactors.len();
        let (before, behind) = io.reactors.split_at(first);
        behind.iter().chain(before).copied()
    })
}

/// How often borrowers have come to reactors.
#[must_use]
pub fn visits() -> u32 {
    reactors().map(Reactor::visits).fold(0, u32::wrapping_add)
}

/// Whether the threads of users do the reading.
#[must_use]
pub fn is_lent() -> bool {
    reactors().any(Reactor::is_lent)
}

/// The reactor whose turn it is to get a socket.
///
/// # Errors
/// When no thread could be started.
pub fn next_reactor() -> io::Result<&'static Reactor> {
    reactors_in_turn().next().ok_or_else(|| io::Error::other("no thread could be started"))
}

/// Has the runtime that is entered watch until `source` is readable.
///
/// # Errors
/// When the system cannot watch it.
pub fn watch_readable<T: AsRawFd>(source: T) -> io::Result<AsyncFd<T>> {
    #[expect(
        deprecated,
        reason = "its successor is unsafe for types whose descriptor may change; that of ours cannot"
    )]
    AsyncFd::with_interest(source, Interest::READABLE)
}

/// Runs `work` on a thread that serves no connection; on this one, where the system refuses others.
pub fn spawn_aside(work: impl FnOnce() + Send + 'static) {
    let work = Arc::new(Mutex::new(Some(work)));
    let there = Arc::clone(&work);
    let run = move || {
        let work = there.lock().take();
        if let Some(work) = work {
            work();
        }
    };
    // tokio panics when the system refuses the first thread.
    let spawned = runtime()
        .is_some_and(|runtime| catch_unwind(AssertUnwindSafe(|| drop(runtime.spawn_blocking(run)))).is_ok());
    if !spawned {
        let work = work.lock().take();
        if let Some(work) = work {
            work();
        }
    }
}
