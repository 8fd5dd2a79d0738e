//! Node-API and libuv as they are, and all that is `unsafe` in the binding.
//!
//! `#[napi]` functions cost four to ten times as much a call as raw ones. Each of those gets its
//! instance by the data pointer that Node-API keeps for it.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU8, Ordering};

use napi::bindgen_prelude::{
    Env, Error, FromNapiValue, Function, JsObjectValue, JsValue, Object, Result, Status, Unknown,
};
use napi::sys;
use napi::threadsafe_function::ThreadsafeFunction;

use super::instance::Instance;
use crate::transport::pool;

type Shared = RefCell<Instance>;

/// The function that wakes JavaScript.
pub type Wake = ThreadsafeFunction<(), (), (), Status, false>;

/// A function's answer when it could not do its work: a wrong argument, or a panic.
pub const FAILED: f64 = f64::NAN;

/// Runs `with` on a descriptor that JavaScript owns.
///
/// # Errors
/// When it cannot be a descriptor.
pub fn with_descriptor<T>(descriptor: RawFd, with: impl FnOnce(BorrowedFd<'_>) -> T) -> io::Result<T> {
    if descriptor < 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: The number is not -1. JavaScript asks for this while it holds the handle that owns
    // the descriptor, on the thread that alone could close it; a wrong number gives EBADF.
    Ok(with(unsafe { BorrowedFd::borrow_raw(descriptor) }))
}

/// Lets a threadsafe function keep the event loop alive, or not.
pub fn set_referenced(env: &Env, function: &Wake, referenced: bool) {
    if referenced {
        // SAFETY: The environment is that of the running call, the function belongs to it and is
        // held by the engine that asks.
        unsafe { sys::napi_ref_threadsafe_function(env.raw(), function.raw()) };
    } else {
        // SAFETY: As above.
        unsafe { sys::napi_unref_threadsafe_function(env.raw(), function.raw()) };
    }
}

/// Calls a function outside of every asynchronous context.
///
/// # Errors
/// When the function throws, or Node-API refuses.
pub fn call_outside(env: &Env, function: &Function<'_, (), ()>) -> Result<()> {
    let mut receiver = ptr::null_mut();
    // SAFETY: The environment is that of the running call, of which the function is a live argument.
    // A null context stands for none, and the call may be made within another one of JavaScript's:
    // the queues run when that ends.
    let status = unsafe {
        sys::napi_create_object(env.raw(), &raw mut receiver);
        sys::napi_make_callback(
            env.raw(),
            ptr::null_mut(),
            receiver,
            function.raw(),
            0,
            ptr::null(),
            ptr::null_mut(),
        )
    };
    if status == sys::Status::napi_ok { Ok(()) } else { Err(Error::from_status(Status::from(status))) }
}

/// Has an exception treated as one that nobody has caught.
pub fn report_uncaught(env: &Env, error: &Unknown<'_>) {
    // SAFETY: The environment is that of the running call, the value a live argument of it.
    unsafe { sys::napi_fatal_exception(env.raw(), error.raw()) };
}

/// What Node-API tells of a typed array.
struct View {
    kind: sys::napi_typedarray_type,
    length: usize,
    data: *mut u8,
    buffer: sys::napi_value,
}

/// The arguments of a call.
pub struct Arguments<const N: usize> {
    env: sys::napi_env,
    values: [sys::napi_value; N],
}

impl<const N: usize> Arguments<N> {
    /// A number, as 32 bits.
    pub fn number(&self, index: usize) -> Option<u32> {
        let mut number = 0;
        // SAFETY: The value is a live argument of the running call.
        let status = unsafe { sys::napi_get_value_uint32(self.env, self.values[index], &raw mut number) };
        (status == sys::Status::napi_ok).then_some(number)
    }

    /// The memory of a typed array, its elements' type, and the buffer that it is a view of.
    fn view(&self, index: usize) -> Option<View> {
        let mut view = View { kind: 0, length: 0, data: ptr::null_mut(), buffer: ptr::null_mut() };
        let mut data = ptr::null_mut();
        // SAFETY: The value is a live argument of the running call; null is allowed for what is not
        // wanted.
        let status = unsafe {
            sys::napi_get_typedarray_info(
                self.env,
                self.values[index],
                &raw mut view.kind,
                &raw mut view.length,
                &raw mut data,
                &raw mut view.buffer,
                ptr::null_mut(),
            )
        };
        view.data = data.cast();
        (status == sys::Status::napi_ok).then_some(view)
    }

    /// The bytes of a `Uint8Array`. Those of a `SharedArrayBuffer` are a copy, since another thread may
    /// be writing them: what is looked at must not change.
    pub fn bytes(&self, index: usize) -> Option<Cow<'_, [u8]>> {
        let View { kind, length, data, buffer } = self.view(index)?;
        if kind != sys::TypedarrayType::uint8_array {
            return None;
        }
        if length == 0 || data.is_null() {
            return Some(Cow::Borrowed(&[]));
        }
        let mut is_ours = false;
        // SAFETY: The buffer is that of a live argument.
        let status = unsafe { sys::napi_is_arraybuffer(self.env, buffer, &raw mut is_ours) };
        if status == sys::Status::napi_ok && is_ours {
            // SAFETY: Node-API gives the array's memory, which lives at least as long as the argument.
            // An `ArrayBuffer` belongs to one thread, whose JavaScript does not run during the call,
            // so that nobody writes, resizes or detaches it. (Whoever has Node read a file into what
            // he sends has to wait for that, as everywhere.)
            return Some(Cow::Borrowed(unsafe { std::slice::from_raw_parts(data, length) }));
        }
        // SAFETY: As above, but others may write: all access on this side is atomic, as it is on
        // theirs. Shared memory never shrinks.
        let shared = unsafe { std::slice::from_raw_parts(data.cast::<AtomicU8>(), length) };
        Some(Cow::Owned(shared.iter().map(|byte| byte.load(Ordering::Relaxed)).collect()))
    }

    /// The bytes of a `Uint8Array`, to be written. No other argument may be of the same memory.
    #[expect(clippy::mut_from_ref, reason = "the memory is JavaScript's, not the arguments'")]
    pub fn bytes_mut(&self, index: usize) -> Option<&mut [u8]> {
        let View { kind, length, data, .. } = self.view(index)?;
        if kind != sys::TypedarrayType::uint8_array || data.is_null() {
            return None;
        }
        // SAFETY: As in `bytes`; `lib/engine/` gives memory of its own that nobody else sees yet.
        Some(unsafe { std::slice::from_raw_parts_mut(data, length) })
    }

    /// The words of a `Uint32Array`, to be written.
    #[expect(clippy::mut_from_ref, reason = "the memory is JavaScript's, not the arguments'")]
    pub fn words_mut(&self, index: usize) -> Option<&mut [u32]> {
        let View { kind, length, data, .. } = self.view(index)?;
        if kind != sys::TypedarrayType::uint32_array || data.is_null() {
            return None;
        }
        // SAFETY: As in `bytes_mut`; a Uint32Array is aligned to its elements.
        Some(unsafe { std::slice::from_raw_parts_mut(data.cast(), length) })
    }

    /// Appends a string as UTF-8; `units` is its length in UTF-16 units. Lone surrogates become
    /// U+FFFD, as in a `Buffer`.
    pub fn append_text(&self, index: usize, units: usize, out: &mut Vec<u8>) -> usize {
        let before = out.len();
        // Node-API ends the text with a NUL for which there must be room.
        let room = units * 3 + 1;
        out.reserve(room);
        let mut count = 0;
        // SAFETY: The vector has `room` bytes behind its length.
        let status = unsafe {
            sys::napi_get_value_string_utf8(
                self.env,
                self.values[index],
                out.as_mut_ptr().add(before).cast(),
                room,
                &raw mut count,
            )
        };
        if status != sys::Status::napi_ok {
            return 0;
        }
        // SAFETY: Node-API has written `count` bytes, which is less than the room.
        unsafe { out.set_len(before + count) };
        count
    }
}

/// Runs the body of a raw function, and answers with its number.
pub(super) fn run<const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    body: impl FnOnce(&mut Instance, &Arguments<N>) -> Option<f64>,
) -> sys::napi_value {
    number(env, call(env, info, body))
}

/// As `run`, for what nearly always answers 0: to JavaScript that is undefined, which costs nothing.
pub(super) fn run_often<const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    body: impl FnOnce(&mut Instance, &Arguments<N>) -> Option<f64>,
) -> sys::napi_value {
    match call(env, info, body) {
        Some(0.0) => ptr::null_mut(),
        answer => number(env, answer),
    }
}

fn number(env: sys::napi_env, answer: Option<f64>) -> sys::napi_value {
    let mut result = ptr::null_mut();
    // SAFETY: The environment is that of the running call.
    unsafe { sys::napi_create_double(env, answer.unwrap_or(FAILED), &raw mut result) };
    result
}

/// Calls the body of a raw function; no panic leaves it.
fn call<const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    body: impl FnOnce(&mut Instance, &Arguments<N>) -> Option<f64>,
) -> Option<f64> {
    let mut values = [ptr::null_mut(); N];
    let (mut count, mut data) = (N, ptr::null_mut::<c_void>());
    // SAFETY: Called with the environment and the info of the running call; what is missing among
    // the arguments becomes undefined.
    let status = unsafe {
        sys::napi_get_cb_info(env, info, &raw mut count, values.as_mut_ptr(), ptr::null_mut(), &raw mut data)
    };
    if status == sys::Status::napi_ok && !data.is_null() {
        // SAFETY: `bind` gave the function this pointer, to an instance that it leaked until the
        // environment has ended.
        let shared = unsafe { &*data.cast::<Shared>() };
        let arguments = Arguments { env, values };
        catch_unwind(AssertUnwindSafe(|| {
            shared.try_borrow_mut().ok().and_then(|mut instance| body(&mut instance, &arguments))
        }))
        .unwrap_or(None)
    } else {
        None
    }
}

/// Tells the garbage collector how much more, or less, is held for it. It may run at once: the
/// instance must not be borrowed.
pub(super) fn tell_held(env: sys::napi_env, change: i64) {
    let mut total = 0;
    // SAFETY: The environment is that of the running call.
    unsafe { sys::napi_adjust_external_memory(env, change, &raw mut total) };
}

/// Gives a payload back whose Buffer nobody needs any more, or whose environment ends.
extern "C" fn free_payload(_env: sys::napi_env, _data: *mut c_void, hint: *mut c_void) {
    // SAFETY: The hint is the box that `external` leaked for this one call.
    let payload = unsafe { Box::from_raw(hint.cast::<Vec<u8>>()) };
    pool::give(*payload);
}

/// A Buffer with a copy of the payload, in memory of V8's.
pub(super) fn copied(env: sys::napi_env, payload: Vec<u8>) -> Option<sys::napi_value> {
    let mut value = ptr::null_mut();
    // SAFETY: The environment is that of the running call, and the bytes are copied before it returns.
    let status = unsafe {
        sys::napi_create_buffer_copy(
            env,
            payload.len(),
            payload.as_ptr().cast(),
            ptr::null_mut(),
            &raw mut value,
        )
    };
    pool::give(payload);
    (status == sys::Status::napi_ok).then_some(value)
}

/// A Buffer over the payload's own memory, or over a copy where the runtime does not allow that.
///
/// Node-API calls the finalizer when V8 needs the memory no more, on whatever thread that was, or when
/// the environment ends. Another thread may have it then, to which it was transferred: only where no
/// such thread outlives the environment, as none outlives the main thread's, may this be called.
pub(super) fn external(env: sys::napi_env, mut payload: Vec<u8>) -> Option<sys::napi_value> {
    let (data, length) = (payload.as_mut_ptr(), payload.len());
    let hint = Box::into_raw(Box::new(payload));
    let mut value = ptr::null_mut();
    // SAFETY: The memory lives until the finalizer has been called with the box that owns it, and
    // nobody on this side touches it again.
    let status = unsafe {
        sys::napi_create_external_buffer(
            env,
            length,
            data.cast(),
            Some(free_payload),
            hint.cast(),
            &raw mut value,
        )
    };
    if status == sys::Status::napi_ok {
        return Some(value);
    }
    // SAFETY: The call has failed, so that the box is still ours.
    copied(env, *unsafe { Box::from_raw(hint) })
}

/// What is used of libuv, by its names: not every program with Node-API has it.
#[derive(Clone, Copy)]
struct Uv {
    handle_size: unsafe extern "C" fn(c_int) -> usize,
    poll_init: unsafe extern "C" fn(*mut sys::uv_loop_s, *mut c_void, c_int) -> c_int,
    poll_start: unsafe extern "C" fn(*mut c_void, c_int, OnReadable) -> c_int,
    poll_stop: unsafe extern "C" fn(*mut c_void) -> c_int,
    unref: unsafe extern "C" fn(*mut c_void),
    close: unsafe extern "C" fn(*mut c_void, unsafe extern "C" fn(*mut c_void)),
}

type OnReadable = unsafe extern "C" fn(*mut c_void, c_int, c_int);

/// `UV_POLL` of `uv_handle_type`, and `UV_READABLE`.
const UV_POLL: c_int = 8;
const UV_READABLE: c_int = 1;

impl Uv {
    fn of_this_program() -> Option<Self> {
        let program = libloading::os::unix::Library::this();
        // SAFETY: The types are those of libuv 1, whose interface has not changed since 1.19.
        unsafe {
            Some(Self {
                handle_size: *program.get(b"uv_handle_size").ok()?,
                poll_init: *program.get(b"uv_poll_init").ok()?,
                poll_start: *program.get(b"uv_poll_start").ok()?,
                poll_stop: *program.get(b"uv_poll_stop").ok()?,
                unref: *program.get(b"uv_unref").ok()?,
                close: *program.get(b"uv_close").ok()?,
            })
        }
    }
}

/// The event loop of an environment, as a number that no other has; `None` without libuv.
pub fn event_loop_of(env: &Env) -> Option<usize> {
    let mut event_loop = ptr::null_mut();
    // SAFETY: The environment is that of the running call.
    let status = unsafe { sys::napi_get_uv_event_loop(env.raw(), &raw mut event_loop) };
    (status == sys::Status::napi_ok && !event_loop.is_null()).then(|| event_loop.addr())
}

/// A function of JavaScript's that the event loop may call, outside of any call.
pub struct Callback {
    env: sys::napi_env,
    function: Cell<sys::napi_ref>,
}

impl Callback {
    /// Keeps `function`, until [`Self::end`]. `None` when that is impossible.
    pub fn new(env: &Env, function: &Function<'_, (), ()>) -> Option<Self> {
        let (env, mut reference) = (env.raw(), ptr::null_mut());
        // SAFETY: The environment is that of the running call, and the function a live argument of it.
        let status = unsafe { sys::napi_create_reference(env, function.raw(), 1, &raw mut reference) };
        (status == sys::Status::napi_ok).then(|| Self { env, function: Cell::new(reference) })
    }

    /// Calls it as the event loop calls JavaScript: nextTicks and microtasks follow, and an exception
    /// is an uncaught one. To be called on the environment's thread, which this cannot leave.
    pub fn call(&self) {
        let (env, reference) = (self.env, self.function.get());
        if reference.is_null() {
            return;
        }
        let (mut scope, mut function, mut receiver) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        let mut error = ptr::null_mut();
        // SAFETY: The environment lives, since its end ends this first, and this is its thread, outside
        // of any call. The scope is closed in the end.
        unsafe {
            if sys::napi_open_handle_scope(env, &raw mut scope) != sys::Status::napi_ok {
                return;
            }
            sys::napi_get_reference_value(env, reference, &raw mut function);
            sys::napi_get_global(env, &raw mut receiver);
            let context = ptr::null_mut();
            let status =
                sys::napi_make_callback(env, context, receiver, function, 0, ptr::null(), ptr::null_mut());
            if status == sys::Status::napi_pending_exception
                && sys::napi_get_and_clear_last_exception(env, &raw mut error) == sys::Status::napi_ok
            {
                sys::napi_fatal_exception(env, error);
            }
            sys::napi_close_handle_scope(env, scope);
        }
    }

    /// The environment goes: it is called no more.
    pub fn end(&self) {
        let reference = self.function.replace(ptr::null_mut());
        if !reference.is_null() {
            // SAFETY: The environment lives until its hooks, of which this is a part, have run; the
            // reference is given up once, here.
            unsafe { sys::napi_delete_reference(self.env, reference) };
        }
    }
}

/// Who watches a descriptor with the environment's own event loop.
pub trait LoopWatch {
    /// The descriptor is readable, and JavaScript may be called. Returns false when it is to be watched
    /// no more.
    fn visit(&self) -> bool;

    /// There are no more visits: the environment goes, or one has failed.
    fn end(&self);
}

/// A descriptor that the event loop of an environment may watch, as long as that lives. It keeps
/// nothing alive.
pub struct LoopHandle {
    uv: Uv,
    /// The memory of a `uv_poll_t`.
    memory: Box<[Cell<u128>]>,
    watch: Box<dyn LoopWatch>,
    hook: Cell<sys::napi_async_cleanup_hook_handle>,
    ended: Cell<bool>,
}

impl LoopHandle {
    fn raw(&self) -> *mut c_void {
        self.memory.as_ptr().cast_mut().cast()
    }
}

/// What stands behind a handle, whose first member is its user's pointer.
///
/// # Safety
/// The handle is a `LoopHandle`'s, and not closed.
unsafe fn behind<'handle>(handle: *mut c_void) -> &'handle LoopHandle {
    // SAFETY: `LoopHandle::open` has written the pointer, to what lives until the handle is closed.
    unsafe { &**handle.cast::<*const LoopHandle>() }
}

unsafe extern "C" fn on_readable(handle: *mut c_void, _status: c_int, _events: c_int) {
    // SAFETY: libuv calls for open handles only.
    let watched = unsafe { behind(handle) };
    let goes_on = catch_unwind(AssertUnwindSafe(|| watched.watch.visit())).unwrap_or_else(|_| {
        let _ = catch_unwind(AssertUnwindSafe(|| watched.watch.end()));
        false
    });
    if !goes_on {
        // SAFETY: The handle is open.
        unsafe { (watched.uv.poll_stop)(handle) };
    }
}

unsafe extern "C" fn on_env_end(hook: sys::napi_async_cleanup_hook_handle, data: *mut c_void) {
    // SAFETY: Node-API gives back, once, what `open` gave it; the handle is open until here.
    let watched = unsafe { &*data.cast::<LoopHandle>() };
    let _ = catch_unwind(AssertUnwindSafe(|| watched.watch.end()));
    watched.hook.set(hook);
    watched.ended.set(true);
    // SAFETY: The environment waits until the hook is removed, which happens when libuv has let go of
    // the handle.
    unsafe {
        (watched.uv.poll_stop)(watched.raw());
        (watched.uv.close)(watched.raw(), on_closed);
    }
}

unsafe extern "C" fn on_closed(handle: *mut c_void) {
    // SAFETY: libuv calls once, and does not touch the memory any more. `open` has leaked a count for
    // this.
    unsafe {
        let watched = Rc::from_raw(*handle.cast::<*const LoopHandle>());
        sys::napi_remove_async_cleanup_hook(watched.hook.get());
    }
}

impl LoopHandle {
    /// A handle for `descriptor`, which is not watched yet. `None` where that cannot be had.
    pub fn open(env: &Env, descriptor: RawFd, watch: Box<dyn LoopWatch>) -> Option<Rc<Self>> {
        let uv = Uv::of_this_program()?;
        let env = env.raw();
        let mut event_loop = ptr::null_mut();
        // SAFETY: The environment is that of the running call.
        if unsafe { sys::napi_get_uv_event_loop(env, &raw mut event_loop) } != sys::Status::napi_ok {
            return None;
        }
        // SAFETY: The size is a matter of libuv's own.
        let words = unsafe { (uv.handle_size)(UV_POLL) }.div_ceil(size_of::<u128>());
        let watched = Rc::new(Self {
            uv,
            memory: vec![Cell::new(0); words].into(),
            watch,
            hook: Cell::new(ptr::null_mut()),
            ended: Cell::new(false),
        });
        let handle = watched.raw();
        // SAFETY: The memory is large enough, and lives until `on_closed` as libuv has a count of it.
        // A handle's first member is its user's. The loop is that of this thread.
        unsafe {
            if (uv.poll_init)(event_loop, handle, descriptor) != 0 {
                return None;
            }
            let data = Rc::into_raw(Rc::clone(&watched));
            *handle.cast::<*const Self>() = data;
            (uv.unref)(handle);
            let mut hook = ptr::null_mut();
            let status = sys::napi_add_async_cleanup_hook(
                env,
                Some(on_env_end),
                data.cast_mut().cast(),
                &raw mut hook,
            );
            (status == sys::Status::napi_ok).then_some(watched)
        }
    }

    /// Has the descriptor watched, if the environment lives and libuv can. To be called on its
    /// thread, which this cannot leave.
    pub fn start(&self) -> bool {
        // SAFETY: The handle is open until the environment ends.
        !self.ended.get() && unsafe { (self.uv.poll_start)(self.raw(), UV_READABLE, on_readable) == 0 }
    }
}

/// A function of Node-API's.
pub type Raw = extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value;

/// `functions` over `instance`, in an object.
///
/// # Errors
/// Those of Node-API.
pub fn bind<'env>(env: &'env Env, instance: &Rc<Shared>, functions: &[(&str, Raw)]) -> Result<Object<'env>> {
    let mut object = Object::new(env)?;
    // One reference for all functions, held until the environment ends: then none can be called.
    let data = Rc::into_raw(Rc::clone(instance));
    env.add_env_cleanup_hook(data, |data| {
        // SAFETY: The pointer came from `into_raw` and is given back once.
        drop(unsafe { Rc::from_raw(data) });
    })?;
    for &(name, function) in functions {
        let mut value = ptr::null_mut();
        // SAFETY: The name is given with its length; the data outlives every call.
        let status = unsafe {
            sys::napi_create_function(
                env.raw(),
                name.as_ptr().cast(),
                name.len().cast_signed(),
                Some(function),
                data.cast_mut().cast(),
                &raw mut value,
            )
        };
        if status != sys::Status::napi_ok {
            return Err(Error::from_status(Status::from(status)));
        }
        // SAFETY: The value has just been made in this environment.
        let value = unsafe { Unknown::from_napi_value(env.raw(), value) }?;
        object.set_named_property(name, value)?;
    }
    Ok(object)
}
