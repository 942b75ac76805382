//! Reads one split: a synchronous stream of Arrow batches in the table's logical schema.
//!
//! One thread pulls. Rows come in the file's order, less those that the deletion vector or the
//! predicate take out. The first error ends the stream for good: it is given again to whoever asks
//! on. A decoder that panics on damaged bytes is such an error, too.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::array::{RecordBatchReader, StringArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType as ArrowType, SchemaRef};
use arrow::error::ArrowError;
use parquet::arrow::array_reader::ArrayReader;
use parquet::column::page::PageIterator;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::ParquetMetaData;
use roaring::RoaringTreemap;

use lakeio_store::{Call, Class, Error, Location, Result, Runtime};

use crate::calendar::Calendars;
use crate::columns::{FileColumn, Matcher};
use crate::convert::constant;
use crate::deletion;
use crate::evaluate::{all_but, evaluate, selected, Rows};
use crate::footer;
use crate::guard::guarded;
use crate::pages::{BatchTooLarge, ChunkInfo, ColumnPages, Gauge, OneChunk};
use crate::predicate::Predicate;
use crate::prune::{row_group_may_match, Place};
use crate::scalar::Scalar;
use crate::scan::Scan;
use crate::split::Split;
use crate::stream::{of_data_file, DataFile, RowGroupPlan};
use crate::types::{DataType, Primitive};

/// How a split is read.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    /// Most rows of a batch.
    pub batch_rows: usize,
    /// Bytes of a batch that are aimed at.
    pub batch_bytes: usize,
    /// Bytes that pages and read-ahead may take.
    pub memory_bytes: usize,
    /// Whether a string that is not UTF-8 is an error. Else it is given as it stands, unless the
    /// predicate looks at its column, and whoever reads the batches must check.
    pub check_text: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions {
            batch_rows: 8192,
            batch_bytes: 8 << 20,
            memory_bytes: 64 << 20,
            check_text: true,
        }
    }
}

/// A stream of the rows of one split. Belongs to one thread at a time.
pub struct SplitReader {
    schema: SchemaRef,
    state: State,
}

enum State {
    Reading(Box<Reading>),
    Done,
    Failed(Error),
}

impl SplitReader {
    /// Opens the split's file and reads its footer and deletion vector. Blocks, within `call`;
    /// what is read later looks at the call's flag between pages. `location`: the scan's table
    /// with the credentials to use.
    ///
    /// Fails with `DATA_FILE_MISSING`, `DATA_FILE_CORRUPT`, a store's classes, or the classes of
    /// what the file uses that is not supported.
    pub fn open(
        runtime: &Runtime,
        call: &Call,
        location: &Location,
        scan: &Scan,
        split: &Split,
        options: ReadOptions,
    ) -> Result<SplitReader> {
        split.check(scan)?;
        let url = split.url(scan)?;
        let open = || Reading::open(runtime, call, location, scan, split, options);
        let reading = guarded(&Cell::new(None), open).map_err(|e| e.at(&url))?;
        Ok(SplitReader {
            schema: scan.arrow_schema(),
            state: State::Reading(Box::new(reading)),
        })
    }

    /// The schema of every batch.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The next batch, which has at least one row; none at the end.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let reading = match &mut self.state {
            State::Reading(reading) => reading,
            State::Done => return Ok(None),
            State::Failed(error) => return Err(error.clone()),
        };
        let column = Cell::new(None);
        let schema = &self.schema;
        let result = guarded(&column, || reading.next_batch(schema, &column));
        match result {
            Ok(Some(batch)) => Ok(Some(batch)),
            Ok(None) => {
                self.state = State::Done;
                Ok(None)
            }
            Err(error) => {
                let error = error.at(reading.file.url());
                self.state = State::Failed(error.clone());
                Err(error)
            }
        }
    }
}

impl Iterator for SplitReader {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().map_err(Error::into_arrow).transpose()
    }
}

impl RecordBatchReader for SplitReader {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

fn open_file(
    runtime: &Runtime,
    call: &Call,
    location: &Location,
    scan: &Scan,
    split: &Split,
) -> Result<DataFile> {
    let url = split.url(scan)?;
    let store = runtime.store_for(location, &url)?;
    let work = store.reader(call, &url, Some(split.size()));
    let object = runtime
        .block_on(call, work)
        .map_err(|e| of_data_file(e).at(&url))?;
    if object.size() != split.size() {
        return Err(Error::new(
            Class::DataFileCorrupt,
            format!(
                "a data file has another size than the log says: {} bytes, log {}",
                object.size(),
                split.size()
            ),
        )
        .at(&url));
    }
    Ok(DataFile::new(object, runtime.clone(), call.clone()))
}

/// Where a column of the scan's schema comes from.
enum Source {
    File(Arc<FileColumn>),
    Constant(Option<Scalar>, Primitive),
    Missing(ArrowType),
}

/// A column of the scan's schema.
struct Column {
    name: String,
    source: Source,
    in_predicate: bool,
    in_output: bool,
}

struct Reading {
    file: Arc<DataFile>,
    metadata: ParquetMetaData,
    options: ReadOptions,
    columns: Vec<Column>,
    /// Index in `columns` of each column to give.
    output: Vec<usize>,
    predicate: Option<Predicate>,
    /// The split's path, when positions are asked for.
    position_path: Option<String>,
    /// Row groups still to read: number and first row in the file.
    pending: VecDeque<(usize, u64)>,
    plans: VecDeque<Arc<RowGroupPlan>>,
    current: Option<RowGroup>,
    deleted: Deleted,
    gauge: Arc<Gauge>,
    /// Rows that the next batch should have.
    batch_rows: usize,
}

struct RowGroup {
    number: usize,
    first_row: u64,
    rows: u64,
    done: u64,
    /// Of each column that is in the file; the others have none.
    readers: Vec<Option<Box<dyn ArrayReader>>>,
}

/// Deleted rows, asked for in ascending order.
struct Deleted {
    rows: Option<std::iter::Peekable<roaring::treemap::IntoIter>>,
    /// Rows taken from `rows` that are still to be passed.
    taken: VecDeque<u64>,
}

impl Deleted {
    fn new(rows: Option<RoaringTreemap>) -> Self {
        Deleted {
            rows: rows.map(|rows| rows.into_iter().peekable()),
            taken: VecDeque::new(),
        }
    }

    /// Deleted rows in `first..end`, counted from `first`. May be asked again until they are passed.
    fn within(&mut self, first: u64, end: u64) -> Vec<usize> {
        let Some(rows) = &mut self.rows else {
            return Vec::new();
        };
        while let Some(row) = rows.next_if(|row| *row < end) {
            if row >= first {
                self.taken.push_back(row);
            }
        }
        let wanted = self.taken.iter().filter(|row| (first..end).contains(*row));
        wanted.map(|row| (row - first) as usize).collect()
    }

    /// Rows before `end` will not be asked for again.
    fn pass(&mut self, end: u64) {
        while self.taken.front().is_some_and(|row| *row < end) {
            self.taken.pop_front();
        }
    }
}

impl Reading {
    fn open(
        runtime: &Runtime,
        call: &Call,
        location: &Location,
        scan: &Scan,
        split: &Split,
        options: ReadOptions,
    ) -> Result<Reading> {
        let mut file = open_file(runtime, call, location, scan, split)?;
        let memory = options.memory_bytes as u64;
        let metadata = footer::read(&mut file, memory)?;
        let deleted = match split.deletion_vector() {
            Some(vector) => Some(deletion::read(
                runtime,
                call,
                location,
                scan.table(),
                vector,
            )?),
            None => None,
        };
        let columns = match_columns(scan, split, &metadata, options.check_text)?;
        let output = scan
            .columns()
            .iter()
            .map(|name| {
                let found = columns.iter().position(|column| column.name == *name);
                found.ok_or_else(|| Error::internal("an unchecked scan"))
            })
            .collect::<Result<Vec<_>>>()?;
        let mut leaves = 0;
        for column in &columns {
            if let Source::File(found) = &column.source {
                found.raw.for_each_leaf(&mut |_, _| leaves += 1);
            }
        }
        file.set_budget(memory / 2, leaves);
        file.set_call(call.without_deadline());
        let mut reading = Reading {
            file: Arc::new(file),
            metadata,
            options,
            columns,
            output,
            predicate: scan.predicate().cloned(),
            position_path: scan.row_position().then(|| split.path().to_string()),
            pending: VecDeque::new(),
            plans: VecDeque::new(),
            current: None,
            deleted: Deleted::new(None),
            gauge: Arc::new(Gauge::new((4 * options.batch_bytes).max(16 << 20))),
            batch_rows: 1,
        };
        let total = reading.choose_row_groups(split)?;
        if let Some(last) = deleted.as_ref().and_then(RoaringTreemap::max) {
            if last >= total {
                return Err(Error::new(
                    Class::DataFileCorrupt,
                    format!("a deletion vector deletes a row that is not there: {last} of {total}"),
                ));
            }
        }
        reading.deleted = Deleted::new(deleted);
        reading.batch_rows = reading.first_batch_rows();
        Ok(reading)
    }

    /// Lists the row groups of the split that may have rows; gives the rows of the whole file.
    fn choose_row_groups(&mut self, split: &Split) -> Result<u64> {
        let count = self.metadata.num_row_groups();
        let wanted = split.row_groups().unwrap_or(0..count as u32);
        if wanted.end as usize > count {
            return Err(Error::new(
                Class::DataFileCorrupt,
                format!(
                    "a data file has fewer row groups than when its splits were listed: {count}, \
                     wanted {}",
                    wanted.end
                ),
            ));
        }
        let mut first_row = 0;
        for (number, group) in self.metadata.row_groups().iter().enumerate() {
            let rows = group.num_rows() as u64;
            let kept = wanted.contains(&(number as u32)) && rows > 0 && self.may_match(number);
            if kept {
                self.pending.push_back((number, first_row));
            }
            first_row += rows;
        }
        Ok(first_row)
    }

    fn may_match(&self, number: usize) -> bool {
        let Some(predicate) = &self.predicate else {
            return true;
        };
        let place = |name: &str| {
            let column = self.columns.iter().find(|column| column.name == name)?;
            Some(match &column.source {
                Source::File(found) => Place::File(found.clone()),
                Source::Constant(value, _) => Place::Constant(value.clone()),
                Source::Missing(_) => Place::Missing,
            })
        };
        row_group_may_match(
            predicate,
            &self.metadata,
            self.metadata.row_group(number),
            &place,
        )
    }

    /// A first guess from the sizes in the footer.
    fn first_batch_rows(&self) -> usize {
        let Some((number, _)) = self.pending.front() else {
            return 1;
        };
        let group = self.metadata.row_group(*number);
        let mut bytes = 0u64;
        for column in &self.columns {
            if let Source::File(found) = &column.source {
                found.raw.for_each_leaf(&mut |leaf, _| {
                    bytes += u64::try_from(group.column(leaf).uncompressed_size()).unwrap_or(0);
                });
            }
        }
        let each = (bytes / (group.num_rows() as u64).max(1)).max(1);
        let fitting = self.options.batch_bytes as u64 / each;
        (fitting as usize).clamp(1, self.options.batch_rows.max(1))
    }

    fn plan(&self, number: usize) -> Result<Arc<RowGroupPlan>> {
        let group = self.metadata.row_group(number);
        let mut leaves = Vec::new();
        for column in &self.columns {
            if let Source::File(found) = &column.source {
                found.raw.for_each_leaf(&mut |leaf, _| leaves.push(leaf));
            }
        }
        let chunks = leaves
            .into_iter()
            .map(|leaf| Ok((leaf, footer::chunk_range(&self.file, group, leaf)?)))
            .collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(RowGroupPlan::new(&self.file, chunks)))
    }

    /// Opens the next row group; false at the end.
    fn open_row_group(&mut self) -> Result<bool> {
        let Some((number, first_row)) = self.pending.pop_front() else {
            return Ok(false);
        };
        let plan = match self.plans.pop_front() {
            Some(plan) => plan,
            None => self.plan(number)?,
        };
        if let Some((next, _)) = self.pending.front() {
            self.plans.push_back(self.plan(*next)?);
        }
        self.gauge.reset();
        let readers = self.readers(number, &plan)?;
        let rows = self.metadata.row_group(number).num_rows() as u64;
        self.current = Some(RowGroup {
            number,
            first_row,
            rows,
            done: 0,
            readers,
        });
        Ok(true)
    }

    fn readers(
        &self,
        number: usize,
        plan: &RowGroupPlan,
    ) -> Result<Vec<Option<Box<dyn ArrayReader>>>> {
        self.columns
            .iter()
            .map(|column| match &column.source {
                Source::File(found) => {
                    let mut pages =
                        |leaf: usize| self.pages(number, leaf, plan).map_err(Error::into_parquet);
                    let rows = self.batch_rows;
                    let reader = found.raw.reader(&mut pages, rows);
                    reader.map(Some).map_err(|e| decoding(&e, &column.name))
                }
                Source::Constant(..) | Source::Missing(_) => Ok(None),
            })
            .collect()
    }

    fn pages(
        &self,
        number: usize,
        leaf: usize,
        plan: &RowGroupPlan,
    ) -> Result<Box<dyn PageIterator>> {
        let group = self.metadata.row_group(number);
        let chunk = group.column(leaf);
        let stream = plan.stream(&self.file, leaf, self.plans.front().cloned())?;
        let info = ChunkInfo {
            column: chunk.column_path().string(),
            compression: chunk.compression(),
            physical: chunk.column_type(),
            rows: group.num_rows() as u64,
            values: u64::try_from(chunk.num_values()).unwrap_or(0),
            flat: chunk.column_descr().max_rep_level() == 0,
            page_limit: self.options.memory_bytes as u64,
        };
        let pages = ColumnPages::new(stream, info, self.gauge.clone())?;
        Ok(Box::new(OneChunk(Some(Box::new(pages)))))
    }

    fn next_batch(
        &mut self,
        schema: &SchemaRef,
        at: &Cell<Option<usize>>,
    ) -> Result<Option<RecordBatch>> {
        loop {
            self.file.call().check()?;
            if self.current.is_none() && !self.open_row_group()? {
                return Ok(None);
            }
            let Some(group) = &mut self.current else {
                return Ok(None);
            };
            if group.done == group.rows {
                for (reader, column) in group.readers.iter_mut().zip(&self.columns) {
                    end_of(reader, &column.name)?;
                }
                self.current = None;
                continue;
            }
            let first = group.first_row + group.done;
            let most = self.batch_rows.min(self.gauge.most_rows()).max(1) as u64;
            let count = most.min(group.rows - group.done);
            match self.batch(schema, first, count as usize, at) {
                Ok(batch) => {
                    if let Some(group) = &mut self.current {
                        group.done += count;
                    }
                    if let Some(batch) = batch {
                        return Ok(Some(batch));
                    }
                }
                Err(BatchError::TooLarge) if count > 1 => self.start_over(count as usize / 4)?,
                Err(BatchError::TooLarge) => {
                    return Err(Error::new(
                        Class::MemoryBudget,
                        "a single row does not fit into a batch; leave its large columns out",
                    ))
                }
                Err(BatchError::Other(error)) => return Err(error),
            }
        }
    }

    /// Begins the row group anew with smaller batches, where it was.
    fn start_over(&mut self, rows: usize) -> Result<()> {
        self.batch_rows = rows.max(1);
        let Some(group) = self.current.take() else {
            return Ok(());
        };
        let plan = self.plan(group.number)?;
        self.gauge.begin(1);
        let mut readers = self.readers(group.number, &plan)?;
        for (reader, column) in readers.iter_mut().zip(&self.columns) {
            if let Some(reader) = reader {
                skip(reader.as_mut(), group.done as usize, &column.name)?;
            }
        }
        self.current = Some(RowGroup { readers, ..group });
        Ok(())
    }

    /// Reads `count` rows from row `first` of the file on; none when no row of them is left.
    fn batch(
        &mut self,
        schema: &SchemaRef,
        first: u64,
        count: usize,
        at: &Cell<Option<usize>>,
    ) -> std::result::Result<Option<RecordBatch>, BatchError> {
        self.gauge.begin(count);
        let end = first + count as u64;
        let group = self
            .current
            .as_mut()
            .ok_or_else(|| Error::internal("no row group is open"))?;
        let mut batch = Batch {
            columns: &self.columns,
            readers: &mut group.readers,
            count,
            at,
            arrays: vec![None; self.columns.len()],
            bytes: 0,
        };
        // A batch that is given up is read again: its deleted rows must be found again, too.
        let deleted = self.deleted.within(first, end);
        let mut keep = (!deleted.is_empty()).then(|| all_but(count, &deleted));
        let none = |keep: &Option<BooleanBuffer>| {
            let kept = keep.as_ref().map(BooleanBuffer::count_set_bits);
            kept == Some(0)
        };
        if let (Some(predicate), false) = (&self.predicate, none(&keep)) {
            batch.read(|column| column.in_predicate)?;
            let chosen = selected(&evaluate(predicate, &batch)?);
            keep = Some(match &keep {
                None => chosen,
                Some(keep) => keep & &chosen,
            });
        }
        if none(&keep) {
            batch.skip()?;
            self.deleted.pass(end);
            return Ok(None);
        }
        batch.read(|column| column.in_output)?;
        self.deleted.pass(end);
        let (arrays, bytes) = (batch.arrays, batch.bytes);
        self.adapt(bytes, count);
        let batch = self.output(schema, &arrays, first, count)?;
        match keep {
            Some(keep) if keep.count_set_bits() < count => {
                let kept = filter_record_batch(&batch, &BooleanArray::new(keep, None));
                Ok(Some(kept.map_err(|e| Error::internal(e.to_string()))?))
            }
            _ => Ok(Some(batch)),
        }
    }

    /// The columns to give, of all rows from row `first` of the file on.
    fn output(
        &self,
        schema: &SchemaRef,
        arrays: &[Option<ArrayRef>],
        first: u64,
        count: usize,
    ) -> Result<RecordBatch> {
        let mut given: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
        for index in &self.output {
            let array = arrays[*index].clone();
            given.push(array.ok_or_else(|| Error::internal("a column was not read"))?);
        }
        if let Some(path) = &self.position_path {
            given.push(Arc::new(StringArray::from_iter_values(
                std::iter::repeat_n(path, count),
            )));
            let last = first as i64 + count as i64;
            given.push(Arc::new(Int64Array::from_iter_values(first as i64..last)));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        RecordBatch::try_new_with_options(schema.clone(), given, &options)
            .map_err(|e| Error::internal(format!("a batch is not of its schema: {e}")))
    }

    /// Chooses the size of the next batch by the size of this one.
    fn adapt(&mut self, bytes: usize, rows: usize) {
        let each = (bytes / rows.max(1)).max(1);
        let fitting = (self.options.batch_bytes / each).max(1);
        let most = self.options.batch_rows.max(1);
        self.batch_rows = fitting
            .min(self.batch_rows.saturating_mul(2))
            .min(most)
            .max(1);
    }
}

/// Why a batch was not read.
enum BatchError {
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
struct Batch<'a> {
    columns: &'a [Column],
    readers: &'a mut [Option<Box<dyn ArrayReader>>],
    count: usize,
    /// The column being decoded.
    at: &'a Cell<Option<usize>>,
    arrays: Vec<Option<ArrayRef>>,
    /// Bytes that were decoded.
    bytes: usize,
}

impl Batch<'_> {
    /// Reads the columns that are `wanted` and not there yet.
    fn read(&mut self, wanted: impl Fn(&Column) -> bool) -> std::result::Result<(), BatchError> {
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
    fn skip(&mut self) -> Result<()> {
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

fn match_columns(
    scan: &Scan,
    split: &Split,
    metadata: &ParquetMetaData,
    check_text: bool,
) -> Result<Vec<Column>> {
    let mut in_predicate = std::collections::BTreeSet::new();
    if let Some(predicate) = scan.predicate() {
        predicate.for_each_column(&mut |column| {
            in_predicate.insert(column.0[0].as_str());
        });
    }
    let schema = metadata.file_metadata().schema_descr();
    let calendars = Calendars::of(metadata.file_metadata());
    // What a predicate looks at must be text.
    let matcher = |check_text| Matcher::new(schema, scan.mapping(), &calendars, check_text);
    let [given, checked] = [matcher(check_text), matcher(true)];
    let matcher_of = |name: &str| match in_predicate.contains(name) {
        true => &checked,
        false => &given,
    };
    let partition = split.partition_scalars(scan)?;
    scan.schema()
        .iter()
        .filter(|field| {
            in_predicate.contains(field.name.as_str()) || scan.columns().contains(&field.name)
        })
        .map(|field| {
            let constant = scan
                .partition_columns()
                .iter()
                .position(|name| *name == field.name);
            let source = match (constant, &field.data_type) {
                (Some(index), DataType::Primitive(primitive)) => {
                    Source::Constant(partition[index].clone(), *primitive)
                }
                _ => match matcher_of(&field.name).column(schema, field)? {
                    Some(found) => Source::File(Arc::new(found)),
                    None => Source::Missing(field.data_type.arrow()),
                },
            };
            Ok(Column {
                name: field.name.clone(),
                source,
                in_predicate: in_predicate.contains(field.name.as_str()),
                in_output: scan.columns().contains(&field.name),
            })
        })
        .collect()
}

fn decoding(error: &ParquetError, column: &str) -> Error {
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

fn short(column: &str) -> Error {
    Error::new(
        Class::DataFileCorrupt,
        format!("a column has fewer rows than its row group: {column}"),
    )
    .with("column", column)
}

fn skip(reader: &mut dyn ArrayReader, count: usize, column: &str) -> Result<()> {
    let skipped = reader
        .skip_records(count)
        .map_err(|e| decoding(&e, column))?;
    if skipped != count {
        return Err(short(column));
    }
    Ok(())
}

fn end_of(reader: &mut Option<Box<dyn ArrayReader>>, column: &str) -> Result<()> {
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
