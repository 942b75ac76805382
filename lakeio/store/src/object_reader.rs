//! Reading ranges of one object, which stays open where it is a file of this machine and must stay
//! as it is wherever it is.

use std::ops::Range;
use std::sync::OnceLock;

use bytes::Bytes;
use object_store::GetRange;
use url::Url;

use crate::call::Call;
use crate::error::{Class, Error, Result};
use crate::local::{self, OpenFile};
use crate::store::{expect_length, range_length, Store};

/// What is said of an object that another wrote to while it was read.
pub(crate) const CHANGED: &str =
    "the object was written to while it was read; read it again, and let nobody write to files of \
     a table in place";

/// Reads ranges of one object, all of the same bytes: one that is written to meanwhile is class
/// OBJECT_CHANGED.
pub struct ObjectReader {
    store: Store,
    url: Url,
    size: u64,
    source: Source,
}

enum Source {
    Local(OpenFile),
    /// With the tag that the first answer gave.
    Remote(OnceLock<Option<String>>),
}

impl Store {
    /// A reader of ranges of one object. A local file stays open, so that its deletion meanwhile
    /// does no harm. Fails with OBJECT_NOT_FOUND when the object is not there; a `size` that is
    /// known saves a remote store the look.
    pub async fn reader(&self, call: &Call, url: &Url, size: Option<u64>) -> Result<ObjectReader> {
        let (size, source) = if self.is_local() {
            let file = self.local(call, || OpenFile::open(&local::path_of(url)?))?;
            (file.size(), Source::Local(file))
        } else {
            let size = match size {
                Some(size) => size,
                None => self.head(call, url).await?.size,
            };
            (size, Source::Remote(OnceLock::new()))
        };
        Ok(ObjectReader {
            store: self.clone(),
            url: url.clone(),
            size,
            source,
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
        let Source::Remote(first) = &self.source else {
            return self.read_local(call, range);
        };
        let length = range_length(&range, &self.url)?;
        if length == 0 {
            return Ok(Bytes::new());
        }
        let range = GetRange::Bounded(range);
        let (bytes, tag) = self.store.remote_range(call, &self.url, range).await?;
        self.store.inner.metrics.read(bytes.len() as u64);
        if *first.get_or_init(|| tag.clone()) != tag {
            return Err(Error::new(Class::ObjectChanged, CHANGED).at(&self.url));
        }
        expect_length(bytes, length, &self.url)
    }

    /// As `read`, for a local object, from any thread. REQUIRES: the store is local.
    pub fn read_local(&self, call: &Call, range: Range<u64>) -> Result<Bytes> {
        let Source::Local(file) = &self.source else {
            return Err(Error::internal("a remote object was read as a local one").at(&self.url));
        };
        let length = range_length(&range, &self.url)?;
        let bytes = self.store.local(call, || file.read(range.start, length))?;
        self.store.inner.metrics.read(bytes.len() as u64);
        Ok(bytes)
    }
}
