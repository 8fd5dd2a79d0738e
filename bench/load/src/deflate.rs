//! permessage-deflate as a client sees it: its offer, what the server makes of it, messages compressed beforehand,
//! and the check that what returns is what was sent.

use std::io;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// What the client offers. Its own messages refer to nothing before them, whatever is agreed.
pub(crate) const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

/// How far back the client's messages refer within themselves, as a power of two: enough for any that is sent, and
/// a window that a server may well ask for.
const WINDOW_BITS: u8 = 11;

/// What ends a flushed block, and is not sent.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Whether the messages of a run are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deflate {
    /// They are not, and no extension is offered.
    Off,
    /// They are; which side keeps its context is the server's choice.
    Any,
    /// They are, and both sides may keep their contexts.
    Takeover,
    /// They are, and no side may keep its context.
    Stateless,
}

impl std::str::FromStr for Deflate {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "off" => Ok(Self::Off),
            "any" => Ok(Self::Any),
            "takeover" => Ok(Self::Takeover),
            "stateless" => Ok(Self::Stateless),
            _ => Err(format!("unknown compression {name}")),
        }
    }
}

/// What a server agreed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agreement {
    /// Whether its messages may refer to earlier ones.
    pub(crate) server_keeps_context: bool,
}

impl Agreement {
    /// Reads the head of an answer; an error where it is not what `wanted` needs.
    pub(crate) fn read(head: &[u8], wanted: Deflate) -> io::Result<Self> {
        let head = String::from_utf8_lossy(head);
        let extensions = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-extensions"))
            .map_or("", |(_, value)| value);
        let mut parts = extensions.split(';').map(str::trim);
        if parts.next() != Some("permessage-deflate") {
            return Err(io::Error::other("permessage-deflate is not negotiated"));
        }
        let (mut server_keeps_context, mut client_keeps_context) = (true, true);
        for part in parts {
            match part.split_once('=').unwrap_or((part, "")) {
                ("server_no_context_takeover", "") => server_keeps_context = false,
                ("client_no_context_takeover", "") => client_keeps_context = false,
                // No smaller window needs a decompressor of its own.
                ("server_max_window_bits", _) => {}
                ("client_max_window_bits", bits)
                    if bits.parse().is_ok_and(|bits: u8| bits >= WINDOW_BITS) => {}
                _ => return Err(io::Error::other(format!("the server answers with {part}"))),
            }
        }
        let keeping = (server_keeps_context, client_keeps_context);
        match wanted {
            Deflate::Takeover if keeping != (true, true) => {
                Err(io::Error::other("context takeover is not negotiated"))
            }
            Deflate::Stateless if keeping != (false, false) => {
                Err(io::Error::other("context takeover is negotiated, and was not to be"))
            }
            _ => Ok(Self { server_keeps_context }),
        }
    }
}

/// The payload of a message that refers to nothing before it.
pub(crate) fn compress(message: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressor = Compress::new_with_window_bits(Compression::default(), false, WINDOW_BITS);
    let mut payload = Vec::with_capacity(message.len() + 64);
    compressor.compress_vec(message, &mut payload, FlushCompress::Sync).map_err(io::Error::other)?;
    if compressor.total_in() != message.len() as u64 || !payload.ends_with(&TAIL) {
        return Err(io::Error::other("a message does not compress"));
    }
    payload.truncate(payload.len() - TAIL.len());
    Ok(payload)
}

/// Inflates the messages of one connection.
pub(crate) struct Inflater {
    stream: Decompress,
    keeps_context: bool,
    message: Vec<u8>,
}

impl Inflater {
    /// For the messages of a server that agreed to that.
    pub(crate) fn new(agreement: Agreement) -> Self {
        let keeps_context = agreement.server_keeps_context;
        Self { stream: Decompress::new(false), keeps_context, message: Vec::new() }
    }

    /// Takes the next payload, to which it appends: an error where it is not that of `expected`.
    pub(crate) fn check(&mut self, payload: &mut Vec<u8>, expected: &[u8]) -> io::Result<()> {
        if !self.keeps_context {
            self.stream.reset(false);
        }
        payload.extend_from_slice(&TAIL);
        self.message.clear();
        // One byte more than there should be, so that too long a message is seen.
        self.message.reserve(expected.len() + 1);
        let before = self.stream.total_in();
        let status = self
            .stream
            .decompress_vec(payload, &mut self.message, FlushDecompress::Sync)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let used = self.stream.total_in() - before;
        if status != Status::Ok || used != payload.len() as u64 || self.message != expected {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a message inflates to something else than what was sent",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::event;

    const KEEPS: Agreement = Agreement { server_keeps_context: true };
    const FORGETS: Agreement = Agreement { server_keeps_context: false };

    fn read(extensions: &str, wanted: Deflate) -> io::Result<Agreement> {
        let head = format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n{extensions}\r\n\r\n");
        Agreement::read(head.as_bytes(), wanted)
    }

    #[test]
    fn reads_what_servers_answer() {
        let name = "sec-websocket-extensions: permessage-deflate";
        assert_eq!(read(name, Deflate::Any).unwrap(), KEEPS);
        let bounded = format!("{name}; server_max_window_bits=10; client_max_window_bits=15");
        assert_eq!(read(&bounded, Deflate::Any).unwrap(), KEEPS);
        let forgetful = format!("{name}; server_no_context_takeover");
        assert_eq!(read(&forgetful, Deflate::Any).unwrap(), FORGETS);
        assert!(read(&forgetful, Deflate::Stateless).is_err());
        assert!(read(&forgetful, Deflate::Takeover).is_err());
        assert_eq!(read(name, Deflate::Takeover).unwrap(), KEEPS);
        assert!(
            read(&format!("{forgetful}; client_no_context_takeover"), Deflate::Stateless)
                .is_ok_and(|agreement| agreement == FORGETS)
        );
        assert!(read(&format!("{name}; client_max_window_bits=9"), Deflate::Any).is_err());
        assert!(read(&format!("{name}; mystery"), Deflate::Any).is_err());
        let error = read("Connection: Upgrade", Deflate::Any).unwrap_err();
        assert_eq!(error.to_string(), "permessage-deflate is not negotiated");
    }

    #[test]
    fn messages_return_as_they_were() {
        for agreement in [KEEPS, FORGETS] {
            let mut inflater = Inflater::new(agreement);
            for number in 0..20 {
                let message = event(number);
                let mut payload = compress(&message).unwrap();
                assert!(payload.len() < message.len() * 6 / 10);
                inflater.check(&mut payload, &message).unwrap();
            }
        }
    }

    #[test]
    fn a_context_is_followed_where_it_is_kept() {
        let mut compressor = Compress::new(Compression::default(), false);
        let mut payloads = [Vec::with_capacity(2000), Vec::with_capacity(2000)];
        for payload in &mut payloads {
            compressor.compress_vec(&event(1), payload, FlushCompress::Sync).unwrap();
            payload.truncate(payload.len() - TAIL.len());
        }
        assert!(payloads[1].len() < 40);
        let mut second = payloads[1].clone();
        assert!(Inflater::new(FORGETS).check(&mut second, &event(1)).is_err());
        let mut inflater = Inflater::new(KEEPS);
        for payload in &mut payloads {
            inflater.check(payload, &event(1)).unwrap();
        }
    }

    #[test]
    fn another_message_is_refused() {
        for other in [event(2), event(1)[1..].to_vec(), [event(1), vec![b' ']].concat()] {
            let mut payload = compress(&event(1)).unwrap();
            assert!(Inflater::new(KEEPS).check(&mut payload, &other).is_err());
        }
    }
}
