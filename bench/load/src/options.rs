//! The command line: `ws-load <mode> [--name value]...`.

use std::io;
use std::str::FromStr;
use std::time::Duration;

use crate::deflate::Deflate;
use crate::frames::{Frames, Kind};

/// What the connections do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Every connection keeps `depth` messages in flight and expects each back.
    Echo,
    /// The first connection sends; every connection, itself included, expects each message.
    Broadcast,
    /// Handshakes, `connections` at a time, each torn down as soon as it is answered.
    Storm,
    /// The connections carry `exchange` messages there and back, and stay idle then until stdin ends.
    Hold,
}

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) port: u16,
    /// The server process, whose CPU time is read at both edges of the measured window.
    pub(crate) pid: u32,
    pub(crate) connections: usize,
    pub(crate) depth: u32,
    pub(crate) size: usize,
    pub(crate) kind: Kind,
    /// Compressed messages are JSON of a kilobyte, whatever `size` and `kind` say.
    pub(crate) deflate: Deflate,
    /// Whether every compressed message is inflated and compared, not a sample of them.
    pub(crate) verify: bool,
    pub(crate) tls: bool,
    pub(crate) exchange: u32,
    pub(crate) warm_up: Duration,
    pub(crate) window: Duration,
}

impl Options {
    /// Reads the arguments, without the program's name.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mode = match arguments.next().as_deref() {
            Some("echo") => Mode::Echo,
            Some("broadcast") => Mode::Broadcast,
            Some("storm") => Mode::Storm,
            Some("hold") => Mode::Hold,
            Some(other) => return Err(format!("unknown mode {other}")),
            None => return Err("usage: ws-load <echo|broadcast|storm|hold> --port N --pid N [...]".into()),
        };
        let mut options = Self {
            mode,
            port: 0,
            pid: 0,
            connections: 1,
            depth: 1,
            size: 64,
            kind: Kind::Binary,
            deflate: Deflate::Off,
            verify: false,
            tls: false,
            exchange: 0,
            warm_up: Duration::from_millis(500),
            window: Duration::from_millis(1500),
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--port" => options.port = number(&name, &value)?,
                "--pid" => options.pid = number(&name, &value)?,
                "--connections" => options.connections = number(&name, &value)?,
                "--depth" => options.depth = number(&name, &value)?,
                "--size" => options.size = number(&name, &value)?,
                "--kind" => options.kind = value.parse()?,
                "--deflate" => options.deflate = value.parse()?,
                "--verify" => options.verify = flag(&name, &value)?,
                "--tls" => options.tls = flag(&name, &value)?,
                "--exchange" => options.exchange = number(&name, &value)?,
                "--warm-up" => options.warm_up = Duration::from_millis(number(&name, &value)?),
                "--window" => options.window = Duration::from_millis(number(&name, &value)?),
                _ => return Err(format!("unknown option {name}")),
            }
        }
        options.check()
    }

    /// The messages of the run.
    pub(crate) fn frames(&self) -> io::Result<Frames> {
        match self.deflate {
            Deflate::Off => Ok(Frames::new(self.kind, self.size)),
            Deflate::Any | Deflate::Takeover | Deflate::Stateless => Frames::compressed(),
        }
    }

    fn check(self) -> Result<Self, String> {
        if self.port == 0 {
            return Err("--port is missing".into());
        }
        if self.pid == 0 && self.mode != Mode::Hold {
            return Err("--pid is missing".into());
        }
        if self.connections == 0 || self.depth == 0 || self.window.is_zero() {
            return Err("--connections, --depth and --window must be positive".into());
        }
        Ok(self)
    }
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name} needs a number, not {value}"))
}

fn flag(name: &str, value: &str) -> Result<bool, String> {
    value.parse().map_err(|_| format!("{name} needs true or false, not {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(String::from))
    }

    #[test]
    fn reads_a_whole_line() {
        let options =
            parse("echo --port 80 --pid 7 --connections 64 --depth 16 --size 1024 --kind text").unwrap();
        assert_eq!(options.mode, Mode::Echo);
        assert_eq!((options.port, options.pid), (80, 7));
        assert_eq!((options.connections, options.depth, options.size), (64, 16, 1024));
        assert_eq!(options.kind, Kind::Text);
        assert_eq!((options.deflate, options.verify, options.tls), (Deflate::Off, false, false));
        let options =
            parse("hold --port 80 --deflate stateless --verify true --tls true --exchange 4").unwrap();
        assert_eq!((options.deflate, options.verify, options.tls), (Deflate::Stateless, true, true));
        assert_eq!(options.exchange, 4);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!(parse("").is_err());
        assert!(parse("dance --port 80").is_err());
        assert!(parse("echo --port 80 --pid 7 --colour red").is_err());
        assert!(parse("echo --port many --pid 7").is_err());
        assert!(parse("echo --pid 7").is_err());
        assert!(parse("echo --port 80 --pid 7 --tls yes").is_err());
        assert!(parse("echo --port 80 --pid 7 --deflate yes").is_err());
        assert!(parse("echo --port 80 --pid").is_err());
    }
}
