//! The JSON documents of requests. An unknown member is an error everywhere.

use std::collections::BTreeMap;
use std::time::Duration;

use lakeio_log::{ReadSpec, VersionSpec};
use lakeio_scan::ReadOptions;
use lakeio_store::{Class, Error, Location, Result, RuntimeOptions};
use serde::de::DeserializeOwned;
use serde::Deserialize;
use serde_json::error::Category;
use serde_json::Value;

/// Parses a document. The error says where it is wrong, and of what is in it only the names of
/// members: values may be secrets.
pub(crate) fn parse<T: DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| {
        let said = e.to_string();
        let names = ["unknown field", "missing field", "duplicate field"];
        let why = if names.iter().any(|start| said.starts_with(start)) {
            said
        } else {
            let (line, column) = (e.line(), e.column());
            let why = match e.classify() {
                Category::Data => "a value is not of the member's type",
                Category::Io | Category::Syntax | Category::Eof => "it is not JSON",
            };
            format!("{why} at line {line} column {column}")
        };
        let message = format!("a document is not valid: {what}: {why}");
        Error::new(Class::InvalidRequest, message)
    })
}

/// Requests that begin with a location.
macro_rules! located {
    ($($request:ident),*) => {
        $(impl $request {
            /// Where the request says that the table or file lies.
            pub(crate) fn location(&self) -> Result<Location> {
                Location::parse(&self.url, &self.storage_options)
            }
        })*
    };
}

located!(
    AppendRequest,
    CreateRequest,
    HistoryRequest,
    LocationRequest,
    ObserveRequest,
    OpenRequest,
    ParquetRequest
);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuntimeRequest {
    threads: Option<usize>,
    connect_timeout_ms: Option<u64>,
    request_timeout_ms: Option<u64>,
    max_retries: Option<usize>,
    retry_budget_ms: Option<u64>,
    allow_http: Option<bool>,
}

impl RuntimeRequest {
    pub(crate) fn options(self) -> Result<RuntimeOptions> {
        let mut options = RuntimeOptions::default();
        if let Some(threads) = self.threads {
            if threads == 0 {
                return Err(Error::new(
                    Class::InvalidRequest,
                    "threads must be at least 1",
                ));
            }
            options.threads = threads;
        }
        let time = |ms: Option<u64>, default| ms.map_or(default, Duration::from_millis);
        options.connect_timeout = time(self.connect_timeout_ms, options.connect_timeout);
        options.request_timeout = time(self.request_timeout_ms, options.request_timeout);
        options.retry_budget = time(self.retry_budget_ms, options.retry_budget);
        options.max_retries = self.max_retries.unwrap_or(options.max_retries);
        options.allow_http = self.allow_http.unwrap_or(options.allow_http);
        Ok(options)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LocationRequest {
    url: String,
    #[serde(default)]
    storage_options: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenRequest {
    url: String,
    #[serde(default)]
    storage_options: BTreeMap<String, String>,
    version: Option<u64>,
    timestamp_us: Option<i64>,
}

impl OpenRequest {
    pub(crate) fn version(&self) -> Result<VersionSpec> {
        match (self.version, self.timestamp_us) {
            (None, None) => Ok(VersionSpec::Latest),
            (Some(version), None) => Ok(VersionSpec::Version(version)),
            (None, Some(micros)) => Ok(VersionSpec::Timestamp(micros)),
            (Some(_), Some(_)) => Err(Error::new(
                Class::InvalidRequest,
                "a version and a timestamp exclude each other; give one of them",
            )),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ObserveRequest {
    url: String,
    #[serde(default)]
    storage_options: BTreeMap<String, String>,
    pub(crate) version: u64,
    pub(crate) commit_fingerprint: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryRequest {
    url: String,
    #[serde(default)]
    storage_options: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) limit: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadSpecRequest {
    columns: Option<Vec<String>>,
    predicate: Option<Value>,
    #[serde(default)]
    row_position: bool,
    #[serde(default = "utc")]
    partition_zone: String,
}

fn utc() -> String {
    "UTC".into()
}

impl ReadSpecRequest {
    pub(crate) fn spec(self) -> ReadSpec {
        ReadSpec {
            columns: self.columns,
            predicate: self.predicate,
            row_position: self.row_position,
            partition_zone: self.partition_zone,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadRequest {
    pub(crate) batch_rows: Option<usize>,
    pub(crate) batch_bytes: Option<usize>,
    pub(crate) memory_bytes: Option<usize>,
    pub(crate) check_text: Option<bool>,
    pub(crate) location: Option<LocationRequest>,
}

impl ReadRequest {
    pub(crate) fn options(&self) -> ReadOptions {
        let defaults = ReadOptions::default();
        ReadOptions {
            batch_rows: self.batch_rows.unwrap_or(defaults.batch_rows),
            batch_bytes: self.batch_bytes.unwrap_or(defaults.batch_bytes),
            memory_bytes: self.memory_bytes.unwrap_or(defaults.memory_bytes),
            check_text: self.check_text.unwrap_or(defaults.check_text),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateRequest {
    url: String,
    #[serde(default)]
    storage_options: BTreeMap<String, String>,
    pub(crate) schema: Value,
    #[serde(default)]
    pub(crate) partition_columns: Vec<String>,
    #[serde(default)]
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransactionRequest {
    pub(crate) app_id: String,
    pub(crate) version: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppendRequest {
    url: String,
    #[serde(default)]
    storage_options: BTreeMap<String, String>,
    pub(crate) transaction: Option<TransactionRequest>,
    #[serde(default = "write_operation")]
    pub(crate) operation: String,
    #[serde(default = "target_file_bytes")]
    pub(crate) target_file_bytes: u64,
}

fn write_operation() -> String {
    "WRITE".into()
}

fn target_file_bytes() -> u64 {
    128 << 20
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ParquetRequest {
    url: String,
    #[serde(default)]
    storage_options: BTreeMap<String, String>,
    pub(crate) row_group_rows: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_document_is_said_without_its_values() {
        let said = |text: &str| match parse::<LocationRequest>("location", text) {
            Ok(_) => String::new(),
            Err(error) => error.message().to_string(),
        };
        for text in [
            r#"{"url": "/t", "storage_options": "hunter2"}"#,
            r#"{"url": "/t", "storage_options": {"k": hunter2}}"#,
            r#"{"url": "/t", "storage_options": {"k": ["hunter2"]}}"#,
        ] {
            let message = said(text);
            assert!(message.contains("line 1 column"), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
        assert!(said(r#"{"url": "/t", "color": 1}"#).contains("color"));
        assert!(said("{}").contains("url"));
    }
}
