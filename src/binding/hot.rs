//! The hot half of the binding: raw Node-API functions that take numbers and one byte view, and
//! all that is `unsafe` here.
//!
//! `#[napi]` functions cost four to ten times as much a call. Each function gets its instance by the
//! data pointer that Node-API keeps for it. Nothing in them calls JavaScript, so none is entered
//! while another one runs, but for the [`RefCell`] to prove that.

use std::cell::RefCell;
use std::ffi::c_void;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;

use bytes::Bytes;
use napi::bindgen_prelude::{Env, Error, FromNapiValue, JsObjectValue, Object, Result, Status};
use napi::sys;
use napi::threadsafe_function::ThreadsafeFunction;

use super::batch::{Filled, Kind, Record};
use super::instance::{Instance, Refusal, opcode_of, send};
use crate::protocol::{encoder, mask};
use crate::transport::connection::{Connection, Writer};
use crate::transport::pool;
use crate::transport::write_queue::{Appended, OWN_SEGMENT};

type Shared = RefCell<Instance>;

/// The function that wakes JavaScript.
pub type Wake = ThreadsafeFunction<(), (), (), Status, false>;

/// A function's answer when it could not do its work: a wrong argument, or a panic.
const FAILED: f64 = f64::NAN;

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

/// The arguments of a call.
struct Arguments<const N: usize> {
    env: sys::napi_env,
    values: [sys::napi_value; N],
}

impl<const N: usize> Arguments<N> {
    fn number(&self, index: usize) -> Option<u32> {
        let mut number = 0;
        // SAFETY: The value is a live argument of the running call.
        let status = unsafe { sys::napi_get_value_uint32(self.env, self.values[index], &raw mut number) };
        (status == sys::Status::napi_ok).then_some(number)
    }

    /// The memory of a typed array, and its elements' type.
    fn view(&self, index: usize) -> Option<(sys::napi_typedarray_type, *mut u8, usize)> {
        let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
        // SAFETY: The value is a live argument of the running call; null is allowed for what is not
        // wanted.
        let status = unsafe {
            sys::napi_get_typedarray_info(
                self.env,
                self.values[index],
                &raw mut kind,
                &raw mut length,
                &raw mut data,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        (status == sys::Status::napi_ok).then_some((kind, data.cast(), length))
    }

    /// The bytes of a `Uint8Array`.
    fn bytes(&self, index: usize) -> Option<&[u8]> {
        let (kind, data, length) = self.view(index)?;
        if kind != sys::TypedarrayType::uint8_array {
            return None;
        }
        if length == 0 || data.is_null() {
            return Some(&[]);
        }
        // SAFETY: Node-API gives the array's memory, which lives at least as long as the argument.
        // JavaScript does not run during the call. (A shared buffer may be written by another
        // thread of the user's; that is why the bytes are only ever copied.)
        Some(unsafe { std::slice::from_raw_parts(data, length) })
    }

    /// The bytes of a `Uint8Array`, to be written. No other argument may be of the same memory.
    #[expect(clippy::mut_from_ref, reason = "the memory is JavaScript's, not the arguments'")]
    fn bytes_mut(&self, index: usize) -> Option<&mut [u8]> {
        let (kind, data, length) = self.view(index)?;
        if kind != sys::TypedarrayType::uint8_array || data.is_null() {
            return None;
        }
        // SAFETY: As in `bytes`; `lib/binding.js` gives memory of its own that nobody else sees yet.
        Some(unsafe { std::slice::from_raw_parts_mut(data, length) })
    }

    /// The words of a `Uint32Array`, to be written.
    #[expect(clippy::mut_from_ref, reason = "the memory is JavaScript's, not the arguments'")]
    fn words_mut(&self, index: usize) -> Option<&mut [u32]> {
        let (kind, data, length) = self.view(index)?;
        if kind != sys::TypedarrayType::uint32_array || data.is_null() {
            return None;
        }
        // SAFETY: As in `bytes_mut`; a Uint32Array is aligned to its elements.
        Some(unsafe { std::slice::from_raw_parts_mut(data.cast(), length) })
    }

    /// Appends a string as UTF-8; `units` is its length in UTF-16 units. Lone surrogates become
    /// U+FFFD, as in a `Buffer`.
    fn append_text(&self, index: usize, units: usize, out: &mut Vec<u8>) -> usize {
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

/// Runs the body of a raw function; no panic leaves it.
fn run<const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    body: impl FnOnce(&mut Instance, &Arguments<N>) -> Option<f64>,
) -> sys::napi_value {
    let mut values = [ptr::null_mut(); N];
    let (mut count, mut data) = (N, ptr::null_mut::<c_void>());
    // SAFETY: Called with the environment and the info of the running call; what is missing among
    // the arguments becomes undefined.
    let status = unsafe {
        sys::napi_get_cb_info(env, info, &raw mut count, values.as_mut_ptr(), ptr::null_mut(), &raw mut data)
    };
    let answer = if status == sys::Status::napi_ok && !data.is_null() {
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
    };
    let mut result = ptr::null_mut();
    // SAFETY: The environment is that of the running call.
    unsafe { sys::napi_create_double(env, answer.unwrap_or(FAILED), &raw mut result) };
    result
}

fn code(answer: u32) -> Option<f64> {
    Some(f64::from(answer))
}

/// `sendText(id, flags, text, text.length[, key])`: queues a frame with a string.
extern "C" fn send_text(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    run::<5>(env, info, |instance, arguments| {
        let (id, flags) = (arguments.number(0)?, arguments.number(1)?);
        let units = arguments.number(3)? as usize;
        let key = instance.mask(flags, arguments.number(4).unwrap_or(0)).ok()?;
        if flags & send::COMPRESS != 0 {
            let mut text = Vec::new();
            arguments.append_text(2, units, &mut text);
            return code(instance.compress(id, flags, key, text.into()));
        }
        let (opcode, fin, rsv1) = opcode_of(flags);
        if units >= OWN_SEGMENT {
            let mut text = Vec::new();
            arguments.append_text(2, units, &mut text);
            return code(instance.send(id, flags, key, &text));
        }
        code(instance.queue(id, flags, |pending| {
            let tail = pending.tail();
            let start = tail.len();
            // The header is written for the length that ASCII text would have; other text is moved
            // behind a longer one if need be.
            encoder::header(tail, opcode, fin, rsv1, key, units);
            let body = tail.len();
            let length = arguments.append_text(2, units, tail);
            if length != units {
                let text = tail.split_off(body);
                tail.truncate(start);
                encoder::frame(tail, opcode, fin, rsv1, key, &text);
            } else if let Some(key) = key {
                mask::apply(&mut tail[body..], key, 0);
            }
            Appended { bytes: tail.len() - start, payload: length }
        }))
    })
}

/// `sendBytes(id, flags, bytes[, key])`: queues a frame with these bytes.
extern "C" fn send_bytes(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    run::<4>(env, info, |instance, arguments| {
        let (id, flags) = (arguments.number(0)?, arguments.number(1)?);
        let given = if flags & send::GIVEN_MASK == 0 { 0 } else { arguments.number(3)? };
        let key = instance.mask(flags, given).ok()?;
        let bytes = arguments.bytes(2)?;
        if flags & send::COMPRESS != 0 {
            return code(instance.compress(id, flags, key, bytes.into()));
        }
        code(instance.send(id, flags, key, bytes))
    })
}

/// `sendRaw(id, flags, bytes)`: queues bytes as they are.
extern "C" fn send_raw(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    run::<3>(env, info, |instance, arguments| {
        let (id, flags, bytes) = (arguments.number(0)?, arguments.number(1)?, arguments.bytes(2)?);
        if bytes.len() >= OWN_SEGMENT {
            return code(instance.send_frame(id, flags, Bytes::copy_from_slice(bytes)));
        }
        code(instance.queue(id, flags, |pending| {
            pending.tail().extend_from_slice(bytes);
            bytes.len()
        }))
    })
}

/// Writes acknowledgements as records; those for which there is no room take the mailbox.
fn note_ack(
    instance_words: &mut [u32],
    count: &mut usize,
    connection: &Connection,
    acked: u32,
) -> Option<Record> {
    let at = *count * super::batch::RECORD_WORDS;
    let Some(words) = instance_words.get_mut(at..at + super::batch::RECORD_WORDS) else {
        return Some(Record::bare(connection.id(), Kind::Acked, acked));
    };
    words.copy_from_slice(&[connection.id(), Kind::Acked as u32, acked, 0]);
    *count += 1;
    None
}

/// `flush(words)`: writes what is due, or has it written. Returns the number of acknowledgement
/// records in the array.
extern "C" fn flush(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    run::<1>(env, info, |instance, arguments| {
        let words = arguments.words_mut(0)?;
        let (mut count, mut late) = (0, Vec::new());
        instance.flush(|connection, acked| late.extend(note_ack(words, &mut count, connection, acked)));
        for record in late {
            instance.mailbox.push(record);
        }
        Some(count as f64)
    })
}

/// `flushOne(id, words)`: writes what the kernel takes of this connection, at once. As `flush`.
extern "C" fn flush_one(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    run::<2>(env, info, |instance, arguments| {
        let words = arguments.words_mut(1)?;
        let Some(connection) = instance.adopted(arguments.number(0)?) else { return Some(0.0) };
        let (acked, mut count) = (connection.flush(Writer::Caller), 0);
        if acked > 0
            && let Some(record) = note_ack(words, &mut count, &connection, acked)
        {
            instance.mailbox.push(record);
        }
        Some(count as f64)
    })
}

/// `buffered(id)`: bytes that are queued and that nobody has taken yet.
extern "C" fn buffered(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    run::<1>(env, info, |instance, arguments| {
        let id = arguments.number(0)?;
        if let Some(codec) = instance.stream(id) {
            return Some(codec.queue.buffered() as f64);
        }
        Some(instance.adopted(id).map_or(0.0, |connection| connection.buffered() as f64))
    })
}

/// The answer to a request for records: their number, or the slab that is needed, negative. The
/// array's last word, which belongs to no record, says up to where the slab is used.
fn filled(words: &mut [u32], fill: impl FnOnce(&mut [u32]) -> Filled) -> f64 {
    let Some((last, words)) = words.split_last_mut() else { return FAILED };
    match fill(words) {
        Filled::Records(count, end) => {
            *last = u32::try_from(end).unwrap_or(u32::MAX);
            count as f64
        }
        Filled::NeedsSlab(length) => -(length as f64),
    }
}

/// `drain(words, slab, offset)`: hands out records of the mailbox; 0 when it is empty, and then the
/// next event wakes JavaScript. A negative number asks for a slab of that many bytes.
extern "C" fn drain(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let mut change = None;
    let answer = run::<3>(env, info, |instance, arguments| {
        let (words, slab) = (arguments.words_mut(0)?, arguments.bytes_mut(1)?);
        let offset = arguments.number(2)? as usize;
        let answer = filled(words, |words| instance.drain(words, slab, offset));
        change = instance.change_of_held();
        Some(answer)
    });
    if let Some(change) = change {
        let mut total = 0;
        // SAFETY: The environment is that of the running call. This may collect garbage, which is
        // why the instance is not borrowed any more.
        unsafe { sys::napi_adjust_external_memory(env, change, &raw mut total) };
    }
    answer
}

/// `feed(id, bytes, aside)`: decodes a chunk of a stream, or has another thread decode it, if it takes
/// long and that is allowed.
extern "C" fn feed(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    run::<3>(env, info, |instance, arguments| {
        let (id, bytes, aside) = (arguments.number(0)?, arguments.bytes(1)?, arguments.number(2)? != 0);
        code(instance.feed(id, bytes, aside))
    })
}

/// `collect(id, words, slab, offset)`: as `drain`, for what `feed` has decoded, or had decoded.
extern "C" fn collect(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    run::<4>(env, info, |instance, arguments| {
        let (words, slab) = (arguments.words_mut(1)?, arguments.bytes_mut(2)?);
        let offset = arguments.number(3)? as usize;
        let id = arguments.number(0)?;
        let Some(codec) = instance.stream(id) else { return Some(0.0) };
        Some(filled(words, |words| codec.collect(id, words, slab, offset)))
    })
}

/// Gives a payload back whose Buffer nobody needs any more.
extern "C" fn free_payload(_env: sys::napi_env, _data: *mut c_void, hint: *mut c_void) {
    // SAFETY: The hint is the box that `external` leaked for this one call.
    let payload = unsafe { Box::from_raw(hint.cast::<Vec<u8>>()) };
    pool::give(*payload);
}

/// A Buffer over the payload's own memory, or over a copy where the runtime does not allow that.
fn external(env: sys::napi_env, mut payload: Vec<u8>) -> Option<sys::napi_value> {
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
    let payload = unsafe { Box::from_raw(hint) };
    // SAFETY: The bytes are copied before the call returns.
    let status = unsafe {
        sys::napi_create_buffer_copy(env, length, payload.as_ptr().cast(), ptr::null_mut(), &raw mut value)
    };
    pool::give(*payload);
    (status == sys::Status::napi_ok).then_some(value)
}

/// `takeLarge(id)`: the next message that has a buffer of its own, of the mailbox (`id` undefined) or
/// of a stream. Answers with a number when there is none.
extern "C" fn take_large(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let mut payload = None;
    let answer = run::<1>(env, info, |instance, arguments| {
        payload = instance.take_large(arguments.number(0));
        None
    });
    // Outside of the borrow, since making a Buffer may collect garbage.
    payload.and_then(|payload| external(env, payload)).unwrap_or(answer)
}

/// `prepare(id, compress)`: compresses what a stream has to write, if it may; returns how many bytes
/// are ready.
extern "C" fn prepare(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    run::<2>(env, info, |instance, arguments| {
        let compress = arguments.number(1)? != 0;
        Some(instance.prepare(arguments.number(0)?, compress)? as f64)
    })
}

/// `takeOutput(id, bytes)`: copies what a stream has to write, whose length `buffered` tells.
extern "C" fn take_output(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    run::<2>(env, info, |instance, arguments| {
        let out = arguments.bytes_mut(1)?;
        let codec = instance.stream(arguments.number(0)?)?;
        if codec.ready() != out.len() as u64 {
            return None;
        }
        out.copy_from_slice(&codec.take_output());
        Some(0.0)
    })
}

/// `admit(listener, visitor, answer, answer.length, head)`: makes a connection of a visitor, with the
/// end of the handshake queued, and the bytes behind the request decoded. It reads from the next
/// `flush` on, which the caller has to see to. Returns its number; -1 when there are too many, -2 when
/// there is no such visitor.
extern "C" fn admit(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    run::<5>(env, info, |instance, arguments| {
        let (listener, visitor) = (arguments.number(0)?, arguments.number(1)?);
        let (units, head) = (arguments.number(3)? as usize, arguments.bytes(4)?);
        let connection = match instance.admit(listener, visitor) {
            Ok(connection) => connection,
            Err(Refusal::Full) => return Some(-1.0),
            Err(Refusal::Nobody) => return Some(-2.0),
        };
        let id = connection.id();
        if units >= OWN_SEGMENT {
            let mut answer = Vec::new();
            arguments.append_text(2, units, &mut answer);
            instance.send_frame(id, 0, answer.into());
        } else {
            instance.queue(id, 0, |pending| arguments.append_text(2, units, pending.tail()));
        }
        if !head.is_empty() {
            connection.decode_early(&mut head.to_vec());
        }
        code(id)
    })
}

/// `close(id, collected, words)`: lets go of an adopted socket. Returns whether records of it may
/// still come, or `collected`, that JavaScript has some in hand; if so, a last one says that there
/// are no more, if not, the number is given back. The array is told how many bytes were received and
/// how many were sent, each as two words, the lower first.
extern "C" fn close(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    run::<3>(env, info, |instance, arguments| {
        let (id, collected) = (arguments.number(0)?, arguments.number(1)? != 0);
        let words = arguments.words_mut(2)?;
        let connection = instance.adopted(id)?;
        for (words, count) in words.chunks_exact_mut(2).zip([connection.received(), connection.sent()]) {
            words.copy_from_slice(&[count as u32, (count >> 32) as u32]);
        }
        let waiting = instance.close(id, collected);
        if !waiting {
            instance.free(id);
        }
        code(waiting.into())
    })
}

type Raw = extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value;

/// The raw functions over `instance`, in an object.
///
/// # Errors
/// Those of Node-API.
pub fn bind<'env>(env: &'env Env, instance: &Rc<Shared>) -> Result<Object<'env>> {
    let functions: [(&str, Raw); 14] = [
        ("sendText", send_text),
        ("sendBytes", send_bytes),
        ("sendRaw", send_raw),
        ("flush", flush),
        ("flushOne", flush_one),
        ("buffered", buffered),
        ("drain", drain),
        ("feed", feed),
        ("collect", collect),
        ("takeLarge", take_large),
        ("takeOutput", take_output),
        ("prepare", prepare),
        ("admit", admit),
        ("close", close),
    ];
    let mut object = Object::new(env)?;
    // One reference for all functions, held until the environment ends: then none can be called.
    let data = Rc::into_raw(Rc::clone(instance));
    env.add_env_cleanup_hook(data, |data| {
        // SAFETY: The pointer came from `into_raw` and is given back once.
        drop(unsafe { Rc::from_raw(data) });
    })?;
    for (name, function) in functions {
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
        let value = unsafe { napi::bindgen_prelude::Unknown::from_napi_value(env.raw(), value) }?;
        object.set_named_property(name, value)?;
    }
    Ok(object)
}
