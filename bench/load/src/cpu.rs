//! The CPU time of a process, as /proc tells it.

use std::fs;
use std::io;

/// The clock ticks of /proc/*/stat are 1/100 s on every Linux that Node runs on.
const TICK_MICROSECONDS: f64 = 10_000.0;

/// CPU time used so far, in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    /// By all threads of the process.
    pub(crate) process: f64,
    /// By its main thread, where JavaScript runs.
    pub(crate) main: f64,
}

impl Cpu {
    /// Reads the times of `pid`.
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let mut cpu = Self::default();
        for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
            let entry = entry?;
            let task = entry.path();
            // A thread that ended meanwhile has no time to tell.
            let Some(time) = precise(&task.join("schedstat")).or_else(|| coarse(&task.join("stat"))) else {
                continue;
            };
            cpu.process += time;
            if entry.file_name().to_str() == Some(pid.to_string().as_str()) {
                cpu.main = time;
            }
        }
        Ok(cpu)
    }

    /// The time used since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { process: self.process - earlier.process, main: self.main - earlier.main }
    }
}

/// Nanoseconds; not every kernel is built with it.
fn precise(path: &std::path::Path) -> Option<f64> {
    let text = fs::read_to_string(path).ok()?;
    let nanoseconds: u64 = text.split_whitespace().next()?.parse().ok()?;
    (nanoseconds > 0).then_some(nanoseconds as f64 / 1000.0)
}

/// Ticks: user and system time are the 12th and 13th field behind the name, which may hold blanks.
fn coarse(path: &std::path::Path) -> Option<f64> {
    let text = fs::read_to_string(path).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) as f64 * TICK_MICROSECONDS)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_time_of_a_process_grows() {
        // Of this process it might shrink: the threads of other tests end, and take their times with them.
        let mut child = Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let before = Cpu::of(child.id()).unwrap();
        let grown = loop {
            let used = Cpu::of(child.id()).unwrap().since(before);
            if used.process > 0.0 {
                break used;
            }
        };
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(grown.process, grown.main);
        assert!(coarse(std::path::Path::new("/proc/self/stat")).is_some());
    }

    #[test]
    fn there_is_no_time_of_nobody() {
        assert!(Cpu::of(u32::MAX).is_err());
    }
}
