//! Whether anything has changed since a recorded position.

use serde_json::{json, Value};
use sha2::{Digest, Sha256};

use lakeio_store::{Call, Class, Location, Result, Runtime, Store};
use url::Url;

use crate::segment::{list, log_file, log_url, of_log, Checkpoint, Listing, LogObject};

/// A hash over the bytes of a commit: 128 bits of SHA-256, in hexadecimal.
pub(crate) fn fingerprint(commit: &[u8]) -> String {
    Sha256::digest(commit)
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What tells a version from another of its number: the bytes of its commit or, where that is not
/// there any more, which files its checkpoint consists of; "" where there is neither.
pub(crate) async fn fingerprint_of(
    store: &Store,
    call: &Call,
    log: &Url,
    commit: Option<&LogObject>,
    checkpoint: Option<&Checkpoint>,
) -> Result<String> {
    if let Some(commit) = commit {
        match store.get(call, &log_file(log, &commit.name)).await {
            Ok(bytes) => return Ok(fingerprint(&bytes)),
            Err(error) if error.class() == Class::ObjectNotFound => return Ok(String::new()),
            Err(error) => return Err(of_log(error)),
        }
    }
    let Some(checkpoint) = checkpoint else {
        return Ok(String::new());
    };
    let mut files = String::new();
    for file in &checkpoint.files {
        files += &format!("{} {} {}\n", file.name, file.size, file.modified_ms);
    }
    Ok(fingerprint(files.as_bytes()))
}

/// The document of `lakeio_observe`: "same" when the recorded version is listed, has the recorded
/// fingerprint and nothing follows it; "follows" when something does; "other" when it is gone or
/// another one. Fails as `Table::open` does when the log's end is lost.
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
        let listing = match listing.latest() {
            Some(_) => listing,
            None => list(&store, call, location, &log, 0).await?,
        };
        listing.refuse_lost_tail(&store, call, &log, None).await?;
        let latest = listing.latest();
        let commit = listing.commits.get(&version);
        let checkpoint = listing.complete(version);
        let found = fingerprint_of(&store, call, &log, commit, checkpoint.as_ref()).await?;
        let state = if found.is_empty() || found != recorded {
            "other"
        } else if latest == Some(version) {
            "same"
        } else {
            "follows"
        };
        Ok(json!({ "state": state, "latest_version": latest }))
    })
}
