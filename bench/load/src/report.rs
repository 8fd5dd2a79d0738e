//! What a run found out, as the line of JSON that the driver reads.

use std::io;
use std::time::{Duration, Instant};

use crate::cpu::Cpu;
use crate::histogram::Histogram;
use crate::options::Options;

/// The measured part of a run: it opens when the warm-up is over and closes when its time is up.
pub(crate) struct Window {
    pid: u32,
    opens: Instant,
    length: Duration,
    opened: Option<Opened>,
}

struct Opened {
    at: Instant,
    messages: u64,
    server: Cpu,
    load: Cpu,
}

impl Window {
    /// The warm-up begins now.
    pub(crate) fn new(options: &Options) -> Self {
        let opens = Instant::now() + options.warm_up;
        Self { pid: options.pid, opens, length: options.window, opened: None }
    }

    /// How long until the next edge.
    pub(crate) fn remaining(&self, now: Instant) -> Duration {
        self.edge().saturating_duration_since(now)
    }

    fn edge(&self) -> Instant {
        self.opened.as_ref().map_or(self.opens, |opened| opened.at + self.length)
    }

    /// To be called often, with all messages counted since the beginning: the result, once the time is up.
    pub(crate) fn tick(
        &mut self,
        now: Instant,
        messages: u64,
        latencies: &mut Histogram,
    ) -> io::Result<Option<String>> {
        if now < self.edge() {
            return Ok(None);
        }
        if let Some(opened) = &self.opened {
            return self.close(opened, messages, latencies).map(Some);
        }
        latencies.clear();
        let (server, load) = (Cpu::of(self.pid)?, Cpu::of(std::process::id())?);
        self.opened = Some(Opened { at: Instant::now(), messages, server, load });
        Ok(None)
    }

    fn close(&self, opened: &Opened, messages: u64, latencies: &Histogram) -> io::Result<String> {
        let seconds = opened.at.elapsed().as_secs_f64();
        let server = Cpu::of(self.pid)?.since(opened.server);
        let load = Cpu::of(std::process::id())?.since(opened.load);
        let messages = messages - opened.messages;
        if messages == 0 {
            return Err(io::Error::other("not one message came in the measured window"));
        }
        let each = |microseconds: f64| microseconds / messages as f64;
        Ok(format!(
            "{{\"messages\":{messages},\"seconds\":{seconds:.6},\"rate\":{:.1},\"cpu\":{:.4},\"main\":{:.4},\
             \"busy\":{:.4},\"p50\":{:.2},\"p99\":{:.2},\"max\":{:.2}}}",
            messages as f64 / seconds,
            each(server.process),
            each(server.main),
            load.process / 1e6 / seconds,
            latencies.percentile(0.5),
            latencies.percentile(0.99),
            latencies.largest(),
        ))
    }
}
