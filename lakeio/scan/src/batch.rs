//! The rows of one batch, decoded column by column as they are wanted: first what a predicate looks
//! at, then the rest or nothing. A column that has other rows than its row group is an error.

use std::cell::Cell;

use arrow::array::{Array, ArrayRef};
use parquet::arrow::array_reader::ArrayReader;
use parquet::errors::{ParquetError, Result as ParquetResult};

use lakeio_store::{Class, Error, Result};

use crate::convert::constant;
use crate::evaluate::Rows;
use crate::gauge::BatchTooLarge;
use crate::sources::{Column, Source};

/// Why a batch was not read.
pub(crate) enum BatchError {
    /// It has too many bytes for its rows; fewer rows may do.
    TooLarge,
    Other(Error),
}

impl From<Error> for BatchError {
    fn from(error: Error) -> Self {
        BatchError::Other(error)
    }
}

/// The columns of some rows, read as they are wanted.
pub(crate) struct Batch<'a> {
    pub columns: &'a [Column],
    pub readers: &'a mut [Option<Box<dyn ArrayReader>>],
    pub count: usize,
    /// The column being decoded.
    pub at: &'a Cell<Option<usize>>,
    pub arrays: Vec<Option<ArrayRef>>,
    /// Bytes that were decoded.
    pub bytes: usize,
}

impl Batch<'_> {
    /// Reads the columns that are `wanted` and not there yet.
    pub(crate) fn read(
        &mut self,
        wanted: impl Fn(&Column) -> bool,
    ) -> std::result::Result<(), BatchError> {
        for (index, column) in self.columns.iter().enumerate() {
            if wanted(column) && self.arrays[index].is_none() {
                self.at.set(Some(index));
                self.arrays[index] = Some(self.decoded(index)?);
                self.at.set(None);
            }
        }
        Ok(())
    }

    fn decoded(&mut self, index: usize) -> std::result::Result<ArrayRef, BatchError> {
        let column = &self.columns[index];
        Ok(match (&column.source, &mut self.readers[index]) {
            (Source::File(found), Some(reader)) => {
                let raw = decode(reader.as_mut(), self.count, &column.name)?;
                self.bytes += raw.get_buffer_memory_size();
                found.convert.apply(&raw)?
            }
            (Source::Constant(value, primitive), _) => {
                constant(value.as_ref(), *primitive, self.count)?
            }
            (Source::Missing(kind), _) => arrow::array::new_null_array(kind, self.count),
            (Source::File(_), None) => return Err(Error::internal("a column has no reader").into()),
        })
    }

    /// Leaves out the rows of the columns that were not read.
    pub(crate) fn skip(&mut self) -> Result<()> {
        for (index, column) in self.columns.iter().enumerate() {
            if let (None, Some(reader)) = (&self.arrays[index], &mut self.readers[index]) {
                skip(reader.as_mut(), self.count, &column.name)?;
            }
        }
        Ok(())
    }
}

impl Rows for Batch<'_> {
    fn len(&self) -> usize {
        self.count
    }

    fn column(&self, name: &str) -> Result<ArrayRef> {
        let index = self.columns.iter().position(|column| column.name == name);
        let array = index.and_then(|index| self.arrays[index].clone());
        array.ok_or_else(|| Error::internal("a predicate's column was not read"))
    }
}

fn decode(
    reader: &mut dyn ArrayReader,
    count: usize,
    column: &str,
) -> std::result::Result<ArrayRef, BatchError> {
    let decode = |reader: &mut dyn ArrayReader| -> ParquetResult<(usize, ArrayRef)> {
        let read = reader.read_records(count)?;
        Ok((read, reader.consume_batch()?))
    };
    let (read, array) = decode(reader).map_err(|e| batch_error(e, column))?;
    if read != count || array.len() != count {
        return Err(short(column).into());
    }
    Ok(array)
}

fn batch_error(error: ParquetError, column: &str) -> BatchError {
    let too_large = match &error {
        ParquetError::External(inner) => inner.is::<BatchTooLarge>(),
        // The decoder's own words when text offsets would not fit into 32 bits.
        ParquetError::General(text) => text.contains("index overflow decoding byte array"),
        _ => false,
    };
    match too_large {
        true => BatchError::TooLarge,
        false => BatchError::Other(decoding(&error, column)),
    }
}

/// The error of a decoder, with the column's name.
pub(crate) fn decoding(error: &ParquetError, column: &str) -> Error {
    let class = match error {
        ParquetError::NYI(_) => Class::UnsupportedDataFile,
        _ => Class::DataFileCorrupt,
    };
    match Error::find_in(error) {
        Some(own) => own.with("column", column),
        None => Error::new(
            class,
            format!("a column cannot be decoded: {column}, {error}"),
        )
        .with("column", column),
    }
}

fn short(column: &str) -> Error {
    Error::new(
        Class::DataFileCorrupt,
        format!("a column has fewer rows than its row group: {column}"),
    )
    .with("column", column)
}

/// Leaves out the next rows of a column.
pub(crate) fn skip(reader: &mut dyn ArrayReader, count: usize, column: &str) -> Result<()> {
    let skipped = reader
        .skip_records(count)
        .map_err(|e| decoding(&e, column))?;
    if skipped != count {
        return Err(short(column));
    }
    Ok(())
}

/// Checks that a column has no row left.
pub(crate) fn end_of(reader: &mut Option<Box<dyn ArrayReader>>, column: &str) -> Result<()> {
    let Some(reader) = reader else { return Ok(()) };
    let more = reader.read_records(1).map_err(|e| decoding(&e, column))?;
    if more != 0 {
        return Err(Error::new(
            Class::DataFileCorrupt,
            format!("a column has more rows than its row group: {column}"),
        )
        .with("column", column));
    }
    Ok(())
}
