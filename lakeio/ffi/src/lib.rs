//! Spillway's C ABI over Delta logs, Parquet and object stores: the exports of `lakeio.h`.
//!
//! Each export checks what C gave, calls one function of the other crates, and hands the outcome
//! over. No panic gets out.
//!
//! # Safety
//!
//! Every export follows the header: pointers are valid or NULL, strings end with NUL, handles came
//! from the export that makes them and are not used after they were freed. What can be checked is
//! checked, and is an error of class INVALID_ARGUMENT.

mod error;
mod request;
mod stream;
mod write;

use std::ffi::{c_char, c_void, CStr};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use lakeio_log::{SplitBatches, Table};
use lakeio_scan::{Scan, Split, SplitReader};
use lakeio_store::{
    Call, Cancel, Class, CredentialsFn, Environment, Error, Location, Options, Result, Runtime,
};
use serde_json::Value;

pub use error::lakeio_error;
use error::{c_text, guard};
use request::{
    parse, HistoryRequest, LocationRequest, ObserveRequest, OpenRequest, ReadRequest,
    ReadSpecRequest, RuntimeRequest,
};
pub use stream::ArrowArrayStream;
use stream::{export, Batches};
pub use write::{lakeio_parquet_write, lakeio_table_append, lakeio_table_create};

/// `LAKEIO_ABI_VERSION` of the header.
const ABI_VERSION: u32 = 1;

/// `lakeio_runtime` of the header.
#[allow(non_camel_case_types)]
pub struct lakeio_runtime(Runtime);

/// `lakeio_cancel` of the header.
#[allow(non_camel_case_types)]
pub struct lakeio_cancel(Cancel);

/// `lakeio_table` of the header.
#[allow(non_camel_case_types)]
pub struct lakeio_table(Table);

/// `lakeio_call` of the header.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct lakeio_call {
    /// Milliseconds from now; 0: none.
    pub timeout_ms: i64,
    /// A flag, or NULL.
    pub cancel: *const lakeio_cancel,
}

/// `lakeio_credentials_fn` of the header.
#[allow(non_camel_case_types)]
pub type lakeio_credentials_fn =
    Option<unsafe extern "C" fn(context: *mut c_void, url: *const c_char) -> *mut c_char>;

extern "C" {
    fn free(memory: *mut c_void);
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Class::InvalidRequest, message)
}

unsafe fn text<'a>(what: &str, pointer: *const c_char) -> Result<&'a str> {
    if pointer.is_null() {
        return Err(invalid(format!("an argument is NULL: {what}")));
    }
    let bytes = unsafe { CStr::from_ptr(pointer) };
    bytes
        .to_str()
        .map_err(|_| invalid(format!("an argument is not UTF-8: {what}")))
}

unsafe fn handle<'a, T>(what: &str, pointer: *const T) -> Result<&'a T> {
    unsafe { pointer.as_ref() }.ok_or_else(|| invalid(format!("an argument is NULL: {what}")))
}

/// Fails when there is nowhere to put the result; looked at before any work is done.
fn check_out<T>(out: *mut T) -> Result<()> {
    if out.is_null() {
        return Err(invalid("an argument is NULL: out"));
    }
    Ok(())
}

unsafe fn give<T>(out: *mut T, value: T) {
    unsafe { std::ptr::write(out, value) };
}

unsafe fn give_text(out: *mut *mut c_char, value: &str) {
    unsafe { give(out, c_text(value).into_raw()) };
}

unsafe fn call_of(call: *const lakeio_call) -> Result<Call> {
    let Some(call) = (unsafe { call.as_ref() }) else {
        return Ok(Call::unbounded());
    };
    let timeout = match u64::try_from(call.timeout_ms) {
        Ok(0) => None,
        Ok(ms) => Some(Duration::from_millis(ms)),
        Err(_) => return Err(invalid("a timeout is negative: timeout_ms")),
    };
    let cancel = unsafe { call.cancel.as_ref() }.map(|cancel| cancel.0.clone());
    Ok(Call::new(timeout, cancel))
}

/// The version of the ABI that this library has.
#[no_mangle]
pub extern "C" fn lakeio_abi_version() -> u32 {
    ABI_VERSION
}

/// Takes an error back. NULL is nothing.
///
/// # Safety
/// As the module says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_error_free(error: *mut lakeio_error) {
    unsafe { error::free(error) };
}

/// The JSON form of an error; NULL of NULL.
///
/// # Safety
/// As the module says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_error_json(error: *const lakeio_error) -> *mut c_char {
    match unsafe { error::json(error) } {
        Some(json) => c_text(&json).into_raw(),
        None => std::ptr::null_mut(),
    }
}

/// Takes a string back. NULL is nothing.
///
/// # Safety
/// As the module says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_string_free(text: *mut c_char) {
    if !text.is_null() {
        drop(unsafe { std::ffi::CString::from_raw(text) });
    }
}

/// A callback and what it is called with, which the caller lets any thread use.
struct Callback {
    ask: unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_char,
    context: *mut c_void,
}

// SAFETY: the header demands a callback that may be called from any thread.
unsafe impl Send for Callback {}
// SAFETY: as above.
unsafe impl Sync for Callback {}

impl Callback {
    fn call(&self, url: &str) -> Result<Option<Options>> {
        let url = c_text(url);
        let answer = unsafe { (self.ask)(self.context, url.as_ptr()) };
        if answer.is_null() {
            return Ok(None);
        }
        let parsed = unsafe { text("credentials", answer) }.and_then(|text| {
            serde_json::from_str::<Options>(text).map_err(|_| {
                // The parser's message could quote a secret.
                invalid("the credentials callback did not give a JSON object of strings")
            })
        });
        unsafe { free(answer.cast()) };
        parsed.map(Some)
    }
}

/// Makes a runtime.
///
/// # Safety
/// As the module says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_runtime_new(
    options: *const c_char,
    credentials: lakeio_credentials_fn,
    context: *mut c_void,
    out: *mut *mut lakeio_runtime,
) -> *mut lakeio_error {
    guard(|| {
        check_out(out)?;
        let options = if options.is_null() {
            "{}"
        } else {
            unsafe { text("options", options)? }
        };
        let options = parse::<RuntimeRequest>("options", options)?.options()?;
        let credentials = credentials.map(|ask| {
            let callback = Callback { ask, context };
            Arc::new(move |url: &str| callback.call(url)) as CredentialsFn
        });
        let runtime = Runtime::new(options, Environment::of_process(), credentials)?;
        unsafe { give(out, Box::into_raw(Box::new(lakeio_runtime(runtime)))) };
        Ok(())
    })
}

/// Takes a runtime back. Tables and streams made with it stay usable. NULL is nothing.
///
/// # Safety
/// As the module says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_runtime_free(runtime: *mut lakeio_runtime) {
    free_handle(runtime);
}

fn free_handle<T>(pointer: *mut T) {
    if !pointer.is_null() {
        // An error here has nowhere to go.
        let error = guard(|| {
            drop(unsafe { Box::from_raw(pointer) });
            Ok(())
        });
        unsafe { error::free(error) };
    }
}

/// What the stores did since the start.
///
/// # Safety
/// As the module says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_runtime_metrics(
    runtime: *const lakeio_runtime,
    out: *mut *mut c_char,
) -> *mut lakeio_error {
    guard(|| {
        check_out(out)?;
        let metrics = unsafe { handle("runtime", runtime)? }.0.metrics()?;
        unsafe { give_text(out, &metrics.to_string()) };
        Ok(())
    })
}

/// Makes a flag.
#[no_mangle]
pub extern "C" fn lakeio_cancel_new() -> *mut lakeio_cancel {
    Box::into_raw(Box::new(lakeio_cancel(Cancel::new())))
}

/// Raises a flag. Async-signal-unsafe.
///
/// # Safety
/// As the module says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_cancel_raise(cancel: *mut lakeio_cancel) {
    if let Some(cancel) = unsafe { cancel.as_ref() } {
        cancel.0.raise();
    }
}

/// Takes a flag back. NULL is nothing.
///
/// # Safety
/// As the module says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_cancel_free(cancel: *mut lakeio_cancel) {
    free_handle(cancel);
}

/// Which credential a location would use, and whether its store answers.
///
/// # Safety
/// As the module says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_store_probe(
    runtime: *mut lakeio_runtime,
    call: *const lakeio_call,
    location: *const c_char,
    out: *mut *mut c_char,
) -> *mut lakeio_error {
    guard(|| {
        check_out(out)?;
        let runtime = &unsafe { handle("runtime", runtime)? }.0;
        let call = unsafe { call_of(call)? };
        let location = unsafe { text("location", location)? };
        let location = parse::<LocationRequest>("location", location)?.location()?;
        let answer = lakeio_store::probe(runtime, &call, &location);
        unsafe { give_text(out, &answer.to_string()) };
        Ok(())
    })
}

/// Opens a version of a table.
///
/// # Safety
/// As the module says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_table_open(
    runtime: *mut lakeio_runtime,
    call: *const lakeio_call,
    request: *const c_char,
    out: *mut *mut lakeio_table,
) -> *mut lakeio_error {
    guard(|| {
        check_out(out)?;
        let runtime = &unsafe { handle("runtime", runtime)? }.0;
        let call = unsafe { call_of(call)? };
        let request: OpenRequest = parse("request", unsafe { text("request", request)? })?;
        let table = Table::open(runtime, &call, &request.location()?, request.version()?)?;
        unsafe { give(out, Box::into_raw(Box::new(lakeio_table(table)))) };
        Ok(())
    })
}

/// Takes a table back. NULL is nothing.
///
/// # Safety
/// As the module says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_table_free(table: *mut lakeio_table) {
    free_handle(table);
}

unsafe fn of_table(
    table: *const lakeio_table,
    call: *const lakeio_call,
    out: *mut *mut c_char,
    work: impl FnOnce(&Table, &Call) -> Result<String>,
) -> *mut lakeio_error {
    guard(|| {
        check_out(out)?;
        let table = &unsafe { handle("table", table)? }.0;
        let call = unsafe { call_of(call)? };
        let answer = work(table, &call)?;
        unsafe { give_text(out, &answer) };
        Ok(())
    })
}

/// Describes a version of a table.
///
/// # Safety
/// As the module says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_table_describe(
    table: *const lakeio_table,
    call: *const lakeio_call,
    out: *mut *mut c_char,
) -> *mut lakeio_error {
    unsafe {
        of_table(table, call, out, |table, call| {
            Ok(table.describe(call)?.to_string())
        })
    }
}

/// Sums over the files of a version.
///
/// # Safety
/// As the module says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_table_totals(
    table: *const lakeio_table,
    call: *const lakeio_call,
    out: *mut *mut c_char,
) -> *mut lakeio_error {
    unsafe {
        of_table(table, call, out, |table, call| {
            Ok(table.totals(call)?.to_string())
        })
    }
}

/// Whether anything has changed since a recorded position.
///
/// # Safety
/// As the module says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_observe(
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
            |runtime, call, request: ObserveRequest| {
                let fingerprint = &request.commit_fingerprint;
                lakeio_log::observe(
                    runtime,
                    call,
                    &request.location()?,
                    request.version,
                    fingerprint,
                )
            },
        )
    }
}

/// What was done to a table, newest first.
///
/// # Safety
/// As the module says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_history(
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
            |runtime, call, request: HistoryRequest| {
                lakeio_log::history(runtime, call, &request.location()?, request.limit)
            },
        )
    }
}

unsafe fn of_request<R: serde::de::DeserializeOwned>(
    runtime: *mut lakeio_runtime,
    call: *const lakeio_call,
    request: *const c_char,
    out: *mut *mut c_char,
    work: impl FnOnce(&Runtime, &Call, R) -> Result<Value>,
) -> *mut lakeio_error {
    guard(|| {
        check_out(out)?;
        let runtime = &unsafe { handle("runtime", runtime)? }.0;
        let call = unsafe { call_of(call)? };
        let request: R = parse("request", unsafe { text("request", request)? })?;
        let answer = work(runtime, &call, request)?;
        unsafe { give_text(out, &answer.to_string()) };
        Ok(())
    })
}

/// Compiles a read spec into the scan document.
///
/// # Safety
/// As the module says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_table_scan(
    table: *const lakeio_table,
    call: *const lakeio_call,
    read_spec: *const c_char,
    out: *mut *mut c_char,
) -> *mut lakeio_error {
    unsafe {
        of_table(table, call, out, |table, call| {
            call.check()?;
            let spec: ReadSpecRequest = parse("read spec", text("read_spec", read_spec)?)?;
            Ok(table.scan(&spec.spec())?.print())
        })
    }
}

/// The splits of a scan.
///
/// # Safety
/// As the module says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_table_splits(
    table: *const lakeio_table,
    call: *const lakeio_call,
    scan: *const c_char,
    target_split_bytes: i64,
    out: *mut ArrowArrayStream,
) -> *mut lakeio_error {
    guard(|| {
        check_out(out)?;
        let table = &unsafe { handle("table", table)? }.0;
        let call = unsafe { call_of(call)? };
        let scan = Scan::parse(unsafe { text("scan", scan)? })?;
        let target = u64::try_from(target_split_bytes)
            .map_err(|_| invalid("a size is negative: target_split_bytes"))?;
        let splits = table.splits(&call, scan, target)?;
        unsafe { give(out, export(Box::new(splits))) };
        Ok(())
    })
}

impl Batches for SplitBatches {
    fn schema(&self) -> SchemaRef {
        SplitBatches::schema(self)
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        SplitBatches::next_batch(self)
    }
}

/// Reads a split.
///
/// # Safety
/// As the module says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_split_read(
    runtime: *mut lakeio_runtime,
    call: *const lakeio_call,
    scan: *const c_char,
    split: *const u8,
    split_length: usize,
    options: *const c_char,
    out: *mut ArrowArrayStream,
) -> *mut lakeio_error {
    guard(|| {
        check_out(out)?;
        let runtime = &unsafe { handle("runtime", runtime)? }.0;
        let call = unsafe { call_of(call)? };
        let scan = Scan::parse(unsafe { text("scan", scan)? })?;
        if split.is_null() {
            return Err(invalid("an argument is NULL: split"));
        }
        let split = Split::parse(unsafe { std::slice::from_raw_parts(split, split_length) })?;
        let options: ReadRequest = if options.is_null() {
            ReadRequest::default()
        } else {
            parse("options", unsafe { text("options", options)? })?
        };
        let location = match &options.location {
            Some(location) => location.location()?,
            None => Location::parse(scan.table().as_str(), &Options::new())?,
        };
        let reader =
            SplitReader::open(runtime, &call, &location, &scan, &split, options.options())?;
        unsafe { give(out, export(Box::new(reader))) };
        Ok(())
    })
}

impl Batches for SplitReader {
    fn schema(&self) -> SchemaRef {
        SplitReader::schema(self)
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        SplitReader::next_batch(self)
    }
}
