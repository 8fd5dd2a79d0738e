//! The head of an opening handshake, as far as it is a request that nobody can read in two ways.
//!
//! This is no HTTP server. It knows the one request that clients send, and tells it from everything
//! else, of which Node's parser has the last word: other methods and versions, bodies, repeated or
//! missing headers, line ends of one character, bytes beyond ASCII.

use httparse::{EMPTY_HEADER, Header, Request, Status};

/// More headers than this are somebody else's business.
const MAX_HEADERS: usize = 64;

/// What some bytes from the start of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Nothing wrong so far, but no whole head.
    Partial,
    /// A plain request for an upgrade, whose head has so many bytes.
    Upgrade(usize),
    /// Anything else.
    Other,
}

/// Headers that change what a request means beside asking for the upgrade.
const TELLING: [&str; 6] =
    ["content-length", "expect", "proxy-connection", "te", "trailer", "transfer-encoding"];

/// Looks at the first bytes of a connection. Of a plain request, `text` is told the target and then
/// names and values of the headers, a zero byte between any two.
pub fn read_opening(bytes: &[u8], text: &mut Vec<u8>) -> Opening {
    const START: &[u8] = b"GET /";
    let common = bytes.len().min(START.len());
    if bytes[..common] != START[..common] {
        return Opening::Other;
    }
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut request = Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Opening::Partial,
        Err(_) => return Opening::Other,
    };
    let (Some(target), Some(1)) = (request.path, request.version) else { return Opening::Other };
    let head = &bytes[..length];
    // Node.js minds a tab in some places, where the parser has taken it away.
    let plain = has_full_line_ends(head) && !head.contains(&b'\t');
    if !plain || !is_plain_target(target) || !is_plain(request.headers) {
        return Opening::Other;
    }
    text.extend_from_slice(target.as_bytes());
    for header in request.headers.iter() {
        text.push(0);
        text.extend_from_slice(header.name.as_bytes());
        text.push(0);
        text.extend_from_slice(header.value);
    }
    Opening::Upgrade(length)
}

/// Whether carriage returns and line feeds come in pairs only.
fn has_full_line_ends(head: &[u8]) -> bool {
    let pairs = head.windows(2).filter(|pair| *pair == b"\r\n").count();
    let ends = head.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count();
    ends == 2 * pairs
}

fn is_plain_target(target: &str) -> bool {
    target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

/// Whether the headers ask for an upgrade, once each, and for nothing else.
fn is_plain(headers: &[Header<'_>]) -> bool {
    let mut counts = [0; 3];
    for Header { name, value } in headers {
        if !value.iter().all(|byte| matches!(byte, b' '..=b'~'))
            || TELLING.iter().any(|telling| name.eq_ignore_ascii_case(telling))
        {
            return false;
        }
        if name.eq_ignore_ascii_case("host") {
            counts[0] += 1;
        } else if name.eq_ignore_ascii_case("upgrade") {
            counts[1] += if value.eq_ignore_ascii_case(b"websocket") { 1 } else { 2 };
        } else if name.eq_ignore_ascii_case("connection") {
            counts[2] += if asks_for_upgrade(value) { 1 } else { 2 };
        }
    }
    counts == [1, 1, 1]
}

/// Whether the tokens of a Connection header are `upgrade` and, perhaps, `keep-alive`.
fn asks_for_upgrade(value: &[u8]) -> bool {
    let mut upgrades = false;
    for token in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        if token.eq_ignore_ascii_case(b"upgrade") {
            upgrades = true;
        } else if !token.eq_ignore_ascii_case(b"keep-alive") {
            return false;
        }
    }
    upgrades
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "GET /a?b HTTP/1.1\r\nHost: h:1\r\nConnection: keep-alive, Upgrade\r\n\
                        Upgrade: WebSocket\r\nX-Empty:\r\nX-Blanks:   a b  \r\n\r\n";

    fn read(bytes: &[u8]) -> (Opening, String) {
        let mut text = Vec::new();
        let opening = read_opening(bytes, &mut text);
        (opening, String::from_utf8(text).unwrap())
    }

    #[test]
    fn a_plain_request_is_cut_into_its_parts() {
        let (opening, text) = read(&[HEAD.as_bytes(), b"rest"].concat());
        assert_eq!(opening, Opening::Upgrade(HEAD.len()));
        assert_eq!(
            text.split('\0').collect::<Vec<_>>(),
            [
                "/a?b",
                "Host",
                "h:1",
                "Connection",
                "keep-alive, Upgrade",
                "Upgrade",
                "WebSocket",
                "X-Empty",
                "",
                "X-Blanks",
                "a b"
            ]
        );
    }

    #[test]
    fn every_beginning_of_one_is_partial() {
        for length in 0..HEAD.len() {
            assert_eq!(read(&HEAD.as_bytes()[..length]), (Opening::Partial, String::new()));
        }
    }

    #[test]
    fn what_might_be_read_otherwise_is_other() {
        for (from, to) in [
            ("GET", "get"),
            ("GET", "POST"),
            ("GET", "\r\nGET"),
            ("/a?b", "*"),
            ("/a?b", "http://h/"),
            ("/a?b", "/a#b"),
            ("/a?b", "/\u{e4}"),
            ("1.1", "1.0"),
            ("HTTP/1.1\r\n", "HTTP/1.1\n"),
            ("h:1\r\n", "h:1\n"),
            ("\r\n\r\n", "\r\n\n"),
            ("h:1", "h:1\r\n folded"),
            ("h:1", "h:1\r\nHost: i"),
            ("Host: h:1\r\n", ""),
            ("Host:", "Host :"),
            ("keep-alive, Upgrade", "keep-alive"),
            ("keep-alive, Upgrade", "\tUpgrade\t"),
            ("keep-alive, Upgrade", "Upgrade, close"),
            ("keep-alive, Upgrade", "Upgrade\r\nConnection: Upgrade"),
            ("WebSocket", "WebSocket, h2c"),
            ("WebSocket", "WebSocket\r\nUpgrade: websocket"),
            ("WebSocket", "h2c\r\nUpgrade: websocket"),
            ("WebSocket", "websocket\r\nUpgrade: h2c"),
            ("X-Empty:", "X-Empty: \u{e4}"),
            ("X-Empty:", "X-Empty: \u{1}"),
            ("X-Empty:", "Content-Length: 0"),
            ("X-Empty:", "Transfer-Encoding: chunked"),
            ("X-Empty:", "Expect: 100-continue"),
        ] {
            let head = HEAD.replacen(from, to, 1);
            assert_ne!(head, HEAD, "{from}");
            assert_eq!(read(head.as_bytes()).0, Opening::Other, "{head}");
        }
        assert_eq!(read(HEAD.replace("X-Empty:", &"X: y\r\n".repeat(70)).as_bytes()).0, Opening::Other);
    }
}
