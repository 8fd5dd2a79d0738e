//! The payload of a close frame (RFC 6455 5.5.1, 7.4).

use super::{Error, frame::Violation, utf8};

/// What is reported for a close frame without a code.
const NO_STATUS: u16 = 1005;

/// The length of the code; the reason follows it.
pub(super) const CODE_LEN: usize = 2;

/// Reads the code and judges the reason.
pub(super) fn parse(payload: &[u8], skip_utf8_validation: bool) -> Result<u16, Violation> {
    let Some((&code, reason)) = payload.split_first_chunk::<CODE_LEN>() else {
        // A payload of one byte was refused with its header.
        return Ok(NO_STATUS);
    };
    let code = u16::from_be_bytes(code);
    if !is_allowed(code) {
        return Err(Violation { error: Error::InvalidCloseCode, parameter: code.into() });
    }
    if !skip_utf8_validation && !utf8::is_valid(reason) {
        return Err(Error::InvalidUtf8.into());
    }
    Ok(code)
}

/// Whether a code may appear on the wire.
const fn is_allowed(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_codes() {
        let allowed: Vec<u16> = (0..=u16::MAX).filter(|&code| is_allowed(code)).collect();
        let mut expected = vec![1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
        expected.extend(3000..5000);
        assert_eq!(allowed, expected);
    }

    #[test]
    fn judges_the_code_before_the_reason() {
        assert_eq!(parse(&[], false), Ok(1005));
        assert_eq!(parse(&[3, 232], false), Ok(1000));
        assert_eq!(parse(&[3, 232, 0xff], false), Err(Error::InvalidUtf8.into()));
        assert_eq!(parse(&[3, 232, 0xff], true), Ok(1000));
        let violation = Violation { error: Error::InvalidCloseCode, parameter: 1004 };
        assert_eq!(parse(&[3, 236, 0xff], false), Err(violation));
    }
}
