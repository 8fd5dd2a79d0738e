//! An upgrade request in one number, so that most requests need no look at their headers.

/// The request has a header that asks for subprotocols.
pub const UPGRADE_PROTOCOLS: u16 = 0x8000;
/// The request has a header that offers extensions. Below it is the place of the key.
pub const UPGRADE_EXTENSIONS: u16 = 0x4000;

/// What a server has to know of a request's headers (RFC 6455 4.1) before it decides: where in the text
/// of [`super::read_opening`] the key begins, with [`UPGRADE_EXTENSIONS`] and [`UPGRADE_PROTOCOLS`]. 0 when
/// it has to look for itself: the key or the version is missing, or repeated, or not as it should be.
#[must_use]
pub fn upgrade_digest(text: &[u8]) -> u16 {
    const PREFIX: &[u8] = b"sec-websocket-";
    let mut at = 0;
    let mut parts = text.split(|byte| *byte == 0).map(|part| {
        let start = at;
        at += part.len() + 1;
        (start, part)
    });
    let _target = parts.next();
    let (mut key, mut versions, mut more) = (0, 0, 0);
    while let (Some((_, name)), Some((start, value))) = (parts.next(), parts.next()) {
        let Some((prefix, name)) = name.split_at_checked(PREFIX.len()) else { continue };
        if !prefix.eq_ignore_ascii_case(PREFIX) {
            continue;
        }
        if name.eq_ignore_ascii_case(b"key") {
            if key != 0 || !is_key(value) {
                return 0;
            }
            key = start;
        } else if name.eq_ignore_ascii_case(b"version") {
            versions += if matches!(value, b"13" | b"8") { 1 } else { 2 };
        } else if name.eq_ignore_ascii_case(b"protocol") {
            more |= UPGRADE_PROTOCOLS;
        } else if name.eq_ignore_ascii_case(b"extensions") {
            more |= UPGRADE_EXTENSIONS;
        }
    }
    match u16::try_from(key) {
        Ok(key) if versions == 1 && key != 0 && key < UPGRADE_EXTENSIONS => key | more,
        _ => 0,
    }
}

/// Whether this is 16 bytes in base64.
fn is_key(value: &[u8]) -> bool {
    value.strip_suffix(b"==").is_some_and(|digits| {
        digits.len() == 22
            && digits.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    #[test]
    fn a_usual_request_is_known_by_its_key() {
        let text = format!("/\0Host\0h\0SEC-WebSocket-Key\0{KEY}\0sec-websocket-version\x0013");
        let found = upgrade_digest(text.as_bytes());
        assert_eq!(text.find(KEY), Some(usize::from(found)));
        let more = format!("{text}\0Sec-WebSocket-Protocol\0a");
        assert_eq!(upgrade_digest(more.as_bytes()), found | UPGRADE_PROTOCOLS);
        let more = format!("{text}\0Sec-WebSocket-Extensions\0a\0Sec-WebSocket-Other\0");
        assert_eq!(upgrade_digest(more.as_bytes()), found | UPGRADE_EXTENSIONS);
    }

    #[test]
    fn any_other_is_left_to_javascript() {
        let text = format!("/\0Sec-WebSocket-Key\0{KEY}\0Sec-WebSocket-Version\x0013");
        for (from, to) in [
            ("==", "=A"),
            ("dG", "d-"),
            ("dG", "dGG"),
            ("\x0013", "\x0014"),
            ("\x0013", "\x0013, 13"),
            ("\x0013", "\x0013\0Sec-WebSocket-Version\x0013"),
            ("Version", "Verse"),
            ("Key", "Kex"),
            ("/", &format!("/\0sec-websocket-key\0{KEY}")),
        ] {
            assert_eq!(upgrade_digest(text.replacen(from, to, 1).as_bytes()), 0, "{from} {to}");
        }
        assert_ne!(upgrade_digest(text.as_bytes()), 0);
        let far = format!("/\0A\0{}{}", "a".repeat(0x4000), &text[1..]);
        assert_eq!(upgrade_digest(far.as_bytes()), 0);
    }
}
