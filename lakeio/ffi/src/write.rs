//! The exports that write: tables, rows and files.

use std::ffi::c_char;

use lakeio_log::{append, create, write_parquet, AppendSpec, CreateSpec};
use lakeio_store::{Call, Result, Runtime};
use serde::de::DeserializeOwned;
use serde_json::{json, Value};

use crate::arguments::{asked, give, of_request, owned_text};
use crate::error::{guard, lakeio_error};
use crate::request::{AppendRequest, CreateRequest, ParquetRequest};
use crate::stream::{ArrowArrayStream, Imported};
use crate::{lakeio_call, lakeio_runtime};

/// Creates an empty table.
///
/// # Safety
/// As the crate says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_table_create(
    runtime: *mut lakeio_runtime,
    call: *const lakeio_call,
    request: *const c_char,
    out: *mut *mut c_char,
) -> *mut lakeio_error {
    let work = |runtime: &Runtime, call: &Call, request: CreateRequest| {
        let location = request.location()?;
        let spec = CreateSpec {
            schema: request.schema,
            partition_columns: request.partition_columns,
            properties: request.properties,
            name: request.name,
        };
        create(runtime, call, &location, &spec).map(owned_text)
    };
    unsafe { of_request(runtime, call, request, out, work) }
}

/// An answer to a request that comes with rows. Takes the stream, whatever the outcome.
unsafe fn of_rows<R: DeserializeOwned>(
    runtime: *mut lakeio_runtime,
    call: *const lakeio_call,
    request: *const c_char,
    rows: *mut ArrowArrayStream,
    out: *mut *mut c_char,
    work: impl FnOnce(&Runtime, &Call, R, Imported) -> Result<Value>,
) -> *mut lakeio_error {
    guard(|| {
        let rows = unsafe { Imported::take(rows) };
        let work = |runtime: &Runtime, call: &Call, request| {
            work(runtime, call, request, rows?).map(owned_text)
        };
        unsafe { give(out, || asked(runtime, call, request, work)) }
    })
}

/// Appends rows in one commit. Takes the stream, whatever the outcome.
///
/// # Safety
/// As the crate says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_table_append(
    runtime: *mut lakeio_runtime,
    call: *const lakeio_call,
    request: *const c_char,
    rows: *mut ArrowArrayStream,
    out: *mut *mut c_char,
) -> *mut lakeio_error {
    let work = |runtime: &Runtime, call: &Call, request: AppendRequest, rows: Imported| {
        let location = request.location()?;
        let spec = AppendSpec {
            transaction: request.transaction.map(|t| (t.app_id, t.version)),
            operation: request.operation,
            target_file_bytes: request.target_file_bytes,
        };
        let schema = rows.schema();
        append(
            runtime,
            call,
            &location,
            &spec,
            &schema,
            rows.into_batches(),
        )
    };
    unsafe { of_rows(runtime, call, request, rows, out, work) }
}

/// Writes rows as one Parquet file. Takes the stream, whatever the outcome.
///
/// # Safety
/// As the crate says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_parquet_write(
    runtime: *mut lakeio_runtime,
    call: *const lakeio_call,
    request: *const c_char,
    rows: *mut ArrowArrayStream,
    out: *mut *mut c_char,
) -> *mut lakeio_error {
    let work = |runtime: &Runtime, call: &Call, request: ParquetRequest, rows: Imported| {
        let (location, schema) = (request.location()?, rows.schema());
        let groups = request.row_group_rows;
        let (count, bytes) = write_parquet(
            runtime,
            call,
            &location,
            schema,
            rows.into_batches(),
            groups,
        )?;
        Ok(json!({ "rows": count, "bytes": bytes }))
    };
    unsafe { of_rows(runtime, call, request, rows, out, work) }
}
