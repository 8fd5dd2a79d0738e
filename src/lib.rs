//! The engine of `ws-native`: the WebSocket protocol, its sockets, and the Node binding.
//!
//! Each layer knows only the one below it: `binding` (napi) over `transport` (tokio) over
//! `protocol` (pure).

pub mod protocol;
