//! What was done to a table, newest first.

use serde_json::{json, Map, Value};

use lakeio_store::{Call, Location, Result, Runtime};

use crate::commits::Commits;
use crate::segment::{list, LogObject};
use crate::table::{Table, VersionSpec};
use crate::time::{monotonic, read_info};

/// The document of `lakeio_history`: at most `limit` commits (0: all that are still there).
pub fn history(runtime: &Runtime, call: &Call, location: &Location, limit: usize) -> Result<Value> {
    let table = Table::open(runtime, call, location, VersionSpec::Latest)?;
    let log = &table.segment.log;
    let listing = runtime.block_on(call, list(&table.store, call, location, log, 0))?;
    let commits: Vec<LogObject> = listing.commits.into_values().collect();
    let times = monotonic(&commits);
    let limit = if limit == 0 { usize::MAX } else { limit };
    let mut entries = Vec::new();
    let newest = commits.iter().zip(times).rev().take(limit);
    let (objects, times): (Vec<LogObject>, Vec<i64>) = newest
        .map(|(commit, (_, file_ms))| (commit.clone(), file_ms))
        .unzip();
    let mut commits = Commits::new(runtime, &table.store, log, &table.kept, objects);
    for file_ms in times {
        let Some((commit, lines)) = commits.next(call)? else {
            break;
        };
        let info = read_info(&table, call, lines)?.unwrap_or_default();
        let ms = info.in_commit_timestamp.unwrap_or(file_ms);
        let text = |value: Option<Value>| match value {
            Some(Value::String(text)) => text,
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        let object = |value: Option<Value>| match value {
            Some(Value::Object(members)) => members,
            _ => Map::new(),
        };
        entries.push(json!({
            "version": commit.version,
            "timestamp_us": ms.saturating_mul(1000),
            "operation": text(info.operation),
            "parameters": object(info.operation_parameters),
            "metrics": object(info.operation_metrics),
            "engine": text(info.engine_info),
            "user": text(info.user_name.or(info.user_id)),
        }));
    }
    Ok(Value::Array(entries))
}
