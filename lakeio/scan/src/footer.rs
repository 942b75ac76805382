//! The footer of a data file: read, checked, and refused where it promises what the file cannot
//! hold.

use std::ops::Range;

use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};

use lakeio_store::{Class, Error, Result};

use crate::stream::DataFile;
use crate::thrift;

/// Bytes of the end of a file that are read first.
const TAIL_BYTES: u64 = 64 << 10;
/// Length and magic number at the very end.
const END_BYTES: u64 = 8;
/// Footers up to this size are read whatever the budget is.
const FOOTER_FLOOR: u64 = 64 << 20;

fn corrupt(file: &DataFile, message: impl Into<String>) -> Error {
    Error::new(Class::DataFileCorrupt, message).at(file.url())
}

/// Reads the footer of `file`. `memory`: most bytes that it may take.
pub(crate) fn read(file: &mut DataFile, memory: u64) -> Result<ParquetMetaData> {
    let size = file.size();
    if size < END_BYTES + 4 {
        return Err(corrupt(
            file,
            format!("a data file is too short to be one: {size} bytes"),
        ));
    }
    let tail_start = size - TAIL_BYTES.min(size);
    let tail = file.read(tail_start..size)?;
    let end = &tail[tail.len() - END_BYTES as usize..];
    match &end[4..] {
        b"PAR1" => {}
        b"PARE" => {
            return Err(Error::new(
                Class::UnsupportedDataFile,
                "a data file is encrypted, which is not supported",
            )
            .at(file.url()))
        }
        _ => {
            return Err(corrupt(
                file,
                "a data file does not end as a Parquet file does",
            ))
        }
    }
    let length = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    if length + END_BYTES + 4 > size {
        return Err(corrupt(
            file,
            "a data file's footer is longer than the file",
        ));
    }
    if length > memory.max(FOOTER_FLOOR) {
        return Err(Error::new(
            Class::MemoryBudget,
            format!("a data file's footer does not fit into the memory budget: {length} bytes"),
        )
        .at(file.url()));
    }
    let footer_start = size - END_BYTES - length;
    let footer = match footer_start.checked_sub(tail_start) {
        Some(at) => tail.slice(at as usize..tail.len() - END_BYTES as usize),
        None => file.read(footer_start..size - END_BYTES)?,
    };
    file.keep_tail(tail_start, tail);
    thrift::check_footer(&footer).map_err(|_| corrupt(file, "a data file's footer is damaged"))?;
    let metadata = ParquetMetaDataReader::decode_metadata(&footer)
        .map_err(|e| corrupt(file, format!("a data file's footer cannot be read: {e}")))?;
    check(file, &metadata)?;
    Ok(metadata)
}

fn check(file: &DataFile, metadata: &ParquetMetaData) -> Result<()> {
    let leaves = metadata.file_metadata().schema_descr().num_columns();
    let mut rows = 0i64;
    for group in metadata.row_groups() {
        let total = rows
            .checked_add(group.num_rows())
            .filter(|_| group.num_rows() >= 0);
        rows = total.ok_or_else(|| corrupt(file, "a row group has an impossible size"))?;
        if group.num_columns() != leaves {
            return Err(corrupt(file, "a row group lacks columns of the schema"));
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
        corrupt(
            file,
            format!("a column chunk is not within its file: {name}"),
        )
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
