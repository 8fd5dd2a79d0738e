//! The engine of `ws-native`: the WebSocket protocol, its sockets, and the Node binding.
//!
//! Each layer knows only the one below it: `binding` (napi) over `transport` (tokio) over
//! `protocol` (pure).

// The one place that says where the accept key and the frame headers come from.
use tokio_tungstenite::tungstenite;

#[cfg(feature = "addon")]
pub mod binding;
pub mod protocol;
#[cfg(unix)]
pub mod transport;
