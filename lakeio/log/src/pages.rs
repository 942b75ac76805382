//! Parquet files of the log (checkpoints and sidecars), opened and read page by page.

use std::io::{Read, Result as IoResult};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::ProjectionMask;
use parquet::errors::Result as ParquetResult;
use parquet::file::reader::{ChunkReader, Length};
use url::Url;

use lakeio_store::{Call, Class, Error, ObjectReader, Result, Runtime, Store};

use crate::segment::gone;

/// Rows in a batch.
const BATCH_ROWS: usize = 2048;
/// Bytes fetched at once from a remote store.
const WINDOW: u64 = 2 << 20;
/// Windows kept of one remote file.
const WINDOWS: usize = 12;

/// A file whose pages are fetched as they are read.
#[derive(Clone)]
pub(crate) struct Pages(Arc<PagesState>);

struct PagesState {
    runtime: Runtime,
    call: Call,
    reader: ObjectReader,
    local: bool,
    windows: Mutex<Vec<(u64, Bytes)>>,
}

impl Pages {
    pub(crate) fn open(
        runtime: &Runtime,
        store: &Store,
        call: &Call,
        url: &Url,
        size: Option<u64>,
    ) -> Result<Self> {
        let reader = runtime
            .block_on(call, store.reader(call, url, size))
            .map_err(gone)?;
        Ok(Pages(Arc::new(PagesState {
            runtime: runtime.clone(),
            call: call.clone(),
            reader,
            local: store.is_local(),
            windows: Mutex::new(Vec::new()),
        })))
    }

    fn fetch(&self, start: u64, length: u64) -> Result<Bytes> {
        let state = &*self.0;
        if state.local {
            return state.reader.read_local(&state.call, start..start + length);
        }
        let window = start / WINDOW * WINDOW;
        if start + length > window + WINDOW {
            return self.fetch_remote(start, start + length);
        }
        let lock = || {
            state
                .windows
                .lock()
                .map_err(|_| Error::internal("a lock is poisoned"))
        };
        let held = {
            let mut windows = lock()?;
            let at = windows.iter().position(|(begin, _)| *begin == window);
            at.map(|at| {
                let entry = windows.remove(at);
                windows.push(entry.clone());
                entry.1
            })
        };
        let bytes = match held {
            Some(bytes) => bytes,
            None => {
                let end = (window + WINDOW).min(state.reader.size());
                let bytes = self.fetch_remote(window, end)?;
                let mut windows = lock()?;
                if windows.len() >= WINDOWS {
                    windows.remove(0);
                }
                windows.push((window, bytes.clone()));
                bytes
            }
        };
        let from = usize::try_from(start - window).unwrap_or(usize::MAX);
        let to = from.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        if to > bytes.len() {
            return Err(Error::new(
                Class::ObjectTruncated,
                "the object is shorter than expected",
            )
            .at(state.reader.url()));
        }
        Ok(bytes.slice(from..to))
    }

    fn fetch_remote(&self, start: u64, end: u64) -> Result<Bytes> {
        let state = &*self.0;
        state
            .runtime
            .block_on(&state.call, state.reader.read(&state.call, start..end))
    }
}

impl Length for Pages {
    fn len(&self) -> u64 {
        self.0.reader.size()
    }
}

impl ChunkReader for Pages {
    type T = PageRead;

    fn get_read(&self, start: u64) -> ParquetResult<PageRead> {
        Ok(PageRead {
            pages: self.clone(),
            at: start,
            buffer: Bytes::new(),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        self.fetch(start, length as u64)
            .map_err(Error::into_parquet)
    }
}

/// Reads on from a position.
pub(crate) struct PageRead {
    pages: Pages,
    at: u64,
    buffer: Bytes,
}

impl Read for PageRead {
    fn read(&mut self, out: &mut [u8]) -> IoResult<usize> {
        if self.buffer.is_empty() {
            let left = self.pages.len().saturating_sub(self.at);
            let length = left.min(4096);
            if length == 0 {
                return Ok(0);
            }
            self.buffer = self
                .pages
                .fetch(self.at, length)
                .map_err(std::io::Error::other)?;
            self.at += length;
        }
        let count = out.len().min(self.buffer.len());
        out[..count].copy_from_slice(&self.buffer.split_to(count));
        Ok(count)
    }
}

/// Any error of the Parquet reader, as damage of the log's file.
pub(crate) fn damaged(url: &Url, error: &(dyn std::error::Error + 'static)) -> Error {
    gone(Error::foreign(Class::DeltaLogCorrupt, url.as_str(), error))
}

/// Opens a Parquet file of the log for the leaf columns that `wanted` accepts by their path.
pub(crate) fn open_parquet(
    pages: Pages,
    url: &Url,
    wanted: impl Fn(&str) -> bool,
) -> Result<ParquetRecordBatchReader> {
    // What other writers embed of Arrow's types must not change ours.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(pages, options)
        .map_err(|e| damaged(url, &e))?;
    let schema = builder.parquet_schema();
    let leaves: Vec<usize> = schema
        .columns()
        .iter()
        .enumerate()
        .filter(|(_, column)| wanted(&column.path().string()))
        .map(|(index, _)| index)
        .collect();
    let mask = ProjectionMask::leaves(schema, leaves);
    builder
        .with_projection(mask)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|e| damaged(url, &e))
}
