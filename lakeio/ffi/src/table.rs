//! The exports that read: tables, their history and their splits.

use std::ffi::c_char;

use lakeio_log::Table;
use lakeio_scan::{Scan, Split, SplitReader};
use lakeio_store::{Call, Location, Options, Runtime};

use crate::arguments::{
    answer, call_of, free_handle, handle, invalid, of_request, of_table, owned, owned_text, text,
};
use crate::error::lakeio_error;
use crate::request::{
    parse, HistoryRequest, ObserveRequest, OpenRequest, ReadRequest, ReadSpecRequest,
};
use crate::stream::{export, ArrowArrayStream};
use crate::{lakeio_call, lakeio_runtime, lakeio_table};

/// Opens a version of a table.
///
/// # Safety
/// As the crate says.
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
/// As the crate says.
#[no_mangle]
pub unsafe extern "C" fn lakeio_table_free(table: *mut lakeio_table) {
    free_handle(table);
}

/// Describes a version of a table.
///
/// # Safety
/// As the crate says.
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
/// As the crate says.
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
/// As the crate says.
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
/// As the crate says.
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
/// As the crate says.
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
/// As the crate says.
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
/// As the crate says.
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
