//! Which files of the log make up one version: a checkpoint and the commits after it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use serde_json::Value;
use url::Url;

use lakeio_store::{Call, Class, Error, Location, ObjectMeta, Result, Store, StoreKind};

use crate::names::{self, LogName, LAST_CHECKPOINT};

/// One file of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogObject {
    pub(crate) version: u64,
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) modified_ms: i64,
}

/// All files of one checkpoint, without its sidecars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) version: u64,
    pub(crate) files: Vec<LogObject>,
    /// How many data files it lists, where `_last_checkpoint` says so.
    pub(crate) adds: Option<u64>,
}

/// The files that a version is read from.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// URL of `_delta_log/`.
    pub(crate) log: Url,
    /// The version that the files make up.
    pub(crate) version: u64,
    /// The newest complete checkpoint at or before the version.
    pub(crate) checkpoint: Option<Checkpoint>,
    /// The commits after the checkpoint up to the version, all of them, oldest first.
    pub(crate) commits: Vec<LogObject>,
    /// The commit file of the version, which may lie at the checkpoint.
    pub(crate) tip: Option<LogObject>,
    /// Whether the version has a checksum file.
    pub(crate) has_checksum: bool,
}

/// What a listing of the log found, by version.
#[derive(Default)]
pub(crate) struct Listing {
    pub(crate) commits: BTreeMap<u64, LogObject>,
    checkpoints: BTreeMap<u64, Vec<(LogName, LogObject)>>,
    /// Files of checkpoints in which there is nothing.
    empty: BTreeMap<u64, LogObject>,
    checksums: BTreeSet<u64>,
}

/// URL of the `_delta_log/` of the table at `location`.
pub(crate) fn log_url(location: &Location) -> Url {
    let mut url = location.root();
    url.set_path(&format!("{}_delta_log/", url.path()));
    url
}

/// URL of a file of the log. REQUIRES: the name is one that a listing gave or `names` made.
pub(crate) fn log_file(log: &Url, name: &str) -> Url {
    let mut url = log.clone();
    let encoded: String = name
        .chars()
        .map(|c| match c {
            '%' => "%25".to_string(),
            '?' => "%3F".to_string(),
            '#' => "%23".to_string(),
            '\\' => "%5C".to_string(),
            other => other.to_string(),
        })
        .collect();
    url.set_path(&format!("{}{encoded}", log.path()));
    url
}

impl Listing {
    /// Lists the log from version `from` on.
    pub(crate) async fn read(store: &Store, call: &Call, log: &Url, from: u64) -> Result<Self> {
        let mut listing = Listing::default();
        store
            .list(call, log, &names::prefix(from), |meta| {
                if !meta.name.starts_with(|c: char| c.is_ascii_digit()) {
                    // Everything of interest starts with a digit and comes before.
                    return if meta.name.as_str() > ":" {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    };
                }
                listing.add(meta);
                ControlFlow::Continue(())
            })
            .await
            .map_err(|error| error.reclass_if(Class::NotAFile, Class::ObjectNotFound))?;
        Ok(listing)
    }

    fn add(&mut self, meta: ObjectMeta) {
        let Some(parsed) = names::parse(&meta.name) else {
            return;
        };
        let object = |version, meta: ObjectMeta| LogObject {
            version,
            name: meta.name,
            size: meta.size,
            modified_ms: meta.modified_ms,
        };
        match parsed {
            LogName::Commit(version) => {
                self.commits.insert(version, object(version, meta));
            }
            LogName::Checkpoint(version)
            | LogName::CheckpointPart { version, .. }
            | LogName::CheckpointV2 { version, .. } => {
                let object = object(version, meta);
                // What a writer that was stopped left behind is no checkpoint.
                if object.size == 0 {
                    self.empty.insert(version, object);
                    return;
                }
                self.checkpoints
                    .entry(version)
                    .or_default()
                    .push((parsed, object));
            }
            LogName::Checksum(version) => {
                self.checksums.insert(version);
            }
            LogName::Other => {}
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.commits.is_empty() && self.checkpoints.is_empty()
    }

    /// The newest version that has a commit or a complete checkpoint.
    pub(crate) fn latest(&self) -> Option<u64> {
        let commit = self.commits.keys().next_back().copied();
        let checkpoint = self
            .checkpoints
            .keys()
            .rev()
            .copied()
            .find(|v| self.complete(*v).is_some());
        commit.max(checkpoint)
    }

    /// The files of a complete checkpoint of `version`.
    pub(crate) fn complete(&self, version: u64) -> Option<Checkpoint> {
        let files = self.checkpoints.get(&version)?;
        let single = files
            .iter()
            .filter(|(name, _)| !matches!(name, LogName::CheckpointPart { .. }))
            // Of several, one with sidecars is the cheapest to read.
            .max_by_key(|(name, object)| {
                (
                    matches!(name, LogName::CheckpointV2 { .. }),
                    object.name.as_str(),
                )
            });
        if let Some((_, object)) = single {
            return Some(Checkpoint {
                version,
                files: vec![object.clone()],
                adds: None,
            });
        }
        let mut by_count: BTreeMap<u32, BTreeMap<u32, &LogObject>> = BTreeMap::new();
        for (name, object) in files {
            if let LogName::CheckpointPart { index, of, .. } = name {
                by_count.entry(*of).or_default().insert(*index, object);
            }
        }
        let (_, parts) = by_count
            .iter()
            .find(|(of, parts)| parts.len() == **of as usize)?;
        Some(Checkpoint {
            version,
            files: parts.values().map(|o| (*o).clone()).collect(),
            adds: None,
        })
    }

    /// The first version from which on every version up to `latest` can be read.
    pub(crate) fn earliest_readable(&self, latest: u64) -> Option<u64> {
        let mut start = latest;
        while start > 0
            && self.commits.contains_key(&start)
            && self.commits.contains_key(&(start - 1))
        {
            start -= 1;
        }
        if start == 0 && self.commits.contains_key(&0) {
            return Some(0);
        }
        self.checkpoints
            .range(start.saturating_sub(1)..=latest)
            .map(|(version, _)| *version)
            .find(|version| self.complete(*version).is_some())
    }

    /// Chooses the files of version `at`, or of the latest one.
    fn choose(&self, log: &Url, at: Option<u64>) -> Result<Segment> {
        let latest = self.latest().ok_or_else(|| {
            truncated(
                "the Delta log has no commit and no complete checkpoint",
                log,
            )
        })?;
        let version = at.unwrap_or(latest);
        if version > latest {
            return Err(no_such_version(version, latest, log));
        }
        let checkpoint = self
            .checkpoints
            .range(..=version)
            .rev()
            .find_map(|(candidate, _)| self.complete(*candidate));
        let first = checkpoint.as_ref().map_or(0, |c| c.version + 1);
        let mut commits = Vec::new();
        for wanted in first..=version {
            match self.commits.get(&wanted) {
                Some(object) => commits.push(object.clone()),
                None => return Err(self.gap(log, at, wanted, version, latest)),
            }
        }
        let tip = self.commits.get(&version).cloned();
        Ok(Segment {
            log: log.clone(),
            version,
            checkpoint,
            commits,
            tip,
            has_checksum: self.checksums.contains(&version),
        })
    }

    /// Why `version` cannot be read when commit `missing` is not there.
    fn gap(&self, log: &Url, at: Option<u64>, missing: u64, version: u64, latest: u64) -> Error {
        if let Some((_, empty)) = self
            .empty
            .range(missing.saturating_sub(1)..=version)
            .next_back()
        {
            return Error::new(
                Class::DeltaLogCorrupt,
                "a checkpoint that the version needs is empty; restore it",
            )
            .at(log_file(log, &empty.name));
        }
        let earliest = self.earliest_readable(latest);
        match (at, earliest) {
            (Some(_), Some(earliest)) if version < earliest => {
                return Error::new(
                    Class::VersionNotFound,
                    format!(
                        "the version can no longer be read, as retention has removed what it was \
                         made of; versions {earliest} to {latest} can be read: {version}"
                    ),
                )
                .at(log)
                .with("version", version)
                .with("earliest", earliest)
                .with("latest", latest)
            }
            _ => {}
        }
        let incomplete = self
            .checkpoints
            .range(..=version)
            .next_back()
            .filter(|(candidate, _)| self.complete(**candidate).is_none())
            .map(|(candidate, _)| *candidate);
        let mut error = truncated(
            &format!(
                "the Delta log lacks a commit that version {version} needs; restore the file, or \
                 read a version that does not need it: version {missing}"
            ),
            &log_file(log, &names::commit(missing)),
        )
        .with("version", version)
        .with("missing", missing);
        if let Some(incomplete) = incomplete {
            error = error.with("incomplete_checkpoint", incomplete);
        }
        error
    }
}

impl Segment {
    /// The files of version `at`, or of the latest one.
    pub(crate) async fn load(
        store: &Store,
        call: &Call,
        location: &Location,
        at: Option<u64>,
    ) -> Result<Segment> {
        let log = log_url(location);
        let hint = match last_checkpoint(store, call, &log).await {
            Ok(hint) => hint,
            Err(error) if error.class() == Class::NotAFile => {
                // What is no file may be the folder; then its own error says it better.
                list(store, call, location, &log, 0).await?;
                return Err(of_log(error));
            }
            Err(error) => return Err(of_log(error)),
        };
        let hint = hint.filter(|hint| at.is_none_or(|version| version >= hint.version));
        if let Some(hint) = hint {
            let listing = list(store, call, location, &log, hint.version).await?;
            if listing.complete(hint.version).is_some() {
                listing.refuse_lost_tail(store, call, &log, at).await?;
                let mut segment = listing.choose(&log, at)?;
                if let Some(checkpoint) = &mut segment.checkpoint {
                    checkpoint.adds = hint.adds.filter(|_| checkpoint.version == hint.version);
                }
                return Ok(segment);
            }
        }
        let listing = list(store, call, location, &log, 0).await?;
        if listing.is_empty() {
            return Err(empty_log(&log));
        }
        listing.refuse_lost_tail(store, call, &log, at).await?;
        listing.choose(&log, at)
    }
}

impl Listing {
    /// A checksum is written after its commit; one without it tells that the commit is lost.
    pub(crate) async fn refuse_lost_tail(
        &self,
        store: &Store,
        call: &Call,
        log: &Url,
        at: Option<u64>,
    ) -> Result<()> {
        let (Some(&checksum), Some(latest)) = (self.checksums.last(), self.latest()) else {
            return Ok(());
        };
        if checksum <= latest || at.is_some() {
            return Ok(());
        }
        // The commit may have appeared while the listing went on.
        let commit = log_file(log, &names::commit(checksum));
        match store.head(call, &commit).await {
            Ok(_) => Ok(()),
            Err(error) if error.class() == Class::ObjectNotFound => Err(truncated(
                &format!(
                    "the Delta log has the checksum of a commit that is not there; restore the \
                     commit, or remove the checksum if the commit was taken back: version {checksum}"
                ),
                &commit,
            )
            .with("missing", checksum)),
            Err(error) => Err(error),
        }
    }
}

/// Lists the log from `from` on; says what is missing when there is no log.
pub(crate) async fn list(
    store: &Store,
    call: &Call,
    location: &Location,
    log: &Url,
    from: u64,
) -> Result<Listing> {
    let listed = Listing::read(store, call, log, from).await;
    match listed {
        Ok(listing) if listing.is_empty() && from == 0 => {
            Err(why_no_log(store, call, location, log).await)
        }
        Err(error) if error.class() == Class::ObjectNotFound => {
            Err(why_no_log(store, call, location, log).await)
        }
        other => other,
    }
}

/// What `_last_checkpoint` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LastCheckpoint {
    version: u64,
    /// How many data files the checkpoint lists.
    adds: Option<u64>,
}

/// What `_last_checkpoint` says; `None` when it is missing or damaged, since the listing alone says
/// what there is.
async fn last_checkpoint(store: &Store, call: &Call, log: &Url) -> Result<Option<LastCheckpoint>> {
    match store.get(call, &log_file(log, LAST_CHECKPOINT)).await {
        Ok(bytes) => {
            let hint: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            let number = |key: &str| hint.get(key).and_then(Value::as_u64);
            Ok(number("version").map(|version| LastCheckpoint {
                version,
                adds: number("numOfAddFiles"),
            }))
        }
        Err(error) if error.class() == Class::ObjectNotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn why_no_log(store: &Store, call: &Call, location: &Location, log: &Url) -> Error {
    let root = location.root();
    let mut anything = false;
    let found = store
        .list(call, &root, "", |_| {
            anything = true;
            ControlFlow::Break(())
        })
        .await;
    let exists = match found {
        // A store of objects knows no empty directories.
        Ok(()) if anything || location.kind() == StoreKind::Local => true,
        Ok(()) => match store.any_below(call, &root).await {
            Ok(found) => found,
            Err(error) if error.class() == Class::ObjectNotFound => false,
            Err(error) => return error,
        },
        Err(error) if matches!(error.class(), Class::ObjectNotFound | Class::NotAFile) => false,
        Err(error) => return error,
    };
    if exists {
        empty_log(log)
    } else {
        Error::new(
            Class::SourceNotFound,
            "no table is at the location; check the URL: it must be the folder that contains \
             _delta_log",
        )
        .at(location.url())
    }
}

fn empty_log(log: &Url) -> Error {
    Error::new(
        Class::DeltaLogMissing,
        "the location holds no Delta log; check the URL: it must be the folder that contains \
         _delta_log",
    )
    .at(log)
}

pub(crate) fn truncated(message: &str, object: &Url) -> Error {
    Error::new(Class::DeltaTruncatedTransactionLog, message).at(object)
}

fn no_such_version(version: u64, latest: u64, log: &Url) -> Error {
    Error::new(
        Class::VersionNotFound,
        format!("the table has no such version; the latest is {latest}: {version}"),
    )
    .at(log)
    .with("version", version)
    .with("latest", latest)
}

/// A file of the log that was listed and is not there any more when it is read.
pub(crate) fn gone(error: Error) -> Error {
    if error.class() == Class::ObjectNotFound {
        let object = error.object().to_string();
        return Error::new(
            Class::DeltaTruncatedTransactionLog,
            "a file that the Delta log needs is gone; restore it, or read a newer version",
        )
        .at(object);
    }
    of_log(error)
}

/// An error of reading an object, knowing that it is a file of the log.
pub(crate) fn of_log(error: Error) -> Error {
    [
        Class::ObjectTruncated,
        Class::ObjectChanged,
        Class::NotAFile,
    ]
    .into_iter()
    .fold(error, |error, class| {
        error.reclass_if(class, Class::DeltaLogCorrupt)
    })
}
