//! Sockets on a tokio runtime: bytes in, events out. Nothing here knows JavaScript.

pub mod adopt;
pub mod backlog;
pub mod bell;
pub mod connection;
pub mod listener;
pub mod outbox;
pub mod pool;
pub mod rare_queue;
pub mod reactor;
pub mod runtime;
pub mod sink;
pub mod tails;
pub mod write_queue;
