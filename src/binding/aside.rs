//! What would hold the JavaScript thread up, done by another one and left for it to collect.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

use crate::transport::runtime;

/// Work that has been given away.
pub struct Aside<T> {
    place: Arc<Mutex<Option<thread::Result<T>>>>,
}

impl<T: Send + 'static> Aside<T> {
    /// Gives `work` to a thread, which calls `done` once the result can be taken. Where no thread is
    /// to be had it is done here.
    pub fn begin(work: impl FnOnce() -> T + Send + 'static, done: impl FnOnce() + Send + 'static) -> Self {
        let place = Arc::new(Mutex::new(None));
        let there = Arc::clone(&place);
        runtime::spawn_aside(move || {
            let result = catch_unwind(AssertUnwindSafe(work));
            *there.lock() = Some(result);
            done();
        });
        Self { place }
    }

    /// What became of the work, once, if it is done: an error when it has panicked.
    pub fn take(&self) -> Option<thread::Result<T>> {
        self.place.lock().take()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn the_result_is_there_when_it_says_so() {
        let (sender, receiver) = mpsc::channel();
        let aside = Aside::begin(|| 6 * 7, move || sender.send(thread::current().id()).unwrap_or(()));
        assert_ne!(receiver.recv().expect("done is called"), thread::current().id());
        assert!(matches!(aside.take(), Some(Ok(42))));
        assert!(aside.take().is_none());
    }

    #[test]
    fn a_panic_is_a_result() {
        let (sender, receiver) = mpsc::channel();
        let aside: Aside<()> = Aside::begin(|| panic!("meant"), move || sender.send(()).unwrap_or(()));
        receiver.recv().expect("done is called");
        assert!(matches!(aside.take(), Some(Err(_))));
    }
}
