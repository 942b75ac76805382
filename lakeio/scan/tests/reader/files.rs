//! Data files made by a test, and reading them through a scan and a split of their own.
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::concat_batches;
use lakeio_scan::{
    DataFile, DeletionVector, MappingMode, ReadOptions, Scan, ScanRequest, Split, SplitReader,
};
use lakeio_store::{Call, Location, Result, Runtime};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use serde_json::{json, Value};
use url::Url;

/// A table of one file.
pub struct OneFile {
    pub directory: tempfile::TempDir,
    pub schema: Value,
    pub mapping: MappingMode,
    pub partition: Vec<(String, Option<String>)>,
    pub partition_columns: Vec<String>,
    pub deletion_vector: Option<DeletionVector>,
    pub predicate: Option<Value>,
    pub columns: Option<Vec<String>>,
    pub options: ReadOptions,
    pub zone: &'static str,
}

pub const FILE: &str = "part.parquet";

pub fn column(name: &str, kind: Value) -> Value {
    json!({"name": name, "type": kind, "nullable": true, "metadata": {}})
}

pub fn structure(fields: Vec<Value>) -> Value {
    json!({"type": "struct", "fields": fields})
}

pub fn array(element: Value) -> Value {
    json!({"type": "array", "elementType": element, "containsNull": true})
}

pub fn map(key: Value, value: Value) -> Value {
    json!({"type": "map", "keyType": key, "valueType": value, "valueContainsNull": true})
}

impl OneFile {
    pub fn new(fields: Vec<Value>) -> OneFile {
        OneFile {
            directory: tempfile::tempdir().unwrap(),
            schema: structure(fields),
            mapping: MappingMode::None,
            partition: vec![],
            partition_columns: vec![],
            deletion_vector: None,
            predicate: None,
            columns: None,
            options: ReadOptions::default(),
            zone: "UTC",
        }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join(FILE)
    }

    pub fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).unwrap()
    }

    pub fn set_bytes(&self, bytes: &[u8]) {
        std::fs::write(self.path(), bytes).unwrap();
    }

    /// Writes the columns with Arrow's writer.
    pub fn write_arrow(&self, columns: Vec<(&str, ArrayRef)>, properties: WriterProperties) {
        let nullable = columns.into_iter().map(|(name, array)| (name, array, true));
        let batch = RecordBatch::try_from_iter_with_nullable(nullable).unwrap();
        let file = std::fs::File::create(self.path()).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    /// Writes one row group of a schema in Parquet's own notation.
    pub fn write_parquet(
        &self,
        message: &str,
        properties: WriterProperties,
        write: impl FnOnce(&mut SerializedRowGroupWriter<'_, std::fs::File>),
    ) {
        let schema = Arc::new(parse_message_type(message).unwrap());
        let file = std::fs::File::create(self.path()).unwrap();
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).unwrap();
        let mut group = writer.next_row_group().unwrap();
        write(&mut group);
        group.close().unwrap();
        writer.close().unwrap();
    }

    pub fn table(&self) -> Url {
        Url::from_directory_path(self.directory.path()).unwrap()
    }

    pub fn scan(&self) -> Result<Scan> {
        Scan::new(&ScanRequest {
            table: &self.table(),
            schema: &self.schema,
            mapping: self.mapping,
            partition_columns: &self.partition_columns,
            columns: self.columns.as_deref(),
            predicate: self.predicate.as_ref(),
            row_position: false,
            partition_zone: self.zone,
        })
    }

    pub fn split(&self, scan: &Scan) -> Result<Split> {
        let size = std::fs::metadata(self.path()).map_or(1000, |meta| meta.len());
        let partition: Vec<_> = self
            .partition
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_deref()))
            .collect();
        Split::new(
            scan,
            &DataFile {
                path: FILE,
                size,
                modification_time: 0,
                partition_values: &partition,
                deletion_vector: self.deletion_vector.clone(),
                rows: None,
                base_row_id: None,
            },
        )
    }

    /// Reads everything into one batch.
    pub fn read(&self, runtime: &Runtime) -> Result<RecordBatch> {
        let scan = self.scan()?;
        let split = self.split(&scan)?;
        let location = Location::parse(self.table().as_str(), &Default::default())?;
        let call = Call::unbounded();
        let mut reader = SplitReader::open(runtime, &call, &location, &scan, &split, self.options)?;
        let mut batches = Vec::new();
        while let Some(batch) = reader.next_batch()? {
            batches.push(batch);
        }
        Ok(concat_batches(&scan.arrow_schema(), &batches).unwrap())
    }
}

/// Pseudo-random numbers from a seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }
}
