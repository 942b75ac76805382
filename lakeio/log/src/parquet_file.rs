//! Parquet files being written to a store.

use std::io::{Result as IoResult, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use url::Url;

use lakeio_store::{Call, Class, Error, ObjectWriter, Result, Runtime, Store};

use crate::valid_json::{has_variant, valid_json};

/// Encoded bytes of a row group in memory past which it is written out.
const ROW_GROUP_BYTES: usize = 32 << 20;
/// Rows of a row group unless a request says otherwise.
const ROW_GROUP_ROWS: usize = 1 << 20;

/// One file being written; it appears whole at `finish`, or never.
pub(crate) struct ParquetFile {
    url: Url,
    writer: ArrowWriter<Sink>,
    has_variants: bool,
}

/// Bytes of the file on their way to the store.
struct Sink {
    runtime: Runtime,
    call: Call,
    writer: ObjectWriter,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        self.runtime
            .block_on(&self.call, self.writer.write(&self.call, bytes))
            .map_err(std::io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> IoResult<()> {
        Ok(())
    }
}

impl ParquetFile {
    pub(crate) fn create(
        runtime: &Runtime,
        store: &Store,
        call: &Call,
        url: &Url,
        schema: SchemaRef,
        row_group_rows: Option<usize>,
    ) -> Result<Self> {
        let level = ZstdLevel::try_new(1)
            .map_err(|e| Error::internal(format!("a compression level is refused: {e}")))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_created_by(concat!("spillway lakeio ", env!("CARGO_PKG_VERSION")).into())
            .set_max_row_group_row_count(Some(row_group_rows.unwrap_or(ROW_GROUP_ROWS).max(1)))
            .build();
        let writer = runtime.block_on(call, store.writer(call, url))?;
        let sink = Sink {
            runtime: runtime.clone(),
            call: call.clone(),
            writer,
        };
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_skip_arrow_metadata(true);
        let has_variants = schema.fields().iter().any(|field| has_variant(field));
        let writer = ArrowWriter::try_new_with_options(sink, schema, options)
            .map_err(|e| Error::foreign(Class::InvalidData, url.as_str(), &e))?;
        Ok(ParquetFile {
            url: url.clone(),
            writer,
            has_variants,
        })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let failed = |e: ParquetError| Error::foreign(Class::InvalidData, self.url.as_str(), &e);
        let valid = match self.has_variants {
            true => Some(valid_batch(batch).map_err(|e| failed(e.into()))?),
            false => None,
        };
        let batch = valid.as_ref().unwrap_or(batch);
        self.writer.write(batch).map_err(failed)?;
        if self.writer.in_progress_size() >= ROW_GROUP_BYTES {
            self.writer.flush().map_err(failed)?;
        }
        Ok(())
    }

    /// Bytes written and on their way.
    pub(crate) fn bytes(&self) -> u64 {
        (self.writer.bytes_written() + self.writer.in_progress_size()) as u64
    }

    /// Makes the file appear; its size in bytes.
    pub(crate) fn finish(self) -> Result<u64> {
        let sink = self
            .writer
            .into_inner()
            .map_err(|e| Error::foreign(Class::InvalidData, self.url.as_str(), &e))?;
        sink.runtime
            .block_on(&sink.call, sink.writer.finish(&sink.call))
    }
}

fn valid_batch(batch: &RecordBatch) -> std::result::Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| valid_json(column, field));
    RecordBatch::try_new(
        schema.clone(),
        columns.collect::<std::result::Result<_, _>>()?,
    )
}

/// Writes all batches as one file; its rows and bytes.
pub fn write_parquet(
    runtime: &Runtime,
    call: &Call,
    location: &lakeio_store::Location,
    schema: SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch>>,
    row_group_rows: Option<usize>,
) -> Result<(u64, u64)> {
    let store = runtime.store(location)?;
    let mut file = ParquetFile::create(
        runtime,
        &store,
        call,
        location.url(),
        schema,
        row_group_rows,
    )?;
    let mut rows = 0;
    for batch in batches {
        call.check()?;
        let batch = batch?;
        rows += batch.num_rows() as u64;
        file.write(&batch)?;
    }
    Ok((rows, file.finish()?))
}
