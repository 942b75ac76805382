//! One data file: reading ranges of it, within the bounds of a call and of memory.

use std::ops::Range;

use bytes::Bytes;

use lakeio_store::{Call, Class, Error, ObjectReader, Result, Runtime};

/// Smallest and largest window of one column.
const MIN_WINDOW: u64 = 32 << 10;
const MAX_REMOTE_WINDOW: u64 = 8 << 20;
const MAX_LOCAL_WINDOW: u64 = 256 << 10;

/// One data file and the bounds of reading it.
pub(crate) struct DataFile {
    object: ObjectReader,
    pub runtime: Runtime,
    call: Call,
    pub local: bool,
    /// Bytes of a window of one column.
    pub window: u64,
    /// The end of the file, once it was read, and where it begins.
    tail: Option<(u64, Bytes)>,
}

impl DataFile {
    pub(crate) fn new(object: ObjectReader, runtime: Runtime, call: Call) -> Self {
        let local = object.store().is_local();
        DataFile {
            object,
            runtime,
            call,
            local,
            window: MIN_WINDOW,
            tail: None,
        }
    }

    /// Sets the size of windows, so that those of `columns` columns stay within `memory` bytes.
    pub(crate) fn set_budget(&mut self, memory: u64, columns: usize) {
        let largest = if self.local {
            MAX_LOCAL_WINDOW
        } else {
            MAX_REMOTE_WINDOW
        };
        let each = memory / (2 * columns.max(1) as u64);
        self.window = each.clamp(MIN_WINDOW, largest);
    }

    pub(crate) fn size(&self) -> u64 {
        self.object.size()
    }

    pub(crate) fn url(&self) -> &str {
        self.object.url().as_str()
    }

    pub(crate) fn call(&self) -> &Call {
        &self.call
    }

    /// Keeps the end of a remote file, so that what is in it is not asked for again.
    pub(crate) fn keep_tail(&mut self, start: u64, bytes: Bytes) {
        if !self.local {
            self.tail = Some((start, bytes));
        }
    }

    /// A range of the end that is kept; none when it is not all there.
    pub(crate) fn in_tail(&self, range: &Range<u64>) -> Option<Bytes> {
        let (start, bytes) = self.tail.as_ref()?;
        let from = range.start.checked_sub(*start)? as usize;
        let to = (range.end - start) as usize;
        (to <= bytes.len()).then(|| bytes.slice(from..to))
    }

    /// What is read from now on is bounded by `call`.
    pub(crate) fn set_call(&mut self, call: Call) {
        self.call = call;
    }

    /// Reads a range and waits for it.
    pub(crate) fn read(&self, range: Range<u64>) -> Result<Bytes> {
        if self.local {
            return self
                .object
                .read_local(&self.call, range)
                .map_err(of_data_file);
        }
        self.runtime.block_on(&self.call, self.fetch(range))
    }

    /// As `read`, for a remote file.
    pub(crate) async fn fetch(&self, range: Range<u64>) -> Result<Bytes> {
        self.object
            .read(&self.call, range)
            .await
            .map_err(of_data_file)
    }
}

/// An error of finding or reading an object, knowing that it is a data file or a deletion vector
/// that the log names.
pub fn of_data_file(error: Error) -> Error {
    [
        (Class::ObjectNotFound, Class::DataFileMissing),
        (Class::ObjectTruncated, Class::DataFileCorrupt),
        (Class::ObjectChanged, Class::DataFileCorrupt),
        (Class::NotAFile, Class::DataFileCorrupt),
        (Class::InvalidLocation, Class::DeltaLogCorrupt),
    ]
    .into_iter()
    .fold(error, |error, (from, to)| error.reclass_if(from, to))
}
