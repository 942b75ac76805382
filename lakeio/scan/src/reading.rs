//! What `SplitReader` holds while it reads: the open file, the row groups still to come, and
//! how many rows the next batch should have.
//!
//! Row groups that the predicate rules out are never opened; the next one's bytes are on their way
//! while one is read. A batch that turns out too large is begun again with fewer rows.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, StringArray,
};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::array_reader::ArrayReader;
use parquet::column::page::PageIterator;
use parquet::file::metadata::ParquetMetaData;
use roaring::RoaringTreemap;

use lakeio_store::{Call, Class, Error, Location, Result, Runtime};

use crate::batch::{decoding, end_of, skip, Batch, BatchError};
use crate::data_file::{of_data_file, DataFile};
use crate::deletion::{self, Deleted};
use crate::evaluate::{all_but, evaluate, selected};
use crate::footer;
use crate::gauge::Gauge;
use crate::pages::{ChunkInfo, ColumnPages, OneChunk};
use crate::predicate::Predicate;
use crate::prune::{row_group_may_match, Place};
use crate::reader::ReadOptions;
use crate::scan::Scan;
use crate::sources::{for_each_leaf, match_columns, Column, Source};
use crate::split::Split;
use crate::stream::RowGroupPlan;

/// A split being read.
pub(crate) struct Reading {
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

impl Reading {
    pub(crate) fn open(
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
        let deleted = split
            .deletion_vector()
            .map(|vector| deletion::read(runtime, call, location, scan.table(), vector))
            .transpose()?;
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
        for_each_leaf(&columns, &mut |_| leaves += 1);
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
        for_each_leaf(&self.columns, &mut |leaf| {
            bytes += u64::try_from(group.column(leaf).uncompressed_size()).unwrap_or(0);
        });
        let each = (bytes / (group.num_rows() as u64).max(1)).max(1);
        let fitting = self.options.batch_bytes as u64 / each;
        (fitting as usize).clamp(1, self.options.batch_rows.max(1))
    }

    fn plan(&self, number: usize) -> Result<Arc<RowGroupPlan>> {
        let group = self.metadata.row_group(number);
        let mut leaves = Vec::new();
        for_each_leaf(&self.columns, &mut |leaf| leaves.push(leaf));
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

    /// URL of the data file.
    pub(crate) fn url(&self) -> &str {
        self.file.url()
    }

    /// The next batch that has a row; none at the end. `at` is told which column is decoded.
    pub(crate) fn next_batch(
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

fn open_file(
    runtime: &Runtime,
    call: &Call,
    location: &Location,
    scan: &Scan,
    split: &Split,
) -> Result<DataFile> {
    let url = split.url(scan)?;
    let store = runtime
        .store_for(location, &url)
        .map_err(|e| of_data_file(e).at(&url))?;
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
