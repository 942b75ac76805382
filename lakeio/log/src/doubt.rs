//! A commit whose answer was lost: the log is asked whether it happened.

use std::time::Duration;

use url::Url;

use lakeio_store::{Call, Class, Error, Result, Runtime, Store};

/// How long the log is asked.
const DOUBT: Duration = Duration::from_secs(10);

/// After `error`, which may have come after the commit of `body` as the file `url`: true when the log
/// has it, false when it has another one in its place. Fails with `error` when it certainly did not
/// happen, and with COMMIT_UNKNOWN when that cannot be told. `body` must be unique to the caller.
pub(crate) fn committed(
    runtime: &Runtime,
    store: &Store,
    url: &Url,
    body: &str,
    error: Error,
) -> Result<bool> {
    let call = Call::new(Some(DOUBT), None);
    let never_left = store.is_local()
        || matches!(
            error.class(),
            Class::StoreAuthentication | Class::StoreRefused
        );
    match runtime.block_on(&call, store.get(&call, url)) {
        Ok(there) => Ok(there == body.as_bytes()),
        // A request that never left, or a file system that answers at once, leaves no doubt.
        Err(gone) if gone.class() == Class::ObjectNotFound && never_left => Err(error),
        Err(_) => Err(Error::new(
            Class::CommitUnknown,
            format!(
                "whether the commit happened is not known; look for it before repeating it: {}",
                error.message()
            ),
        )
        .at(url)),
    }
}
