//! The data files of an append: one open for each partition at hand, finished when it is large
//! enough, removed when the append fails.

use std::collections::BTreeMap;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::SchemaRef;
use url::Url;

use lakeio_store::{Call, Class, Error, Location, Result, Runtime, Store};

use crate::append_columns::Columns;
use crate::gather::Gather;
use crate::parquet_file::ParquetFile;
use crate::value_text::partition_value;

/// Files of different partitions that are written at the same time.
const OPEN_FILES: usize = 64;
/// How long removing the files of a failed append may take.
const REMOVAL: Duration = Duration::from_secs(10);

/// A file that was written and is not yet part of the table.
pub(crate) struct Written {
    pub path: String,
    url: Url,
    pub partition_values: Vec<(String, Option<String>)>,
    pub size: u64,
    pub rows: u64,
    pub stats: String,
}

/// Files being written, one for each partition at hand.
pub(crate) struct Files<'a> {
    runtime: &'a Runtime,
    store: Store,
    call: &'a Call,
    location: &'a Location,
    target: u64,
    schema: SchemaRef,
    open: BTreeMap<Vec<Option<String>>, OpenFile>,
    written: Vec<Written>,
    turn: u64,
}

struct OpenFile {
    file: ParquetFile,
    path: String,
    url: Url,
    partition_values: Vec<(String, Option<String>)>,
    gather: Gather,
    turn: u64,
}

/// Writes all rows and finishes the files.
pub(crate) fn write_all(
    plan: &Columns,
    files: &mut Files<'_>,
    batches: impl Iterator<Item = Result<RecordBatch>>,
) -> Result<()> {
    for batch in batches {
        files.call.check()?;
        let batch = batch?;
        if batch.num_rows() == 0 {
            continue;
        }
        let columns = plan.arrange(&batch)?;
        let kept = (0..columns.len()).filter(|i| !plan.partition.contains(i));
        let data = RecordBatch::try_new(
            files.schema.clone(),
            kept.map(|i| columns[i].clone()).collect(),
        )
        .map_err(|e| Error::foreign(Class::InvalidData, "", &e))?;
        if plan.partition.is_empty() {
            files.write(Vec::new(), Vec::new(), &data)?;
            continue;
        }
        for (key, rows) in partitions(plan, &columns, data.num_rows())? {
            let part = take_record_batch(&data, &UInt32Array::from(rows))
                .map_err(|e| Error::foreign(Class::InvalidData, "", &e))?;
            let names = plan
                .partition
                .iter()
                .map(|i| plan.table.field(*i).name().clone());
            let values = names.zip(key.iter().cloned()).collect();
            files.write(key, values, &part)?;
        }
    }
    let left: Vec<_> = files.open.keys().cloned().collect();
    left.into_iter().try_for_each(|key| files.close(&key))
}

/// The rows of each partition, by its values.
fn partitions(
    plan: &Columns,
    columns: &[ArrayRef],
    rows: usize,
) -> Result<BTreeMap<Vec<Option<String>>, Vec<u32>>> {
    let mut groups: BTreeMap<Vec<Option<String>>, Vec<u32>> = BTreeMap::new();
    for row in 0..rows {
        let mut key = Vec::with_capacity(plan.partition.len());
        for index in &plan.partition {
            let value = partition_value(columns[*index].as_ref(), row).map_err(|why| {
                let name = plan.table.field(*index).name();
                Error::new(
                    Class::InvalidData,
                    format!("a partition value {why}: {name}"),
                )
            })?;
            key.push(value);
        }
        let row = u32::try_from(row).map_err(|_| Error::internal("a batch is too large"))?;
        groups.entry(key).or_default().push(row);
    }
    Ok(groups)
}

impl<'a> Files<'a> {
    /// None yet. `target`: bytes of a file that are aimed at; `schema`: the columns of a file.
    pub(crate) fn new(
        runtime: &'a Runtime,
        store: Store,
        call: &'a Call,
        location: &'a Location,
        target: u64,
        schema: SchemaRef,
    ) -> Self {
        Files {
            runtime,
            store,
            call,
            location,
            target: target.max(1),
            schema,
            open: BTreeMap::new(),
            written: Vec::new(),
            turn: 0,
        }
    }

    /// The files that were finished.
    pub(crate) fn written(&self) -> &[Written] {
        &self.written
    }

    fn write(
        &mut self,
        key: Vec<Option<String>>,
        values: Vec<(String, Option<String>)>,
        batch: &RecordBatch,
    ) -> Result<()> {
        self.turn += 1;
        if !self.open.contains_key(&key) {
            if self.open.len() >= OPEN_FILES {
                let oldest = self.open.iter().min_by_key(|(_, file)| file.turn);
                if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                    self.close(&oldest)?;
                }
            }
            let file = self.start(values)?;
            self.open.insert(key.clone(), file);
        }
        let Some(open) = self.open.get_mut(&key) else {
            return Err(Error::internal("a file vanished"));
        };
        open.turn = self.turn;
        open.file.write(batch)?;
        open.gather.add(batch);
        if open.file.bytes() >= self.target {
            self.close(&key)?;
        }
        Ok(())
    }

    fn start(&self, partition_values: Vec<(String, Option<String>)>) -> Result<OpenFile> {
        let mut path = String::new();
        for (name, value) in &partition_values {
            let value = value.as_deref().unwrap_or("__HIVE_DEFAULT_PARTITION__");
            path += &format!("{}={}/", hive_escaped(name), hive_escaped(value));
        }
        path += &format!("part-00000-{}-c000.zstd.parquet", uuid::Uuid::new_v4());
        let path = uri_escaped(&path);
        let url = self.location.object(&path)?;
        let schema = self.schema.clone();
        let file = ParquetFile::create(self.runtime, &self.store, self.call, &url, schema, None)?;
        let gather = Gather::new(self.schema.fields());
        Ok(OpenFile {
            file,
            path,
            url,
            partition_values,
            gather,
            turn: self.turn,
        })
    }

    fn close(&mut self, key: &[Option<String>]) -> Result<()> {
        let Some(open) = self.open.remove(key) else {
            return Ok(());
        };
        let (rows, stats) = (open.gather.rows(), open.gather.text());
        let size = open.file.finish()?;
        self.written.push(Written {
            path: open.path,
            url: open.url,
            partition_values: open.partition_values,
            size,
            rows,
            stats,
        });
        Ok(())
    }

    /// Removes what was written; files that cannot be removed are nobody's and do no harm.
    pub(crate) fn discard(&mut self) {
        self.open.clear();
        let call = Call::new(Some(REMOVAL), None);
        for file in self.written.drain(..) {
            let _ = self
                .runtime
                .block_on(&call, self.store.delete(&call, &file.url));
        }
    }
}

/// A name or value in the name of a partition's folder.
fn hive_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        let special = c.is_ascii_control() || "\"#%'*/:=?\\{[]^".contains(c) || c == '\u{7f}';
        if special {
            escaped += &format!("%{:02X}", c as u32);
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// A path as the log has it: percent-encoded where a URI needs it.
fn uri_escaped(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/=:@!$&'()*+,;".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped += &format!("%{byte:02X}");
        }
    }
    escaped
}
