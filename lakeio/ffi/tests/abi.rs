//! Drives the C ABI itself: tables through to rows, errors, cancellation, writing, and the symbols.

use std::collections::BTreeSet;
use std::ffi::{c_char, c_void, CStr, CString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::ptr::{null, null_mut};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    RecordBatchIterator, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use arrow::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use lakeio::*;
use serde_json::{json, Value};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data")
}

fn unpack(name: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let archive = data().join("delta").join(format!("{name}.tar.gz"));
    let status = Command::new("tar")
        .arg("xzf")
        .arg(archive)
        .arg("-C")
        .arg(directory.path())
        .status();
    assert!(status.unwrap().success());
    let path = directory.path().join(name).to_str().unwrap().to_string();
    (directory, path)
}

fn text(value: &str) -> CString {
    CString::new(value).unwrap()
}

/// The error's JSON form, the error given back; `None` of success.
fn error_of(error: *mut lakeio_error) -> Option<Value> {
    if error.is_null() {
        return None;
    }
    unsafe {
        let json = lakeio_error_json(error);
        let value: Value = serde_json::from_str(CStr::from_ptr(json).to_str().unwrap()).unwrap();
        let seen = &*error;
        let field = |p: *const c_char| CStr::from_ptr(p).to_str().unwrap().to_string();
        assert_eq!(value["class"], field(seen.error_class));
        assert_eq!(value["message"], field(seen.message));
        assert_eq!(value["object"], field(seen.object));
        assert_eq!(value["details"].to_string(), field(seen.details));
        assert_eq!(value["retryable"], json!(seen.retryable == 1));
        lakeio_string_free(json);
        lakeio_error_free(error);
        Some(value)
    }
}

struct Runtime(*mut lakeio_runtime);

impl Runtime {
    fn new() -> Self {
        let mut out = null_mut();
        let error = unsafe { lakeio_runtime_new(text("{}").as_ptr(), None, null_mut(), &mut out) };
        assert_eq!(error_of(error), None);
        Runtime(out)
    }

    fn open(&self, request: &Value) -> Result<Table, Value> {
        let mut out = null_mut();
        let request = text(&request.to_string());
        let error = unsafe { lakeio_table_open(self.0, null(), request.as_ptr(), &mut out) };
        match error_of(error) {
            None => Ok(Table(out)),
            Some(error) => Err(error),
        }
    }

    fn ask(
        &self,
        function: unsafe extern "C" fn(
            *mut lakeio_runtime,
            *const lakeio_call,
            *const c_char,
            *mut *mut c_char,
        ) -> *mut lakeio_error,
        request: &Value,
    ) -> Result<Value, Value> {
        let request = text(&request.to_string());
        answer(|out| unsafe { function(self.0, null(), request.as_ptr(), out) })
    }

    fn write(
        &self,
        function: unsafe extern "C" fn(
            *mut lakeio_runtime,
            *const lakeio_call,
            *const c_char,
            *mut ArrowArrayStream,
            *mut *mut c_char,
        ) -> *mut lakeio_error,
        request: &Value,
        mut rows: FFI_ArrowArrayStream,
    ) -> Result<Value, Value> {
        let request = text(&request.to_string());
        let stream = (&raw mut rows).cast();
        answer(|out| unsafe { function(self.0, null(), request.as_ptr(), stream, out) })
    }

    fn read(&self, scan: &str, split: &[u8]) -> Result<Vec<RecordBatch>, Value> {
        self.read_with(scan, split, null())
    }

    fn read_with(
        &self,
        scan: &str,
        split: &[u8],
        call: *const lakeio_call,
    ) -> Result<Vec<RecordBatch>, Value> {
        let scan = text(scan);
        let options = text(r#"{"batch_rows": 1000}"#);
        stream(|out| unsafe {
            let (data, length) = (split.as_ptr(), split.len());
            lakeio_split_read(
                self.0,
                call,
                scan.as_ptr(),
                data,
                length,
                options.as_ptr(),
                out,
            )
        })
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        unsafe { lakeio_runtime_free(self.0) };
    }
}

fn answer(work: impl FnOnce(*mut *mut c_char) -> *mut lakeio_error) -> Result<Value, Value> {
    let mut out = null_mut();
    if let Some(error) = error_of(work(&mut out)) {
        return Err(error);
    }
    let value = unsafe { CStr::from_ptr(out) }.to_str().unwrap().to_string();
    unsafe { lakeio_string_free(out) };
    Ok(serde_json::from_str(&value).unwrap_or(Value::String(value)))
}

fn stream(
    work: impl FnOnce(*mut ArrowArrayStream) -> *mut lakeio_error,
) -> Result<Vec<RecordBatch>, Value> {
    let mut out = ArrowArrayStream::empty();
    if let Some(error) = error_of(work(&mut out)) {
        return Err(error);
    }
    let raw = (&raw mut out).cast::<FFI_ArrowArrayStream>();
    let reader = unsafe { RecordBatchStreamReader::from_raw(raw) }.unwrap();
    let mut batches = Vec::new();
    for batch in reader {
        match batch {
            Ok(batch) => batches.push(batch),
            // The class survives the crossing as JSON.
            Err(error) => {
                let text = error.to_string();
                let start = text.find('{').unwrap_or_else(|| panic!("no JSON: {text}"));
                return Err(serde_json::from_str(&text[start..]).unwrap());
            }
        }
    }
    Ok(batches)
}

struct Table(*mut lakeio_table);

impl Table {
    fn describe(&self) -> Value {
        answer(|out| unsafe { lakeio_table_describe(self.0, null(), out) }).unwrap()
    }

    fn totals(&self) -> Value {
        answer(|out| unsafe { lakeio_table_totals(self.0, null(), out) }).unwrap()
    }

    fn scan(&self, spec: &Value) -> Result<String, Value> {
        let spec = text(&spec.to_string());
        let mut out = null_mut();
        let error = unsafe { lakeio_table_scan(self.0, null(), spec.as_ptr(), &mut out) };
        if let Some(error) = error_of(error) {
            return Err(error);
        }
        let scan = unsafe { CStr::from_ptr(out) }.to_str().unwrap().to_string();
        unsafe { lakeio_string_free(out) };
        Ok(scan)
    }

    fn splits(&self, scan: &str, target: i64) -> Result<Vec<Vec<u8>>, Value> {
        let scan = text(scan);
        let batches = stream(|out| unsafe {
            lakeio_table_splits(self.0, null(), scan.as_ptr(), target, out)
        })?;
        let column = |batch: &RecordBatch| -> Vec<Vec<u8>> {
            batch
                .column(0)
                .as_binary::<i32>()
                .iter()
                .map(|v| v.unwrap().to_vec())
                .collect()
        };
        Ok(batches.iter().flat_map(column).collect())
    }

    fn read(&self, runtime: &Runtime, spec: &Value) -> Result<Vec<RecordBatch>, Value> {
        let scan = self.scan(spec)?;
        let mut batches = Vec::new();
        for split in self.splits(&scan, 0)? {
            batches.extend(runtime.read(&scan, &split)?);
        }
        Ok(batches)
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        unsafe { lakeio_table_free(self.0) };
    }
}

fn rows(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

#[test]
fn every_table_reads_through_the_abi() {
    let runtime = Runtime::new();
    for entry in std::fs::read_dir(data().join("delta")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let name = name.strip_suffix(".tar.gz").unwrap();
        let golden = std::fs::read_to_string(data().join(format!("golden/{name}.json"))).unwrap();
        let golden: Value = serde_json::from_str(&golden).unwrap();
        let (_directory, path) = unpack(name);
        let table = runtime.open(&json!({"url": path})).unwrap();
        assert_eq!(table.describe()["version"], golden["version"], "{name}");
        assert_eq!(table.totals()["files"], golden["numFiles"], "{name}");
        let batches = table.read(&runtime, &json!({})).unwrap();
        assert_eq!(json!(rows(&batches)), golden["rows"], "{name}");
    }
    let mut out = null_mut();
    assert_eq!(
        error_of(unsafe { lakeio_runtime_metrics(runtime.0, &mut out) }),
        None
    );
    let metrics = unsafe { CStr::from_ptr(out) }.to_str().unwrap().to_string();
    unsafe { lakeio_string_free(out) };
    let metrics: Value = serde_json::from_str(&metrics).unwrap();
    assert_eq!(metrics["stores"][0]["url"], "file://");
    assert!(metrics["stores"][0]["bytes_read"].as_u64().unwrap() > 1_000_000);
}

#[test]
fn a_table_and_its_streams_outlive_the_runtime() {
    let (_directory, path) = unpack("ict");
    let runtime = Runtime::new();
    let table = runtime.open(&json!({"url": path})).unwrap();
    drop(runtime);
    assert_eq!(table.totals()["rows"], 50);
}

#[test]
fn wrong_requests_are_refused() {
    let runtime = Runtime::new();
    let refused = |request: Value, word: &str| {
        let error = runtime.open(&request).err().unwrap();
        assert_eq!(error["code"], "Invalid", "{error}");
        assert!(error["message"].as_str().unwrap().contains(word), "{error}");
    };
    refused(json!({"url": "/x", "vresion": 3}), "vresion");
    refused(json!({"version": 3}), "url");
    refused(
        json!({"url": "/x", "version": 1, "timestamp_us": 1}),
        "exclude",
    );
    refused(json!({"url": "/x", "version": -1}), "column 24");
    refused(json!({"url": "http://x/y"}), "scheme");
    refused(
        json!({"url": "s3://b/t", "storage_options": {"aws_regoin": "x"}}),
        "aws_region",
    );
    unsafe {
        let mut table = null_mut();
        let error = lakeio_table_open(runtime.0, null(), null(), &mut table);
        assert!(error_of(error).unwrap()["message"]
            .as_str()
            .unwrap()
            .contains("NULL: request"));
        let error = lakeio_table_open(null_mut(), null(), text("{}").as_ptr(), &mut table);
        assert!(error_of(error).unwrap()["message"]
            .as_str()
            .unwrap()
            .contains("NULL: runtime"));
        let error = lakeio_table_open(runtime.0, null(), text("{}").as_ptr(), null_mut());
        assert!(error_of(error).unwrap()["message"]
            .as_str()
            .unwrap()
            .contains("NULL: out"));
        let latin = CString::new(vec![b'{', 0xe4, b'}']).unwrap();
        let error = lakeio_table_open(runtime.0, null(), latin.as_ptr(), &mut table);
        assert!(error_of(error).unwrap()["message"]
            .as_str()
            .unwrap()
            .contains("UTF-8"));
        assert!(table.is_null());
        let mut out = null_mut();
        let options = text(r#"{"treads": 2}"#);
        let error = lakeio_runtime_new(options.as_ptr(), None, null_mut(), &mut out);
        assert!(error_of(error).unwrap()["message"]
            .as_str()
            .unwrap()
            .contains("treads"));
        lakeio_error_free(null_mut());
        lakeio_string_free(null_mut());
        lakeio_table_free(null_mut());
        lakeio_runtime_free(null_mut());
        lakeio_cancel_free(null_mut());
        assert!(lakeio_error_json(null()).is_null());
    }
}

#[test]
fn errors_name_class_and_object() {
    let runtime = Runtime::new();
    let error = runtime
        .open(&json!({"url": "/no/such/table"}))
        .err()
        .unwrap();
    assert_eq!(error["class"], "SOURCE_NOT_FOUND");
    assert_eq!(error["code"], "NotFound");
    assert_eq!(error["object"], "file:///no/such/table");

    let (_directory, path) = unpack("ict");
    let table = runtime.open(&json!({"url": path})).unwrap();
    let error = table.scan(&json!({"columns": ["nope"]})).unwrap_err();
    assert_eq!(error["class"], "COLUMN_NOT_FOUND");
    let error = table.scan(&json!({"colums": []})).unwrap_err();
    assert!(error["message"].as_str().unwrap().contains("colums"));
    assert_eq!(table.splits("{}", 0).unwrap_err()["code"], "Invalid");
    let scan = table.scan(&json!({})).unwrap();
    let splits = table.splits(&scan, 0).unwrap();
    assert_eq!(runtime.read(&scan, b"junk").unwrap_err()["code"], "Invalid");

    // The data file of a split vanishes: the class says so, with the object.
    for entry in std::fs::read_dir(&path).unwrap() {
        let entry = entry.unwrap().path();
        if entry.extension().is_some_and(|e| e == "parquet") {
            std::fs::remove_file(entry).unwrap();
        }
    }
    let error = runtime.read(&scan, &splits[0]).unwrap_err();
    assert_eq!(error["class"], "DATA_FILE_MISSING");
    assert!(
        error["object"].as_str().unwrap().ends_with(".parquet"),
        "{error}"
    );
}

#[test]
fn a_raised_flag_stops_everything() {
    let (_directory, path) = unpack("ict");
    let runtime = Runtime::new();
    let table = runtime.open(&json!({"url": path})).unwrap();
    let scan = table.scan(&json!({})).unwrap();
    let split = table.splits(&scan, 0).unwrap().remove(0);
    let cancel = lakeio_cancel_new();
    let call = lakeio_call {
        timeout_ms: 0,
        cancel,
    };
    assert_eq!(rows(&runtime.read_with(&scan, &split, &call).unwrap()), 5);
    unsafe { lakeio_cancel_raise(cancel) };
    assert_eq!(
        runtime.read_with(&scan, &split, &call).unwrap_err()["class"],
        "CANCELLED"
    );
    let mut out = null_mut();
    let request = text(&json!({"url": path}).to_string());
    let error = unsafe { lakeio_table_open(runtime.0, &call, request.as_ptr(), &mut out) };
    assert_eq!(error_of(error).unwrap()["class"], "CANCELLED");
    let late = lakeio_call {
        timeout_ms: -1,
        cancel: null(),
    };
    let error = unsafe { lakeio_table_open(runtime.0, &late, request.as_ptr(), &mut out) };
    assert_eq!(error_of(error).unwrap()["code"], "Invalid");
    unsafe { lakeio_cancel_free(cancel) };
}

#[test]
fn nothing_waits_longer_than_its_deadline() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let runtime = Runtime::new();
    let request = json!({"url": "s3://bucket/table", "storage_options": {
        "aws_endpoint_url": endpoint, "aws_access_key_id": "a", "aws_secret_access_key": "b",
    }});
    let call = lakeio_call {
        timeout_ms: 300,
        cancel: null(),
    };
    let mut out = null_mut();
    let request = text(&request.to_string());
    let start = std::time::Instant::now();
    let error = unsafe { lakeio_table_open(runtime.0, &call, request.as_ptr(), &mut out) };
    assert_eq!(error_of(error).unwrap()["class"], "DEADLINE_EXCEEDED");
    assert!(start.elapsed() < std::time::Duration::from_secs(10));
}

fn sample() -> RecordBatch {
    let ts = TimestampMicrosecondArray::from(vec![Some(1), None, Some(-1_500_001)]);
    RecordBatch::try_from_iter(vec![
        ("id", Arc::new(Int64Array::from(vec![3, 1, 2])) as ArrayRef),
        (
            "name",
            Arc::new(StringArray::from(vec![Some("a"), None, Some("ß\0")])) as ArrayRef,
        ),
        ("at", Arc::new(ts.with_timezone("UTC")) as ArrayRef),
        (
            "x",
            Arc::new(Float64Array::from(vec![0.5, f64::NAN, -0.0])) as ArrayRef,
        ),
        (
            "price",
            Arc::new(
                Decimal128Array::from(vec![Some(-5), None, Some(12_345)])
                    .with_precision_and_scale(12, 2)
                    .unwrap(),
            ) as ArrayRef,
        ),
        (
            "day",
            Arc::new(Date32Array::from(vec![Some(1), None, Some(1)])) as ArrayRef,
        ),
    ])
    .unwrap()
}

fn give(batches: Vec<Result<RecordBatch, ArrowError>>) -> FFI_ArrowArrayStream {
    let schema = sample().schema();
    FFI_ArrowArrayStream::new(Box::new(RecordBatchIterator::new(batches, schema)))
}

fn schema() -> Value {
    let field = |name: &str, kind: &str| json!({"name": name, "type": kind, "nullable": true, "metadata": {}});
    json!({"type": "struct", "fields": [
        field("id", "long"), field("name", "string"), field("at", "timestamp"),
        field("x", "double"), field("price", "decimal(12,2)"), field("day", "date"),
    ]})
}

#[test]
fn what_is_appended_reads_back() {
    for (partition, properties) in [
        (json!([]), json!({})),
        (
            json!(["day"]),
            json!({"delta.enableInCommitTimestamps": "true"}),
        ),
        (json!(["at", "name"]), json!({"delta.appendOnly": "true"})),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let url = directory
            .path()
            .join("new table")
            .to_str()
            .unwrap()
            .to_string();
        let runtime = Runtime::new();
        let create = json!({
            "url": url, "schema": schema(), "partition_columns": partition,
            "properties": properties, "name": "t",
        });
        assert_eq!(
            runtime.ask(lakeio_table_create, &create).unwrap(),
            json!({"version": 0})
        );
        let again = runtime.ask(lakeio_table_create, &create).unwrap_err();
        assert_eq!(again["class"], "ALREADY_EXISTS");
        let mut unsaid = create.clone();
        let field = unsaid["schema"]["fields"][0].as_object_mut().unwrap();
        field.remove("nullable");
        let refused = runtime.ask(lakeio_table_create, &unsaid).unwrap_err();
        assert_eq!(refused["class"], "INVALID_ARGUMENT", "{refused}");
        assert!(refused["message"].as_str().unwrap().contains("nullable"));
        let append = json!({"url": url, "transaction": {"app_id": "a", "version": 7}});
        let done = runtime
            .write(lakeio_table_append, &append, give(vec![Ok(sample())]))
            .unwrap();
        assert_eq!(
            (&done["version"], &done["rows"]),
            (&json!(1), &json!(3)),
            "{done}"
        );
        assert_eq!(done["outcome"], "committed");
        let twice = runtime
            .write(lakeio_table_append, &append, give(vec![Ok(sample())]))
            .unwrap();
        assert_eq!(
            (&twice["version"], &twice["outcome"]),
            (&json!(1), &json!("already"))
        );
        let more = json!({"url": url, "operation": "STREAMING UPDATE"});
        runtime
            .write(
                lakeio_table_append,
                &more,
                give(vec![Ok(sample()), Ok(sample())]),
            )
            .unwrap();

        let table = runtime.open(&json!({"url": url})).unwrap();
        let described = table.describe();
        assert_eq!(described["version"], 2);
        assert_eq!(described["name"], "t");
        assert_eq!(described["partition_columns"], partition);
        assert_eq!(table.totals()["rows"], 9);
        let history = runtime.ask(lakeio_history, &json!({"url": url})).unwrap();
        assert_eq!(history[0]["operation"], "STREAMING UPDATE");
        assert!(history[0]["timestamp_us"].as_i64() > history[1]["timestamp_us"].as_i64());
        let batches = table.read(&runtime, &json!({})).unwrap();
        let batch = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
        let order = arrow::compute::sort_to_indices(batch.column(0), None, None).unwrap();
        let batch = arrow::compute::take_record_batch(&batch, &order).unwrap();
        let ids: Vec<i64> = batch
            .column(0)
            .as_primitive::<Int64Type>()
            .values()
            .to_vec();
        assert_eq!(ids, [1, 1, 1, 2, 2, 2, 3, 3, 3]);
        let sample = sample();
        for (row, expected) in [(0usize, 1usize), (3, 2), (6, 0)] {
            for (index, column) in sample.columns().iter().enumerate() {
                let ours = batch.column(index).slice(row, 1);
                assert_eq!(
                    &ours,
                    &column.slice(expected, 1),
                    "column {index} row {row}"
                );
            }
        }
        let equal = json!({
            "op": "=", "left": {"column": ["id"]}, "right": {"type": "long", "value": "2"},
        });
        let two = table.read(&runtime, &json!({"predicate": equal})).unwrap();
        assert_eq!(rows(&two), 3);
    }
}

#[test]
fn nothing_of_a_failed_append_is_visible() {
    let directory = tempfile::tempdir().unwrap();
    let url = directory.path().join("t").to_str().unwrap().to_string();
    let runtime = Runtime::new();
    let create = json!({"url": url, "schema": schema(), "partition_columns": ["day"]});
    runtime.ask(lakeio_table_create, &create).unwrap();
    let broken = Err(ArrowError::ComputeError(
        json!({"class": "DATA_FILE_MISSING", "message": "gone", "object": "x"}).to_string(),
    ));
    let append = json!({"url": url});
    let error = runtime
        .write(
            lakeio_table_append,
            &append,
            give(vec![Ok(sample()), broken]),
        )
        .unwrap_err();
    assert_eq!(error["class"], "DATA_FILE_MISSING", "{error}");
    let misspelt = json!({"url": url, "operatoin": "x"});
    let error = runtime
        .write(lakeio_table_append, &misspelt, give(vec![]))
        .unwrap_err();
    assert_eq!(error["code"], "Invalid");
    let empty = sample().schema();
    let table = runtime.open(&json!({"url": url})).unwrap();
    assert_eq!(table.describe()["version"], 0);
    assert_eq!(table.totals()["files"], 0);
    assert_eq!(rows(&table.read(&runtime, &json!({})).unwrap()), 0);
    drop(empty);
    let left: Vec<_> = walk(directory.path())
        .into_iter()
        .filter(|path| path.is_file() && !path.to_str().unwrap().contains("_delta_log"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

fn walk(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        }
        found.push(path);
    }
    found
}

#[test]
fn appends_at_the_same_time_all_happen_once() {
    let directory = tempfile::tempdir().unwrap();
    let url = directory.path().join("t").to_str().unwrap().to_string();
    let runtime = Runtime::new();
    let properties = json!({"delta.enableInCommitTimestamps": "true"});
    let create = json!({"url": url, "schema": schema(), "properties": properties});
    runtime.ask(lakeio_table_create, &create).unwrap();
    std::thread::scope(|scope| {
        for worker in 0..6 {
            let url = &url;
            scope.spawn(move || {
                let runtime = Runtime::new();
                for _ in 0..2 {
                    let app = format!("app{}", worker / 2);
                    let request = json!({"url": url, "transaction": {"app_id": app, "version": 1}});
                    let rows = give(vec![Ok(sample())]);
                    runtime.write(lakeio_table_append, &request, rows).unwrap();
                }
            });
        }
    });
    let table = runtime.open(&json!({"url": url})).unwrap();
    assert_eq!(table.totals()["rows"], 9);
    let history = runtime.ask(lakeio_history, &json!({"url": url})).unwrap();
    let times: Vec<i64> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["timestamp_us"].as_i64().unwrap())
        .collect();
    assert!(times.windows(2).all(|pair| pair[0] > pair[1]), "{times:?}");
}

#[test]
fn a_parquet_file_appears_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.parquet");
    let runtime = Runtime::new();
    let request = json!({"url": path.to_str().unwrap(), "row_group_rows": 2});
    let done = runtime
        .write(
            lakeio_parquet_write,
            &request,
            give(vec![Ok(sample()), Ok(sample())]),
        )
        .unwrap();
    assert_eq!(done["rows"], 6);
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(done["bytes"], bytes.len());
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    std::fs::remove_file(&path).unwrap();
    let broken = Err(ArrowError::ComputeError("x".into()));
    let error = runtime
        .write(lakeio_parquet_write, &request, give(vec![broken]))
        .unwrap_err();
    assert_eq!(error["code"], "Invalid");
    assert!(walk(directory.path()).is_empty());
}

#[test]
fn the_store_is_probed() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = Runtime::new();
    let request = json!({"url": directory.path().to_str().unwrap()});
    let probed = runtime.ask(lakeio_store_probe, &request).unwrap();
    let expected = json!({
        "store": "file", "credential": "file system", "reachable": true, "listable": true,
    });
    assert_eq!(probed, expected);
    let nobody = json!({"url": "s3://bucket/t", "storage_options": {
        "aws_endpoint_url": "http://127.0.0.1:9", "aws_access_key_id": "a",
        "aws_secret_access_key": "hush", "max_retries": "0",
    }});
    let probed = runtime.ask(lakeio_store_probe, &nobody).unwrap();
    assert_eq!(probed["reachable"], false);
    assert_eq!(probed["credential"], "options");
    assert_eq!(probed["error"]["class"], "STORE_UNREACHABLE");
    assert!(!probed.to_string().contains("hush"));
}

unsafe extern "C" fn no_credentials(_: *mut c_void, _: *const c_char) -> *mut c_char {
    null_mut()
}

#[test]
fn the_library_exports_the_header_and_nothing_else() {
    let header = Path::new(env!("CARGO_MANIFEST_DIR")).join("../include/lakeio.h");
    let header = std::fs::read_to_string(header).unwrap();
    let code: String = header
        .split("/*")
        .map(|part| part.split("*/").last().unwrap())
        .collect();
    let mut declared = BTreeSet::new();
    for (at, _) in code.match_indices("lakeio_") {
        let name: String = code[at..]
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        if code[at + name.len()..].starts_with('(') {
            declared.insert(name);
        }
    }
    let version: u32 = header
        .lines()
        .find_map(|line| line.strip_prefix("#define LAKEIO_ABI_VERSION "))
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(version, lakeio_abi_version());

    let directory = std::env::current_exe()
        .unwrap()
        .parent()
        .unwrap()
        .to_path_buf();
    let library = directory.join("liblakeio.so");
    let library = if library.exists() {
        library
    } else {
        directory.join("../liblakeio.so")
    };
    let output = Command::new("nm")
        .args(["-D", "--defined-only"])
        .arg(&library)
        .output()
        .unwrap();
    assert!(output.status.success(), "{library:?}");
    let exported: BTreeSet<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split_whitespace().last().map(str::to_string))
        .collect();
    assert_eq!(exported, declared);
    let mut out = null_mut();
    let error = unsafe { lakeio_runtime_new(null(), Some(no_credentials), null_mut(), &mut out) };
    assert_eq!(error_of(error), None);
    unsafe { lakeio_runtime_free(out) };
}
