//! Batches as an Arrow C stream whose last error is the JSON form of ours.

use std::ffi::{c_char, c_int, c_void, CString};
use std::panic::{catch_unwind, AssertUnwindSafe};

use arrow::array::{Array, RecordBatch, StructArray};
use arrow::datatypes::{Field, SchemaRef};
use arrow::error::ArrowError;
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use lakeio_store::{Class, Code, Error, Result};
use serde_json::Value;

use crate::error::{c_text, from_panic};

/// `ArrowArrayStream` of the Arrow C stream interface.
#[repr(C)]
#[derive(Debug)]
pub struct ArrowArrayStream {
    get_schema: Option<unsafe extern "C" fn(*mut ArrowArrayStream, *mut FFI_ArrowSchema) -> c_int>,
    get_next: Option<unsafe extern "C" fn(*mut ArrowArrayStream, *mut FFI_ArrowArray) -> c_int>,
    get_last_error: Option<unsafe extern "C" fn(*mut ArrowArrayStream) -> *const c_char>,
    release: Option<unsafe extern "C" fn(*mut ArrowArrayStream)>,
    private_data: *mut c_void,
}

impl ArrowArrayStream {
    /// A released stream, as a place for an export to write to.
    pub fn empty() -> Self {
        ArrowArrayStream {
            get_schema: None,
            get_next: None,
            get_last_error: None,
            release: None,
            private_data: std::ptr::null_mut(),
        }
    }
}

/// Gives the next batch; none at the end.
type Next = dyn FnMut() -> Result<Option<RecordBatch>> + Send;

struct State {
    schema: SchemaRef,
    next: Box<Next>,
    last_error: CString,
    failed: bool,
}

/// A stream for the caller to own.
pub(crate) fn export(
    schema: SchemaRef,
    next: impl FnMut() -> Result<Option<RecordBatch>> + Send + 'static,
) -> ArrowArrayStream {
    let state = State {
        schema,
        next: Box::new(next),
        last_error: CString::default(),
        failed: false,
    };
    ArrowArrayStream {
        get_schema: Some(get_schema),
        get_next: Some(get_next),
        get_last_error: Some(get_last_error),
        release: Some(release),
        private_data: Box::into_raw(Box::new(state)).cast::<c_void>(),
    }
}

unsafe fn state_of<'a>(stream: *mut ArrowArrayStream) -> Option<&'a mut State> {
    let stream = unsafe { stream.as_mut() }?;
    unsafe { stream.private_data.cast::<State>().as_mut() }
}

/// Runs one step; its error stays for `get_last_error` and its code becomes an errno.
fn step(state: &mut State, work: impl FnOnce(&mut State) -> Result<()>) -> c_int {
    let outcome = catch_unwind(AssertUnwindSafe(|| work(state)));
    let error = match outcome {
        Ok(Ok(())) => return 0,
        Ok(Err(error)) => error,
        Err(payload) => from_panic(payload.as_ref()),
    };
    state.failed = true;
    state.last_error = c_text(&error.to_json().to_string());
    errno(error.code())
}

fn errno(code: Code) -> c_int {
    const EIO: c_int = 5;
    const EAGAIN: c_int = 11;
    const EACCES: c_int = 13;
    const EINVAL: c_int = 22;
    const ETIMEDOUT: c_int = 110;
    const ECANCELED: c_int = 125;
    match code {
        Code::Invalid | Code::Unsupported => EINVAL,
        Code::Unauthorized => EACCES,
        Code::Unavailable | Code::Throttled => EAGAIN,
        Code::Cancelled => ECANCELED,
        Code::DeadlineExceeded => ETIMEDOUT,
        Code::NotFound
        | Code::AlreadyExists
        | Code::Conflict
        | Code::BadRow
        | Code::DataLoss
        | Code::Internal => EIO,
    }
}

unsafe extern "C" fn get_schema(stream: *mut ArrowArrayStream, out: *mut FFI_ArrowSchema) -> c_int {
    let Some(state) = (unsafe { state_of(stream) }) else {
        return 22;
    };
    step(state, |state| {
        let nul = |field: &&&Field| field.name().contains('\0');
        if let Some(field) = state.schema.flattened_fields().iter().find(nul) {
            return Err(Error::new(
                Class::UnsupportedType,
                format!(
                    "a column's name has a NUL character, which cannot be passed on; leave the \
                     column out, or rename it: {}",
                    field.name().escape_default()
                ),
            ));
        }
        let schema = FFI_ArrowSchema::try_from(state.schema.as_ref())
            .map_err(|e| Error::internal(format!("a schema cannot be exported: {e}")))?;
        unsafe { std::ptr::write(out, schema) };
        Ok(())
    })
}

unsafe extern "C" fn get_next(stream: *mut ArrowArrayStream, out: *mut FFI_ArrowArray) -> c_int {
    let Some(state) = (unsafe { state_of(stream) }) else {
        return 22;
    };
    if state.failed {
        return 5;
    }
    step(state, |state| {
        let array = match (state.next)()? {
            Some(batch) => FFI_ArrowArray::new(&StructArray::from(batch).into_data()),
            None => FFI_ArrowArray::empty(),
        };
        unsafe { std::ptr::write(out, array) };
        Ok(())
    })
}

unsafe extern "C" fn get_last_error(stream: *mut ArrowArrayStream) -> *const c_char {
    match unsafe { state_of(stream) } {
        Some(state) if state.failed => state.last_error.as_ptr(),
        _ => std::ptr::null(),
    }
}

unsafe extern "C" fn release(stream: *mut ArrowArrayStream) {
    if let Some(stream) = unsafe { stream.as_mut() } {
        if !stream.private_data.is_null() {
            let state = unsafe { Box::from_raw(stream.private_data.cast::<State>()) };
            stream.private_data = std::ptr::null_mut();
            let _ = catch_unwind(AssertUnwindSafe(|| drop(state)));
        }
        stream.release = None;
    }
}

/// A stream that the caller gave away.
pub(crate) struct Imported(RecordBatchStreamReader);

impl Imported {
    /// Takes the stream; the caller's struct is left released.
    ///
    /// # Safety
    /// `stream` is NULL or points to a valid stream.
    pub(crate) unsafe fn take(stream: *mut ArrowArrayStream) -> Result<Self> {
        if stream.is_null() {
            return Err(Error::new(
                Class::InvalidRequest,
                "a stream of rows is NULL",
            ));
        }
        unsafe { RecordBatchStreamReader::from_raw(stream.cast::<FFI_ArrowArrayStream>()) }
            .map(Imported)
            .map_err(|e| foreign(&e))
    }

    /// The reader, with its errors in our classes.
    pub(crate) fn into_batches(self) -> impl Iterator<Item = Result<RecordBatch>> {
        self.0.map(|batch| batch.map_err(|e| foreign(&e)))
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        arrow::record_batch::RecordBatchReader::schema(&self.0)
    }
}

/// The error of a foreign stream; one of ours in JSON keeps its class.
fn foreign(error: &ArrowError) -> Error {
    let text = match error {
        ArrowError::CDataInterface(text) => text.clone(),
        other => other.to_string(),
    };
    let parsed = text
        .find('{')
        .and_then(|start| serde_json::from_str::<Value>(text[start..].trim_end()).ok());
    let class = parsed.as_ref().and_then(|json| {
        let name = json["class"].as_str()?;
        Class::ALL
            .iter()
            .copied()
            .find(|class| class.name() == name)
    });
    match (class, parsed) {
        (Some(class), Some(json)) => {
            let message = json["message"].as_str().unwrap_or("").to_string();
            Error::new(class, message).at(json["object"].as_str().unwrap_or(""))
        }
        _ => Error::new(
            Class::InvalidData,
            format!("the stream of rows failed: {text}"),
        ),
    }
}
