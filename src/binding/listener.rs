//! Listeners as JavaScript sees them: numbers, and the visitors' numbers.

use std::os::fd::{IntoRawFd, OwnedFd};
use std::sync::Arc;

use napi::bindgen_prelude::{BufferSlice, Env, Error, Result, Status};
use napi_derive::napi;

use super::batch::{Kind, Record};
use super::engine::{ConnectionOptions, Engine, full};
use super::hot;
use super::mailbox::Mailbox;
use crate::transport::adopt;
use crate::transport::listener::{Host, Listener};

/// The request has a header that asks for subprotocols. `lib/listener/native-listener.js` has the same numbers.
const PROTOCOLS: u16 = 0x8000;
/// The request has a header that offers extensions.
const EXTENSIONS: u16 = 0x4000;

/// What JavaScript has to know of a request's headers (RFC 6455 4.1) before it decides: where in the
/// `text` the key begins, and whether there is more to be looked at. 0 when it has to look for itself:
/// the key or the version is missing, or repeated, or not as it should be.
fn digest(text: &[u8]) -> u16 {
    const PREFIX: &[u8] = b"sec-websocket-";
    let mut at = 0;
    let mut parts = text.split(|byte| *byte == 0).map(|part| {
        let start = at;
        at += part.len() + 1;
        (start, part)
    });
    let _target = parts.next();
    let (mut key, mut versions, mut more) = (0, 0, 0);
    while let (Some((_, name)), Some((start, value))) = (parts.next(), parts.next()) {
        let Some((prefix, name)) = name.split_at_checked(PREFIX.len()) else { continue };
        if !prefix.eq_ignore_ascii_case(PREFIX) {
            continue;
        }
        if name.eq_ignore_ascii_case(b"key") {
            if key != 0 || !is_key(value) {
                return 0;
            }
            key = start;
        } else if name.eq_ignore_ascii_case(b"version") {
            versions += if matches!(value, b"13" | b"8") { 1 } else { 2 };
        } else if name.eq_ignore_ascii_case(b"protocol") {
            more |= PROTOCOLS;
        } else if name.eq_ignore_ascii_case(b"extensions") {
            more |= EXTENSIONS;
        }
    }
    match u16::try_from(key) {
        Ok(key) if versions == 1 && key != 0 && key < EXTENSIONS => key | more,
        _ => 0,
    }
}

/// Whether this is 16 bytes in base64.
fn is_key(value: &[u8]) -> bool {
    value.strip_suffix(b"==").is_some_and(|digits| {
        digits.len() == 22
            && digits.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
    })
}

impl Host for Mailbox {
    fn arrival(&self, listener: u32, visitor: u32, text: &[u8], rest: &[u8]) {
        let text_length = u32::try_from(text.len()).unwrap_or(0);
        let record = Record { code: digest(text), ..Record::bare(listener, Kind::Arrival, 0) };
        self.push_parts(record, &[&visitor.to_le_bytes(), &text_length.to_le_bytes(), text, rest]);
    }

    fn stranger(&self, listener: u32, visitor: u32) {
        self.push_parts(Record::bare(listener, Kind::Stranger, 0), &[&visitor.to_le_bytes()]);
    }
}

/// A visitor as it is handed to Node.
#[napi(object, object_from_js = false)]
pub struct VisitorParts<'env> {
    /// Its descriptor, which is the caller's from now on.
    pub descriptor: i32,
    /// What had been read, in memory of V8's: users see it.
    pub bytes: BufferSlice<'env>,
}

/// What a listener leaves behind.
#[napi(object)]
pub struct Retired {
    /// The listening socket's descriptor, which is the caller's from now on.
    pub descriptor: i32,
    /// The visitors whom nobody has taken, in the order in which they came.
    pub visitors: Vec<u32>,
}

fn failure(error: impl std::fmt::Display) -> Error {
    Error::new(Status::GenericFailure, error.to_string())
}

/// Gives a descriptor into JavaScript's hands.
fn give(descriptor: OwnedFd) -> i32 {
    descriptor.into_raw_fd()
}

#[napi]
impl Engine {
    /// Listens on a duplicate of a listening socket's descriptor. Requests whose heads have `limit`
    /// bytes or more are left to the caller. Throws when it cannot be had.
    #[napi]
    pub fn listen(&self, descriptor: i32, limit: u32) -> Result<u32> {
        let duplicate = hot::with_descriptor(descriptor, |borrowed| adopt::duplicate(borrowed))
            .and_then(std::convert::identity)
            .map_err(failure)?;
        let mut instance = self.instance.borrow_mut();
        let id = instance.reserve().ok_or_else(full)?;
        let host = Arc::clone(&instance.mailbox) as Arc<dyn Host>;
        match Listener::open(id, duplicate, limit as usize, host) {
            Ok(listener) => {
                instance.set_listener(id, listener);
                Ok(id)
            }
            Err(error) => {
                instance.free(id);
                Err(failure(error))
            }
        }
    }

    /// Takes the listening socket from a listener, which accepts nobody any more.
    #[napi]
    pub fn retire(&self, listener: u32) -> Option<Retired> {
        let (descriptor, visitors) = self.instance.borrow_mut().listener(listener)?.retire();
        Some(Retired { descriptor: descriptor.map_or(-1, give), visitors })
    }

    /// Closes a listener, and whatever visitors are left.
    #[napi]
    pub fn unlisten(&self, listener: u32) {
        if let Some(open) = self.instance.borrow_mut().listener(listener) {
            open.close();
        }
    }

    /// Takes a visitor out, for Node to serve it; `null` when there is none of this number.
    #[napi]
    pub fn take_visitor<'env>(
        &self,
        env: &'env Env,
        listener: u32,
        visitor: u32,
    ) -> Result<Option<VisitorParts<'env>>> {
        let listener = self.instance.borrow_mut().listener(listener);
        let Some(mut taken) = listener.and_then(|listener| listener.take(visitor)) else { return Ok(None) };
        taken.read_first();
        let (descriptor, bytes) = taken.into_parts();
        let bytes = BufferSlice::copy_from(env, bytes)?;
        Ok(Some(VisitorParts { descriptor: give(descriptor), bytes }))
    }

    /// Says what the connections that are admitted from now on are told.
    #[napi]
    pub fn preset(&self, options: ConnectionOptions) {
        self.instance.borrow_mut().set_preset(options);
    }

    /// Another descriptor of an adopted socket, for the caller to own. Throws when there is none
    /// left.
    #[napi]
    pub fn lend(&self, id: u32) -> Result<i32> {
        let connection = self.instance.borrow_mut().adopted(id);
        let connection = connection.ok_or_else(|| failure("There is no such connection"))?;
        connection.duplicate().map(give).map_err(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    #[test]
    fn a_usual_request_is_known_by_its_key() {
        let text = format!("/\0Host\0h\0SEC-WebSocket-Key\0{KEY}\0sec-websocket-version\x0013");
        let found = digest(text.as_bytes());
        assert_eq!(text.find(KEY), Some(usize::from(found)));
        let more = format!("{text}\0Sec-WebSocket-Protocol\0a");
        assert_eq!(digest(more.as_bytes()), found | PROTOCOLS);
        let more = format!("{text}\0Sec-WebSocket-Extensions\0a\0Sec-WebSocket-Other\0");
        assert_eq!(digest(more.as_bytes()), found | EXTENSIONS);
    }

    #[test]
    fn any_other_is_left_to_javascript() {
        let text = format!("/\0Sec-WebSocket-Key\0{KEY}\0Sec-WebSocket-Version\x0013");
        for (from, to) in [
            ("==", "=A"),
            ("dG", "d-"),
            ("dG", "dGG"),
            ("\x0013", "\x0014"),
            ("\x0013", "\x0013, 13"),
            ("\x0013", "\x0013\0Sec-WebSocket-Version\x0013"),
            ("Version", "Verse"),
            ("Key", "Kex"),
            ("/", &format!("/\0sec-websocket-key\0{KEY}")),
        ] {
            assert_eq!(digest(text.replacen(from, to, 1).as_bytes()), 0, "{from} {to}");
        }
        assert_ne!(digest(text.as_bytes()), 0);
        let far = format!("/\0A\0{}{}", "a".repeat(0x4000), &text[1..]);
        assert_eq!(digest(far.as_bytes()), 0);
    }
}
