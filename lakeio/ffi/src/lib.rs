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

use lakeio_log::Table;
use lakeio_scan::{Scan, Split, SplitReader};
use lakeio_store::{
    Call, Cancel, Class, CredentialsFn, Environment, Error, Location, Options, Result, Runtime,
};
use serde::de::DeserializeOwned;

pub use error::lakeio_error;
use error::{c_text, guard};
use request::{
    parse, HistoryRequest, LocationRequest, ObserveRequest, OpenRequest, ReadRequest,
    ReadSpecRequest, RuntimeRequest,
};
use stream::export;
pub use stream::ArrowArrayStream;
pub use write::{lakeio_parquet_write, lakeio_table_append, lakeio_table_create};

/// `LAKEIO_ABI_VERSION` of the header.
const ABI_VERSION: u32 = 2;

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

/// Runs `work` and puts what it gives to `out`, which is looked at before any work is done.
unsafe fn give<T>(out: *mut T, work: impl FnOnce() -> Result<T>) -> Result<()> {
    if out.is_null() {
        return Err(invalid("an argument is NULL: out"));
    }
    let value = work()?;
    unsafe { std::ptr::write(out, value) };
    Ok(())
}

/// An export: `give`, with its error or panic as C sees it.
unsafe fn answer<T>(out: *mut T, work: impl FnOnce() -> Result<T>) -> *mut lakeio_error {
    guard(|| unsafe { give(out, work) })
}

/// An answer about an open table.
unsafe fn of_table<T>(
    table: *const lakeio_table,
    call: *const lakeio_call,
    out: *mut T,
    work: impl FnOnce(&Table, &Call) -> Result<T>,
) -> *mut lakeio_error {
    let work = || {
        let table = &unsafe { handle("table", table)? }.0;
        let call = unsafe { call_of(call)? };
        work(table, &call)
    };
    unsafe { answer(out, work) }
}

/// An answer to a request.
unsafe fn of_request<R: DeserializeOwned, T>(
    runtime: *const lakeio_runtime,
    call: *const lakeio_call,
    request: *const c_char,
    out: *mut T,
    work: impl FnOnce(&Runtime, &Call, R) -> Result<T>,
) -> *mut lakeio_error {
    unsafe { answer(out, || asked(runtime, call, request, work)) }
}

/// Runs `work` with what a request's arguments say.
unsafe fn asked<R: DeserializeOwned, T>(
    runtime: *const lakeio_runtime,
    call: *const lakeio_call,
    request: *const c_char,
    work: impl FnOnce(&Runtime, &Call, R) -> Result<T>,
) -> Result<T> {
    let runtime = &unsafe { handle("runtime", runtime)? }.0;
    let call = unsafe { call_of(call)? };
    let request = parse("request", unsafe { text("request", request)? })?;
    work(runtime, &call, request)
}

/// Text for the caller to own.
fn owned_text(text: impl ToString) -> *mut c_char {
    c_text(&text.to_string()).into_raw()
}

/// A handle for the caller to own.
fn owned<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
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
        Some(json) => owned_text(json),
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
    let work = || {
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
        Ok(owned(lakeio_runtime(runtime)))
    };
    unsafe { answer(out, work) }
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
    let work = || unsafe { handle("runtime", runtime)? }.0.metrics();
    unsafe { answer(out, || work().map(owned_text)) }
}

/// Makes a flag.
#[no_mangle]
pub extern "C" fn lakeio_cancel_new() -> *mut lakeio_cancel {
    owned(lakeio_cancel(Cancel::new()))
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
    let work = || {
        let runtime = &unsafe { handle("runtime", runtime)? }.0;
        let call = unsafe { call_of(call)? };
        let location = unsafe { text("location", location)? };
        let location = parse::<LocationRequest>("location", location)?.location()?;
        Ok(owned_text(lakeio_store::probe(runtime, &call, &location)))
    };
    unsafe { answer(out, work) }
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
    let open = |runtime: &Runtime, call: &Call, request: OpenRequest| {
        let table = Table::open(runtime, call, &request.location()?, request.version()?)?;
        Ok(owned(lakeio_table(table)))
    };
    unsafe { of_request(runtime, call, request, out, open) }
}

/// Takes a table back. NULL is nothing.
///
/// # Safety
/// As the module says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_table_free(table: *mut lakeio_table) {
    free_handle(table);
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
    let describe = |table: &Table, call: &Call| table.describe(call).map(owned_text);
    unsafe { of_table(table, call, out, describe) }
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
    let totals = |table: &Table, call: &Call| table.totals(call).map(owned_text);
    unsafe { of_table(table, call, out, totals) }
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
    let observe = |runtime: &Runtime, call: &Call, request: ObserveRequest| {
        let (location, fingerprint) = (request.location()?, &request.commit_fingerprint);
        let state = lakeio_log::observe(runtime, call, &location, request.version, fingerprint)?;
        Ok(owned_text(state))
    };
    unsafe { of_request(runtime, call, request, out, observe) }
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
    let history = |runtime: &Runtime, call: &Call, request: HistoryRequest| {
        let location = request.location()?;
        lakeio_log::history(runtime, call, &location, request.limit).map(owned_text)
    };
    unsafe { of_request(runtime, call, request, out, history) }
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
    let scan = |table: &Table, call: &Call| {
        call.check()?;
        let read_spec = unsafe { text("read_spec", read_spec)? };
        let spec: ReadSpecRequest = parse("read spec", read_spec)?;
        Ok(owned_text(table.scan(&spec.spec())?.print()))
    };
    unsafe { of_table(table, call, out, scan) }
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
    let splits = |table: &Table, call: &Call| {
        let scan = Scan::parse(unsafe { text("scan", scan)? })?;
        let target = u64::try_from(target_split_bytes)
            .map_err(|_| invalid("a size is negative: target_split_bytes"))?;
        let mut splits = table.splits(call, scan, target)?;
        Ok(export(splits.schema(), move || splits.next_batch()))
    };
    unsafe { of_table(table, call, out, splits) }
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
    let work = || {
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
        let mut reader =
            SplitReader::open(runtime, &call, &location, &scan, &split, options.options())?;
        Ok(export(reader.schema(), move || reader.next_batch()))
    };
    unsafe { answer(out, work) }
}
