//! The table of vectors, whose events are those that `ws` reports, in every split.

mod support;

use support::{Driver, NO_LIMITS, Seen};
use ws_native::protocol::deflate::Decompression;
use ws_native::protocol::{Decoder, Error, Limits, Role};

const TABLE: &str = include_str!("vectors/receiving.txt");

struct Vector {
    line: &'static str,
    role: Role,
    limits: Limits,
    deflate: Option<Decompression>,
    chunks: Vec<Vec<u8>>,
    events: Vec<Seen>,
}

impl Vector {
    fn decoded<'a>(&self, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Seen> {
        let mut driver = Driver::new(self.role, self.limits);
        driver.decoder = Decoder::with_deflate(self.role, self.limits, self.deflate);
        for chunk in chunks {
            driver.chunk(chunk);
        }
        driver.seen
    }
}

fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        let (hex, count) = match word.split_once('*') {
            Some((hex, count)) => (hex, count.parse().expect("a count")),
            None => (word, 1),
        };
        assert!(hex.len() % 2 == 0 && (count == 1 || hex.len() == 2), "{word}");
        for at in (0..hex.len()).step_by(2) {
            let byte = u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
            bytes.extend(std::iter::repeat_n(byte, count));
        }
    }
    bytes
}

fn event(text: &str) -> Seen {
    let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
    match kind {
        "text" | "binary" => {
            let (data, fragments) = match rest.split_once('(') {
                Some((data, lengths)) => {
                    let lengths = lengths.trim_end_matches(')').split_whitespace();
                    (data, Some(lengths.map(|length| length.parse().expect("a length")).collect()))
                }
                None => (rest, None),
            };
            Seen::Message { data: bytes(data), binary: kind == "binary", fragments }
        }
        "ping" => Seen::Ping(bytes(rest)),
        "pong" => Seen::Pong(bytes(rest)),
        "close" => {
            let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
            Seen::Close(code.parse().expect("a code"), bytes(reason))
        }
        "error" => {
            let mut words = rest.split(' ');
            let index: usize = words.next().and_then(|word| word.parse().ok()).expect("an index");
            let error = Error::ALL[index];
            let code = error.code();
            assert_eq!(words.next(), Some(code.strip_prefix("WS_ERR_").unwrap_or(code)), "{text}");
            Seen::Error(error, words.next().map_or(0, |word| word.parse().expect("a parameter")))
        }
        _ => panic!("{text}"),
    }
}

fn vector(line: &'static str) -> Vector {
    let (head, tail) = line.split_once(" :").expect("a head");
    let (hex, events) = tail.split_once("->").expect("an arrow");
    let mut words = head.split(' ');
    let role = match words.next() {
        Some("server") => Role::Server,
        Some("client") => Role::Client,
        _ => panic!("{line}"),
    };
    let (mut limits, mut deflate) = (NO_LIMITS, None);
    for word in words {
        let (option, value) = word.split_once('=').expect("a value");
        let value: u32 = value.parse().expect("a number");
        match option {
            "maxPayload" => limits.max_payload = value.into(),
            "maxFragments" => limits.max_fragments = value,
            "maxBufferedChunks" => limits.max_buffered_chunks = value,
            "deflate" => deflate = Some(Decompression { window_bits: 15, takeover: value == 1 }),
            "skipUTF8Validation" => limits.skip_utf8_validation = value == 1,
            _ => panic!("{line}"),
        }
    }
    let events = events.split(',').map(str::trim).filter(|text| !text.is_empty());
    Vector {
        line,
        role,
        limits,
        deflate,
        chunks: hex.split('/').map(bytes).collect(),
        events: events.map(event).collect(),
    }
}

fn table() -> impl Iterator<Item = Vector> {
    TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(vector)
}

#[test]
fn every_vector_in_every_split() {
    for vector in table() {
        let Vector { line, chunks, events, .. } = &vector;
        assert_eq!(vector.decoded(chunks.iter().map(Vec::as_slice)), *events, "{line}");
        let [whole] = chunks.as_slice() else { continue };

        for size in [1, 2, 3, 5, 7, 1000] {
            assert_eq!(vector.decoded(whole.chunks(size)), *events, "{line} in chunks of {size}");
        }
        let cuts: Vec<usize> = match whole.len() {
            0..400 => (0..=whole.len()).collect(),
            len => (0..20).chain(len - 20..=len).collect(),
        };
        for &cut in &cuts {
            let (head, tail) = whole.split_at(cut);
            assert_eq!(vector.decoded([head, tail]), *events, "{line} cut at {cut}");
            if whole.len() < 40 {
                for second in cut..=whole.len() {
                    let (middle, tail) = tail.split_at(second - cut);
                    let seen = vector.decoded([head, middle, tail]);
                    assert_eq!(seen, *events, "{line} cut at {cut} and {second}");
                }
            }
        }
    }
}

#[test]
fn the_table_is_not_empty() {
    assert!(table().count() > 100);
}

#[test]
fn every_error_is_in_the_table_and_at_its_index() {
    let table: Vec<Seen> = table().flat_map(|vector| vector.events).collect();
    for (index, &error) in Error::ALL.iter().enumerate() {
        assert_eq!(usize::from(error.index()), index);
        assert!(error.code().starts_with("WS_ERR_") || error == Error::BadData);
        assert!(matches!(error.close_code(), 1002 | 1007..=1009));
        assert_eq!(error.is_range_error(), !matches!(error, Error::InvalidUtf8 | Error::BadData));
        assert!(
            table.iter().any(|seen| matches!(seen, Seen::Error(known, _) if *known == error)),
            "{error:?}"
        );
    }
}
