//! Pages of a column chunk, decompressed one at a time as the decoder asks for them.
//!
//! Every size that a file claims is checked before memory is taken for it, and what goes wrong
//! names the column.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type as PhysicalType};
use parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result as ParquetResult};

use lakeio_store::{Class, Error, Result};

use crate::decompress::Decompressor;
use crate::gauge::Gauge;
use crate::stream::ChunkStream;
use crate::thrift::{Fault, PageHeader, PageKind};

/// First look for a page header, and the longest one that is accepted (it may hold statistics).
const HEADER_BYTES: u64 = 512;
const MAX_HEADER_BYTES: u64 = 16 << 20;
/// Pages up to this size are read whatever the budget is, and larger ones as long as they were
/// compressed by no more than this: some writers make a page of a thousand values of any length.
const PAGE_FLOOR: u64 = 256 << 20;
const PAGE_RATIO: u64 = 64;

/// What is known of a column chunk before it is read.
pub(crate) struct ChunkInfo {
    /// Name of the column as the file has it, with dots.
    pub column: String,
    pub compression: Compression,
    pub physical: PhysicalType,
    /// Rows of the row group.
    pub rows: u64,
    /// Values of the chunk, as the footer says.
    pub values: u64,
    /// Whether a row has at most one value.
    pub flat: bool,
    /// Bytes that a page may take.
    pub page_limit: u64,
}

/// The pages of one column chunk.
pub(crate) struct ColumnPages {
    stream: ChunkStream,
    info: ChunkInfo,
    codec: Option<Decompressor>,
    gauge: Arc<Gauge>,
    peeked: Option<PageHeader>,
    /// Values in the data pages so far.
    values: u64,
    /// Longest value of the dictionary of a variable-length column.
    longest_entry: usize,
}

fn corrupt(column: &str, message: impl std::fmt::Display) -> Error {
    Error::new(
        Class::DataFileCorrupt,
        format!("a page of column {column} is damaged: {message}"),
    )
    .with("column", column)
}

impl ColumnPages {
    pub(crate) fn new(stream: ChunkStream, info: ChunkInfo, gauge: Arc<Gauge>) -> Result<Self> {
        let codec = Decompressor::new(info.compression).map_err(|e| {
            Error::new(
                Class::UnsupportedDataFile,
                format!(
                    "the compression of column {} cannot be read: {e}",
                    info.column
                ),
            )
            .with("column", &info.column)
        })?;
        Ok(ColumnPages {
            stream,
            info,
            codec,
            gauge,
            peeked: None,
            values: 0,
            longest_entry: 0,
        })
    }

    fn damaged(&self, message: impl std::fmt::Display) -> Error {
        corrupt(&self.info.column, message)
    }

    /// The header of the next page that is not an index page.
    fn header(&mut self) -> Result<Option<PageHeader>> {
        if let Some(header) = self.peeked.take() {
            return Ok(Some(header));
        }
        loop {
            let remaining = self.stream.remaining();
            if remaining == 0 {
                return Ok(None);
            }
            let mut want = HEADER_BYTES;
            let (header, length) = loop {
                let bytes = self.stream.peek(want)?;
                match PageHeader::parse(bytes) {
                    Ok(found) => break found,
                    Err(Fault::Incomplete) if want < remaining.min(MAX_HEADER_BYTES) => want *= 4,
                    Err(_) => return Err(self.damaged("its header cannot be read")),
                }
            };
            self.stream.skip(length as u64)?;
            self.check(&header)?;
            if header.kind != PageKind::Index {
                return Ok(Some(header));
            }
            self.stream.skip(header.compressed.into())?;
        }
    }

    fn check(&mut self, header: &PageHeader) -> Result<()> {
        let (compressed, uncompressed) =
            (u64::from(header.compressed), u64::from(header.uncompressed));
        if compressed > self.stream.remaining() {
            return Err(self.damaged("it ends after its column chunk"));
        }
        let limit = PAGE_FLOOR
            .max(self.info.page_limit)
            .max(compressed.saturating_mul(PAGE_RATIO));
        if uncompressed > limit {
            return Err(Error::new(
                Class::MemoryBudget,
                format!(
                    "a page does not fit into the memory budget: column {}, {} bytes, allowed {}; \
                     allow more memory",
                    self.info.column, uncompressed, limit
                ),
            )
            .with("column", &self.info.column));
        }
        match header.kind {
            PageKind::Index => {}
            PageKind::Dictionary => {
                // An entry takes at least a bit of a fixed-length type and four bytes of others.
                if u64::from(header.values) > uncompressed.saturating_mul(8) {
                    return Err(self.damaged("its dictionary claims more entries than it has"));
                }
            }
            PageKind::Data | PageKind::DataV2 => {
                self.values += u64::from(header.values);
                if self.info.flat && self.values > self.info.rows {
                    return Err(self.damaged("its column chunk has more values than rows"));
                }
                // Levels of a repeated column are held as 4 bytes a value.
                if u64::from(header.values) * 4 > limit {
                    return Err(self.damaged("it claims an implausible number of values"));
                }
            }
        }
        Ok(())
    }

    fn next(&mut self) -> ParquetResult<Option<Page>> {
        self.next_page().map_err(|error| match error {
            PageError::Ours(error) => error.into_parquet(),
            PageError::Parquet(error) => error,
        })
    }

    fn next_page(&mut self) -> Result<Option<Page>, PageError> {
        let Some(header) = self.header()? else {
            return Ok(None);
        };
        let raw = self.stream.take(header.compressed.into())?;
        if let Some(expected) = header.crc {
            if crc32fast::hash(&raw) != expected {
                return Err(self.damaged("its checksum does not match").into());
            }
        }
        let buf = self.decompress(&header, raw)?;
        let column = self.info.column.clone();
        let encoding =
            |number: i32| encoding_of(number).ok_or_else(|| unknown_encoding(&column, number));
        let page = match header.kind {
            PageKind::Index => return Err(self.damaged("an index page stands for data").into()),
            PageKind::Dictionary => {
                if self.info.physical == PhysicalType::BYTE_ARRAY {
                    self.longest_entry = longest_entry(&buf);
                    let each = self.longest_entry.saturating_mul(self.values_per_row());
                    self.gauge.limit_rows(each);
                }
                Page::DictionaryPage {
                    buf,
                    num_values: header.values,
                    encoding: encoding(header.encoding)?,
                    is_sorted: header.is_sorted,
                }
            }
            PageKind::Data => {
                self.load(&header, buf.len())?;
                Page::DataPage {
                    buf,
                    num_values: header.values,
                    encoding: encoding(header.encoding)?,
                    def_level_encoding: encoding(header.definition_encoding)?,
                    rep_level_encoding: encoding(header.repetition_encoding)?,
                    statistics: None,
                }
            }
            PageKind::DataV2 => {
                self.load(&header, buf.len())?;
                Page::DataPageV2 {
                    buf,
                    num_values: header.values,
                    encoding: encoding(header.encoding)?,
                    num_nulls: header.nulls,
                    num_rows: header.rows,
                    def_levels_byte_len: header.definition_bytes,
                    rep_levels_byte_len: header.repetition_bytes,
                    is_compressed: header.is_compressed,
                    statistics: None,
                }
            }
        };
        Ok(Some(page))
    }

    fn decompress(&mut self, header: &PageHeader, raw: Bytes) -> Result<Bytes> {
        let size = header.uncompressed as usize;
        // Levels of the second form of data pages are never compressed.
        let levels = match header.kind {
            PageKind::DataV2 => header.definition_bytes as usize + header.repetition_bytes as usize,
            PageKind::Data | PageKind::Dictionary | PageKind::Index => 0,
        };
        if levels > raw.len() || levels > size {
            return Err(self.damaged("its levels are longer than itself"));
        }
        let compressed = header.kind != PageKind::DataV2 || header.is_compressed;
        let column = &self.info.column;
        let Some(codec) = self.codec.as_mut().filter(|_| compressed) else {
            return match raw.len() == size {
                true => Ok(raw),
                false => Err(corrupt(column, "its size is not what it claims")),
            };
        };
        let mut out = Vec::with_capacity(size);
        out.extend_from_slice(&raw[..levels]);
        // A page of NULLs only may have no values to decompress.
        if size > levels {
            codec
                .decompress(&raw[levels..], &mut out, size - levels)
                .map_err(|e| corrupt(column, format!("it cannot be decompressed: {e}")))?;
        }
        if out.len() != size {
            return Err(corrupt(column, "its size is not what it claims"));
        }
        Ok(Bytes::from(out))
    }

    /// Values of a row, on average and rounded up.
    fn values_per_row(&self) -> usize {
        match self.info.flat {
            true => 1,
            false => self.info.values.div_ceil(self.info.rows.max(1)).max(1) as usize,
        }
    }

    /// Counts what values of this page may take in the batch.
    fn load(&self, header: &PageHeader, bytes: usize) -> ParquetResult<()> {
        if self.info.physical != PhysicalType::BYTE_ARRAY {
            return Ok(());
        }
        let dictionary = matches!(header.encoding, 2 | 8);
        let bytes = match dictionary {
            false => bytes,
            true => {
                let expected = self.gauge.rows().saturating_mul(self.values_per_row());
                expected
                    .min(header.values as usize)
                    .saturating_mul(self.longest_entry)
            }
        };
        self.gauge.load(bytes)
    }
}

fn unknown_encoding(column: &str, number: i32) -> Error {
    Error::new(
        Class::UnsupportedDataFile,
        format!("the encoding of column {column} cannot be read: {number}"),
    )
    .with("column", column)
}

enum PageError {
    Ours(Error),
    Parquet(ParquetError),
}

impl From<Error> for PageError {
    fn from(error: Error) -> Self {
        PageError::Ours(error)
    }
}

impl From<ParquetError> for PageError {
    fn from(error: ParquetError) -> Self {
        PageError::Parquet(error)
    }
}

#[expect(deprecated)]
fn encoding_of(number: i32) -> Option<Encoding> {
    Some(match number {
        0 => Encoding::PLAIN,
        2 => Encoding::PLAIN_DICTIONARY,
        3 => Encoding::RLE,
        4 => Encoding::BIT_PACKED,
        5 => Encoding::DELTA_BINARY_PACKED,
        6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        7 => Encoding::DELTA_BYTE_ARRAY,
        8 => Encoding::RLE_DICTIONARY,
        9 => Encoding::BYTE_STREAM_SPLIT,
        _ => return None,
    })
}

/// The longest value of a dictionary page: values of four bytes length and that many bytes.
fn longest_entry(page: &[u8]) -> usize {
    let mut longest = 0;
    let mut rest = page;
    while let Some((length, tail)) = rest.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        longest = longest.max(length.min(tail.len()));
        rest = tail.get(length..).unwrap_or_default();
    }
    longest
}

impl Iterator for ColumnPages {
    type Item = ParquetResult<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        ColumnPages::next(self).transpose()
    }
}

impl PageReader for ColumnPages {
    fn get_next_page(&mut self) -> ParquetResult<Option<Page>> {
        ColumnPages::next(self)
    }

    fn peek_next_page(&mut self) -> ParquetResult<Option<PageMetadata>> {
        let header = self.header().map_err(Error::into_parquet)?;
        let metadata = header.as_ref().map(|header| PageMetadata {
            num_rows: (header.kind == PageKind::DataV2).then_some(header.rows as usize),
            num_levels: (header.kind != PageKind::Dictionary).then_some(header.values as usize),
            is_dict: header.kind == PageKind::Dictionary,
        });
        self.peeked = header;
        Ok(metadata)
    }

    fn skip_next_page(&mut self) -> ParquetResult<()> {
        if let Some(header) = self.header().map_err(Error::into_parquet)? {
            self.stream
                .skip(header.compressed.into())
                .map_err(Error::into_parquet)?;
        }
        Ok(())
    }
}

/// One column chunk as the decoders want it: an iterator over its only page reader.
pub(crate) struct OneChunk(pub Option<Box<dyn PageReader>>);

impl Iterator for OneChunk {
    type Item = ParquetResult<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.take().map(Ok)
    }
}

impl PageIterator for OneChunk {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_entry() {
        assert_eq!(longest_entry(b"\x01\0\0\0a\x03\0\0\0abc\0\0\0\0"), 3);
        assert_eq!(longest_entry(b"\xff\xff\xff\xffabc"), 3);
        assert_eq!(longest_entry(b"\x01\0"), 0);
    }
}
