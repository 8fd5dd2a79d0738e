//! What JavaScript calls for every message: functions that take numbers and one byte view.
//!
//! Nothing in them calls JavaScript, so none is entered while another one runs, but for the
//! `RefCell` around the instance to prove that.

use bytes::Bytes;
use napi::sys;

use super::batch::{Filled, Record};
use super::hot::{self, FAILED, Raw, run, run_often};
use super::instance::{Refusal, opcode_of};
use super::wire::answer::{LOOP_READS, MORE_TO_COME};
use super::wire::{Kind, RECORD_WORDS, send};
use crate::protocol::{encoder, mask};
use crate::transport::connection::{Connection, Flushed};
use crate::transport::runtime;
use crate::transport::write_queue::{Appended, OWN_SEGMENT};

fn code(answer: u32) -> Option<f64> {
    Some(f64::from(answer))
}

/// `sendText(id, flags, text, text.length[, key])`: queues a frame with a string.
extern "C" fn send_text(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    run_often::<5>(env, info, |instance, arguments| {
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
            return code(instance.send(id, flags, key, &text, true));
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
            Appended { bytes: tail.len() - start, payload: length, in_parts: true }
        }))
    })
}

/// `sendBytes(id, flags, bytes[, key])`: queues a frame with these bytes.
extern "C" fn send_bytes(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    run_often::<4>(env, info, |instance, arguments| {
        let (id, flags) = (arguments.number(0)?, arguments.number(1)?);
        let given = if flags & send::GIVEN_MASK == 0 { 0 } else { arguments.number(3)? };
        let key = instance.mask(flags, given).ok()?;
        let bytes = arguments.bytes(2)?;
        if flags & send::COMPRESS != 0 {
            return code(instance.compress(id, flags, key, bytes));
        }
        // `ws` masks a copy of these, which has room for the header.
        code(instance.send(id, flags, key, &bytes, key.is_none()))
    })
}

/// `sendRaw(id, flags, bytes)`: queues bytes as they are.
extern "C" fn send_raw(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    run_often::<3>(env, info, |instance, arguments| {
        let (id, flags, bytes) = (arguments.number(0)?, arguments.number(1)?, arguments.bytes(2)?);
        if bytes.len() >= OWN_SEGMENT {
            return code(instance.send_frame(id, flags, Bytes::copy_from_slice(&bytes)));
        }
        code(instance.queue(id, flags, |pending| {
            pending.tail().extend_from_slice(&bytes);
            bytes.len()
        }))
    })
}

/// Writes what a flush brought about as records; those for which there is no room take the mailbox.
fn note_flushed(
    all: &mut [u32],
    count: &mut usize,
    connection: &Connection,
    flushed: Flushed,
    late: &mut Vec<Record>,
) {
    let Flushed { acked, drained } = flushed;
    let records = [(drained, Kind::Drained, 0), (acked > 0, Kind::Acked, acked)];
    for (_, kind, parameter) in records.into_iter().filter(|(is, ..)| *is) {
        let at = *count * RECORD_WORDS as usize;
        if let Some(words) = all.get_mut(at..at + RECORD_WORDS as usize) {
            words.copy_from_slice(&[connection.id(), kind as u32, parameter, 0]);
            *count += 1;
        } else {
            late.push(Record::bare(connection.id(), kind, parameter));
        }
    }
}

/// `flush(words)`: writes what is due, or has it written. Returns the number of records in the array:
/// acknowledgements, and queues that are empty again.
extern "C" fn flush(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    run::<1>(env, info, |instance, arguments| {
        let words = arguments.words_mut(0)?;
        let (mut count, mut late) = (0, Vec::new());
        instance.flush(|connection, flushed| note_flushed(words, &mut count, connection, flushed, &mut late));
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
        let (mut count, mut late) = (0, Vec::new());
        note_flushed(words, &mut count, &connection, connection.flush_here(), &mut late);
        for record in late {
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
        hot::tell_held(env, change);
    }
    answer
}

/// `feed(id, bytes, aside)`: decodes a chunk of a stream, or has another thread decode it, if it takes
/// long and that is allowed.
extern "C" fn feed(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    run::<3>(env, info, |instance, arguments| {
        let (id, bytes, aside) = (arguments.number(0)?, arguments.bytes(1)?, arguments.number(2)? != 0);
        code(instance.feed(id, &bytes, aside))
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

/// `takeLarge(id)`: the next message that has a buffer of its own, of the mailbox (`id` undefined) or
/// of a stream. Answers with a number when there is none.
extern "C" fn take_large(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let (mut payload, mut make): (_, fn(_, _) -> _) = (None, hot::copied);
    let answer = run::<1>(env, info, |instance, arguments| {
        payload = instance.take_large(arguments.number(0));
        if instance.is_main {
            make = hot::external;
        }
        None
    });
    // Outside of the borrow, since making a Buffer may collect garbage.
    payload.and_then(|payload| make(env, payload)).unwrap_or(answer)
}

/// `early(id, bytes)`: decodes bytes of an adopted socket that had been read before.
extern "C" fn early(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    run::<2>(env, info, |instance, arguments| {
        let (connection, bytes) = (instance.adopted(arguments.number(0)?)?, arguments.bytes(1)?);
        connection.decode_early(&mut bytes.into_owned());
        Some(0.0)
    })
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
            connection.decode_early(&mut head.into_owned());
        }
        code(id)
    })
}

/// `close(id, collected, words)`: lets go of an adopted socket. Answers [`MORE_TO_COME`] if records of it
/// may still come, or `collected`, that JavaScript has some in hand: a last one says then that there are
/// no more. If not, the number is given back. The array is told how many bytes were received and how
/// many were sent, each as two words, the lower first.
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
        let more = if waiting { MORE_TO_COME } else { 0 };
        code(more | if runtime::is_lent() { LOOP_READS } else { 0 })
    })
}

/// All of them, by the names that JavaScript has for them.
pub const FUNCTIONS: [(&str, Raw); 15] = [
    ("sendText", send_text),
    ("sendBytes", send_bytes),
    ("sendRaw", send_raw),
    ("flush", flush),
    ("flushOne", flush_one),
    ("buffered", buffered),
    ("drain", drain),
    ("feed", feed),
    ("collect", collect),
    ("early", early),
    ("takeLarge", take_large),
    ("takeOutput", take_output),
    ("prepare", prepare),
    ("admit", admit),
    ("close", close),
];
