//! Spillway's C ABI over Delta logs, Parquet and object stores: the exports of `lakeio.h`.
//!
//! Here are runtimes, flags, errors and strings; `table` has the exports that read, `write`
//! those that write. Each export checks what C gave, calls one function of the other crates,
//! and hands the outcome over. No panic gets out.
//!
//! # Safety
//!
//! Every export follows the header: pointers are valid or NULL, strings end with NUL, handles came
//! from the export that makes them and are not used after they were freed. What can be checked is
//! checked, and is an error of class INVALID_ARGUMENT.

mod arguments;
mod credentials;
mod error;
mod request;
mod stream;
mod table;
mod write;

use std::ffi::{c_char, c_void};

use lakeio_log::Table;
use lakeio_store::{Cancel, Environment, Runtime};

use arguments::{answer, call_of, free_handle, handle, owned, owned_text, text};
use credentials::asking;
pub use credentials::lakeio_credentials_fn;
pub use error::lakeio_error;
use request::{parse, LocationRequest, RuntimeRequest};
pub use stream::ArrowArrayStream;
pub use table::{
    lakeio_history, lakeio_observe, lakeio_split_read, lakeio_table_describe, lakeio_table_free,
    lakeio_table_open, lakeio_table_scan, lakeio_table_splits, lakeio_table_totals,
};
pub use write::{lakeio_parquet_write, lakeio_table_append, lakeio_table_create};

/// `LAKEIO_ABI_VERSION` of the header.
const ABI_VERSION: u32 = 3;

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
        let credentials = asking(credentials, context);
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
