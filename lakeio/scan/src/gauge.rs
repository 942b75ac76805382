//! How large a batch may become while it is read, which pages cannot tell beforehand: texts
//! differ in length, and a short page may stand for many copies of a long dictionary entry.

use std::sync::atomic::{AtomicUsize, Ordering};

use parquet::errors::{ParquetError, Result as ParquetResult};

/// How much variable-length data the batch that is being read has loaded. Shared by the columns of
/// a reader; when it exceeds the limit the batch is given up and read anew with fewer rows.
pub(crate) struct Gauge {
    limit: usize,
    loaded: AtomicUsize,
    rows: AtomicUsize,
    most_rows: AtomicUsize,
}

/// The batch is larger than the gauge allows.
#[derive(Debug)]
pub(crate) struct BatchTooLarge;

impl std::fmt::Display for BatchTooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the batch is too large")
    }
}

impl std::error::Error for BatchTooLarge {}

impl Gauge {
    pub(crate) fn new(limit: usize) -> Self {
        Gauge {
            limit,
            loaded: AtomicUsize::new(0),
            rows: AtomicUsize::new(1),
            most_rows: AtomicUsize::new(usize::MAX),
        }
    }

    /// A row group begins: dictionaries of the one before are gone.
    pub(crate) fn reset(&self) {
        self.most_rows.store(usize::MAX, Ordering::Relaxed);
    }

    /// The most rows that a batch should have for the dictionaries that were seen.
    pub(crate) fn most_rows(&self) -> usize {
        self.most_rows.load(Ordering::Relaxed)
    }

    /// A dictionary came of which a row takes up to `each` bytes.
    pub(crate) fn limit_rows(&self, each: usize) {
        let most = (self.limit / each.max(1)).max(1);
        self.most_rows.fetch_min(most, Ordering::Relaxed);
    }

    /// Rows of the batch that is being read.
    pub(crate) fn rows(&self) -> usize {
        self.rows.load(Ordering::Relaxed)
    }

    /// A batch of `rows` rows begins.
    pub(crate) fn begin(&self, rows: usize) {
        self.loaded.store(0, Ordering::Relaxed);
        self.rows.store(rows, Ordering::Relaxed);
    }

    /// Counts bytes that were loaded for the batch; an error once there are too many of them.
    pub(crate) fn load(&self, bytes: usize) -> ParquetResult<()> {
        let before = self.loaded.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.limit && self.rows() > 1 {
            return Err(ParquetError::External(Box::new(BatchTooLarge)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_refuses_more_than_one_row_beyond_its_limit() {
        let gauge = Gauge::new(100);
        gauge.begin(10);
        assert!(gauge.load(60).is_ok());
        assert!(gauge.load(60).is_err());
        gauge.begin(1);
        assert!(gauge.load(1000).is_ok());
    }
}
