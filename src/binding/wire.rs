//! The numbers by which Rust and JavaScript understand each other. This is their only definition:
//! `lib/engine/wire.js` takes them from the addon.

use napi_derive::napi;

/// Words of one record in the array that JavaScript reads: the connection, [`Kind`] with flags (from
/// bit 8) and code (from bit 16), a parameter or where the payload begins, the payload's length.
#[napi(namespace = "record")]
pub const RECORD_WORDS: u32 = 4;
/// Flag of a record: the message is binary.
#[napi(namespace = "record")]
pub const BINARY: u8 = 1;
/// Flag of a record: the first event of its chunk. Between two chunks JavaScript runs its own queues.
#[napi(namespace = "record")]
pub const CHUNK_START: u8 = 2;

/// Bits of a connection's number that are its slot; the others count how often that has been used.
pub const SLOT_BITS: u32 = 20;
/// The mask of those bits.
#[napi(namespace = "record")]
pub const SLOT_MASK: u32 = (1 << SLOT_BITS) - 1;

/// What a record says.
#[napi]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A message in the slab.
    Message = 1,
    /// A message in a buffer of its own, the next one of the batch.
    Large = 2,
    /// A ping.
    Ping = 3,
    /// A pong.
    Pong = 4,
    /// A close frame; the code is beside the kind.
    Close = 5,
    /// A violation: its index beside the kind, its number in the third word.
    Error = 6,
    /// The peer has ended its side.
    Eof = 7,
    /// Reading failed; the third word is the `errno`.
    ReadFailed = 8,
    /// Writing failed; the third word is the `errno`.
    WriteFailed = 9,
    /// So many acknowledgements, in the third word.
    Acked = 10,
    /// A long write queue is empty again.
    Drained = 11,
    /// The lengths of the fragments of the message that follows, as 32-bit words in the slab.
    Fragments = 12,
    /// Nothing more will come for this connection.
    Gone = 13,
    /// A large message of a stream has been compressed.
    Compressed = 14,
    /// A chunk of a stream that took long has been decoded.
    Decoded = 15,
    /// A listener has a request for an upgrade, which the payload describes.
    Arrival = 16,
    /// A listener has a connection that is Node's to read, by its number in the payload.
    Stranger = 17,
}

/// The flags of a send. The low four bits are the opcode.
pub mod send {
    use napi_derive::napi;

    /// The last frame of its message.
    #[napi(namespace = "send")]
    pub const FIN: u32 = 0x10;
    /// The frame is compressed.
    #[napi(namespace = "send")]
    pub const RSV1: u32 = 0x20;
    /// The frame is masked, with a key of ours.
    #[napi(namespace = "send")]
    pub const MASK: u32 = 0x40;
    /// An acknowledgement is wanted.
    #[napi(namespace = "send")]
    pub const ACK: u32 = 0x80;
    /// The frame is masked with the key that is given.
    #[napi(namespace = "send")]
    pub const GIVEN_MASK: u32 = 0x100;
    /// The payload is to be compressed.
    #[napi(namespace = "send")]
    pub const COMPRESS: u32 = 0x200;
}

/// What a send, the decoding of a chunk, or a close answers.
pub mod answer {
    use napi_derive::napi;

    /// The caller has to see to a flush: nobody else has been asked to.
    #[napi(namespace = "answer")]
    pub const FLUSH_DUE: u32 = 1;
    /// The caller has to write the stream's output: it had none before.
    #[napi(namespace = "answer")]
    pub const OUTPUT_DUE: u32 = 2;
    /// There is no such connection any more.
    #[napi(namespace = "answer")]
    pub const NO_CONNECTION: u32 = 4;
    /// The caller has to see to a flush of the stream: something waits to be compressed.
    #[napi(namespace = "answer")]
    pub const COMPRESSION_DUE: u32 = 8;
    /// Another thread decodes the chunk: `Kind::Decoded` tells when it has been.
    #[napi(namespace = "answer")]
    pub const DECODING: u32 = 16;
    /// The caller has to write the stream's output at once: it is long.
    #[napi(namespace = "answer")]
    pub const OUTPUT_OVERDUE: u32 = 32;
    /// Of a closed connection records may still come, and a last one behind them.
    #[napi(namespace = "answer")]
    pub const MORE_TO_COME: u32 = 64;
    /// The event loop itself reads.
    #[napi(namespace = "answer")]
    pub const LOOP_READS: u32 = 128;
}

/// What is known of an upgrade request: where its key begins, and which headers it has besides.
pub mod digest {
    use napi_derive::napi;

    use crate::protocol::{UPGRADE_EXTENSIONS, UPGRADE_PROTOCOLS};

    /// The bits of the key's place.
    #[napi(namespace = "digest")]
    pub const KEY: u16 = UPGRADE_EXTENSIONS - 1;
    /// There is a header that offers extensions.
    #[napi(namespace = "digest")]
    pub const EXTENSIONS: u16 = UPGRADE_EXTENSIONS;
    /// There is a header that asks for subprotocols.
    #[napi(namespace = "digest")]
    pub const PROTOCOLS: u16 = UPGRADE_PROTOCOLS;
}
