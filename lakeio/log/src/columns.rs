//! Rows of Parquet files of the log (checkpoints and sidecars), read page by page.

use std::io::{Read, Result as IoResult};
use std::sync::{Arc, Mutex};

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, Int64Array, ListArray, MapArray, RecordBatch,
    StringArray, StructArray,
};
use arrow::datatypes::{Int32Type, Int64Type};
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

/// A struct column of a batch by name; `None` where the file has none.
pub(crate) fn struct_of<'a>(batch: &'a RecordBatch, name: &str) -> Option<&'a StructArray> {
    batch.column_by_name(name).and_then(|c| c.as_struct_opt())
}

/// Cells of one struct column, by field name.
pub(crate) struct Cells<'a> {
    url: &'a Url,
    what: &'static str,
    column: &'a StructArray,
}

impl<'a> Cells<'a> {
    pub(crate) fn new(url: &'a Url, what: &'static str, column: &'a StructArray) -> Self {
        Cells { url, what, column }
    }

    fn wrong(&self, field: &str, why: &str) -> Error {
        Error::new(
            Class::DeltaLogCorrupt,
            format!("a column of a checkpoint {why}: {}.{field}", self.what),
        )
        .at(self.url)
    }

    fn field(&self, field: &str) -> Option<&'a ArrayRef> {
        self.column.column_by_name(field)
    }

    /// A column of strings; `None` where the file has none.
    pub(crate) fn texts(&self, field: &str) -> Result<Option<&'a StringArray>> {
        self.typed(field, "is not of strings", |array| {
            array.as_string_opt::<i32>()
        })
    }

    /// A column of integers; `None` where the file has none.
    pub(crate) fn numbers(&self, field: &str) -> Result<Option<Numbers<'a>>> {
        self.typed(field, "is not of integers", |array| {
            let long = array.as_primitive_opt::<Int64Type>().map(Numbers::Long);
            long.or_else(|| array.as_primitive_opt::<Int32Type>().map(Numbers::Integer))
        })
    }

    /// A column of maps; `None` where the file has none.
    pub(crate) fn maps(&self, field: &str) -> Result<Option<&'a MapArray>> {
        self.typed(field, "is not of maps", |array| array.as_map_opt())
    }

    /// A column of lists; `None` where the file has none.
    pub(crate) fn lists(&self, field: &str) -> Result<Option<&'a ListArray>> {
        self.typed(field, "is not of lists", |array| array.as_list_opt())
    }

    /// A column of structs; `None` where the file has none.
    pub(crate) fn structs(&self, field: &str) -> Result<Option<&'a StructArray>> {
        self.typed(field, "is not of structs", |array| array.as_struct_opt())
    }

    fn typed<T>(
        &self,
        field: &str,
        why: &str,
        cast: impl Fn(&'a dyn Array) -> Option<T>,
    ) -> Result<Option<T>> {
        match self.field(field) {
            None => Ok(None),
            Some(array) => cast(array.as_ref())
                .map(Some)
                .ok_or_else(|| self.wrong(field, why)),
        }
    }

    /// The cell that every row of the column must have.
    pub(crate) fn required<T>(&self, field: &str, cell: Option<T>) -> Result<T> {
        cell.ok_or_else(|| self.wrong(field, "lacks a value"))
    }
}

/// A cell of a string column.
pub(crate) fn text_at(column: Option<&StringArray>, row: usize) -> Option<&str> {
    column.filter(|c| c.is_valid(row)).map(|c| c.value(row))
}

/// A column of integers of either width.
#[derive(Clone, Copy)]
pub(crate) enum Numbers<'a> {
    Long(&'a Int64Array),
    Integer(&'a Int32Array),
}

/// A cell of a column of integers.
pub(crate) fn number_at(column: Option<Numbers<'_>>, row: usize) -> Option<i64> {
    match column? {
        Numbers::Long(column) => column.is_valid(row).then(|| column.value(row)),
        Numbers::Integer(column) => column.is_valid(row).then(|| i64::from(column.value(row))),
    }
}

/// The entries of a cell of a map of strings; `None` when the cell is NULL or not of strings.
pub(crate) fn map_at(
    column: Option<&MapArray>,
    row: usize,
) -> Option<Vec<(String, Option<String>)>> {
    let column = column.filter(|c| c.is_valid(row))?;
    let entries = column.value(row);
    let keys = entries.column(0).as_string_opt::<i32>()?;
    let values = entries.column(1).as_string_opt::<i32>()?;
    Some(
        (0..entries.len())
            .map(|i| {
                (
                    keys.value(i).to_string(),
                    text_at(Some(values), i).map(str::to_string),
                )
            })
            .collect(),
    )
}

/// The strings of a cell of a list of strings; `None` when the cell is NULL or not of strings.
pub(crate) fn list_at(column: Option<&ListArray>, row: usize) -> Option<Vec<String>> {
    let column = column.filter(|c| c.is_valid(row))?;
    let values = column.value(row);
    let values = values.as_string_opt::<i32>()?;
    Some(
        (0..values.len())
            .map(|i| values.value(i).to_string())
            .collect(),
    )
}
