//! Listeners as JavaScript sees them: numbers, and the visitors' numbers.

use std::os::fd::{IntoRawFd, OwnedFd};
use std::sync::Arc;

use napi::bindgen_prelude::{BufferSlice, Env, Error, Result, Status};
use napi_derive::napi;

use super::batch::Record;
use super::engine::{ConnectionOptions, Engine, full};
use super::hot;
use super::mailbox::Mailbox;
use super::wire::Kind;
use crate::protocol::upgrade_digest;
use crate::transport::adopt;
use crate::transport::listener::{Host, Listener};

impl Host for Mailbox {
    fn arrival(&self, listener: u32, visitor: u32, text: &[u8], rest: &[u8]) {
        let text_length = u32::try_from(text.len()).unwrap_or(0);
        let record = Record { code: upgrade_digest(text), ..Record::bare(listener, Kind::Arrival, 0) };
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
