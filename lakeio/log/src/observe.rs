//! Whether anything has changed since a recorded position.

use serde_json::{json, Value};
use sha2::{Digest, Sha256};

use lakeio_store::{Call, Class, Location, Result, Runtime};

use crate::names;
use crate::segment::{list, log_file, log_url, Listing};

/// A hash over the bytes of a commit: 128 bits of SHA-256, in hexadecimal.
pub(crate) fn fingerprint(commit: &[u8]) -> String {
    Sha256::digest(commit)
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The document of `lakeio_observe`: "same" when the recorded commit is listed, has the recorded
/// fingerprint and nothing follows it; "follows" when something does; "other" when it is gone or
/// another one.
pub fn observe(
    runtime: &Runtime,
    call: &Call,
    location: &Location,
    version: u64,
    recorded: &str,
) -> Result<Value> {
    let store = runtime.store(location)?;
    let log = log_url(location);
    runtime.block_on(call, async {
        let listing = Listing::read(&store, call, &log, version)
            .await
            .or_else(|error| {
                // Said better below, when the whole log is looked at.
                if error.class() == Class::ObjectNotFound {
                    Ok(Listing::default())
                } else {
                    Err(error)
                }
            })?;
        let latest = match listing.latest() {
            Some(latest) => Some(latest),
            None => list(&store, call, location, &log, 0).await?.latest(),
        };
        let mut state = "other";
        if listing.commits.contains_key(&version) && !recorded.is_empty() {
            match store
                .get(call, &log_file(&log, &names::commit(version)))
                .await
            {
                Ok(bytes) if fingerprint(&bytes) == recorded => {
                    state = if latest == Some(version) {
                        "same"
                    } else {
                        "follows"
                    };
                }
                Ok(_) => {}
                Err(error) if error.class() == Class::ObjectNotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(json!({ "state": state, "latest_version": latest }))
    })
}
