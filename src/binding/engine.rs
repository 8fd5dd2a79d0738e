//! The cold half of the binding: what happens once in the life of a connection. `lib/engine/instance.js`
//! is its only caller.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use napi::bindgen_prelude::{Env, Error, Function, Object, Result, Status, Unknown};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;

use super::borrow;
use super::calls;
use super::codec::Codec;
use super::hot::{self, Wake};
use super::instance::Instance;
use super::mailbox::Mailbox;
use super::wire::answer::NO_CONNECTION;
use crate::protocol::deflate::{Compression, Decompression};
use crate::protocol::{Decoder, Limits, Progress, Role, accept_key};
use crate::transport::adopt;
use crate::transport::connection::Writer;
use crate::transport::sink::EventSink;
use crate::transport::write_queue::{WriteQueue, set_high_water_mark};

/// What permessage-deflate is to do, as it was negotiated (RFC 7692 7.1) and configured. The numbers
/// are zlib's.
#[napi(object)]
pub struct DeflateOptions {
    /// 0 to 9.
    pub level: u32,
    /// 1 to 9.
    pub mem_level: u32,
    /// 0 to 4.
    pub strategy: u32,
    /// The window that the peer keeps of what it is sent: 8 to 15 bits.
    pub deflate_window_bits: u32,
    /// A message that is sent may refer to those before it.
    pub deflate_takeover: bool,
    /// The window of what the peer sends.
    pub inflate_window_bits: u32,
    /// A message that the peer sends may refer to those before it.
    pub inflate_takeover: bool,
}

/// What a connection is told when it begins.
#[napi(object)]
pub struct ConnectionOptions {
    /// This is the server's side: frames that come are masked, frames that go are not.
    pub server: bool,
    /// Bytes of a message; 0 for no bound.
    pub max_payload: f64,
    /// Frames of a message; 0 for no bound.
    pub max_fragments: f64,
    /// Chunks held for an incomplete frame; 0 for no bound.
    pub max_buffered_chunks: f64,
    /// Lets text and close reasons through unchecked.
    pub skip_utf8_validation: bool,
    /// permessage-deflate, if that is in use.
    pub deflate: Option<DeflateOptions>,
}

/// A small number within its bounds.
fn bounded(number: u32, least: u8, most: u8) -> u8 {
    u8::try_from(number).unwrap_or(most).clamp(least, most)
}

fn count(number: f64) -> u32 {
    if number >= f64::from(u32::MAX) { 0 } else { number as u32 }
}

/// No message is longer than a record can say; Node's buffers are not either.
const LONGEST: u64 = u32::MAX as u64 - 1;

/// So long a process that is about to go may compress what it has sent.
const PARTING: Duration = Duration::from_secs(1);

impl ConnectionOptions {
    pub(super) fn decoder(&self) -> Decoder {
        let role = if self.server { Role::Server } else { Role::Client };
        let max_payload =
            if self.max_payload > 0.0 { (self.max_payload as u64).min(LONGEST) } else { LONGEST };
        let deflate = self.deflate.as_ref().map(|deflate| Decompression {
            window_bits: bounded(deflate.inflate_window_bits, 8, 15),
            takeover: deflate.inflate_takeover,
        });
        Decoder::with_deflate(
            role,
            Limits {
                max_payload,
                max_fragments: count(self.max_fragments),
                max_buffered_chunks: count(self.max_buffered_chunks),
                skip_utf8_validation: self.skip_utf8_validation,
            },
            deflate,
        )
    }

    pub(super) fn compression(&self) -> Option<Compression> {
        self.deflate.as_ref().map(|deflate| Compression {
            level: bounded(deflate.level, 0, 9),
            mem_level: bounded(deflate.mem_level, 1, 9),
            strategy: bounded(deflate.strategy, 0, 4),
            window_bits: bounded(deflate.deflate_window_bits, 8, 15),
            takeover: deflate.deflate_takeover,
        })
    }
}

/// The engine of one instance of `lib/engine/instance.js`.
#[napi]
pub struct Engine {
    pub(super) instance: Rc<RefCell<Instance>>,
    wake: Arc<Wake>,
}

pub(super) fn full() -> Error {
    Error::new(Status::GenericFailure, "Too many connections")
}

#[napi]
impl Engine {
    /// An engine that calls `wake` when its mailbox is no longer empty. With `libuv` the event loop
    /// is libuv's, and may watch sockets itself. `mark` is the high water mark of streams; `main` says
    /// that no other thread of JavaScript's outlives this one.
    #[napi(constructor)]
    pub fn new(env: Env, wake: Function<'_, (), ()>, libuv: bool, mark: u32, main: bool) -> Result<Self> {
        set_high_water_mark(mark);
        let on_wake = wake;
        let wake: Arc<Wake> = Arc::new(on_wake.build_threadsafe_function().build()?);
        let number = borrow::next_number();
        let bell = Arc::clone(&wake);
        let mailbox = Arc::new(Mailbox::new(Box::new(move || {
            if !borrow::answers(number) {
                // A refusal means that the environment goes: nobody is left to be told.
                let _ = bell.call((), ThreadsafeFunctionCallMode::NonBlocking);
            }
        })));
        let instance = Rc::new(RefCell::new(Instance::new(mailbox, main)));
        env.add_env_cleanup_hook((Rc::clone(&instance), number), |(instance, number)| {
            instance.borrow_mut().tear_down();
            borrow::leave(number);
        })?;
        let engine = Self { instance, wake };
        hot::set_referenced(&env, &engine.wake, false);
        // Behind the hook above, which is called after the borrower's then.
        engine.instance.borrow_mut().borrower = borrow::join(number, &env, &on_wake, libuv);
        Ok(engine)
    }

    /// The raw functions, in an object.
    #[napi]
    pub fn hot<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        hot::bind(env, &self.instance, &calls::FUNCTIONS)
    }

    /// Whether the mailbox keeps the event loop alive.
    #[napi]
    pub fn hold(&self, env: Env, referenced: bool) {
        hot::set_referenced(&env, &self.wake, referenced);
    }

    /// Adopts the socket behind a descriptor; reading begins with `start`. Throws, with the system's
    /// reason, when it cannot be had: the socket is then as it was.
    #[napi]
    pub fn adopt(&self, descriptor: i32, options: ConnectionOptions) -> Result<u32> {
        let duplicate = hot::with_descriptor(descriptor, |borrowed| adopt::duplicate(borrowed))
            .and_then(std::convert::identity)
            .map_err(|error| Error::new(Status::GenericFailure, error.to_string()))?;
        let mut instance = self.instance.borrow_mut();
        let id = instance.reserve().ok_or_else(full)?;
        let sink: Arc<dyn EventSink> = Arc::clone(&instance.mailbox) as Arc<dyn EventSink>;
        match adopt::adopt(id, duplicate, options.decoder(), options.compression(), sink) {
            Ok(connection) => {
                instance.set_adopted(id, connection);
                Ok(id)
            }
            Err(error) => {
                instance.free(id);
                Err(Error::new(Status::GenericFailure, error.to_string()))
            }
        }
    }

    /// A connection over a stream that JavaScript keeps.
    #[napi]
    pub fn open(&self, options: ConnectionOptions) -> Result<u32> {
        let mut instance = self.instance.borrow_mut();
        let id = instance.reserve().ok_or_else(full)?;
        instance.set_stream(id, Codec::new(options.decoder(), WriteQueue::default(), options.compression()));
        Ok(id)
    }

    /// Begins or goes on to read an adopted socket.
    #[napi]
    pub fn start(&self, id: u32) {
        let mut instance = self.instance.borrow_mut();
        instance.start_admitted();
        if let Some(connection) = instance.adopted(id) {
            connection.start();
        }
    }

    /// Stops reading an adopted socket.
    #[napi]
    pub fn pause(&self, id: u32) {
        let mut instance = self.instance.borrow_mut();
        instance.start_admitted();
        if let Some(connection) = instance.adopted(id) {
            connection.pause();
        }
    }

    /// Ends an adopted socket's sending side behind all that is queued; acknowledged as a send is.
    /// Returns what a send returns.
    #[napi]
    pub fn shutdown(&self, id: u32) -> u32 {
        let mut instance = self.instance.borrow_mut();
        let Some(connection) = instance.adopted(id) else { return NO_CONNECTION };
        u32::from(connection.shutdown() && instance.outbox.add(&connection))
    }

    /// From now on tells when the queue of an adopted socket that has reached `mark` is empty again;
    /// with `over` as if it had. Returns whether it has.
    #[napi]
    pub fn watch(&self, id: u32, mark: u32, over: bool) -> bool {
        self.instance.borrow_mut().adopted(id).is_some_and(|connection| connection.watch(mark, over))
    }

    /// Holds an adopted socket's queue back, or no longer. Returns what a send returns.
    #[napi]
    pub fn cork(&self, id: u32, corked: bool) -> u32 {
        let mut instance = self.instance.borrow_mut();
        let Some(connection) = instance.adopted(id) else { return NO_CONNECTION };
        u32::from(connection.cork(corked) && instance.outbox.add(&connection))
    }

    /// Gives the socket back to JavaScript: the same number is a stream from here on. Returns
    /// whether records of the socket may still come, or `collected`, that JavaScript has some in
    /// hand; if so, a last one says that there are no more.
    #[napi]
    pub fn release(&self, id: u32, collected: bool) -> bool {
        self.instance.borrow_mut().release(id, collected)
    }

    /// Gives a number back. No record of it may be on its way.
    #[napi]
    pub fn free(&self, id: u32) {
        self.instance.borrow_mut().free(id);
    }

    /// How many of the acknowledgements that a connection owes are those of messages that are being
    /// compressed, or wait behind one.
    #[napi]
    pub fn compressing(&self, id: u32) -> u32 {
        self.instance.borrow_mut().compressing(id).0
    }

    /// The bytes of those messages, counted as they were given.
    #[napi]
    pub fn compressing_bytes(&self, id: u32) -> f64 {
        self.instance.borrow_mut().compressing(id).1 as f64
    }

    /// Bytes that an adopted socket has received.
    #[napi]
    pub fn received(&self, id: u32) -> f64 {
        self.instance.borrow_mut().adopted(id).map_or(0.0, |connection| connection.received() as f64)
    }

    /// Bytes that an adopted socket has sent, those that wait among them.
    #[napi]
    pub fn sent(&self, id: u32) -> f64 {
        self.instance.borrow_mut().adopted(id).map_or(0.0, |connection| connection.sent() as f64)
    }

    /// Starts or stops the idle clock of an adopted socket.
    #[napi]
    pub fn keep_time(&self, id: u32, timed: bool) {
        if let Some(connection) = self.instance.borrow_mut().adopted(id) {
            connection.keep_time(timed);
        }
    }

    /// Restarts the idle clock of an adopted socket, if it runs.
    #[napi]
    pub fn touch(&self, id: u32) {
        if let Some(connection) = self.instance.borrow_mut().adopted(id) {
            connection.note_activity();
        }
    }

    /// Milliseconds that are left until an adopted socket has been idle for `period`. Returns 0 once
    /// when none are left, and -1 from then on until there is traffic.
    #[napi]
    pub fn idle_left(&self, id: u32, period: f64) -> f64 {
        let Some(connection) = self.instance.borrow_mut().adopted(id) else { return -1.0 };
        connection.idle_left(period as u64).map_or(-1.0, |left| left as f64)
    }

    /// Changes the bounds of a connection, from its next frame on.
    #[napi]
    pub fn limit(
        &self,
        id: u32,
        max_payload: f64,
        max_fragments: i32,
        max_buffered_chunks: i32,
        skip_utf8_validation: bool,
    ) {
        let max_payload = if max_payload > 0.0 { (max_payload as u64).min(LONGEST) } else { LONGEST };
        let limits = Limits {
            max_payload,
            max_fragments: u32::try_from(max_fragments).unwrap_or(0),
            max_buffered_chunks: u32::try_from(max_buffered_chunks).unwrap_or(0),
            skip_utf8_validation,
        };
        self.instance.borrow_mut().limit(id, limits);
    }

    /// What a connection has of a message whose end has not come: the bytes that its frames have
    /// announced, those that its complete frames have brought, and those that wait for the rest of
    /// a frame.
    #[napi]
    pub fn progress(&self, id: u32) -> Vec<f64> {
        let Some(progress) = self.instance.borrow_mut().progress(id) else { return vec![0.0; 3] };
        let Progress { announced, received, waiting } = progress;
        vec![announced as f64, received as f64, waiting as f64]
    }

    /// Writes all that the kernel takes now, on every connection: the process is about to go.
    #[napi]
    pub fn flush_all(&self) {
        let instance = self.instance.borrow();
        let until = Instant::now() + PARTING;
        for connection in instance.connections() {
            connection.flush_now(Writer::Last(until));
        }
    }
}

/// Calls a function where no asynchronous context is current: no store, no domain, no resource.
///
/// # Errors
/// What the function throws.
#[napi]
pub fn call_outside(env: Env, body: Function<'_, (), ()>) -> Result<()> {
    hot::call_outside(&env, &body)
}

/// Reports an uncaught exception in the context that is current, as Node does for a callback that it
/// calls. Returns when a listener of the process has handled it.
#[napi]
pub fn report_uncaught(env: Env, error: Unknown<'_>) {
    hot::report_uncaught(&env, &error);
}

/// The value of `Sec-WebSocket-Accept` for a key (RFC 6455 4.2.2).
#[napi]
pub fn accept_value(key: String) -> String {
    accept_key(key.as_bytes())
}
