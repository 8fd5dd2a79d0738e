//! Masking keys: unpredictable and fresh for every frame (RFC 6455 5.3).

/// Keys fetched from the system at a time, in bytes.
const POOL: usize = 4096;

/// A pool of random keys.
pub struct Masks {
    pool: Vec<u8>,
    next: usize,
}

impl Default for Masks {
    fn default() -> Self {
        Self { pool: Vec::new(), next: POOL }
    }
}

impl Masks {
    /// A key that has not been used before.
    ///
    /// # Errors
    /// When the system has no randomness to give: a predictable key would break the promise that
    /// masking makes to intermediaries.
    pub fn draw(&mut self) -> Result<[u8; 4], getrandom::Error> {
        if self.next + 4 > POOL {
            self.pool.resize(POOL, 0);
            getrandom::fill(&mut self.pool)?;
            self.next = 0;
        }
        let mut key = [0; 4];
        key.copy_from_slice(&self.pool[self.next..self.next + 4]);
        self.next += 4;
        Ok(key)
    }
}
