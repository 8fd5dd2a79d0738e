//! The answer to a client's key.

/// The `Sec-WebSocket-Accept` value for a `Sec-WebSocket-Key` (RFC 6455 4.2.2).
pub fn accept_key(key: &[u8]) -> String {
    crate::tungstenite::handshake::derive_accept_key(key)
}
