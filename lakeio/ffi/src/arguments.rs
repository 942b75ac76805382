//! What C gives to an export and gets from it: NULL, UTF-8, JSON and deadlines checked, results
//! handed over, and no panic let out.

use std::ffi::{c_char, CStr};
use std::time::Duration;

use lakeio_log::Table;
use lakeio_store::{Call, Class, Error, Result, Runtime};
use serde::de::DeserializeOwned;

use crate::error::{self, c_text, guard, lakeio_error};
use crate::request::parse;
use crate::{lakeio_call, lakeio_runtime, lakeio_table};

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Class::InvalidRequest, message)
}

pub(crate) unsafe fn text<'a>(what: &str, pointer: *const c_char) -> Result<&'a str> {
    if pointer.is_null() {
        return Err(invalid(format!("an argument is NULL: {what}")));
    }
    let bytes = unsafe { CStr::from_ptr(pointer) };
    bytes
        .to_str()
        .map_err(|_| invalid(format!("an argument is not UTF-8: {what}")))
}

pub(crate) unsafe fn handle<'a, T>(what: &str, pointer: *const T) -> Result<&'a T> {
    unsafe { pointer.as_ref() }.ok_or_else(|| invalid(format!("an argument is NULL: {what}")))
}

/// Runs `work` and puts what it gives to `out`, which is looked at before any work is done.
pub(crate) unsafe fn give<T>(out: *mut T, work: impl FnOnce() -> Result<T>) -> Result<()> {
    if out.is_null() {
        return Err(invalid("an argument is NULL: out"));
    }
    let value = work()?;
    unsafe { std::ptr::write(out, value) };
    Ok(())
}

/// An export: `give`, with its error or panic as C sees it.
pub(crate) unsafe fn answer<T>(out: *mut T, work: impl FnOnce() -> Result<T>) -> *mut lakeio_error {
    guard(|| unsafe { give(out, work) })
}

/// An answer about an open table.
pub(crate) unsafe fn of_table<T>(
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
pub(crate) unsafe fn of_request<R: DeserializeOwned, T>(
    runtime: *const lakeio_runtime,
    call: *const lakeio_call,
    request: *const c_char,
    out: *mut T,
    work: impl FnOnce(&Runtime, &Call, R) -> Result<T>,
) -> *mut lakeio_error {
    unsafe { answer(out, || asked(runtime, call, request, work)) }
}

/// Runs `work` with what a request's arguments say.
pub(crate) unsafe fn asked<R: DeserializeOwned, T>(
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
pub(crate) fn owned_text(text: impl ToString) -> *mut c_char {
    c_text(&text.to_string()).into_raw()
}

/// A handle for the caller to own.
pub(crate) fn owned<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Takes a handle back. NULL is nothing.
pub(crate) fn free_handle<T>(pointer: *mut T) {
    if !pointer.is_null() {
        // An error here has nowhere to go.
        let error = guard(|| {
            drop(unsafe { Box::from_raw(pointer) });
            Ok(())
        });
        unsafe { error::free(error) };
    }
}

/// The deadline and flag of a call; of NULL none.
pub(crate) unsafe fn call_of(call: *const lakeio_call) -> Result<Call> {
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
