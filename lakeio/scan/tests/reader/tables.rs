//! What the tests of whole tables share: the tables and goldens of `tests/data`, reading a table
//! through its splits, and exact comparison.
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, sort_to_indices, take};
use arrow::datatypes::{DataType, Schema};
use lakeio_log::{ReadSpec, Table, VersionSpec};
use lakeio_scan::{ReadOptions, Scan, Split, SplitReader};
use lakeio_store::{Call, Location, Result, Runtime};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

pub fn data_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data")
}

/// A table of the test data, unpacked into a directory that lives as long as this.
pub struct Unpacked {
    directory: tempfile::TempDir,
    name: String,
}

impl Unpacked {
    pub fn new(name: &str) -> Unpacked {
        let directory = tempfile::tempdir().unwrap();
        let archive = data_dir().join(format!("delta/{name}.tar.gz"));
        let status = Command::new("tar")
            .arg("-xzf")
            .arg(&archive)
            .arg("-C")
            .arg(directory.path())
            .status()
            .unwrap();
        assert!(status.success(), "tar of {archive:?}");
        Unpacked {
            directory,
            name: name.to_string(),
        }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join(&self.name)
    }

    pub fn location(&self) -> Location {
        Location::parse(self.path().to_str().unwrap(), &Default::default()).unwrap()
    }
}

pub fn runtime() -> Runtime {
    Runtime::with_defaults().unwrap()
}

pub fn open(runtime: &Runtime, location: &Location, version: Option<u64>) -> Table {
    let version = version.map_or(VersionSpec::Latest, VersionSpec::Version);
    Table::open(runtime, &Call::unbounded(), location, version).unwrap()
}

/// All splits of a scan, through their bytes.
pub fn splits(table: &Table, scan: &Scan, target_bytes: u64) -> Vec<Split> {
    let mut batches = table
        .splits(&Call::unbounded(), scan.clone(), target_bytes)
        .unwrap();
    let mut splits = Vec::new();
    while let Some(batch) = batches.next_batch().unwrap() {
        let column = batch
            .column_by_name("split")
            .unwrap()
            .as_binary::<i32>()
            .clone();
        splits.extend(
            column
                .iter()
                .map(|bytes| Split::parse(bytes.unwrap()).unwrap()),
        );
    }
    splits
}

pub fn read_split(
    runtime: &Runtime,
    location: &Location,
    scan: &Scan,
    split: &Split,
    options: ReadOptions,
) -> Result<Vec<RecordBatch>> {
    let call = Call::unbounded();
    let mut reader = SplitReader::open(runtime, &call, location, scan, split, options)?;
    let mut batches = Vec::new();
    while let Some(batch) = reader.next_batch()? {
        assert!(batch.num_rows() > 0);
        assert!(batch.num_rows() <= options.batch_rows);
        batches.push(batch);
    }
    Ok(batches)
}

pub fn read_table(
    location: &Location,
    version: Option<u64>,
    spec: &ReadSpec,
    options: ReadOptions,
    target_bytes: u64,
) -> RecordBatch {
    let runtime = runtime();
    let table = open(&runtime, location, version);
    let scan = Scan::parse(&table.scan(spec).unwrap().print()).unwrap();
    let mut batches = Vec::new();
    for split in splits(&table, &scan, target_bytes) {
        let read = read_split(&runtime, location, &scan, &split, options);
        batches.extend(read.unwrap_or_else(|e| panic!("{e:?}")));
    }
    concat_batches(&scan.arrow_schema(), &batches).unwrap()
}

pub fn golden(name: &str) -> RecordBatch {
    let file = std::fs::File::open(data_dir().join(format!("golden/{name}.parquet"))).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let schema = Arc::new(Schema::new(builder.schema().fields().clone()));
    let batches: Vec<_> = builder
        .build()
        .unwrap()
        .map(|batch| batch.unwrap())
        .collect();
    concat_batches(&schema, &batches).unwrap()
}

pub fn sorted(batch: &RecordBatch, key: &str) -> RecordBatch {
    let order: UInt32Array =
        sort_to_indices(batch.column_by_name(key).unwrap(), None, None).unwrap();
    let columns = batch
        .columns()
        .iter()
        .map(|column| take(column, &order, None).unwrap())
        .collect();
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

/// The first place where two arrays differ, compared bit by bit; names within types do not count.
pub fn difference(left: &ArrayRef, right: &ArrayRef) -> Option<String> {
    if left.len() != right.len() {
        return Some(format!("lengths {} and {}", left.len(), right.len()));
    }
    for row in 0..left.len() {
        if left.is_null(row) != right.is_null(row) {
            return Some(format!(
                "row {row}: one is NULL: {:?} {:?}",
                left.slice(row, 1),
                right.slice(row, 1)
            ));
        }
    }
    match (left.data_type(), right.data_type()) {
        (DataType::Struct(a), DataType::Struct(b)) => {
            if a.len() != b.len() {
                return Some("numbers of fields".into());
            }
            let (left, right) = (left.as_struct(), right.as_struct());
            // What is under a NULL does not count.
            let keep = BooleanArray::from(
                (0..left.len())
                    .map(|i| left.is_valid(i))
                    .collect::<Vec<_>>(),
            );
            let filter = |array: &ArrayRef| arrow::compute::filter(array, &keep).unwrap();
            left.columns()
                .iter()
                .zip(right.columns())
                .find_map(|(a, b)| difference(&filter(a), &filter(b)))
        }
        (DataType::List(_), DataType::List(_)) => {
            let (left, right) = (left.as_list::<i32>(), right.as_list::<i32>());
            for row in 0..left.len() {
                if left.is_valid(row) {
                    if let Some(text) = difference(&left.value(row), &right.value(row)) {
                        return Some(format!("row {row}: {text}"));
                    }
                }
            }
            None
        }
        (DataType::Map(..), DataType::Map(..)) => {
            let (left, right) = (left.as_map(), right.as_map());
            for row in 0..left.len() {
                if left.is_valid(row) {
                    let pair = |map: &arrow::array::MapArray| Arc::new(map.value(row)) as ArrayRef;
                    if let Some(text) = difference(&pair(left), &pair(right)) {
                        return Some(format!("row {row}: {text}"));
                    }
                }
            }
            None
        }
        (a, b) if a != b => Some(format!("types {a} and {b}")),
        _ => {
            if left.to_data() == right.to_data() {
                return None;
            }
            let row = (0..left.len())
                .find(|row| left.slice(*row, 1).to_data() != right.slice(*row, 1).to_data());
            let row = row.unwrap_or(0);
            Some(format!(
                "row {row}: {:?} and {:?}",
                left.slice(row, 1),
                right.slice(row, 1)
            ))
        }
    }
}

/// Asserts that `read` has the rows of `golden` in the golden's columns.
pub fn assert_same(read: &RecordBatch, golden: &RecordBatch, key: &str, what: &str) {
    assert_eq!(read.num_rows(), golden.num_rows(), "{what}: rows");
    let (read, golden) = (sorted(read, key), sorted(golden, key));
    for (field, column) in read.schema().fields().iter().zip(read.columns()) {
        let expected = golden
            .column_by_name(field.name())
            .unwrap_or_else(|| panic!("{what}: no golden column {}", field.name()));
        if let Some(text) = difference(column, expected) {
            panic!("{what}: column {}: {text}", field.name());
        }
    }
}
