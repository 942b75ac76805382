//! The exports that write: tables, rows and files.

use std::ffi::c_char;

use arrow::datatypes::SchemaRef;
use lakeio_log::{append, create, write_parquet, AppendSpec, CreateSpec};
use lakeio_store::Result;
use serde_json::json;

use crate::error::{guard, lakeio_error};
use crate::request::{parse, AppendRequest, CreateRequest, ParquetRequest};
use crate::stream::{ArrowArrayStream, Imported};
use crate::{call_of, check_out, give_text, handle, lakeio_call, lakeio_runtime, of_request, text};

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
    unsafe {
        of_request(
            runtime,
            call,
            request,
            out,
            |runtime, call, request: CreateRequest| {
                let location = request.location()?;
                let spec = CreateSpec {
                    schema: request.schema,
                    partition_columns: request.partition_columns,
                    properties: request.properties,
                    name: request.name,
                };
                create(runtime, call, &location, &spec)
            },
        )
    }
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
    guard(|| {
        let rows = unsafe { Imported::take(rows) };
        check_out(out)?;
        let runtime = &unsafe { handle("runtime", runtime)? }.0;
        let call = unsafe { call_of(call)? };
        let request: AppendRequest = parse("request", unsafe { text("request", request)? })?;
        let spec = AppendSpec {
            transaction: request
                .transaction
                .as_ref()
                .map(|t| (t.app_id.clone(), t.version)),
            operation: request.operation.clone(),
            target_file_bytes: request.target_file_bytes,
        };
        let rows = rows?;
        let schema: SchemaRef = rows.schema();
        let location = request.location()?;
        let answer = append(
            runtime,
            &call,
            &location,
            &spec,
            &schema,
            rows.into_batches(),
        )?;
        unsafe { give_text(out, &answer.to_string()) };
        Ok(())
    })
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
    guard(|| {
        let rows = unsafe { Imported::take(rows) };
        check_out(out)?;
        let runtime = &unsafe { handle("runtime", runtime)? }.0;
        let call = unsafe { call_of(call)? };
        let request: ParquetRequest = parse("request", unsafe { text("request", request)? })?;
        let rows: Result<Imported> = rows;
        let rows = rows?;
        let schema = rows.schema();
        let (count, bytes) = write_parquet(
            runtime,
            &call,
            &request.location()?,
            schema,
            rows.into_batches(),
            request.row_group_rows,
        )?;
        unsafe { give_text(out, &json!({ "rows": count, "bytes": bytes }).to_string()) };
        Ok(())
    })
}
