//! Reads one split: a synchronous stream of Arrow batches in the table's logical schema.
//!
//! One thread pulls. Rows come in the file's order, less those that the deletion vector or the
//! predicate take out. The first error ends the stream for good: it is given again to whoever asks
//! on. A decoder that panics on damaged bytes is such an error, too.

use std::cell::Cell;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use lakeio_store::{Call, Error, Location, Result, Runtime};

use crate::guard::guarded;
use crate::reading::Reading;
use crate::scan::Scan;
use crate::split::Split;

/// How a split is read.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    /// Most rows of a batch.
    pub batch_rows: usize,
    /// Bytes of a batch that are aimed at.
    pub batch_bytes: usize,
    /// Bytes that pages and read-ahead may take.
    pub memory_bytes: usize,
    /// Whether a string that is not UTF-8 is an error. Else it is given as it stands, unless the
    /// predicate looks at its column, and whoever reads the batches must check.
    pub check_text: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions {
            batch_rows: 8192,
            batch_bytes: 8 << 20,
            memory_bytes: 64 << 20,
            check_text: true,
        }
    }
}

/// A stream of the rows of one split. Belongs to one thread at a time.
pub struct SplitReader {
    schema: SchemaRef,
    state: State,
}

enum State {
    Reading(Box<Reading>),
    Done,
    Failed(Error),
}

impl SplitReader {
    /// Opens the split's file and reads its footer and deletion vector. Blocks, within `call`;
    /// what is read later looks at the call's flag between pages. `location`: the scan's table
    /// with the credentials to use.
    ///
    /// Fails with `DATA_FILE_MISSING`, `DATA_FILE_CORRUPT`, a store's classes, or the classes of
    /// what the file uses that is not supported.
    pub fn open(
        runtime: &Runtime,
        call: &Call,
        location: &Location,
        scan: &Scan,
        split: &Split,
        options: ReadOptions,
    ) -> Result<SplitReader> {
        split.check(scan)?;
        let url = split.url(scan)?;
        let open = || Reading::open(runtime, call, location, scan, split, options);
        let reading = guarded(&Cell::new(None), open).map_err(|e| e.at(&url))?;
        Ok(SplitReader {
            schema: scan.arrow_schema(),
            state: State::Reading(Box::new(reading)),
        })
    }

    /// The schema of every batch.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The next batch, which has at least one row; none at the end.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let reading = match &mut self.state {
            State::Reading(reading) => reading,
            State::Done => return Ok(None),
            State::Failed(error) => return Err(error.clone()),
        };
        let column = Cell::new(None);
        let schema = &self.schema;
        let result = guarded(&column, || reading.next_batch(schema, &column));
        match result {
            Ok(Some(batch)) => Ok(Some(batch)),
            Ok(None) => {
                self.state = State::Done;
                Ok(None)
            }
            Err(error) => {
                let error = error.at(reading.url());
                self.state = State::Failed(error.clone());
                Err(error)
            }
        }
    }
}

impl Iterator for SplitReader {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().map_err(Error::into_arrow).transpose()
    }
}

impl RecordBatchReader for SplitReader {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}
