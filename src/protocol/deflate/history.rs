//! The plain bytes that the next message of a direction may refer to.

/// Grown in steps of this size: most connections send little.
const STEP: usize = 1024;

/// The last plain bytes of the messages that went compressed.
#[derive(Debug, Default)]
pub struct History {
    bytes: Vec<u8>,
}

impl History {
    /// No bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    /// The bytes, the oldest first.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Appends a message and forgets what lies further back than `limit` bytes.
    pub fn append(&mut self, message: &[u8], limit: usize) {
        let message = &message[message.len().saturating_sub(limit)..];
        let kept = self.bytes.len().min(limit - message.len());
        self.bytes.drain(..self.bytes.len() - kept);

        let length = kept + message.len();
        if length > self.bytes.capacity() {
            self.bytes.reserve_exact(length.next_multiple_of(STEP).min(limit) - kept);
        }
        self.bytes.extend_from_slice(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_bytes_and_no_more_memory_than_allowed() {
        let mut history = History::default();
        history.append(b"abc", 5);
        assert_eq!(history.bytes(), b"abc");
        history.append(b"de", 5);
        assert_eq!(history.bytes(), b"abcde");
        history.append(b"fg", 5);
        assert_eq!(history.bytes(), b"cdefg");
        history.append(b"hijklmno", 5);
        assert_eq!(history.bytes(), b"klmno");
        history.append(b"", 5);
        assert_eq!(history.bytes(), b"klmno");
        assert!(history.bytes.capacity() <= 8);
    }

    #[test]
    fn grows_with_what_was_sent() {
        let mut history = History::default();
        for round in 1..=64 {
            history.append(&[round; 1000], 32768);
            assert!(history.bytes.capacity() <= history.bytes.len() + STEP);
        }
        assert_eq!(history.bytes().len(), 32768);
        assert_eq!(history.bytes.capacity(), 32768);
    }
}
