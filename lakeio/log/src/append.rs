//! Appending rows to a table in one commit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{new_null_array, Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType as ArrowType, Field as ArrowField, Schema, SchemaRef};
use serde_json::{json, Map, Value};
use url::Url;

use lakeio_scan::types::{DataType, Field};
use lakeio_store::{Call, Class, Error, Location, Result, Runtime, Store};

use crate::create::{now_ms, ENGINE};
use crate::gather::Gather;
use crate::lines::{parse_line, ReverseLines};
use crate::names;
use crate::parquet_file::ParquetFile;
use crate::protocol;
use crate::segment::log_file;
use crate::table::{Table, VersionSpec};
use crate::transaction;
use crate::value_text::partition_value;

/// Files of different partitions that are written at the same time.
const OPEN_FILES: usize = 64;
/// Versions that are tried in a row when others commit at the same time.
const ATTEMPTS: u64 = 1000;
/// How long the log is asked whether a commit in doubt happened.
const DOUBT: Duration = Duration::from_secs(10);

/// How to append.
#[derive(Clone, Debug)]
pub struct AppendSpec {
    /// An application's id and its transaction's version: not done again when the log has it.
    pub transaction: Option<(String, i64)>,
    /// The operation's name in the commit.
    pub operation: String,
    /// Bytes of a data file that are aimed at.
    pub target_file_bytes: u64,
}

/// A file that was written and is not yet part of the table.
struct Written {
    path: String,
    url: Url,
    partition_values: Vec<(String, Option<String>)>,
    size: u64,
    rows: u64,
    stats: String,
}

/// Appends all batches; the document of `lakeio_table_append`. Nothing of a failed append is
/// visible. Whether a commit happened that was sent and not answered is found out from the log;
/// COMMIT_UNKNOWN when that fails, too.
pub fn append(
    runtime: &Runtime,
    call: &Call,
    location: &Location,
    spec: &AppendSpec,
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch>>,
) -> Result<Value> {
    let table = Table::open(runtime, call, location, VersionSpec::Latest)?;
    let root = location.url();
    protocol::check_appendable(&table.protocol, root)?;
    let fields = Field::parse_schema(&table.schema)?;
    refuse_rules(&table)?;
    if let Some((app_id, version)) = &spec.transaction {
        let last = transaction::last_version(&table, call, app_id)?;
        if last.is_some_and(|last| last >= *version) {
            return Ok(outcome(table.version(), &[], "already"));
        }
    }
    let plan =
        Columns::new(&fields, &table.metadata.partition_columns, schema).map_err(|e| e.at(root))?;
    let mut files = Files {
        runtime,
        store: table.store.clone(),
        call,
        location,
        target: spec.target_file_bytes.max(1),
        schema: plan.file_schema(),
        open: BTreeMap::new(),
        written: Vec::new(),
        turn: 0,
    };
    let result = write_all(&plan, &mut files, batches)
        .and_then(|()| commit(&table, call, spec, &files.written));
    match result {
        Ok(Done::Committed(version)) => Ok(outcome(version, &files.written, "committed")),
        Ok(Done::Already(version)) => {
            files.discard();
            Ok(outcome(version, &[], "already"))
        }
        Err(error) => {
            // What may have been committed must stay.
            if error.class() != Class::CommitUnknown {
                files.discard();
            }
            Err(error.at(root))
        }
    }
}

fn outcome(version: u64, written: &[Written], outcome: &str) -> Value {
    json!({
        "version": version,
        "files": written.len(),
        "rows": written.iter().map(|file| file.rows).sum::<u64>(),
        "bytes": written.iter().map(|file| file.size).sum::<u64>(),
        "outcome": outcome,
    })
}

/// Refuses tables whose metadata demand of writers what is not done here.
fn refuse_rules(table: &Table) -> Result<()> {
    let refuse = |what: String| {
        Err(Error::new(
            Class::UnsupportedWriterFeature,
            format!("the table needs of its writers what is not known here: {what}"),
        )
        .at(table.location.url())
        .with("features", what))
    };
    if table.mapping_mode() != "none" {
        return refuse("columnMapping".into());
    }
    if let Some(key) = table
        .metadata
        .configuration
        .keys()
        .find(|key| key.starts_with("delta.constraints."))
    {
        return refuse(format!("checkConstraints ({key})"));
    }
    let rules = [
        ("delta.invariants", "invariants"),
        ("delta.generationExpression", "generatedColumns"),
        ("delta.identity.start", "identityColumns"),
        ("CURRENT_DEFAULT", "allowColumnDefaults"),
    ];
    let text = table.schema.to_string();
    match rules
        .iter()
        .find(|(key, _)| text.contains(&format!("\"{key}\":")))
    {
        Some((_, feature)) => refuse((*feature).to_string()),
        None => Ok(()),
    }
}

/// Where in the stream the table's columns are.
struct Columns {
    table: SchemaRef,
    required: Vec<bool>,
    source: Vec<Option<usize>>,
    partition: Vec<usize>,
}

impl Columns {
    fn new(fields: &[Field], partition: &[String], stream: &SchemaRef) -> Result<Self> {
        let mut source = Vec::new();
        for field in fields {
            let at = stream.fields().iter().position(|f| *f.name() == field.name);
            if let Some(at) = at {
                let given = stream.field(at).data_type();
                let wanted = field.data_type.arrow();
                if matches!(field.data_type, DataType::Variant | DataType::Void) {
                    return Err(Error::new(
                        Class::UnsupportedType,
                        format!(
                            "a column has a type that is not written here: {}",
                            field.name
                        ),
                    ));
                }
                if !same_type(given, &wanted) {
                    return Err(Error::new(
                        Class::InvalidData,
                        format!(
                            "a column of the rows is not of the table's type, which is {wanted}: \
                             {} is {given}",
                            field.name
                        ),
                    ));
                }
            }
            source.push(at);
        }
        for given in stream.fields() {
            if !fields.iter().any(|field| field.name == *given.name()) {
                return Err(Error::new(
                    Class::InvalidData,
                    format!("a column of the rows is not in the table: {}", given.name()),
                ));
            }
        }
        let partition = partition
            .iter()
            .filter_map(|name| fields.iter().position(|field| field.name == *name))
            .collect();
        Ok(Columns {
            table: Arc::new(Schema::new(
                fields
                    .iter()
                    .map(Field::arrow)
                    .map(without_metadata)
                    .collect::<Vec<_>>(),
            )),
            required: fields.iter().map(|field| !field.nullable).collect(),
            source,
            partition,
        })
    }

    /// The columns that data files have.
    fn file_schema(&self) -> SchemaRef {
        let kept = (0..self.table.fields().len()).filter(|i| !self.partition.contains(i));
        Arc::new(Schema::new(
            kept.map(|i| self.table.fields()[i].clone())
                .collect::<Vec<_>>(),
        ))
    }

    /// The batch with the table's columns in the table's order.
    fn arrange(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let mut columns = Vec::with_capacity(self.source.len());
        for (index, source) in self.source.iter().enumerate() {
            let field = self.table.field(index);
            let column = match source {
                Some(at) => arrow::compute::cast(batch.column(*at), field.data_type())
                    .map_err(|e| Error::foreign(Class::InvalidData, "", &e))?,
                None => new_null_array(field.data_type(), batch.num_rows()),
            };
            if self.required[index] && column.null_count() > 0 {
                return Err(Error::new(
                    Class::InvalidData,
                    format!("a column that must not be NULL is: {}", field.name()),
                ));
            }
            columns.push(column);
        }
        Ok(columns)
    }
}

fn without_metadata(field: ArrowField) -> ArrowField {
    field.with_metadata(std::collections::HashMap::<String, String>::new())
}

/// Whether two types are the same but for names of list elements and whether NULL is allowed.
fn same_type(a: &ArrowType, b: &ArrowType) -> bool {
    match (a, b) {
        (ArrowType::List(a), ArrowType::List(b)) => same_type(a.data_type(), b.data_type()),
        (ArrowType::Map(a, _), ArrowType::Map(b, _)) => same_type(a.data_type(), b.data_type()),
        (ArrowType::Struct(a), ArrowType::Struct(b)) => {
            let entries = a.len() == 2 && a[0].name().starts_with("key");
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| {
                    (entries || a.name() == b.name()) && same_type(a.data_type(), b.data_type())
                })
        }
        _ => a == b,
    }
}

/// Files being written, one for each partition at hand.
struct Files<'a> {
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

fn write_all(
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
        let mut groups: BTreeMap<Vec<Option<String>>, Vec<u32>> = BTreeMap::new();
        for row in 0..data.num_rows() {
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
        for (key, rows) in groups {
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

impl Files<'_> {
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
    fn discard(&mut self) {
        self.open.clear();
        let call = Call::new(Some(DOUBT), None);
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

enum Done {
    Committed(u64),
    Already(u64),
}

/// Commits the files after the latest version, whatever it is by then, as long as what others
/// committed meanwhile leaves the rows right.
fn commit(table: &Table, call: &Call, spec: &AppendSpec, written: &[Written]) -> Result<Done> {
    let log = &table.segment.log;
    let mut last_ms = match (table.has_commit_timestamps(), &table.commit_info) {
        (true, Some(info)) => info.in_commit_timestamp,
        _ => None,
    };
    let first = table.version() + 1;
    for version in first..first + ATTEMPTS {
        let now = now_ms();
        let commit_ms = table
            .has_commit_timestamps()
            .then(|| last_ms.map_or(now, |last| now.max(last.saturating_add(1))));
        let body = commit_body(table, spec, written, now, commit_ms, version);
        let url = log_file(log, &names::commit(version));
        let put = table.store.put_if_absent(call, &url, body.clone().into());
        match table.runtime.block_on(call, put) {
            Ok(()) => return Ok(Done::Committed(version)),
            Err(error) if error.class() == Class::AlreadyExists => {}
            Err(error) => {
                if in_doubt(table, &url, &body, error)? {
                    return Ok(Done::Committed(version));
                }
            }
        }
        match read_other(table, call, &url, spec)? {
            Other::Same => return Ok(Done::Already(version)),
            Other::Harmless(ms) => last_ms = ms.or(last_ms),
        }
    }
    Err(Error::new(
        Class::CommitConflict,
        "others commit to the table faster than this append can; try again",
    ))
}

/// After an error that may have come after the commit: true when the log has it, false when it has
/// another one in its place.
fn in_doubt(table: &Table, url: &Url, body: &str, error: Error) -> Result<bool> {
    let call = Call::new(Some(DOUBT), None);
    match table.runtime.block_on(&call, table.store.get(&call, url)) {
        Ok(there) => Ok(there == body.as_bytes()),
        // A request that never left, or a file system that answers at once, leaves no doubt.
        Err(gone) if gone.class() == Class::ObjectNotFound && table.store.is_local() => Err(error),
        Err(gone)
            if gone.class() == Class::ObjectNotFound
                && matches!(
                    error.class(),
                    Class::StoreAuthentication | Class::StoreRefused
                ) =>
        {
            Err(error)
        }
        Err(_) => Err(Error::new(
            Class::CommitUnknown,
            format!(
                "whether the commit happened is not known; look for it before repeating it: {}",
                error.message()
            ),
        )
        .at(url)),
    }
}

enum Other {
    /// The same transaction, committed by someone else.
    Same,
    /// A commit that an append can follow, and its in-commit timestamp.
    Harmless(Option<i64>),
}

/// Judges a commit that came first.
fn read_other(table: &Table, call: &Call, url: &Url, spec: &AppendSpec) -> Result<Other> {
    let mut lines = ReverseLines::open(&table.runtime, &table.store, call, url, None)?;
    let mut timestamp = None;
    while let Some(line) = lines.next(&table.runtime, call)? {
        let action = parse_line(line, url)?;
        if action.protocol.is_some() || action.meta_data.is_some() {
            return Err(Error::new(
                Class::CommitConflict,
                "the table's schema or protocol was changed meanwhile; append again",
            )
            .at(url));
        }
        if let (Some(txn), Some((app_id, version))) = (&action.txn, &spec.transaction) {
            if txn.app_id == *app_id {
                if txn.version >= *version {
                    return Ok(Other::Same);
                }
                return Err(Error::new(
                    Class::CommitConflict,
                    "another writer with the same application id commits at the same time",
                )
                .at(url));
            }
        }
        timestamp = action
            .commit_info
            .and_then(|info| info.in_commit_timestamp)
            .or(timestamp);
    }
    Ok(Other::Harmless(timestamp))
}

fn commit_body(
    table: &Table,
    spec: &AppendSpec,
    written: &[Written],
    now: i64,
    commit_ms: Option<i64>,
    version: u64,
) -> String {
    let partition_columns = &table.metadata.partition_columns;
    let mut info = Map::new();
    if let Some(ms) = commit_ms {
        info.insert("inCommitTimestamp".into(), ms.into());
    }
    let rows: u64 = written.iter().map(|file| file.rows).sum();
    let bytes: u64 = written.iter().map(|file| file.size).sum();
    info.extend([
        ("timestamp".to_string(), json!(commit_ms.unwrap_or(now))),
        ("operation".to_string(), json!(spec.operation)),
        (
            "operationParameters".to_string(),
            json!({ "mode": "Append", "partitionBy": json!(partition_columns).to_string() }),
        ),
        ("readVersion".to_string(), json!(version - 1)),
        ("isBlindAppend".to_string(), json!(true)),
        (
            "operationMetrics".to_string(),
            json!({
                "numFiles": written.len().to_string(),
                "numOutputRows": rows.to_string(),
                "numOutputBytes": bytes.to_string(),
            }),
        ),
        ("engineInfo".to_string(), json!(ENGINE)),
        ("txnId".to_string(), json!(uuid::Uuid::new_v4().to_string())),
    ]);
    let mut body = format!("{}\n", json!({ "commitInfo": info }));
    if let Some((app_id, version)) = &spec.transaction {
        let txn = json!({ "appId": app_id, "version": version, "lastUpdated": now });
        body += &format!("{}\n", json!({ "txn": txn }));
    }
    for file in written {
        let values: Map<String, Value> = file
            .partition_values
            .iter()
            .map(|(k, v)| (k.clone(), json!(v)))
            .collect();
        let add = json!({
            "path": file.path,
            "partitionValues": values,
            "size": file.size,
            "modificationTime": now,
            "dataChange": true,
            "stats": file.stats,
        });
        body += &format!("{}\n", json!({ "add": add }));
    }
    body
}
