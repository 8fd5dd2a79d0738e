//! The ways in which a peer can violate the protocol or a limit.
//!
//! No sentences here: `lib/errors.js` has one for each index.

/// A violation. The connection that sees one is failed with [`Error::close_code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Error {
    /// RSV1 where no extension gives it a meaning.
    UnexpectedRsv1,
    /// RSV2 or RSV3.
    UnexpectedRsv23,
    /// An unknown opcode, or one that may not come here; the parameter is the opcode.
    InvalidOpcode,
    /// A control frame that is not final.
    ExpectedFin,
    /// A control frame of more than 125 bytes or a close frame of one; the parameter is the
    /// seven-bit length.
    InvalidControlLength,
    /// An unmasked frame from a client.
    ExpectedMask,
    /// A masked frame from a server.
    UnexpectedMask,
    /// A close code that must not appear on the wire; the parameter is the code.
    InvalidCloseCode,
    /// Text or a close reason that is not UTF-8.
    InvalidUtf8,
    /// A frame of more than 2^53 - 1 bytes.
    LengthTooLarge,
    /// A message above `max_payload`.
    MessageTooBig,
    /// A message of more than `max_fragments` frames.
    TooManyFragments,
    /// An incomplete frame in more than `max_buffered_chunks` chunks.
    TooManyChunks,
    /// A compressed message that does not inflate; the parameter is the number of zlib's complaint.
    BadData,
}

impl Error {
    /// Every error, at its index.
    pub const ALL: &[Self] = &[
        Self::UnexpectedRsv1,
        Self::UnexpectedRsv23,
        Self::InvalidOpcode,
        Self::ExpectedFin,
        Self::InvalidControlLength,
        Self::ExpectedMask,
        Self::UnexpectedMask,
        Self::InvalidCloseCode,
        Self::InvalidUtf8,
        Self::LengthTooLarge,
        Self::MessageTooBig,
        Self::TooManyFragments,
        Self::TooManyChunks,
        Self::BadData,
    ];

    /// Its row in the table of messages.
    pub const fn index(self) -> u8 {
        self as u8
    }

    /// The `code` property of the JavaScript error.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnexpectedRsv1 => "WS_ERR_UNEXPECTED_RSV_1",
            Self::UnexpectedRsv23 => "WS_ERR_UNEXPECTED_RSV_2_3",
            Self::InvalidOpcode => "WS_ERR_INVALID_OPCODE",
            Self::ExpectedFin => "WS_ERR_EXPECTED_FIN",
            Self::InvalidControlLength => "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH",
            Self::ExpectedMask => "WS_ERR_EXPECTED_MASK",
            Self::UnexpectedMask => "WS_ERR_UNEXPECTED_MASK",
            Self::InvalidCloseCode => "WS_ERR_INVALID_CLOSE_CODE",
            Self::InvalidUtf8 => "WS_ERR_INVALID_UTF8",
            Self::LengthTooLarge => "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH",
            Self::MessageTooBig => "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
            Self::TooManyFragments | Self::TooManyChunks => "WS_ERR_TOO_MANY_BUFFERED_PARTS",
            Self::BadData => "Z_DATA_ERROR",
        }
    }

    /// The code of the close frame that answers it (RFC 6455 7.4.1).
    pub const fn close_code(self) -> u16 {
        match self {
            Self::InvalidUtf8 | Self::BadData => 1007,
            Self::TooManyFragments | Self::TooManyChunks => 1008,
            Self::LengthTooLarge | Self::MessageTooBig => 1009,
            _ => 1002,
        }
    }

    /// Whether JavaScript sees a `RangeError`, not a plain `Error`.
    pub const fn is_range_error(self) -> bool {
        !matches!(self, Self::InvalidUtf8 | Self::BadData)
    }
}
