//! The Node binding: events in by the mailbox, frames out by a few raw functions. The only user of
//! napi.

pub mod aside;
pub mod batch;
pub mod borrow;
pub mod calls;
pub mod codec;
pub mod engine;
pub mod hot;
pub mod instance;
pub mod listener;
pub mod mailbox;
pub mod masks;
pub mod wire;
