//! What a connection is to send and has not compressed yet.
//!
//! `send` only notes a message that is to be compressed; an I/O thread does the work when it
//! writes. Whatever is sent behind such a message waits behind it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;

use super::write_queue::{Appended, Pending};
use crate::protocol::deflate::{Compression, Compressor, compress_alone};
use crate::protocol::encoder;

/// Plain bytes compressed at a time, before what they became is written.
const TURN: usize = 256 * 1024;

/// From so many plain bytes on, the work takes a millisecond or more.
const LARGE: usize = 64 * 1024;

/// The payload of a frame, and what is known of it before it is compressed.
pub struct Plain {
    bytes: Vec<u8>,
    opcode: u8,
    fin: bool,
    rsv1: bool,
    /// It goes to several connections.
    shared: AtomicBool,
    /// The frames that those have in common, by what they were compressed with.
    frames: Mutex<Vec<(Compression, Bytes)>>,
}

impl Plain {
    /// The payload of a frame to be sent. `rsv1` marks the first frame of its message.
    #[must_use]
    pub const fn new(bytes: Vec<u8>, opcode: u8, fin: bool, rsv1: bool) -> Self {
        Self { bytes, opcode, fin, rsv1, shared: AtomicBool::new(false), frames: Mutex::new(Vec::new()) }
    }

    /// The payload.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// One more connection sends it: compressed once, it then refers to no history.
    pub fn share(&self) {
        self.shared.store(true, Ordering::Relaxed);
    }

    /// The frame whose payload has become these bytes.
    fn frame(&self, mask: Option<[u8; 4]>, payload: &[u8]) -> Bytes {
        let mut frame = Vec::new();
        encoder::frame(&mut frame, self.opcode, self.fin, self.rsv1, mask, payload);
        frame.into()
    }

    /// The frame that every connection with these options may send.
    fn shared_frame(&self, options: Compression) -> Bytes {
        // Takeover makes no difference to what refers to nothing.
        let options = Compression { takeover: false, ..options };
        let mut frames = self.frames.lock();
        if let Some((_, frame)) = frames.iter().find(|(other, _)| *other == options) {
            return frame.clone();
        }
        let mut payload = Vec::new();
        compress_alone(options, &self.bytes, self.fin, &mut payload);
        let frame = self.frame(None, &payload);
        frames.push((options, frame.clone()));
        frame
    }
}

/// A frame to be compressed.
pub struct Job {
    /// Its payload.
    pub plain: Arc<Plain>,
    /// The key it is masked with.
    pub mask: Option<[u8; 4]>,
    /// An acknowledgement is wanted.
    pub acknowledge: bool,
}

enum Item {
    Job(Job),
    Frames(Frames),
}

/// Bytes that are ready, and wait.
#[derive(Default)]
struct Frames {
    pending: Pending,
    length: u64,
    /// What they count meanwhile.
    counted: u64,
    /// The places among them whose passing is to be acknowledged.
    acks: Vec<u64>,
}

/// What has become ready to be written.
#[derive(Default)]
pub struct Ready {
    /// The bytes.
    pub pending: Pending,
    /// How many there are.
    pub length: u64,
    /// Positions among them whose passing is to be acknowledged.
    pub acks: Vec<u64>,
    /// How much less waits.
    waited: u64,
}

/// The work that somebody has taken out of a backlog.
pub struct Work {
    compressor: Compressor,
    items: VecDeque<Item>,
}

/// The state of a connection that compresses.
pub struct Backlog {
    /// With the one who compresses, while somebody does.
    compressor: Option<Compressor>,
    options: Compression,
    items: VecDeque<Item>,
    waiting: u64,
    acks: u32,
}

impl Backlog {
    /// For a connection that has sent nothing compressed.
    #[must_use]
    pub const fn new(options: Compression) -> Self {
        Self {
            compressor: Some(Compressor::new(options)),
            options,
            items: VecDeque::new(),
            waiting: 0,
            acks: 0,
        }
    }

    /// Bytes that wait, counted as they were given.
    #[must_use]
    pub const fn waiting(&self) -> u64 {
        self.waiting
    }

    /// Acknowledgements that wait.
    #[must_use]
    pub const fn acks(&self) -> u32 {
        self.acks
    }

    /// Whether what is sent has to wait.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.compressor.is_none() || !self.items.is_empty()
    }

    /// Whether there is work that nobody has taken.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.compressor.is_some() && !self.items.is_empty()
    }

    /// Whether nothing would be lost with it.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        !self.is_active() && self.compressor.as_ref().is_some_and(Compressor::is_idle)
    }

    /// Queues a frame to be compressed.
    pub fn push(&mut self, job: Job) {
        self.waiting += job.plain.bytes.len() as u64;
        self.acks += u32::from(job.acknowledge);
        self.items.push_back(Item::Job(job));
    }

    /// Queues what `append` makes behind everything else.
    pub fn append<A: Into<Appended>>(&mut self, acknowledge: bool, append: impl FnOnce(&mut Pending) -> A) {
        if !matches!(self.items.back(), Some(Item::Frames(_))) {
            self.items.push_back(Item::Frames(Frames::default()));
        }
        if let Some(Item::Frames(frames)) = self.items.back_mut() {
            let appended: Appended = append(&mut frames.pending).into();
            frames.length += appended.bytes as u64;
            frames.counted += appended.payload as u64;
            self.waiting += appended.payload as u64;
            if acknowledge {
                frames.acks.push(frames.length);
                self.acks += 1;
            }
        }
    }

    /// Takes the work out, to be done without a lock.
    pub fn take(&mut self) -> Option<Work> {
        if self.items.is_empty() {
            return None;
        }
        let compressor = self.compressor.take()?;
        Some(Work { compressor, items: std::mem::take(&mut self.items) })
    }

    /// The work comes back: `ready` of it is done, what is left goes before what came meanwhile.
    pub fn put_back(&mut self, mut work: Work, ready: &Ready) {
        work.items.append(&mut self.items);
        self.items = work.items;
        self.compressor = Some(work.compressor);
        self.waiting = self.waiting.saturating_sub(ready.waited);
        self.acks = self.acks.saturating_sub(u32::try_from(ready.acks.len()).unwrap_or(u32::MAX));
    }

    /// Forgets what has not been compressed.
    pub fn discard(&mut self) {
        self.items = VecDeque::new();
        self.compressor = Some(Compressor::new(self.options));
        (self.waiting, self.acks) = (0, 0);
    }
}

impl Work {
    /// Whether whoever does it should do nothing else of importance.
    #[must_use]
    pub fn is_large(&self) -> bool {
        let mut sum = 0;
        self.items.iter().any(|item| {
            if let Item::Job(job) = item {
                sum += job.plain.bytes.len();
            }
            sum >= LARGE
        })
    }

    /// Compresses, up to a bound.
    pub fn run(&mut self) -> Ready {
        let (mut ready, mut done) = (Ready::default(), 0);
        while done < TURN
            && let Some(item) = self.items.pop_front()
        {
            match item {
                Item::Job(job) => {
                    done += job.plain.bytes.len();
                    ready.waited += job.plain.bytes.len() as u64;
                    let frame = self.frame(&job);
                    ready.length += frame.len() as u64;
                    ready.pending.append(frame);
                    if job.acknowledge {
                        ready.acks.push(ready.length);
                    }
                }
                Item::Frames(frames) => {
                    let before = ready.length;
                    ready.pending.extend(frames.pending);
                    ready.length += frames.length;
                    ready.waited += frames.counted;
                    ready.acks.extend(frames.acks.iter().map(|position| before + position));
                }
            }
        }
        ready
    }

    fn frame(&mut self, job: &Job) -> Bytes {
        let plain = &*job.plain;
        if job.mask.is_none() && plain.shared.load(Ordering::Relaxed) {
            self.compressor.remember(&plain.bytes);
            return plain.shared_frame(self.compressor.options());
        }
        let mut payload = Vec::new();
        self.compressor.compress(&plain.bytes, plain.fin, &mut payload);
        plain.frame(job.mask, &payload)
    }
}
