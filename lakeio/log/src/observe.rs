//! Whether anything has changed since a recorded position.

use serde_json::{json, Value};
use sha2::{Digest, Sha256};

use lakeio_store::{Call, Class, Location, Result, Runtime, Store};
use url::Url;

use crate::lines::window_of;
use crate::segment::{list, log_file, log_url, of_log, Checkpoint, Listing, LogObject};

/// 128 bits of SHA-256, in hexadecimal.
fn printed(hash: Sha256) -> String {
    let bytes = hash.finalize();
    let bytes = bytes.iter().take(16);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// The hash over the bytes of a commit.
async fn hash_of(store: &Store, call: &Call, url: &Url, size: u64) -> Result<Sha256> {
    let window = window_of(store);
    if size <= window {
        return Ok(Sha256::new_with_prefix(store.get(call, url).await?));
    }
    let reader = store.reader(call, url, Some(size)).await?;
    let mut hash = Sha256::new();
    let mut start = 0;
    while start < reader.size() {
        let end = reader.size().min(start + window);
        hash.update(reader.read(call, start..end).await?);
        start = end;
    }
    Ok(hash)
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
        return match hash_of(store, call, &log_file(log, &commit.name), commit.size).await {
            Ok(hash) => Ok(printed(hash)),
            Err(error) if error.class() == Class::ObjectNotFound => Ok(String::new()),
            Err(error) => Err(of_log(error)),
        };
    }
    let Some(checkpoint) = checkpoint else {
        return Ok(String::new());
    };
    let mut files = String::new();
    for file in &checkpoint.files {
        files += &format!("{} {} {}\n", file.name, file.size, file.modified_ms);
    }
    Ok(printed(Sha256::new_with_prefix(files)))
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
