//! Reading ranges of one object, which stays open where it is a file of this machine.

use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;

use bytes::Bytes;
use url::Url;

use crate::call::Call;
use crate::error::{Error, Result};
use crate::local;
use crate::store::{range_length, Store};

/// Reads ranges of one object.
pub struct ObjectReader {
    store: Store,
    url: Url,
    size: u64,
    file: Option<(File, PathBuf)>,
}

impl Store {
    /// A reader of ranges of one object. A local file stays open, so that its deletion meanwhile
    /// does no harm. Fails with OBJECT_NOT_FOUND when the object is not there; a `size` that is
    /// known saves a remote store the look.
    pub async fn reader(&self, call: &Call, url: &Url, size: Option<u64>) -> Result<ObjectReader> {
        if self.is_local() {
            let (path, file, size) = self.local(call, || {
                let path = local::path_of(url)?;
                let file = File::open(&path).map_err(|e| local::io_error(&e, &path))?;
                let meta = file.metadata().map_err(|e| local::io_error(&e, &path))?;
                if meta.is_dir() {
                    let kind = std::io::ErrorKind::IsADirectory;
                    return Err(local::io_error(&kind.into(), &path));
                }
                let size = meta.len();
                Ok((path, file, size))
            })?;
            let file = Some((file, path));
            return Ok(ObjectReader {
                store: self.clone(),
                url: url.clone(),
                size,
                file,
            });
        }
        let size = match size {
            Some(size) => size,
            None => self.head(call, url).await?.size,
        };
        Ok(ObjectReader {
            store: self.clone(),
            url: url.clone(),
            size,
            file: None,
        })
    }
}

impl ObjectReader {
    /// The size in bytes: of the file, or what the caller or the store said.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The object's URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The store that the object is in.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The bytes `range`, all of them: class OBJECT_TRUNCATED when the object ends before.
    pub async fn read(&self, call: &Call, range: Range<u64>) -> Result<Bytes> {
        match &self.file {
            Some(_) => self.read_local(call, range),
            None => self.store.get_range(call, &self.url, range).await,
        }
    }

    /// As `read`, for a local object, from any thread. REQUIRES: the store is local.
    pub fn read_local(&self, call: &Call, range: Range<u64>) -> Result<Bytes> {
        let Some((file, path)) = &self.file else {
            return Err(Error::internal("a remote object was read as a local one").at(&self.url));
        };
        let length = range_length(&range, &self.url)?;
        let bytes = self.store.local(call, || {
            local::read_range_of(file, path, range.start, length)
        })?;
        self.store.inner.metrics.read(bytes.len() as u64);
        Ok(bytes)
    }
}
