//! One store: reading, listing and writing objects within the bounds of a call.

use std::ops::{ControlFlow, Range};
use std::sync::{Arc, RwLock};
use std::time::Instant;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path as ObjectPath;
use object_store::{
    CopyOptions, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutPayload,
    RetryConfig,
};
use url::Url;

use crate::call::Call;
use crate::error::{Class, Error, Result};
use crate::local::{self, Draft};
use crate::location::{authority_of, Location, StoreKind};
use crate::metrics::Metrics;
use crate::options;
use crate::remote::{self, Built};
use crate::runtime::RuntimeState;
use crate::wire::Wire;
use crate::writer::ObjectWriter;

/// What a listing or a look at an object tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMeta {
    /// The name within the listed directory, not encoded; empty for a look at one object.
    pub name: String,
    /// The size in bytes.
    pub size: u64,
    /// When it was last written, in milliseconds since 1970.
    pub modified_ms: i64,
}

/// All objects under one `scheme://authority`, reached with one credential. Cheap to clone; may be
/// used from several threads. Objects are named by absolute URLs.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) location: Location,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) runtime: Arc<RuntimeState>,
    pub(crate) backend: Backend,
}

pub(crate) enum Backend {
    Local,
    Remote {
        /// How many stores there were before, the store, and where its credential comes from.
        current: RwLock<(u64, Arc<dyn ObjectStore>, String)>,
        refresh: tokio::sync::Mutex<()>,
        retry: RetryConfig,
    },
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.inner.location.authority())
    }
}

impl Store {
    pub(crate) fn open(location: &Location, runtime: Arc<RuntimeState>) -> Result<Self> {
        let metrics = Arc::new(Metrics::default());
        let backend = if location.kind() == StoreKind::Local {
            options::none(location)?;
            Backend::Local
        } else {
            let Built {
                store,
                credential,
                retry,
            } = remote::build(location, &runtime.environment, &runtime.options, &metrics)?;
            Backend::Remote {
                current: RwLock::new((0, store, credential)),
                refresh: tokio::sync::Mutex::new(()),
                retry,
            }
        };
        let inner = Inner {
            location: location.clone(),
            metrics,
            runtime,
            backend,
        };
        Ok(Store {
            inner: Arc::new(inner),
        })
    }

    /// The kind of store.
    pub fn kind(&self) -> StoreKind {
        self.inner.location.kind()
    }

    /// Whether objects are files of this machine.
    pub fn is_local(&self) -> bool {
        self.kind() == StoreKind::Local
    }

    /// `scheme://authority`.
    pub fn authority(&self) -> String {
        self.inner.location.authority()
    }

    /// Whether `url` is an object of this store.
    pub fn covers(&self, url: &Url) -> bool {
        authority_of(url) == self.inner.location.authority()
    }

    /// Where the credential comes from, in words: "options", "environment", "profile NAME", ….
    pub fn credential(&self) -> String {
        match &self.inner.backend {
            Backend::Local => "file system".into(),
            Backend::Remote { current, .. } => current
                .read()
                .map(|current| current.2.clone())
                .unwrap_or_default(),
        }
    }

    /// The counters of this store.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// The object's size and time. Class OBJECT_NOT_FOUND when it is not there.
    pub async fn head(&self, call: &Call, url: &Url) -> Result<ObjectMeta> {
        if self.is_local() {
            return self.local(call, || local::head(&local::path_of(url)?));
        }
        let path = object_path(url)?;
        let meta = self
            .remote(call, url, |store| {
                let path = path.clone();
                async move { store.head(&path).await }
            })
            .await?;
        Ok(ObjectMeta {
            name: String::new(),
            size: meta.size,
            modified_ms: meta.last_modified.timestamp_millis(),
        })
    }

    /// The whole object.
    pub async fn get(&self, call: &Call, url: &Url) -> Result<Bytes> {
        let bytes = if self.is_local() {
            self.local(call, || local::read(&local::path_of(url)?))?
        } else {
            let path = object_path(url)?;
            self.remote_body(call, url, |store| {
                let path = path.clone();
                async move { store.get(&path).await?.bytes().await }
            })
            .await?
        };
        self.inner.metrics.read(bytes.len() as u64);
        Ok(bytes)
    }

    /// The bytes `range` of the object, all of them: class OBJECT_TRUNCATED when it ends before.
    pub async fn get_range(&self, call: &Call, url: &Url, range: Range<u64>) -> Result<Bytes> {
        let length = range_length(&range, url)?;
        if length == 0 {
            return Ok(Bytes::new());
        }
        let bytes = if self.is_local() {
            self.local(call, || {
                local::read_range(&local::path_of(url)?, range.start, length)
            })?
        } else {
            let range = GetRange::Bounded(range.clone());
            self.remote_range(call, url, range).await?.0
        };
        self.inner.metrics.read(bytes.len() as u64);
        expect_length(bytes, length, url)
    }

    /// The last `length` bytes of the object, or the whole of a shorter one.
    pub async fn get_suffix(&self, call: &Call, url: &Url, length: u64) -> Result<Bytes> {
        let bytes = if self.is_local() {
            self.local(call, || {
                let path = local::path_of(url)?;
                let size = local::head(&path)?.size;
                let length = length.min(size);
                let start = size - length;
                local::read_range(&path, start, usize::try_from(length).unwrap_or(usize::MAX))
            })?
        } else if self.kind() == StoreKind::Azure {
            let size = self.head(call, url).await?.size;
            let range = size.saturating_sub(length)..size;
            if range.is_empty() {
                return Ok(Bytes::new());
            }
            let range = GetRange::Bounded(range);
            self.remote_range(call, url, range).await?.0
        } else {
            let range = GetRange::Suffix(length);
            self.remote_range(call, url, range).await?.0
        };
        self.inner.metrics.read(bytes.len() as u64);
        Ok(bytes)
    }

    /// Shows `visit` the objects directly in `directory` whose names are at or after `from`, in the
    /// order of their names, until it breaks. A directory that is not there has no objects, except
    /// on the local file system, where it is OBJECT_NOT_FOUND; there, all that has a name is shown,
    /// be it a file or not.
    pub async fn list(
        &self,
        call: &Call,
        directory: &Url,
        from: &str,
        mut visit: impl FnMut(ObjectMeta) -> ControlFlow<()>,
    ) -> Result<()> {
        if self.is_local() {
            let found = self.local(call, || local::list(&local::path_of(directory)?, from))?;
            for meta in found {
                if visit(meta).is_break() {
                    break;
                }
            }
            return Ok(());
        }
        for meta in self.list_remote(call, directory, from, &mut visit).await? {
            if visit(meta).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Whether any object lies in `directory` or deeper. On the local file system: whether the
    /// directory is there.
    pub async fn any_below(&self, call: &Call, directory: &Url) -> Result<bool> {
        if self.is_local() {
            return self.local(call, || Ok(local::path_of(directory)?.is_dir()));
        }
        let prefix = object_path(directory)?;
        let found = self
            .remote(call, directory, |store| {
                let prefix = prefix.clone();
                async move { store.list(Some(&prefix)).next().await.transpose() }
            })
            .await?;
        Ok(found.is_some())
    }

    /// Writes the object, over another of its name.
    pub async fn put(&self, call: &Call, url: &Url, bytes: Bytes) -> Result<()> {
        self.put_as(call, url, bytes, PutMode::Overwrite).await
    }

    /// Writes the object if there is none of its name; else ALREADY_EXISTS. When an answer was lost
    /// and the object that is there has exactly these bytes, it counts as written by this call: the
    /// bytes must therefore be unique to the caller.
    pub async fn put_if_absent(&self, call: &Call, url: &Url, bytes: Bytes) -> Result<()> {
        self.put_as(call, url, bytes, PutMode::Create).await
    }

    async fn put_as(&self, call: &Call, url: &Url, bytes: Bytes, mode: PutMode) -> Result<()> {
        let length = bytes.len() as u64;
        if self.is_local() {
            self.local(call, || {
                let mut draft = Draft::create(&local::path_of(url)?)?;
                draft.write(&bytes)?;
                draft.publish(mode == PutMode::Overwrite)
            })?;
        } else {
            let path = object_path(url)?;
            let wire = Arc::new(Wire::default());
            let result = self
                .remote_on(call, url, &wire, |store| {
                    let (path, mode) = (path.clone(), mode.clone());
                    let payload = PutPayload::from_bytes(bytes.clone());
                    async move {
                        store
                            .put_opts(&path, payload, mode.into())
                            .await
                            .map(|_| ())
                    }
                })
                .await;
            match result {
                Err(error) if error.class() == Class::AlreadyExists && wire.repeated() => {
                    let there = self.get(call, url).await?;
                    if there != bytes {
                        return Err(error);
                    }
                }
                other => other?,
            }
        }
        self.inner.metrics.written(length);
        Ok(())
    }

    /// Starts writing an object that appears whole at `finish`, or never.
    pub async fn writer(&self, call: &Call, url: &Url) -> Result<ObjectWriter> {
        ObjectWriter::start(self, call, url)
    }

    /// Copies an object within the store, on the server's side where it can.
    pub async fn copy(&self, call: &Call, from: &Url, to: &Url) -> Result<()> {
        if self.is_local() {
            return self.local(call, || {
                local::copy(&local::path_of(from)?, &local::path_of(to)?)
            });
        }
        let (source, target) = (object_path(from)?, object_path(to)?);
        self.remote(call, from, |store| {
            let (source, target) = (source.clone(), target.clone());
            async move {
                store
                    .copy_opts(&source, &target, CopyOptions::default())
                    .await
            }
        })
        .await
    }

    /// Removes an object. On some stores an object that is not there counts as removed.
    pub async fn delete(&self, call: &Call, url: &Url) -> Result<()> {
        if self.is_local() {
            return self.local(call, || local::delete(&local::path_of(url)?));
        }
        let path = object_path(url)?;
        self.remote(call, url, |store| {
            let path = path.clone();
            async move { store.delete(&path).await }
        })
        .await
    }

    pub(crate) fn local<T>(&self, call: &Call, work: impl FnOnce() -> Result<T>) -> Result<T> {
        call.check()?;
        let start = Instant::now();
        self.inner.metrics.request();
        let result = work();
        self.inner.metrics.waited(start.elapsed());
        if result.is_err() {
            self.inner.metrics.error();
        }
        result
    }

    /// The bytes of a range, and the tag that the object has while it has these bytes.
    pub(crate) async fn remote_range(
        &self,
        call: &Call,
        url: &Url,
        range: GetRange,
    ) -> Result<(Bytes, Option<String>)> {
        let path = object_path(url)?;
        self.remote_body(call, url, |store| {
            let path = path.clone();
            let options = GetOptions {
                range: Some(range.clone()),
                ..Default::default()
            };
            async move {
                let answer = store.get_opts(&path, options).await?;
                let tag = answer.meta.e_tag.clone();
                Ok((answer.bytes().await?, tag))
            }
        })
        .await
    }
}

pub(crate) fn object_path(url: &Url) -> Result<ObjectPath> {
    ObjectPath::from_url_path(url.path()).map_err(|e| {
        Error::new(
            Class::InvalidLocation,
            format!("the store does not allow the name: {e}"),
        )
        .at(url)
    })
}

pub(crate) fn range_length(range: &Range<u64>, url: &Url) -> Result<usize> {
    range
        .end
        .checked_sub(range.start)
        .and_then(|length| usize::try_from(length).ok())
        .ok_or_else(|| Error::new(Class::ObjectTruncated, "a range ends before it begins").at(url))
}

pub(crate) fn expect_length(bytes: Bytes, length: usize, url: &Url) -> Result<Bytes> {
    if bytes.len() == length {
        return Ok(bytes);
    }
    Err(Error::new(
        Class::ObjectTruncated,
        "the object is shorter than expected",
    )
    .at(url)
    .with("needed", length)
    .with("received", bytes.len()))
}

/// Gets several objects, `width` at a time, in the order of `urls`.
pub async fn get_all(store: &Store, call: &Call, urls: &[Url], width: usize) -> Result<Vec<Bytes>> {
    futures::stream::iter(urls.iter().map(|url| store.get(call, url)))
        .buffered(width.max(1))
        .try_collect()
        .await
}
