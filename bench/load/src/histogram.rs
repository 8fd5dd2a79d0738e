//! Latencies in buckets of at most 1.6 % width: constant memory, a few nanoseconds per value.

/// Each power of two is divided into this many buckets.
const DIVISIONS: u64 = 64;

/// A log-linear histogram of nanoseconds.
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    total: u64,
    largest: u64,
}

impl Histogram {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self { buckets: vec![0; bucket(u64::MAX) + 1], total: 0, largest: 0 }
    }

    /// Adds `count` values of `nanoseconds`.
    pub(crate) fn record(&mut self, nanoseconds: u64, count: u64) {
        self.buckets[bucket(nanoseconds)] += count;
        self.total += count;
        self.largest = self.largest.max(nanoseconds);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.buckets.fill(0);
        self.total = 0;
        self.largest = 0;
    }

    /// The value that `share` (0 to 1) of all values do not exceed, in microseconds.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let rank = ((self.total as f64 * share).ceil() as u64).clamp(1, self.total.max(1));
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return middle(index).min(self.largest as f64) / 1000.0;
            }
        }
        0.0
    }

    /// The largest value, in microseconds.
    pub(crate) fn largest(&self) -> f64 {
        self.largest as f64 / 1000.0
    }
}

fn bucket(value: u64) -> usize {
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(DIVISIONS.ilog2() + 1);
    // Above the first two rows, `value >> shift` lies between DIVISIONS and twice that.
    (u64::from(shift) * DIVISIONS + (value >> shift)) as usize
}

fn middle(bucket: usize) -> f64 {
    let bucket = bucket as u64;
    let shift = (bucket / DIVISIONS).saturating_sub(1);
    let low = (bucket - shift * DIVISIONS) as f64 * 2f64.powi(shift as i32);
    low + (2f64.powi(shift as i32) - 1.0) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_ordered_and_narrow() {
        let mut last = 0;
        for value in (0..200_000).chain((1..40).map(|power| 1 << (power + 20))) {
            let index = bucket(value);
            assert!(index >= last);
            last = index;
            assert!((middle(index) - value as f64).abs() <= 0.016 * value as f64 + 0.5, "{value}");
        }
    }

    #[test]
    fn percentiles() {
        let mut histogram = Histogram::new();
        for value in 1..=1000 {
            histogram.record(value * 1000, 1);
        }
        assert!((histogram.percentile(0.5) - 500.0).abs() < 8.0);
        assert!((histogram.percentile(0.99) - 990.0).abs() < 16.0);
        assert_eq!(histogram.largest(), 1000.0);
        histogram.clear();
        assert_eq!(histogram.percentile(0.5), 0.0);
    }
}
