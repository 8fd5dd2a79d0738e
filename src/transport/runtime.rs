//! The one tokio runtime of the process: its threads are the I/O threads of every environment.

use std::sync::OnceLock;

use super::bell;
use tokio::runtime::{Builder, Runtime};

const MAX_THREADS: usize = 4;

/// So many large messages may be compressed or inflated at a time.
const ASIDE: usize = 16;

/// The variable that sets the number of I/O threads (1 to 64).
pub const THREADS_VARIABLE: &str = "WS_NATIVE_THREADS";

static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();

/// One I/O thread for each core but the one JavaScript needs, at least 1 and at most 4.
fn default_threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    cores.saturating_sub(1).clamp(1, MAX_THREADS)
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

/// The runtime, started by its first use. `None` when no thread could be started: callers then
/// leave the socket to its owner.
pub fn runtime() -> Option<&'static Runtime> {
    RUNTIME
        .get_or_init(|| {
            // tokio panics when the system refuses a thread.
            let build = || {
                Builder::new_multi_thread()
                    .worker_threads(threads())
                    .thread_name("ws-native-io")
                    // Large messages are compressed and inflated there.
                    .max_blocking_threads(ASIDE)
                    .on_thread_park(bell::before_sleep)
                    .enable_io()
                    .enable_time()
                    .build()
            };
            std::panic::catch_unwind(build).ok()?.ok()
        })
        .as_ref()
}

/// Runs `work`, in a task of the runtime, which takes so long that the other connections of the thread
/// must not wait for it: another thread serves them meanwhile.
pub fn aside<T>(work: impl FnOnce() -> T) -> T {
    bell::before_absence();
    tokio::task::block_in_place(work)
}

/// Runs `work` on a thread that serves no connection; not at all where there is no runtime.
pub fn spawn_aside(work: impl FnOnce() + Send + 'static) {
    if let Some(runtime) = runtime() {
        runtime.spawn_blocking(work);
    }
}
