//! Appending rows to a table in one commit: which tables are refused, the commit, and what
//! becomes of it when others commit at the same time or its answer is lost.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde_json::{json, Map, Value};
use url::Url;

use lakeio_scan::types::Field;
use lakeio_store::{Call, Class, Error, Location, Result, Runtime};

use crate::actions::Line;
use crate::append_columns::Columns;
use crate::append_files::{write_all, Files, Written};
use crate::create::{now_ms, ENGINE};
use crate::doubt;
use crate::lines::{parse_line, ReverseLines};
use crate::names;
use crate::protocol;
use crate::segment::log_file;
use crate::table::{Table, VersionSpec};
use crate::transaction;

/// Versions that are tried in a row when others commit at the same time.
const ATTEMPTS: u64 = 1000;

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
    let (store, schema) = (table.store.clone(), plan.file_schema());
    let mut files = Files::new(
        runtime,
        store,
        call,
        location,
        spec.target_file_bytes,
        schema,
    );
    let result = write_all(&plan, &mut files, batches)
        .and_then(|()| commit(&table, call, spec, files.written()));
    match result {
        Ok(Done::Committed(version)) => Ok(outcome(version, files.written(), "committed")),
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
        // From here on a call that ends leaves the commit in doubt.
        call.check()?;
        let put = table.store.put_if_absent(call, &url, body.clone().into());
        match table.runtime.block_on(call, put) {
            Ok(()) => return Ok(Done::Committed(version)),
            Err(error) if error.class() == Class::AlreadyExists => {}
            Err(error) => {
                if doubt::committed(&table.runtime, &table.store, &url, &body, error)? {
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
    let files = ["add", "remove", "cdc"];
    while let Some(line) = lines.next(&table.runtime, call, &files)? {
        let action: Line = parse_line(line, url)?;
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
