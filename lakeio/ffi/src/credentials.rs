//! The callback that gives the credential of a location.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use lakeio_store::{CredentialsFn, Options, Result};

use crate::arguments::{invalid, text};
use crate::error::c_text;

/// `lakeio_credentials_fn` of the header.
#[allow(non_camel_case_types)]
pub type lakeio_credentials_fn =
    Option<unsafe extern "C" fn(context: *mut c_void, url: *const c_char) -> *mut c_char>;

extern "C" {
    fn free(memory: *mut c_void);
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

/// The callback as a runtime asks it; none of NULL.
pub(crate) fn asking(ask: lakeio_credentials_fn, context: *mut c_void) -> Option<CredentialsFn> {
    let callback = Callback { ask: ask?, context };
    Some(Arc::new(move |url: &str| callback.call(url)))
}
