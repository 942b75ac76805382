//! The footer of a data file: read, checked, and refused where it promises what the file cannot
//! hold.

use std::cell::Cell;
use std::ops::Range;

use bytes::Bytes;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};

use lakeio_store::{Class, Error, Result};

use crate::data_file::DataFile;
use crate::guard::guarded;
use crate::thrift;

/// Bytes of the end of a file that are read first, as the footer is mostly among them.
pub const TAIL_BYTES: u64 = 64 << 10;
/// Length and magic number at the very end.
const END_BYTES: u64 = 8;
/// Footers up to this size are read whatever the budget is.
const FOOTER_FLOOR: u64 = 64 << 20;

fn corrupt(message: impl Into<String>) -> Error {
    Error::new(Class::DataFileCorrupt, message)
}

/// Reads the footer of `file`. `memory`: most bytes that it may take.
pub(crate) fn read(file: &mut DataFile, memory: u64) -> Result<ParquetMetaData> {
    let size = file.size();
    let tail = file.read(size - TAIL_BYTES.min(size)..size)?;
    let range = locate(&tail, size, memory)?;
    let footer = match within(&tail, size, &range) {
        Some(footer) => footer,
        None => file.read(range)?,
    };
    file.keep_tail(size - tail.len() as u64, tail);
    decode(&footer)
}

/// Where the footer of a file of `size` bytes is. `tail`: its last `TAIL_BYTES`, or all of them;
/// `memory`: most bytes that the footer may take, unless it is a small one.
pub fn locate(tail: &[u8], size: u64, memory: u64) -> Result<Range<u64>> {
    let end = tail.split_last_chunk::<{ END_BYTES as usize }>();
    let (Some((_, [length @ .., m0, m1, m2, m3])), true) = (end, size >= END_BYTES + 4) else {
        return Err(corrupt(format!(
            "a data file is too short to be one: {size} bytes"
        )));
    };
    match &[*m0, *m1, *m2, *m3] {
        b"PAR1" => {}
        b"PARE" => {
            return Err(Error::new(
                Class::UnsupportedDataFile,
                "a data file is encrypted, which is not supported",
            ))
        }
        _ => return Err(corrupt("a data file does not end as a Parquet file does")),
    }
    let length = u64::from(u32::from_le_bytes(*length));
    if length + END_BYTES + 4 > size {
        return Err(corrupt("a data file's footer is longer than the file"));
    }
    if length > memory.max(FOOTER_FLOOR) {
        return Err(Error::new(
            Class::MemoryBudget,
            format!("a data file's footer does not fit into the memory budget: {length} bytes"),
        ));
    }
    Ok(size - END_BYTES - length..size - END_BYTES)
}

/// The bytes `range` of a file of `size` bytes, where its end `tail` has them.
pub fn within(tail: &Bytes, size: u64, range: &Range<u64>) -> Option<Bytes> {
    let start = range.start.checked_sub(size - tail.len() as u64)? as usize;
    Some(tail.slice(start..start + (range.end - range.start) as usize))
}

/// What the bytes of a footer say. Damage is `DATA_FILE_CORRUPT`, never a panic or memory without
/// bounds.
pub fn decode(footer: &[u8]) -> Result<ParquetMetaData> {
    thrift::check_footer(footer).map_err(|_| corrupt("a data file's footer is damaged"))?;
    let metadata = guarded(&Cell::new(None), || {
        ParquetMetaDataReader::decode_metadata(footer)
            .map_err(|e| corrupt(format!("a data file's footer cannot be read: {e}")))
    })?;
    check(&metadata)?;
    Ok(metadata)
}

fn check(metadata: &ParquetMetaData) -> Result<()> {
    let leaves = metadata.file_metadata().schema_descr().num_columns();
    let mut rows = 0i64;
    for group in metadata.row_groups() {
        let total = rows
            .checked_add(group.num_rows())
            .filter(|_| group.num_rows() >= 0);
        rows = total.ok_or_else(|| corrupt("a row group has an impossible size"))?;
        if group.num_columns() != leaves {
            return Err(corrupt("a row group lacks columns of the schema"));
        }
    }
    Ok(())
}

/// Where the bytes of a column chunk are; an error when they are not within the file.
pub(crate) fn chunk_range(
    file: &DataFile,
    group: &RowGroupMetaData,
    column: usize,
) -> Result<Range<u64>> {
    let chunk = group.column(column);
    let damaged = || {
        let name = chunk.column_path().string();
        corrupt(format!("a column chunk is not within its file: {name}"))
            .at(file.url())
            .with("column", name)
    };
    if chunk.file_path().is_some_and(|path| !path.is_empty()) {
        return Err(Error::new(
            Class::UnsupportedDataFile,
            "a data file refers to another file, which is not supported",
        )
        .at(file.url()));
    }
    let data = chunk.data_page_offset();
    // Some writers leave 0 when there is no dictionary.
    let start = match chunk.dictionary_page_offset() {
        Some(dictionary) if dictionary > 0 && dictionary < data => dictionary,
        _ => data,
    };
    let start = u64::try_from(start).map_err(|_| damaged())?;
    let length = u64::try_from(chunk.compressed_size()).map_err(|_| damaged())?;
    let end = start.checked_add(length).ok_or_else(damaged)?;
    if start < 4 || end > file.size() - END_BYTES {
        return Err(damaged());
    }
    Ok(start..end)
}
