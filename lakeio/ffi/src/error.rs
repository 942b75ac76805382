//! Errors as C sees them, and the guard that no panic gets past.

use std::any::Any;
use std::ffi::{c_char, CString};
use std::panic::{catch_unwind, AssertUnwindSafe};

use lakeio_store::{Error, Result};

/// `lakeio_error` of the header.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct lakeio_error {
    /// What the caller should do.
    pub code: i32,
    /// 1 when the same call may succeed later.
    pub retryable: i32,
    /// The class of the reference page.
    pub error_class: *const c_char,
    /// Fixed text first, variables last.
    pub message: *const c_char,
    /// The URL of the object concerned, or "".
    pub object: *const c_char,
    /// A JSON object of strings.
    pub details: *const c_char,
}

/// The error with its own memory, given back by `lakeio_error_free`. The C struct comes first, so
/// that a pointer to one is a pointer to the other.
#[repr(C)]
struct Owned {
    seen: lakeio_error,
    error: Error,
    texts: [CString; 4],
}

/// Text without NUL characters, which C could not see past.
pub(crate) fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}

/// Hands an error to the caller.
pub(crate) fn to_c(error: Error) -> *mut lakeio_error {
    let texts = [
        c_text(error.class().name()),
        c_text(error.message()),
        c_text(error.object()),
        c_text(&error.details_json().to_string()),
    ];
    let seen = lakeio_error {
        code: error.code() as i32,
        retryable: i32::from(error.retryable()),
        error_class: texts[0].as_ptr(),
        message: texts[1].as_ptr(),
        object: texts[2].as_ptr(),
        details: texts[3].as_ptr(),
    };
    Box::into_raw(Box::new(Owned { seen, error, texts })).cast()
}

/// Takes an error back.
///
/// # Safety
/// `error` is NULL or came from `to_c` and is not used afterwards.
pub(crate) unsafe fn free(error: *mut lakeio_error) {
    if !error.is_null() {
        let owned = unsafe { Box::from_raw(error.cast::<Owned>()) };
        debug_assert_eq!(owned.seen.error_class, owned.texts[0].as_ptr());
    }
}

/// The JSON form of an error.
///
/// # Safety
/// `error` is NULL or came from `to_c`.
pub(crate) unsafe fn json(error: *const lakeio_error) -> Option<String> {
    let owned = unsafe { error.cast::<Owned>().as_ref() }?;
    Some(owned.error.to_json().to_string())
}

/// What a caught panic said.
pub(crate) fn from_panic(payload: &(dyn Any + Send)) -> Error {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_string())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".into());
    Error::internal(format!("lakeio panicked: {text}"))
}

/// Runs `work`; its error or panic becomes an error of the C ABI, success becomes NULL.
pub(crate) fn guard(work: impl FnOnce() -> Result<()>) -> *mut lakeio_error {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => std::ptr::null_mut(),
        Ok(Err(error)) => to_c(error),
        Err(payload) => to_c(from_panic(payload.as_ref())),
    }
}
