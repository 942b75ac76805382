//! What a scan reads: its document and its splits.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryBuilder, Int64Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType as ArrowType, Field as ArrowField, Schema, SchemaRef};
use futures::TryFutureExt;
use serde_json::Value;

use lakeio_scan::types::Primitive;
use lakeio_scan::{footer, of_data_file, DataFile, Known, MappingMode, Scan, ScanRequest, Split};
use lakeio_store::{Call, Class, Error, Result, Runtime};

use crate::actions::{LazyText, Text};
use crate::checksum::Count;
use crate::prune;
use crate::replay::{vector_of_split, LiveFile, Replay, Wanted};
use crate::segment::Segment;
use crate::stats::{records_of_text, FileStats};
use crate::table::Table;

/// Splits in a batch.
const BATCH_SPLITS: usize = 1024;
/// Footers fetched at the same time.
const FOOTERS: usize = 8;

/// What of a table to read, as a request names it.
#[derive(Clone, Debug)]
pub struct ReadSpec {
    /// Top-level logical names in order; none: all but void ones.
    pub columns: Option<Vec<String>>,
    /// The row predicate's JSON form.
    pub predicate: Option<Value>,
    /// Whether `_file` and `_row` are appended.
    pub row_position: bool,
    /// Zone of timestamp partition values that name none: `UTC` or an offset such as `+02:00`.
    pub partition_zone: String,
}

impl Default for ReadSpec {
    fn default() -> Self {
        ReadSpec {
            columns: None,
            predicate: None,
            row_position: false,
            partition_zone: "UTC".into(),
        }
    }
}

impl Table {
    /// Compiles `spec` into the scan document of `lakeio_table_scan`.
    pub fn scan(&self, spec: &ReadSpec) -> Result<Scan> {
        let mapping = MappingMode::parse(self.mapping_mode()).ok_or_else(|| {
            Error::new(
                Class::UnsupportedReaderFeature,
                format!(
                    "the column-mapping mode is not known: {}",
                    self.mapping_mode()
                ),
            )
            .at(self.location.url())
        })?;
        Scan::new(&ScanRequest {
            table: &self.location.root(),
            schema: &self.schema,
            mapping,
            partition_columns: &self.metadata.partition_columns,
            columns: spec.columns.as_deref(),
            predicate: spec.predicate.as_ref(),
            row_position: spec.row_position,
            partition_zone: &spec.partition_zone,
        })
        .map_err(|error| error.at(self.location.url()))
    }

    /// The splits of `scan`, which must be one of this table. Files larger than `target_bytes`
    /// become several splits by row groups (0: never). The iterator keeps the call's flag.
    pub fn splits(&self, call: &Call, scan: Scan, target_bytes: u64) -> Result<SplitBatches> {
        if scan.table() != &self.location.root() {
            return Err(
                Error::new(Class::InvalidScan, "the scan is of another table")
                    .at(self.location.url()),
            );
        }
        let call = call.without_deadline();
        let wanted = Wanted {
            stats: true,
            details: true,
        };
        Ok(SplitBatches {
            count: Count::start(&self.runtime, &self.store, &call, &self.segment)?,
            segment: self.segment.clone(),
            runtime: self.runtime.clone(),
            replay: Replay::new(self, &call, wanted),
            location: self.location.clone(),
            call,
            scan,
            target_bytes,
            ready: VecDeque::new(),
            schema: split_schema(),
            done: false,
        })
    }
}

/// Bytes of a file.
pub(crate) fn size_of(file: &LiveFile<'_>) -> Result<u64> {
    u64::try_from(file.add.size).map_err(|_| {
        Error::new(
            Class::DeltaLogCorrupt,
            format!(
                "a file of the Delta log has a negative size: {}",
                file.add.path.as_str()
            ),
        )
        .at(file.log_file)
    })
}

/// Records of a file, deleted ones included, where its statistics tell.
pub(crate) fn records_of(file: &LiveFile<'_>) -> Option<u64> {
    match &file.add.stats {
        Some(stats) => records_of_text(stats),
        None => FileStats::new(None, file.parsed).records(),
    }
}

fn split_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        ArrowField::new("split", ArrowType::Binary, false),
        ArrowField::new("path", ArrowType::Utf8, false),
        ArrowField::new("rows", ArrowType::Int64, true),
        ArrowField::new("bytes", ArrowType::Int64, false),
    ]))
}

/// Batches of splits, with the columns "split", "path", "rows" and "bytes".
pub struct SplitBatches {
    runtime: Runtime,
    call: Call,
    location: lakeio_store::Location,
    scan: Scan,
    target_bytes: u64,
    segment: Segment,
    count: Count,
    replay: Replay,
    ready: VecDeque<Planned>,
    schema: SchemaRef,
    done: bool,
}

/// A split as a row of a batch.
struct Planned {
    split: Vec<u8>,
    path: String,
    rows: Option<i64>,
    bytes: i64,
}

impl Planned {
    /// `deleted`: rows of the split's file that are deleted.
    fn new(split: Split, deleted: u64, bytes: u64) -> Self {
        // How many rows of a part are deleted is not known without the vector.
        let whole = split.row_groups().is_none();
        let left = split.rows().and_then(|all| match deleted {
            0 => Some(all),
            deleted if whole => all.checked_sub(deleted),
            _ => None,
        });
        Planned {
            split: split.print(),
            rows: left.and_then(|n| i64::try_from(n).ok()),
            bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
            path: split.into_path(),
        }
    }
}

/// What a file becomes.
enum Plan {
    Split(Planned),
    /// Splits that its footer tells.
    Large(Large),
}

/// A file whose footer says what its splits are.
struct Large {
    split: Split,
    deleted: u64,
    bytes: u64,
}

impl SplitBatches {
    /// The schema of the batches.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The next batch; `None` at the end. After an error there is no next one.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let result = self.fill();
        if result.is_err() {
            self.done = true;
            self.ready.clear();
        }
        result
    }

    fn fill(&mut self) -> Result<Option<RecordBatch>> {
        while !self.done && self.ready.len() < BATCH_SPLITS {
            let (scan, target, ready) = (&self.scan, self.target_bytes, &mut self.ready);
            let count = &mut self.count;
            let mut large = Vec::new();
            let make = |file: &LiveFile<'_>| Ok((size_of(file)?, plan(scan, file, target)?));
            let more = self.replay.next(&make, &mut |(size, plan)| {
                count.add(size);
                match plan {
                    None => {}
                    Some(Plan::Split(planned)) => ready.push_back(planned),
                    Some(Plan::Large(file)) => large.push((ready.len() + large.len(), file)),
                }
                Ok(())
            })?;
            if !more {
                self.done = true;
                self.count.finish(&self.segment)?;
            }
            if !large.is_empty() {
                self.divide(large)?;
            }
        }
        if self.ready.is_empty() {
            return Ok(None);
        }
        let count = self.ready.len().min(BATCH_SPLITS);
        let batch: Vec<Planned> = self.ready.drain(..count).collect();
        self.batch(&batch).map(Some)
    }

    /// Puts the parts of large files where the files were in the order.
    fn divide(&mut self, large: Vec<(usize, Large)>) -> Result<()> {
        let mut parts = Vec::with_capacity(large.len());
        for group in large.chunks(FOOTERS) {
            let work = futures::future::try_join_all(group.iter().map(|(_, file)| {
                row_groups(
                    &self.runtime,
                    &self.call,
                    &self.location,
                    &self.scan,
                    &file.split,
                )
            }));
            parts.extend(self.runtime.block_on(&self.call, work)?);
        }
        let mut small = std::mem::take(&mut self.ready).into_iter();
        let mut taken = 0;
        for ((position, file), groups) in large.into_iter().zip(parts) {
            while taken < position {
                self.ready.extend(small.next());
                taken += 1;
            }
            taken += 1;
            for (range, rows, bytes) in parts_of(&groups, self.target_bytes) {
                let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
                let planned = match range == (0..groups.len()) {
                    true => Planned::new(file.split.clone(), file.deleted, file.bytes),
                    false => {
                        let range = number(range.start)..number(range.end);
                        Planned::new(file.split.part(range, rows), file.deleted, bytes)
                    }
                };
                self.ready.push_back(planned);
            }
        }
        self.ready.extend(small);
        Ok(())
    }

    fn batch(&self, planned: &[Planned]) -> Result<RecordBatch> {
        let mut splits = BinaryBuilder::new();
        let mut paths = StringBuilder::new();
        let mut rows = Int64Builder::new();
        let mut bytes = Int64Builder::new();
        for one in planned {
            splits.append_value(&one.split);
            paths.append_value(&one.path);
            rows.append_option(one.rows);
            bytes.append_value(one.bytes);
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(splits.finish()),
            Arc::new(paths.finish()),
            Arc::new(rows.finish()),
            Arc::new(bytes.finish()),
        ];
        RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|e| Error::internal(format!("a batch of splits does not fit: {e}")))
    }
}

/// What becomes of a file, which is large above `target` bytes; `None` when the predicate keeps none
/// of its rows.
fn plan(scan: &Scan, file: &LiveFile<'_>, target: u64) -> Result<Option<Plan>> {
    let values = file.add.partition_values.0.iter();
    let values: Vec<(&str, Option<&str>)> = values
        .map(|(key, value)| (key.as_str(), value.as_ref().map(Text::as_str)))
        .collect();
    let vector = file.add.deletion_vector.as_ref();
    let bytes = size_of(file)?;
    let split = Split::new(
        scan,
        &DataFile {
            path: file.add.path.as_str(),
            size: bytes,
            modification_time: file.add.modification_time,
            partition_values: &values,
            deletion_vector: vector
                .map(|v| vector_of_split(v, file.log_file))
                .transpose()?,
            rows: records_of(file),
            base_row_id: file.add.base_row_id,
        },
    )
    .map_err(|error| error.at(file.log_file))?;
    if let Some(predicate) = scan.predicate() {
        let text = file.add.stats.as_ref().map(LazyText::text);
        let stats = FileStats::new(text.as_deref(), file.parsed);
        let partition = split.partition_scalars(scan)?;
        let lookup = |path: &[&str], primitive: Primitive| -> Known {
            let column = scan.partition_columns().iter().position(|name| {
                path.len() == 1 && scan.field(name).is_some_and(|f| f.physical() == path[0])
            });
            match column {
                Some(at) => Known::of_constant(partition[at].clone()),
                None => stats.known(path, primitive),
            }
        };
        if !prune::may_keep(predicate, scan.schema(), &lookup) {
            return Ok(None);
        }
    }
    let deleted = vector
        .and_then(|v| u64::try_from(v.cardinality).ok())
        .unwrap_or(0);
    Ok(Some(match target > 0 && bytes > target {
        true => Plan::Large(Large {
            split,
            deleted,
            bytes,
        }),
        false => Plan::Split(Planned::new(split, deleted, bytes)),
    }))
}

/// Rows and compressed bytes of a row group.
type RowGroup = (u64, u64);

/// The row groups of a file, from its footer.
async fn row_groups(
    runtime: &Runtime,
    call: &Call,
    location: &lakeio_store::Location,
    scan: &Scan,
    split: &Split,
) -> Result<Vec<RowGroup>> {
    let url = split.url(scan)?;
    let store = runtime
        .store_for(location, &url)
        .map_err(|e| of_data_file(e).at(&url))?;
    let size = split.size();
    let read = |range| store.get_range(call, &url, range).map_err(of_data_file);
    let tail = read(size - footer::TAIL_BYTES.min(size)..size).await?;
    let named = |error: Error| error.at(&url);
    let range = footer::locate(&tail, size, 0).map_err(named)?;
    let bytes = match footer::within(&tail, size, &range) {
        Some(bytes) => bytes,
        None => read(range).await?,
    };
    let metadata = footer::decode(&bytes).map_err(named)?;
    metadata
        .row_groups()
        .iter()
        .map(|group| {
            let rows = u64::try_from(group.num_rows());
            let bytes = u64::try_from(group.compressed_size());
            rows.ok().zip(bytes.ok()).ok_or_else(|| {
                let message = "a data file has a row group of negative size";
                Error::new(Class::DataFileCorrupt, message).at(&url)
            })
        })
        .collect()
}

/// Ranges of row groups of about `target` bytes each, with their rows and bytes.
fn parts_of(groups: &[RowGroup], target: u64) -> Vec<(Range<usize>, u64, u64)> {
    let mut parts = Vec::new();
    let mut start = 0;
    let (mut rows, mut bytes) = (0u64, 0u64);
    for (index, (group_rows, group_bytes)) in groups.iter().enumerate() {
        if index > start && bytes.saturating_add(*group_bytes) > target {
            parts.push((start..index, rows, bytes));
            (start, rows, bytes) = (index, 0, 0);
        }
        rows = rows.saturating_add(*group_rows);
        bytes = bytes.saturating_add(*group_bytes);
    }
    parts.push((start..groups.len(), rows, bytes));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_all_row_groups() {
        let groups = [(1, 10), (1, 10), (1, 50), (1, 5), (1, 5)];
        let parts = parts_of(&groups, 20);
        assert_eq!(parts, [(0..2, 2, 20), (2..3, 1, 50), (3..5, 2, 10)]);
        assert_eq!(parts_of(&[], 20), [(0..0, 0, 0)]);
        assert_eq!(parts_of(&groups, 1000), [(0..5, 5, 80)]);
    }
}
