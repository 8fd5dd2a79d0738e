//! RFC 6455 without I/O: every state machine here is a function of the bytes it was given.

pub mod deflate;
pub mod encoder;
pub mod mask;

mod close;
mod decoder;
mod error;
mod event;
mod frame;
mod handshake;
mod limits;
mod message;
mod upgrade_digest;
mod upgrade_request;
mod utf8;

pub use decoder::{Decoder, Progress};
pub use error::Error;
pub use event::{Event, Payload};
pub use handshake::accept_key;
pub use limits::{Limits, Role};
pub use upgrade_digest::{UPGRADE_EXTENSIONS, UPGRADE_PROTOCOLS, upgrade_digest};
pub use upgrade_request::{Opening, read_opening};
