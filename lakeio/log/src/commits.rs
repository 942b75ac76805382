//! Reads commits one after another. In a remote store they are fetched many at a time, ahead of
//! their use, and small ones are kept for the next who reads them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use url::Url;

use lakeio_store::{get_all, Call, Error, Result, Runtime, Store};

use crate::lines::ReverseLines;
use crate::segment::{gone, log_file, LogObject};

/// Commits fetched at the same time.
const WIDTH: usize = 64;
/// Commits up to this size are fetched whole; larger ones are read window by window.
const WHOLE: u64 = 256 << 10;
/// Bytes of commits that a table keeps.
const KEPT: usize = 16 << 20;

/// Commits of a remote table that were read once. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<KeptCommits>>);

#[derive(Default)]
struct KeptCommits {
    bytes: usize,
    commits: HashMap<u64, Bytes>,
}

impl Kept {
    fn get(&self, version: u64) -> Option<Bytes> {
        self.0.lock().ok()?.commits.get(&version).cloned()
    }

    fn put(&self, version: u64, bytes: &Bytes) {
        if let Ok(mut kept) = self.0.lock() {
            if kept.bytes + bytes.len() <= KEPT {
                kept.bytes += bytes.len();
                kept.commits.insert(version, bytes.clone());
            }
        }
    }
}

/// The commits of a list, each as its lines.
pub(crate) struct Commits {
    runtime: Runtime,
    store: Store,
    log: Url,
    kept: Kept,
    pending: VecDeque<LogObject>,
    ready: VecDeque<(LogObject, Bytes)>,
}

impl Commits {
    /// The commits `objects` in their order.
    pub(crate) fn new(
        runtime: &Runtime,
        store: &Store,
        log: &Url,
        kept: &Kept,
        objects: impl IntoIterator<Item = LogObject>,
    ) -> Self {
        Commits {
            runtime: runtime.clone(),
            store: store.clone(),
            log: log.clone(),
            kept: kept.clone(),
            pending: objects.into_iter().collect(),
            ready: VecDeque::new(),
        }
    }

    /// The next commit; `None` after the last.
    pub(crate) fn next(&mut self, call: &Call) -> Result<Option<(LogObject, ReverseLines)>> {
        if self.ready.is_empty() && !self.store.is_local() {
            self.fetch(call)?;
        }
        if let Some((object, bytes)) = self.ready.pop_front() {
            let lines = ReverseLines::of_bytes(&log_file(&self.log, &object.name), bytes);
            return Ok(Some((object, lines)));
        }
        let Some(object) = self.pending.pop_front() else {
            return Ok(None);
        };
        let url = log_file(&self.log, &object.name);
        let size = Some(object.size);
        let lines = ReverseLines::open(&self.runtime, &self.store, call, &url, size)?;
        Ok(Some((object, lines)))
    }

    fn fetch(&mut self, call: &Call) -> Result<()> {
        let small = self
            .pending
            .iter()
            .take(WIDTH)
            .take_while(|object| object.size <= WHOLE);
        let small = small.count();
        let objects: Vec<LogObject> = self.pending.drain(..small).collect();
        let missing: Vec<&LogObject> = objects
            .iter()
            .filter(|object| self.kept.get(object.version).is_none())
            .collect();
        let urls: Vec<Url> = missing
            .iter()
            .map(|object| log_file(&self.log, &object.name))
            .collect();
        let fetched = self
            .runtime
            .block_on(call, get_all(&self.store, call, &urls, WIDTH))
            .map_err(gone)?;
        let mut fetched: HashMap<u64, Bytes> = missing
            .iter()
            .map(|object| object.version)
            .zip(fetched)
            .collect();
        for object in objects {
            let bytes = match fetched.remove(&object.version) {
                Some(bytes) => {
                    self.kept.put(object.version, &bytes);
                    Some(bytes)
                }
                None => self.kept.get(object.version),
            };
            let bytes = bytes.ok_or_else(|| {
                Error::internal("a commit was not fetched").at(log_file(&self.log, &object.name))
            })?;
            self.ready.push_back((object, bytes));
        }
        Ok(())
    }
}
